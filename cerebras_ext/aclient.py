"""The async client: the only code that awaits. It sends, waits, hands back, and decides nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeVar, Unpack, cast
from weakref import WeakKeyDictionary

from cerebras_ext._calls import Calls, config_of
from cerebras_ext._http import (
    ends_in_time,
    given_failure,
    knows_deadline,
    let_go,
    new_async_client,
    new_request,
    read_head,
    step_failure,
)
from cerebras_ext._locks import new_lock
from cerebras_ext._loops import Guard, closed_with_loop
from cerebras_ext._shared import SharedClients
from cerebras_ext._streams import DRAIN_BYTES, DRAIN_S, StreamState, total_timeout
from cerebras_ext.endpoint import check_http_client
from cerebras_ext.errors import CerebrasError, ConfigError, ConnectionFailed, ProtocolError
from cerebras_ext.flow import Answer, CallFlow, OpenedStream, Outcome, Send, Sleep

if TYPE_CHECKING:
    from types import AsyncGeneratorType, TracebackType

    import httpx

    from cerebras_ext.config import CallOptions, ClientConfig, Timeouts
    from cerebras_ext.deltas import ChatDelta, CompletionDelta
    from cerebras_ext.reply import ChatCompletion, Model, ModelList, TextCompletion
    from cerebras_ext.secrets import ApiKey
    from cerebras_ext.wire import ChatRequest, ModelListFormat, TextRequest

__all__ = ["AsyncCerebrasClient", "AsyncStream", "shared_async_clients"]

Delta = TypeVar("Delta")
Result = TypeVar("Result")


class AsyncCerebrasClient:
    """The Cerebras Inference API, for asyncio.

    Any number of event loops may share a client, one after the other or at once: each gets
    connections of its own, which are dropped with the loop. Use it as a context manager, or
    `aclose` it.
    """

    def __init__(
        self,
        config: ClientConfig | None = None,
        *,
        api_key: ApiKey | None = None,
        base_url: str | None = None,
        timeout: Timeouts | float | None = None,
        max_retries: int | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        """Checks the settings; nothing is sent and no event loop is needed.

        Args:
            config: All settings; the other arguments go over it.
            api_key: The key, or a function that gives it; else `CEREBRAS_API_KEY` is read.
            base_url: The service's address; else `CEREBRAS_BASE_URL`, else the public service.
            timeout: Seconds for a whole call, or `Timeouts`.
            max_retries: Retries after the first attempt.
            http_client: An async client of `httpx` or `httpx2` to send with; it is never closed
                here, and its own proxy, TLS and pool settings apply.

        Raises:
            ConfigError: A setting cannot work.
        """
        self._calls = Calls(config_of(config, api_key, base_url, timeout, max_retries))
        check_http_client(http_client, is_async=True)
        self._given_http = http_client
        self._https: WeakKeyDictionary[
            asyncio.AbstractEventLoop, tuple[httpx.AsyncClient, Guard]
        ] = WeakKeyDictionary()
        self._pid = os.getpid()
        self._lock = new_lock()
        self._is_closed = False

    @property
    def config(self) -> ClientConfig:
        """The settings, with key and address looked up."""
        return self._calls.config

    async def chat(
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
        return await self._run(self._calls.chat(request, options))

    async def stream_chat(
        self, *, options: CallOptions | None = None, **request: Unpack[ChatRequest]
    ) -> AsyncStream[ChatDelta]:
        """The deltas of a chat completion, as they arrive; the first has come when this returns.

        Args and errors as in `chat`; while iterating also `StreamError`, with what had arrived.
        """
        return AsyncStream(await self._run(self._calls.stream_chat(request, options)))

    async def complete(
        self, *, options: CallOptions | None = None, **request: Unpack[TextRequest]
    ) -> TextCompletion:
        """The reply of a text completion; arguments and errors as in `chat`."""
        return await self._run(self._calls.complete(request, options))

    async def stream_complete(
        self, *, options: CallOptions | None = None, **request: Unpack[TextRequest]
    ) -> AsyncStream[CompletionDelta]:
        """The deltas of a text completion, as they arrive; as `stream_chat`."""
        return AsyncStream(await self._run(self._calls.stream_complete(request, options)))

    async def models(
        self, format: ModelListFormat = "default", *, options: CallOptions | None = None
    ) -> ModelList:
        """The models this key can see."""
        return await self._run(self._calls.models(format, options, is_public=False))

    async def model(
        self,
        model_id: str,
        format: ModelListFormat = "default",
        *,
        options: CallOptions | None = None,
    ) -> Model:
        """One model, as this key sees it."""
        return await self._run(self._calls.model(model_id, format, options, is_public=False))

    async def public_models(
        self, format: ModelListFormat = "default", *, options: CallOptions | None = None
    ) -> ModelList:
        """The public catalogue; no key is sent. Its limits and prices are not always right."""
        return await self._run(self._calls.models(format, options, is_public=True))

    async def public_model(
        self,
        model_id: str,
        format: ModelListFormat = "default",
        *,
        options: CallOptions | None = None,
    ) -> Model:
        """One model of the public catalogue; no key is sent."""
        return await self._run(self._calls.model(model_id, format, options, is_public=True))

    async def warm_up(self, *, options: CallOptions | None = None) -> None:
        """Opens a connection, so that the first call need not."""
        await self._run(self._calls.warm_up(options))

    async def aclose(self) -> None:
        """Closes this loop's connections, forgets other loops'; later calls raise `ConfigError`."""
        with self._lock:
            self._is_closed = True
            kept = self._https.pop(asyncio.get_running_loop(), None)
            self._https.clear()
        if kept is not None:
            await kept[1].aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _http_client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._is_closed:
                raise ConfigError("the client is closed; make a new one")
            if self._given_http is not None:
                return self._given_http
            if self._pid != os.getpid():
                self._https.clear()  # the parent's sockets are left alone
                self._pid = os.getpid()
            kept = self._https.get(loop)
            if kept is None:
                for other in [each for each in self._https if each.is_closed()]:
                    del self._https[other]
                http = new_async_client(self.config)
                kept = self._https[loop] = (http, closed_with_loop(http.aclose))
            return kept[0]

    async def _run(self, flow: CallFlow[Result]) -> Result:
        outcome: Outcome = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as done:
                result: Result = done.value
                return result
            if isinstance(step, Sleep):
                await asyncio.sleep(step.seconds)
                outcome = None
            else:
                outcome = await self._send(step)

    async def _send(self, step: Send) -> Answer | CerebrasError:
        http = self._http_client()
        body: _Body | None = None
        is_live = False
        try:
            is_given = self._given_http is not None
            body = await _open(
                http, self.config.base_url, step, self._calls.clock.now_s, is_given=is_given
            )
            sink = step.open_sink(body.head)
            async for piece in body:
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
                await body.aclose()


async def _open(
    http: httpx.AsyncClient,
    base_url: str | None,
    step: Send,
    now_s: Callable[[], float],
    *,
    is_given: bool,
) -> _Body:
    try:
        request = new_request(http, base_url, step, is_given=is_given)
        async with asyncio.timeout(None if ends_in_time(http) else step.timeouts.total_s):
            response = await http.send(request, stream=True, follow_redirects=False)
    except TimeoutError:
        raise total_timeout() from None
    except Exception as error:  # noqa: BLE001 - what is not the HTTP library's goes on as it is
        misuse = given_failure(error) if is_given else None
        raise misuse or step_failure(error, step, now_s()) from None
    return _Body(response, step, now_s)


class _Body(AsyncIterable[bytes]):
    """The body as it arrives; owns the response, and closes it however it ends."""

    def __init__(self, response: httpx.Response, step: Send, now_s: Callable[[], float]) -> None:
        self.head = read_head(response)
        self._response = response
        self._pieces = _pieces(response, step, now_s)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def rest(self) -> list[bytes]:
        """What is at hand after the finish; read to its end, the connection can be used again."""
        pieces: list[bytes] = []
        n_left = DRAIN_BYTES
        # the answer is complete; only the connection is lost
        with suppress(ConnectionFailed, ProtocolError, TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                async for piece in self:
                    pieces.append(piece)
                    n_left -= len(piece)
                    if n_left < 0:
                        break
        return pieces

    async def interrupt(self) -> None:
        """Ends the connection under a task that waits for a piece; that task cleans up."""
        await self._response.aclose()

    async def aclose(self) -> None:
        await self._pieces.aclose()
        await self._response.aclose()


async def _pieces(
    response: httpx.Response, step: Send, now_s: Callable[[], float]
) -> AsyncGenerator[bytes, None]:
    deadline_s = None if knows_deadline(response) else step.deadline_s
    try:
        if response.is_stream_consumed:
            yield response.content
            return
        raw = response.aiter_raw()
        async for piece in raw if deadline_s is None else _until(deadline_s, raw, now_s):
            yield piece
            if step.deadline_s is not None and now_s() > step.deadline_s:
                raise total_timeout()
    except CerebrasError:
        raise
    except TimeoutError:
        raise total_timeout() from None
    except Exception as error:  # noqa: BLE001 - what is not the HTTP library's goes on as it is
        raise step_failure(error, step, now_s()) from None
    finally:
        await response.aclose()
        let_go(response)


async def _until(
    deadline_s: float, pieces: AsyncIterator[bytes], now_s: Callable[[], float]
) -> AsyncGenerator[bytes, None]:
    """The pieces that come before the deadline, of a connection that does not know it."""
    while True:
        async with asyncio.timeout(deadline_s - now_s()):
            piece = await anext(pieces, None)
        if piece is None:
            return
        yield piece


class AsyncStream(StreamState[Delta], AsyncIterator[Delta]):
    """Deltas as they arrive; an async context manager.

    The connection is released at the end, at `aclose`, or soon after the stream is forgotten.
    """

    def __init__(self, opened: OpenedStream[Delta]) -> None:
        """Takes over an opened stream."""
        super().__init__(opened)
        self._deltas = _deltas(opened)

    def __aiter__(self) -> AsyncIterator[Delta]:
        return self._deltas  # itself would do, one call slower a delta

    async def __anext__(self) -> Delta:
        return await anext(self._deltas)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Gives the connection up, wherever the stream is.

        A task that is reading it then gets a `StreamInterrupted`.
        """
        body: _Body = self._opened.source
        deltas = cast("AsyncGeneratorType[Delta, None]", self._deltas)
        if deltas.ag_running:
            await body.interrupt()
        else:
            await deltas.aclose()
            await body.aclose()


async def _deltas(opened: OpenedStream[Delta]) -> AsyncGenerator[Delta, None]:
    # no method of the stream: a stream that is forgotten must be gone at once, not in a cycle
    reader = opened.reader
    body: _Body = opened.source
    pieces = aiter(body)
    cause: ConnectionFailed | ProtocolError | None = None
    try:
        for delta in opened.deltas:
            yield delta
        while not reader.is_over and not reader.is_finished:
            try:
                piece = await anext(pieces, None)
            except (ConnectionFailed, ProtocolError) as error:
                cause = error
                break
            if piece is None:
                break
            for delta in reader.feed(piece):
                yield delta
        if reader.is_finished:
            for piece in await body.rest():
                for delta in reader.feed(piece):
                    yield delta
        last = opened.end(cause)
    finally:
        await body.aclose()
    for delta in last:
        yield delta


shared_async_clients: SharedClients[AsyncCerebrasClient] = SharedClients(AsyncCerebrasClient)
"""The async clients that adapters share."""
