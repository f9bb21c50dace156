"""How a call goes: attempts, waits, deadline, budget, as a generator of steps; a driver acts.

A driver sends what a `Send` says, feeds the body to the sink that the step opens, waits as long as
a `Sleep` says, and hands back what happened. Sync and async drivers interpret the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar, cast

from cerebras_ext._json import json_fault, load_json
from cerebras_ext.body import BodyBuffer
from cerebras_ext.config import RetryEvent, Timeouts
from cerebras_ext.errors import (
    CerebrasError,
    ConfigError,
    ConnectionFailed,
    ProtocolError,
    TimedOut,
)
from cerebras_ext.failures import MAX_ERROR_BODY_BYTES, find_embedded_failure, read_failure
from cerebras_ext.limits import read_rate_limits
from cerebras_ext.reply import ReplyT, ResponseMeta, read_reply
from cerebras_ext.stream import MAX_REPLY_BYTES

if TYPE_CHECKING:
    from cerebras_ext.reply import Usage
    from cerebras_ext.request import ApiCall
    from cerebras_ext.retry import RetryBudget, RetryPolicy, Rng
    from cerebras_ext.stream import StreamReader

__all__ = [
    "Answer",
    "CallPlan",
    "Clock",
    "Expected",
    "Head",
    "OpenedStream",
    "Send",
    "Sink",
    "Sleep",
    "Step",
    "StreamReply",
    "WholeReply",
    "call_flow",
]

Result = TypeVar("Result")
ResultCo = TypeVar("ResultCo", covariant=True)
Delta = TypeVar("Delta")


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of a reply; names are lower-case, cookies are left out."""

    status: int
    headers: Mapping[str, str]


class Sink(Protocol):
    """Takes a reply's body as it arrives."""

    @property
    def is_live(self) -> bool:
        """Whether the body goes on after it was handed over; the connection stays open then."""
        ...

    def feed(self, piece: bytes) -> bool:
        """Takes a piece; True when enough has come to hand the answer over."""
        ...

    def end(self) -> None:
        """Notes the end of the body."""
        ...


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request and feed the reply's body to a sink.

    Attributes:
        headers: All headers but the ones the HTTP library adds.
        timeouts: Seconds left for each phase, never beyond the deadline.
        deadline_s: Time on the driver's clock after which the reply is given up; None for never.
        open_sink: Makes the sink once the head has come.
    """

    call: ApiCall
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    timeouts: Timeouts
    deadline_s: float | None
    open_sink: Callable[[Head], Sink]


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait this long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply came: its head, the sink with its body, and a handle of what is still to come."""

    head: Head
    sink: Sink
    source: Any = None


Step: TypeAlias = Send | Sleep
Outcome: TypeAlias = Answer | CerebrasError | None
CallFlow: TypeAlias = Generator[Step, Outcome, Result]


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the flow sees it.

    Attributes:
        now_s: Seconds on a clock that never goes back.
        now_unix_s: Seconds since 1970.
    """

    now_s: Callable[[], float]
    now_unix_s: Callable[[], float]


@dataclass(frozen=True, slots=True)
class CallPlan:
    """How one call is to be made.

    Attributes:
        headers: Headers of every attempt; the authorization among them.
        client_request_id: The same on every attempt.
        address: Of the service, for error messages.
    """

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    client_request_id: str
    address: str
    timeouts: Timeouts
    retry: RetryPolicy
    budget: RetryBudget
    clock: Clock
    rng: Rng
    on_retry: Callable[[RetryEvent], None] | None = None


class Expected(Protocol[ResultCo]):
    """What kind of answer a call wants, and how it is read."""

    def open_sink(self, head: Head, meta: ResponseMeta) -> Sink:
        """The sink for a reply's body."""
        ...

    def read(self, answer: Answer, meta: ResponseMeta, what: str, clock: Clock) -> ResultCo:
        """The result.

        Args:
            answer: What came.
            meta: Facts of the exchange.
            what: What was asked of whom, for errors that come after the result.
            clock: The time.

        Raises:
            CerebrasError: The answer is a failure, or cannot be read.
        """
        ...


def call_flow(call: ApiCall, expected: Expected[Result], plan: CallPlan) -> CallFlow[Result]:
    """One call with all its attempts.

    Raises:
        CerebrasError: The last attempt's failure.
    """
    now_s = plan.clock.now_s
    total_s = plan.timeouts.total_s
    deadline_s = None if total_s is None else now_s() + total_s
    what = f"{call.doing} at {plan.address}"
    attempt = n_read_timeouts = 0
    while True:
        head_of_attempt: list[ResponseMeta] = []

        def open_sink(
            head: Head, attempt: int = attempt, metas: list[ResponseMeta] = head_of_attempt
        ) -> Sink:
            meta = _meta_of(head, attempt, plan.client_request_id)
            metas.append(meta)
            return expected.open_sink(head, meta)

        outcome = yield Send(
            call,
            (*plan.headers, *call.headers, ("x-client-retry-count", str(attempt))),
            plan.timeouts.until(deadline_s, now_s()),
            deadline_s,
            open_sink,
        )
        try:
            if not isinstance(outcome, Answer):
                raise outcome or ConfigError("the driver gave no outcome")
            result = expected.read(outcome, head_of_attempt[0], what, plan.clock)
        except CerebrasError as failure:
            error = _named(failure, what)
        else:
            plan.budget.give_back()
            return result
        if head_of_attempt:
            error.request_id = head_of_attempt[0].request_id
        error.retries_taken = attempt
        n_read_timeouts += isinstance(error, TimedOut) and error.phase == "read"
        delay_s = plan.retry.delay_s(error, attempt, n_read_timeouts=n_read_timeouts, rng=plan.rng)
        is_late = deadline_s is not None and delay_s is not None and now_s() + delay_s >= deadline_s
        if delay_s is None or is_late or not plan.budget.take(error):
            raise error
        attempt += 1
        if plan.on_retry is not None:
            plan.on_retry(RetryEvent(attempt, delay_s, error))
        yield Sleep(delay_s)


def _named(error: CerebrasError, what: str) -> CerebrasError:
    """The error with what was asked in front of its message: whoever made it could not know."""
    error.args = (f"{what}: {error.message}",)
    return error


def _meta_of(head: Head, attempt: int, client_request_id: str) -> ResponseMeta:
    return ResponseMeta(
        status=head.status,
        request_id=head.headers.get("x-request-id"),
        inference_id=head.headers.get("inference-id"),
        rate_limits=read_rate_limits(head.headers),
        headers=dict(head.headers),
        retries_taken=attempt,
        client_request_id=client_request_id,
    )


class _BodySink:
    """Collects a whole body."""

    is_live = False

    def __init__(self, head: Head) -> None:
        is_error = head.status >= 300
        self.body = b""
        self._buffer = BodyBuffer(
            head.headers.get("content-encoding"),
            limit_bytes=MAX_ERROR_BODY_BYTES if is_error else MAX_REPLY_BYTES,
            is_lenient=is_error,
        )

    def feed(self, piece: bytes) -> bool:
        self._buffer.feed(piece)
        if self._buffer.is_over:
            self.end()
        return self._buffer.is_over

    def end(self) -> None:
        self.body = self._buffer.end()


class _StreamSink(Generic[Delta]):
    """Reads a stream until its first deltas have come."""

    def __init__(self, reader: StreamReader[Delta]) -> None:
        self.reader = reader
        self.deltas: list[Delta] = []

    @property
    def is_live(self) -> bool:
        return bool(self.deltas)

    def feed(self, piece: bytes) -> bool:
        self.deltas += self.reader.feed(piece)
        return bool(self.deltas) or self.reader.is_over

    def end(self) -> None:
        """Nothing to note: the reader is ended by whoever reads on."""


def _read_json(answer: Answer, clock: Clock) -> Any:
    """The JSON of a whole reply.

    Raises:
        CerebrasError: The status, or the body of a 200, is an error; or the body is not JSON.
    """
    head, sink = answer.head, answer.sink
    body = sink.body if isinstance(sink, _BodySink) else b""
    now_unix_s = clock.now_unix_s()
    if head.status >= 300:
        raise read_failure(head.status, head.headers, body, now_unix_s=now_unix_s)
    try:
        parsed = load_json(body)
    except ValueError as error:
        kind = head.headers.get("content-type", "nothing")
        raise ProtocolError(
            f"the reply {json_fault(error)} (content type {kind[:80]!r}); check the address and "
            "what is in between",
            where="body",
        ) from None
    failure = find_embedded_failure(parsed, head.headers, now_unix_s=now_unix_s)
    if failure is not None:
        raise failure
    return parsed


@dataclass(frozen=True, slots=True)
class WholeReply(Generic[ReplyT]):
    """Expects one JSON reply of a kind."""

    kind: type[ReplyT]

    def open_sink(self, head: Head, meta: ResponseMeta) -> Sink:
        """The sink for a reply's body."""
        return _BodySink(head)

    def read(self, answer: Answer, meta: ResponseMeta, what: str, clock: Clock) -> ReplyT:
        """The reply."""
        return read_reply(self.kind, _read_json(answer, clock), meta)


@dataclass(frozen=True, slots=True)
class OpenedStream(Generic[Delta]):
    """A stream whose first deltas have come.

    Attributes:
        deltas: The first ones.
        source: The driver's handle of the rest of the body.
        what: What was asked of whom, for error messages.
        on_usage: Told at the end what the reply used; None when nobody asks.
    """

    reader: StreamReader[Delta]
    deltas: list[Delta]
    source: Any
    meta: ResponseMeta
    what: str
    on_usage: Callable[[Usage | None], None] | None = None

    def end(self, cause: ConnectionFailed | ProtocolError | None) -> list[Delta]:
        """The last deltas, once no more of the body comes.

        Args:
            cause: Why that is so; None for a clean end.

        Raises:
            StreamError: The stream broke before its finish, or the finish never came.
            ProtocolError: The stream could not be read.
        """
        try:
            last = self.reader.end(cause)
        except CerebrasError as error:
            _named(error, self.what)
            raise
        if self.on_usage is not None and self.reader.reply is not None:
            self.on_usage(self.reader.reply.usage)
        return last


@dataclass(frozen=True, slots=True)
class StreamReply(Generic[Delta]):
    """Expects an event stream."""

    open_reader: Callable[[ResponseMeta], StreamReader[Delta]]

    def open_sink(self, head: Head, meta: ResponseMeta) -> Sink:
        """The sink for a reply's body; errors come whole, although a stream was asked for."""
        if head.status == 200 and _is_event_stream(head):
            return _StreamSink(self.open_reader(meta))
        return _BodySink(head)

    def read(
        self, answer: Answer, meta: ResponseMeta, what: str, clock: Clock
    ) -> OpenedStream[Delta]:
        """The opened stream."""
        sink = cast("_StreamSink[Delta] | _BodySink", answer.sink)  # `open_sink` made it
        if isinstance(sink, _StreamSink):
            if not sink.deltas:  # over before anything could be handed over
                sink.deltas += sink.reader.end()
            return OpenedStream(sink.reader, sink.deltas, answer.source, meta, what)
        _read_json(answer, clock)
        raise ProtocolError(
            "a stream was asked for, but the reply is not one (content type "
            f"{answer.head.headers.get('content-type', 'nothing')[:80]!r}); check the address and "
            "what is in between",
            where="content-type",
        )


def _is_event_stream(head: Head) -> bool:
    kind = head.headers.get("content-type", "")
    return kind.split(";")[0].strip().lower() == "text/event-stream"
