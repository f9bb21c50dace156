"""A call's flow played by hand: no driver, no network, no clock that runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cerebras_ext._assemble import ChatAssembler
from cerebras_ext.config import Timeouts
from cerebras_ext.errors import CerebrasError, ConnectionFailed
from cerebras_ext.flow import (
    Answer,
    CallPlan,
    Clock,
    Head,
    Send,
    Sleep,
    StreamReply,
    WholeReply,
    call_flow,
)
from cerebras_ext.reply import ChatCompletion
from cerebras_ext.request import CHAT, ApiCall, build_call
from cerebras_ext.retry import RetryBudget, RetryPolicy
from cerebras_ext.stream import StreamReader

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
CALL = build_call(CHAT, QUESTION, is_stream=False)
NOW_UNIX_S = 1_780_000_000.0


def chat_body(content: str = "Hello") -> bytes:
    """The body of a whole chat reply."""
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return json.dumps({"id": "chatcmpl-a", "choices": [choice]}).encode()


@dataclass(frozen=True)
class Reply:
    """What the service sends back: a head, pieces of a body, perhaps an end by failure."""

    status: int = 200
    body: tuple[bytes, ...] = (chat_body(),)
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    dies_of: CerebrasError | None = None
    takes_s: float = 0.0

    def delivered(self, step: Send) -> Answer | CerebrasError:
        """Does what a driver does with a reply."""
        head = Head(self.status, self.headers)
        try:
            sink = step.open_sink(head)
            for piece in self.body:
                if sink.feed(piece):
                    return Answer(head, sink, "the rest")
            if self.dies_of is not None:
                return self.dies_of
            sink.end()
        except CerebrasError as error:
            return error
        return Answer(head, sink, "the rest")


@dataclass
class Played:
    """What happened: every step, the result or the error, and how much time went by."""

    steps: list[Send | Sleep] = field(default_factory=list)
    result: Any = None
    error: CerebrasError | None = None

    @property
    def sends(self) -> list[Send]:
        """The attempts."""
        return [step for step in self.steps if isinstance(step, Send)]

    @property
    def waits_s(self) -> list[float]:
        """The waits."""
        return [step.seconds for step in self.steps if isinstance(step, Sleep)]


class StoppedClock:
    """Time that moves only when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    @property
    def clock(self) -> Clock:
        """As the flow takes it."""
        return Clock(lambda: self.now_s, lambda: NOW_UNIX_S)


class LongestDraw:
    """Always the longest backoff."""

    def uniform(self, a: float, b: float, /) -> float:
        return b


def plan_of(**changes: Any) -> CallPlan:
    """A plan with the defaults of a client, apart from the changes."""
    plan = CallPlan(
        headers=(("authorization", "Bearer csk-test"),),
        client_request_id="client-1",
        address="http://127.0.0.1:1",
        timeouts=Timeouts(),
        retry=RetryPolicy(),
        budget=RetryBudget(),
        clock=StoppedClock().clock,
        rng=LongestDraw(),
    )
    return replace(plan, **changes)


def play(
    make_flow: Callable[[ApiCall, Any, CallPlan], Generator[Any, Any, Any]],
    expected: Any,
    *happenings: Reply | CerebrasError,
    call: ApiCall = CALL,
    time: StoppedClock | None = None,
    **plan: Any,
) -> Played:
    """Plays a flow: each attempt meets the next happening, waits take their time at once."""
    time = time or StoppedClock()
    flow = make_flow(call, expected, plan_of(clock=time.clock, **plan))
    waiting = list(happenings)
    played = Played()
    outcome: Any = None
    try:
        while True:
            step = flow.send(outcome)
            played.steps.append(step)
            if isinstance(step, Sleep):
                time.now_s += step.seconds
                outcome = None
                continue
            happening = waiting.pop(0)
            if isinstance(happening, Reply):
                time.now_s += happening.takes_s
                outcome = happening.delivered(step)
            else:
                outcome = happening
    except StopIteration as done:
        played.result = done.value
    except CerebrasError as error:
        played.error = error
    assert not waiting, "the flow ended before everything happened"
    return played


SSE = {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "r"}
OK = Reply()
BUSY = Reply(503, (b'{"message": "busy"}',), {"x-request-id": "r1"})


def reset() -> ConnectionFailed:
    """A connection that died after the request was sent."""
    return ConnectionFailed("reset", was_sent=True)


def whole(*happenings: Reply | CerebrasError, **plan: Any) -> Played:
    """A whole chat completion."""
    return play(call_flow, WholeReply(ChatCompletion), *happenings, **plan)


def streamed(*happenings: Reply | CerebrasError, merges: bool = True, **plan: Any) -> Played:
    """A streamed chat completion."""
    return play(
        call_flow,
        StreamReply(lambda meta: StreamReader(ChatAssembler(meta), merges=merges)),
        *happenings,
        **plan,
    )


def sse(*pieces: bytes, **facts: Any) -> Reply:
    """A reply that streams."""
    return Reply(body=pieces, headers=SSE, **facts)
