"""The sync client: the only code that blocks. It sends, waits, hands back, and decides nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeVar, Unpack
from weakref import finalize

from cerebras_ext._calls import Calls, config_of
from cerebras_ext._http import (
    end_within,
    given_failure,
    let_go,
    new_client,
    new_request,
    read_head,
    step_failure,
)
from cerebras_ext._locks import new_lock
from cerebras_ext._shared import SharedClients
from cerebras_ext._streams import DRAIN_BYTES, DRAIN_S, StreamState, total_timeout
from cerebras_ext.endpoint import check_http_client
from cerebras_ext.errors import CerebrasError, ConfigError, ConnectionFailed, ProtocolError
from cerebras_ext.flow import Answer, CallFlow, OpenedStream, Outcome, Send, Sleep

if TYPE_CHECKING:
    from types import TracebackType

    import httpx

    from cerebras_ext.config import CallOptions, ClientConfig, Timeouts
    from cerebras_ext.deltas import ChatDelta, CompletionDelta
    from cerebras_ext.reply import ChatCompletion, Model, ModelList, TextCompletion
    from cerebras_ext.secrets import ApiKey
    from cerebras_ext.wire import ChatRequest, ModelListFormat, TextRequest

__all__ = ["CerebrasClient", "Stream", "shared_clients"]

Delta = TypeVar("Delta")
Result = TypeVar("Result")


class CerebrasClient:
    """The Cerebras Inference API, blocking.

    Threads may share a client. Connections are opened at the first call and kept; a forked process
    opens its own. Use it as a context manager, or `close` it.
    """

    def __init__(
        self,
        config: ClientConfig | None = None,
        *,
        api_key: ApiKey | None = None,
        base_url: str | None = None,
        timeout: Timeouts | float | None = None,
        max_retries: int | None = None,
        http_client: httpx.Client | None = None,
    ) -> None:
        """Checks the settings; nothing is sent.

        Args:
            config: All settings; the other arguments go over it.
            api_key: The key, or a function that gives it; else `CEREBRAS_API_KEY` is read.
            base_url: The service's address; else `CEREBRAS_BASE_URL`, else the public service.
            timeout: Seconds for a whole call, or `Timeouts`.
            max_retries: Retries after the first attempt.
            http_client: An `httpx` or `httpx2` client to send with; it is never closed here, and
                its own proxy, TLS and pool settings apply.

        Raises:
            ConfigError: A setting cannot work.
        """
        self._calls = Calls(config_of(config, api_key, base_url, timeout, max_retries))
        check_http_client(http_client, is_async=False)
        self._given_http = http_client
        self._http: httpx.Client | None = None
        self._pid = os.getpid()
        self._lock = new_lock()
        self._is_closed = False

    @property
    def config(self) -> ClientConfig:
        """The settings, with key and address looked up."""
        return self._calls.config

    def chat(
        self, *, options: CallOptions | None = None, **request: Unpack[ChatRequest]
    ) -> ChatCompletion:
        """The reply of a chat completion.

        Args:
            options: What this call does differently.
            **request: Fields of the request, in the API's own names.

        Raises:
            TypeError: A field is unknown.
            CerebrasError: See `cerebras_ext.errors`.
        """
        return self._run(self._calls.chat(request, options))

    def stream_chat(
        self, *, options: CallOptions | None = None, **request: Unpack[ChatRequest]
    ) -> Stream[ChatDelta]:
        """The deltas of a chat completion, as they arrive; the first has come when this returns.

        Args and errors as in `chat`; while iterating also `StreamError`, with what had arrived.
        """
        return Stream(self._run(self._calls.stream_chat(request, options)))

    def complete(
        self, *, options: CallOptions | None = None, **request: Unpack[TextRequest]
    ) -> TextCompletion:
        """The reply of a text completion; arguments and errors as in `chat`."""
        return self._run(self._calls.complete(request, options))

    def stream_complete(
        self, *, options: CallOptions | None = None, **request: Unpack[TextRequest]
    ) -> Stream[CompletionDelta]:
        """The deltas of a text completion, as they arrive; as `stream_chat`."""
        return Stream(self._run(self._calls.stream_complete(request, options)))

    def models(
        self, format: ModelListFormat = "default", *, options: CallOptions | None = None
    ) -> ModelList:
        """The models this key can see."""
        return self._run(self._calls.models(format, options, is_public=False))

    def model(
        self,
        model_id: str,
        format: ModelListFormat = "default",
        *,
        options: CallOptions | None = None,
    ) -> Model:
        """One model, as this key sees it."""
        return self._run(self._calls.model(model_id, format, options, is_public=False))

    def public_models(
        self, format: ModelListFormat = "default", *, options: CallOptions | None = None
    ) -> ModelList:
        """The public catalogue; no key is sent. Its limits and prices are not always right."""
        return self._run(self._calls.models(format, options, is_public=True))

    def public_model(
        self,
        model_id: str,
        format: ModelListFormat = "default",
        *,
        options: CallOptions | None = None,
    ) -> Model:
        """One model of the public catalogue; no key is sent."""
        return self._run(self._calls.model(model_id, format, options, is_public=True))

    def warm_up(self, *, options: CallOptions | None = None) -> None:
        """Opens a connection, so that the first call need not."""
        self._run(self._calls.warm_up(options))

    def close(self) -> None:
        """Closes the connections; later calls raise `ConfigError`. A second time does nothing."""
        with self._lock:
            self._is_closed = True
            http, self._http = self._http, None
        if http is not None:
            http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _http_client(self) -> httpx.Client:
        with self._lock:
            if self._is_closed:
                raise ConfigError("the client is closed; make a new one")
            if self._given_http is not None:
                return self._given_http
            if self._http is None or self._pid != os.getpid():
                # after a fork the parent's sockets are left alone: two processes must not write to
                # them
                self._http, self._pid = new_client(self.config), os.getpid()
                finalize(self, self._http.close)
            return self._http

    def _run(self, flow: CallFlow[Result]) -> Result:
        outcome: Outcome = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as done:
                result: Result = done.value
                return result
            if isinstance(step, Sleep):
                time.sleep(step.seconds)
                outcome = None
            else:
                outcome = self._send(step)

    def _send(self, step: Send) -> Answer | CerebrasError:
        http = self._http_client()
        body: _Body | None = None
        is_live = False
        try:
            is_given = self._given_http is not None
            body = _open(
                http, self.config.base_url, step, self._calls.clock.now_s, is_given=is_given
            )
            sink = step.open_sink(body.head)
            for piece in body:
                if sink.feed(piece):
                    break
            else:
                sink.end()
            is_live = sink.is_live
            return Answer(body.head, sink, body)
        except CerebrasError as error:
            return error
        finally:
            if body is not None and not is_live:
                body.close()


def _open(
    http: httpx.Client,
    base_url: str | None,
    step: Send,
    now_s: Callable[[], float],
    *,
    is_given: bool,
) -> _Body:
    try:
        request = new_request(http, base_url, step, is_given=is_given)
        response = http.send(request, stream=True, follow_redirects=False)
    except Exception as error:  # noqa: BLE001 - what is not the HTTP library's goes on as it is
        misuse = given_failure(error) if is_given else None
        raise misuse or step_failure(error, step, now_s()) from None
    return _Body(response, step, now_s)


class _Body(Iterable[bytes]):
    """The body as it arrives; owns the response, and closes it however it ends."""

    def __init__(self, response: httpx.Response, step: Send, now_s: Callable[[], float]) -> None:
        self.head = read_head(response)
        self._response = response
        self._pieces = _pieces(response, step, now_s)

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def rest(self) -> list[bytes]:
        """What is at hand after the finish; read to its end, the connection can be used again."""
        pieces: list[bytes] = []
        n_left, until_s = DRAIN_BYTES, time.monotonic() + DRAIN_S
        end_within(self._response, DRAIN_S)
        with suppress(ConnectionFailed, ProtocolError):  # only the connection is lost
            for piece in self:
                pieces.append(piece)
                n_left -= len(piece)
                if n_left < 0 or time.monotonic() > until_s:
                    break
        return pieces

    def close(self) -> None:
        self._pieces.close()
        self._response.close()


def _pieces(
    response: httpx.Response, step: Send, now_s: Callable[[], float]
) -> Generator[bytes, None, None]:
    try:
        if response.is_stream_consumed:
            yield response.content
            return
        for piece in response.iter_raw():
            yield piece
            if step.deadline_s is not None and now_s() > step.deadline_s:
                raise total_timeout()
    except CerebrasError:
        raise
    except Exception as error:  # noqa: BLE001 - what is not the HTTP library's goes on as it is
        raise step_failure(error, step, now_s()) from None
    finally:
        response.close()
        let_go(response)


class Stream(StreamState[Delta], Iterator[Delta]):
    """Deltas as they arrive; a context manager.

    The connection is released at the end, at `close`, or when the stream is forgotten.
    """

    def __init__(self, opened: OpenedStream[Delta]) -> None:
        """Takes over an opened stream."""
        super().__init__(opened)
        self._deltas = _deltas(opened)

    def __iter__(self) -> Iterator[Delta]:
        return self._deltas  # itself would do, one call slower a delta

    def __next__(self) -> Delta:
        return next(self._deltas)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connection up, wherever the stream is."""
        self._deltas.close()
        self._opened.source.close()


def _deltas(opened: OpenedStream[Delta]) -> Generator[Delta, None, None]:
    # no method of the stream: a stream that is forgotten must be gone at once, not in a cycle
    reader = opened.reader
    body: _Body = opened.source
    pieces = iter(body)
    cause: ConnectionFailed | ProtocolError | None = None
    try:
        yield from opened.deltas
        while not reader.is_over and not reader.is_finished:
            try:
                piece = next(pieces, None)
            except (ConnectionFailed, ProtocolError) as error:
                cause = error
                break
            if piece is None:
                break
            yield from reader.feed(piece)
        if reader.is_finished:
            for piece in body.rest():
                yield from reader.feed(piece)
        last = opened.end(cause)
    finally:
        body.close()
    yield from last


shared_clients: SharedClients[CerebrasClient] = SharedClients(CerebrasClient)
"""The sync clients that adapters share."""
