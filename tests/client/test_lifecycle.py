"""Connections come, are used again, and go: with streams, clients, loops, processes (§5)."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest

from cerebras_ext import (
    AsyncCerebrasClient,
    CerebrasClient,
    ChatCompletion,
    ConfigError,
    ContentDelta,
    Finish,
    Timeouts,
)
from cerebras_ext.emulator.rawserver import RawServer, raw_server
from tests.client.asking import (
    ANSWER,
    ANSWERED,
    QUESTION,
    Asker,
    Way,
    config,
    soon,
    soon_async,
)
from tests.faults.sockets import client_sockets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from cerebras_ext.emulator import RunningEmulator

STALLED: dict[str, Any] = {**ANSWERED, "fault": "stall:3"}


@pytest.fixture
def counted(emulator: RunningEmulator) -> Iterator[RawServer]:
    """The emulator behind a relay that counts connections."""
    with raw_server(upstream=emulator.root_url) as relay:
        yield relay


def port_of(server: RawServer) -> int:
    """Where a server listens."""
    return int(server.root_url.rpartition(":")[2])


def sockets_to(server: RawServer) -> set[int]:
    """Our ends of connections to a server."""
    return client_sockets(port_of(server))


# ------------------------------------------------------------------ connections are used again


@pytest.mark.parametrize("has_done", [True, False], ids=["DONE", "no DONE"])
def test_hundred_calls_use_one_connection(
    counted: RawServer, emulator: RunningEmulator, way: Way, has_done: bool
) -> None:
    """A finished stream is read to its end, so that its connection is free again (§3.4)."""
    if not has_done:
        emulator.script({**ANSWERED, "fault": "no-finish:last"})
    with Asker(way, config(counted.base_url)) as asker:
        for _ in range(100):
            assert asker.ask().choices[0].message.content == ANSWER
        assert counted.n_connections == 1


def test_calls_at_once_have_connections_of_their_own(counted: RawServer) -> None:
    """A stream that is being read keeps its connection to itself."""
    with CerebrasClient(config(counted.base_url)) as client:
        with client.stream_chat(**QUESTION) as first, client.stream_chat(**QUESTION) as second:
            assert next(first).raw["id"] != next(second).raw["id"]
        assert counted.n_connections == 2


def test_warm_up_opens_the_connection_of_the_first_call(counted: RawServer, way: Way) -> None:
    """It is there when the first question comes."""
    with Asker(way, config(counted.base_url)) as asker:
        assert counted.n_connections == 0
        asker.run(asker.client.warm_up)
        asker.ask()
        assert counted.n_connections == 1


# ------------------------------------------------------------------ streams that are given up


def test_closed_stream_frees_its_connection(counted: RawServer, emulator: RunningEmulator) -> None:
    """`close` in the middle, twice, and a context that is left by an error (§5.1)."""
    emulator.script(STALLED)
    with CerebrasClient(config(counted.base_url)) as client:
        stream = client.stream_chat(**QUESTION)
        next(stream)
        stream.close()
        stream.close()
        assert not sockets_to(counted)
        with pytest.raises(LookupError), client.stream_chat(**QUESTION):
            raise LookupError
        assert not sockets_to(counted)
        with pytest.raises(StopIteration):
            next(stream)


@pytest.mark.parametrize("n_read", [0, 1, 2])
def test_forgotten_stream_frees_its_connection(
    counted: RawServer, emulator: RunningEmulator, n_read: int
) -> None:
    """A loop that is left, or a stream never read, holds nothing, collected or not (§5.1)."""
    emulator.script(STALLED)
    gc.disable()
    try:
        with CerebrasClient(config(counted.base_url)) as client:
            stream = client.stream_chat(**QUESTION)
            for _ in zip(range(n_read), stream, strict=False):
                pass
            assert sockets_to(counted)
            del stream
            assert not sockets_to(counted)
    finally:
        gc.enable()


async def test_closed_async_stream_frees_its_connection(
    counted: RawServer, emulator: RunningEmulator
) -> None:
    """`aclose` in the middle, twice, and a context that is left by an error (§5.1)."""
    emulator.script(STALLED)
    async with AsyncCerebrasClient(config(counted.base_url)) as client:
        stream = await client.stream_chat(**QUESTION)
        await anext(stream)
        await stream.aclose()
        await stream.aclose()
        assert await soon_async(lambda: not sockets_to(counted))
        with pytest.raises(LookupError):
            async with await client.stream_chat(**QUESTION):
                raise LookupError
        assert await soon_async(lambda: not sockets_to(counted))
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


@pytest.mark.parametrize("n_read", [0, 1, 2])
async def test_forgotten_async_stream_frees_its_connection(
    counted: RawServer, emulator: RunningEmulator, n_read: int
) -> None:
    """The event loop closes what is forgotten, soon (§5.1)."""
    emulator.script(STALLED)
    gc.disable()
    try:
        async with AsyncCerebrasClient(config(counted.base_url)) as client:
            stream = await client.stream_chat(**QUESTION)
            for _ in range(n_read):
                await anext(stream)
            assert sockets_to(counted)
            del stream
            assert await soon_async(lambda: not sockets_to(counted))
    finally:
        gc.enable()


@pytest.mark.parametrize("fault", ["stall:0", "stall:3"], ids=["no answer", "in mid-stream"])
async def test_cancelled_call_frees_its_connection(
    counted: RawServer, emulator: RunningEmulator, fault: str
) -> None:
    """Cancellation passes through unchanged, and leaves no socket and no task (§5.1)."""
    emulator.script({**ANSWERED, "fault": fault})
    async with AsyncCerebrasClient(config(counted.base_url)) as client:
        begun = asyncio.Event()

        async def listen() -> None:
            begun.set()
            async for _ in await client.stream_chat(**QUESTION):
                begun.set()

        task = asyncio.create_task(listen())
        await begun.wait()
        assert await soon_async(lambda: bool(sockets_to(counted)) and bool(emulator.requests))
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task
        assert await soon_async(lambda: not sockets_to(counted))
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_second_cancel_does_not_keep_a_connection(
    counted: RawServer, emulator: RunningEmulator
) -> None:
    """Cleanup survives being cancelled itself (§5.1)."""
    emulator.script({**ANSWERED, "fault": "stall:3"})
    async with AsyncCerebrasClient(config(counted.base_url)) as client:
        stream = await client.stream_chat(**QUESTION)

        async def listen() -> None:
            async for _ in stream:
                pass

        task = asyncio.create_task(listen())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await stream.aclose()
        assert await soon_async(lambda: not sockets_to(counted))


async def test_time_limit_of_the_caller_is_the_callers(emulator: RunningEmulator) -> None:
    """`asyncio.timeout` around a call raises what it always raises."""
    emulator.script({**ANSWERED, "fault": "stall:0"})
    async with AsyncCerebrasClient(config(emulator.base_url)) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05):
                await client.chat(**QUESTION)
        assert type(caught.value) is TimeoutError


async def test_hundred_cancelled_streams_leave_nothing(
    counted: RawServer, emulator: RunningEmulator
) -> None:
    """No sockets and no tasks (§10)."""
    emulator.script({**ANSWERED, "fault": "stall:3"})
    async with AsyncCerebrasClient(config(counted.base_url)) as client:
        for _ in range(100):
            stream = await client.stream_chat(**QUESTION)
            task = asyncio.ensure_future(_listen(stream))
            await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert await soon_async(lambda: not sockets_to(counted))
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def _listen(stream: AsyncIterator[Any]) -> None:
    async for _ in stream:
        pass


# ------------------------------------------------------------------ clients that are closed


def test_closed_client_frees_its_connections(counted: RawServer, way: Way) -> None:
    """Closing twice is fine; use after it is a configuration error, before network (§5.2)."""
    with Asker(way, config(counted.base_url)) as asker:
        asker.ask()
        asker.close_client()
        asker.close_client()
        assert soon(lambda: not sockets_to(counted))
        with pytest.raises(ConfigError, match="the client is closed; make a new one"):
            asker.ask()


def test_client_that_was_never_used_closes(way: Way) -> None:
    """There is nothing to close, and nothing is made for it."""
    with Asker(way, config("http://127.0.0.1:1")) as asker:
        asker.close_client()
        with pytest.raises(ConfigError, match="closed"):
            asker.ask()


def test_forgotten_client_frees_its_connections(counted: RawServer) -> None:
    """A sync client closes its connections when it goes."""
    client = CerebrasClient(config(counted.base_url))
    client.chat(**QUESTION)
    assert sockets_to(counted)
    del client
    gc.collect()
    assert not sockets_to(counted)


async def test_forgotten_async_client_frees_its_connections(counted: RawServer) -> None:
    """The event loop closes them, soon."""
    client = AsyncCerebrasClient(config(counted.base_url))
    await client.chat(**QUESTION)
    assert sockets_to(counted)
    del client
    gc.collect()
    assert await soon_async(lambda: not sockets_to(counted))


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_given_http_client_is_never_closed(library: Any, way: Way) -> None:
    """Who made it closes it; ours only stops using it (§5.2)."""
    transport = library.MockTransport(_answer(library))
    given = library.AsyncClient(transport=transport) if way.is_async else None
    given = given or library.Client(transport=transport)
    with Asker(way, config("http://127.0.0.1:1"), given) as asker:
        assert asker.ask().choices[0].message.content == ANSWER
        asker.close_client()
        assert not given.is_closed
        with pytest.raises(ConfigError, match="closed"):
            asker.ask()
        asker.run(given.aclose if way.is_async else given.close)


def _answer(library: Any) -> Any:
    """A handler that answers as the service does, streamed where a stream is asked for."""
    message = {"role": "assistant", "content": ANSWER}
    whole = {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    delta = f'data: {{"choices":[{{"delta":{{"content":"{ANSWER}"}},"finish_reason":"stop"}}]}}\n\n'

    def handle(request: Any) -> Any:
        if b'"stream":true' in request.content:
            return library.Response(200, text=delta, headers={"content-type": "text/event-stream"})
        return library.Response(200, json=whole)

    return handle


# ------------------------------------------------------------------ loops, threads, processes


def test_client_serves_one_loop_after_the_other(counted: RawServer) -> None:
    """Each `asyncio.run` has connections of its own, which end with it (§5.3)."""
    client = AsyncCerebrasClient(config(counted.base_url))

    async def ask() -> ChatCompletion:
        return await client.chat(**QUESTION)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of sockets left open, above all
        for number in (1, 2, 3):
            assert asyncio.run(ask()).choices[0].message.content == ANSWER
            assert counted.n_connections == number
            gc.collect()
            assert soon(lambda: not sockets_to(counted))


def test_client_serves_loops_in_threads_at_once(counted: RawServer) -> None:
    """Any number of loops share a client (§5.3)."""
    client = AsyncCerebrasClient(config(counted.base_url))
    replies: list[str | None] = []

    async def ask() -> None:
        stream = await client.stream_chat(**QUESTION)
        texts = [delta.text async for delta in stream if isinstance(delta, ContentDelta)]
        replies.append("".join(texts))

    run_in_threads(8, lambda: asyncio.run(ask()))
    assert replies == [ANSWER] * 8
    assert soon(lambda: not sockets_to(counted))


async def test_closing_ends_this_loop_and_forgets_the_others(counted: RawServer) -> None:
    """Another loop's connections are its own to end."""
    client = AsyncCerebrasClient(config(counted.base_url))
    await client.chat(**QUESTION)

    def elsewhere() -> None:
        asyncio.run(client.chat(**QUESTION))

    await asyncio.to_thread(elsewhere)
    assert counted.n_connections == 2
    await client.aclose()
    assert await soon_async(lambda: not sockets_to(counted))


def run_in_threads(n_threads: int, work: Any) -> None:
    """Does the work in each of so many threads at once."""
    gate = threading.Barrier(n_threads)

    def begin() -> None:
        gate.wait()
        work()

    threads = [threading.Thread(target=begin) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_share_a_client(counted: RawServer) -> None:
    """32 threads, whole and streamed, with no more connections than threads (§5.3)."""
    client = CerebrasClient(config(counted.base_url))
    replies: list[str | None] = []

    def ask() -> None:
        replies.append(client.chat(**QUESTION).choices[0].message.content)
        *_, finish = client.stream_chat(**QUESTION)
        assert isinstance(finish, Finish)
        replies.append(finish.reply.choices[0].message.content)

    run_in_threads(32, ask)
    client.close()
    assert replies == [ANSWER] * 64
    assert 1 <= counted.n_connections <= 32


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_forked_process_opens_connections_of_its_own(counted: RawServer, is_async: bool) -> None:
    """The parent's sockets are not written to by the child, and go on in the parent (§5.4)."""
    with Asker(Way(is_async, is_stream=False), config(counted.base_url)) as asker:
        asker.ask()
        child = os.fork()
        if child == 0:
            _ask_and_exit(asker.client)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert counted.n_connections == 2
        asker.ask()
        assert counted.n_connections == 2


def _ask_and_exit(client: Any) -> None:
    """What a forked worker does; nothing of the test's own machinery may run in it."""
    code = 1
    try:
        if isinstance(client, AsyncCerebrasClient):
            reply = asyncio.new_event_loop().run_until_complete(client.chat(**QUESTION))
        else:
            reply = client.chat(**QUESTION)
        code = 0 if reply.choices[0].message.content == ANSWER else 2
    finally:
        os._exit(code)


async def test_process_that_was_forked_is_told_by_its_id(
    counted: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The async client forgets its parent's connections, of whatever loop (§5.4)."""
    async with AsyncCerebrasClient(config(counted.base_url)) as client:
        await client.chat(**QUESTION)
        monkeypatch.setattr(os, "getpid", lambda: -1)
        await client.chat(**QUESTION)
        assert counted.n_connections == 2


def test_calls_after_a_finish_that_stalls_go_on(emulator: RunningEmulator) -> None:
    """Silence after the finish is not waited for as long as silence before it (§3.4)."""
    emulator.script({**ANSWERED, "fault": "stall:last"})
    limits = Timeouts(read_s=10, total_s=15)
    for is_async in (False, True):
        with Asker(Way(is_async, is_stream=True), config(emulator.base_url, timeout=limits)) as a:
            assert a.ask().choices[0].message.content == ANSWER
