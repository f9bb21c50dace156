"""Clients that are closed or forgotten, and shared by loops, threads and processes (§5)."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import warnings
from contextlib import ExitStack
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
    _locks,
)
from tests.client.asking import (
    ANSWER,
    QUESTION,
    Asker,
    Way,
    config,
    sockets_to,
)
from tests.waiting import soon, soon_async

if TYPE_CHECKING:
    from cerebras_ext.emulator.rawserver import RawServer


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
    assert soon(lambda: not sockets_to(counted))


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_fork_amid_other_threads_work_hangs_nobody(counted: RawServer, is_async: bool) -> None:
    """Whatever locks they held are open in the child, which those threads are not in (§5.4)."""
    is_held, is_done = threading.Event(), threading.Event()

    def hold_all() -> None:
        with ExitStack() as held:
            for lock in list(_locks._locks):
                held.enter_context(lock)
            is_held.set()
            is_done.wait()

    with Asker(Way(is_async, is_stream=False), config(counted.base_url)) as asker:
        asker.ask()
        holder = threading.Thread(target=hold_all)
        holder.start()
        is_held.wait()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(10)  # so that a child that hangs ends
            _ask_and_exit(asker.client)
        is_done.set()
        holder.join()
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        asker.ask()


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
