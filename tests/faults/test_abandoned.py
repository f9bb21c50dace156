"""Reliability contract §5.1: however a stream is given up, its connection is released."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.llms import ChatMessage

from cerebras_ext import AsyncCerebrasClient, CerebrasClient
from cerebras_ext._http import TRANSPORT_VARIABLE, http_library
from langchain_cerebras_ext import ChatCerebras
from llama_index_cerebras_ext import Cerebras
from tests.faults.callers import KEY, MESSAGES, MODEL, PROMPT
from tests.faults.scenes import ANSWER_PIECES
from tests.faults.sockets import client_sockets, n_fds
from tests.waiting import soon

if TYPE_CHECKING:
    from cerebras_ext.emulator.server import RunningEmulator

Begin = Callable[[], Iterator[Any]]
BeginAsync = Callable[[], Awaitable[AsyncIterator[Any]]]
LIBRARIES = ("client", "langchain", "llama_index")
WAITING_STEP = {"deltas": ANSWER_PIECES, "fault": "stall:3", "times": 20_000}
SILENT_STEP = {"deltas": ANSWER_PIECES, "fault": "stall:0", "times": 20_000}


class _Interruption(Exception):
    """An error of whoever reads a stream."""


def _begin(library: str, base_url: str) -> Begin:
    """Begins a stream, and gives what the library gives."""
    settings: dict[str, Any] = {"base_url": base_url, "api_key": KEY}
    if library == "client":
        client = CerebrasClient(**settings)
        return lambda: client.stream_chat(model=MODEL, messages=MESSAGES)
    if library == "langchain":
        model = ChatCerebras(model=MODEL, **settings)
        return lambda: model.stream(PROMPT)
    llm = Cerebras(model=MODEL, **settings)
    return lambda: llm.stream_chat([ChatMessage(role="user", content=PROMPT)])


def _begin_async(library: str, base_url: str) -> BeginAsync:
    settings: dict[str, Any] = {"base_url": base_url, "api_key": KEY}
    if library == "client":
        client = AsyncCerebrasClient(**settings)
        return lambda: client.stream_chat(model=MODEL, messages=MESSAGES)
    if library == "langchain":
        model = ChatCerebras(model=MODEL, **settings)

        async def begin() -> AsyncIterator[Any]:
            return model.astream(PROMPT)

        return begin
    llm = Cerebras(model=MODEL, **settings)
    return lambda: llm.astream_chat([ChatMessage(role="user", content=PROMPT)])


def close(begin: Begin) -> None:
    stream: Any = begin()
    next(stream)
    stream.close()


def leave(begin: Begin) -> None:
    for _ in begin():
        break


def forget(begin: Begin) -> None:
    next(begin())


def fail(begin: Begin) -> None:
    with suppress(_Interruption):
        for _ in begin():
            raise _Interruption


async def aclose(begin: BeginAsync) -> None:
    stream: Any = await begin()
    await anext(stream)
    await stream.aclose()


async def aleave(begin: BeginAsync) -> None:
    async for _ in await begin():
        break


async def aforget(begin: BeginAsync) -> None:
    await anext(await begin())


async def afail(begin: BeginAsync) -> None:
    with suppress(_Interruption):
        async for _ in await begin():
            raise _Interruption


async def cancel(begin: BeginAsync) -> None:
    has_begun = asyncio.Event()

    async def read() -> None:
        async for _ in await begin():
            has_begun.set()

    task = asyncio.create_task(read())
    await has_begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancel_twice(begin: BeginAsync) -> None:
    has_begun = asyncio.Event()

    async def read() -> None:
        async for _ in await begin():
            has_begun.set()

    task = asyncio.create_task(read())
    await has_begun.wait()
    task.cancel()
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def time_out(begin: BeginAsync) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.02):
            async for _ in await begin():
                pass


ENDS = [close, leave, forget, fail]
ASYNC_ENDS = [aclose, aleave, aforget, afail, cancel, cancel_twice, time_out]
IS_HTTPX_POOL = (http_library().__name__, os.environ.get(TRANSPORT_VARIABLE)) == ("httpx", "stock")
loses_connections = pytest.mark.xfail(
    IS_HTTPX_POOL,
    reason="a second cancellation interrupts httpcore as it closes; httpx2 is fine",
)


def _port(emulator: RunningEmulator) -> int:
    return int(emulator.root_url.rpartition(":")[2])


async def _asoon(holds: Callable[[], bool]) -> bool:
    for _ in range(200):
        gc.collect(0)
        if holds():
            return True
        await asyncio.sleep(0.005)
    return False


def _give_up(
    emulator: RunningEmulator, library: str, ends: list[Callable[[Begin], None]], n_streams: int
) -> None:
    emulator.script(WAITING_STEP)
    begin, port = _begin(library, emulator.base_url), _port(emulator)
    close(begin)
    before, n_before = client_sockets(port), n_fds()
    for end in islice(cycle(ends), n_streams):
        end(begin)
    assert soon(lambda: not client_sockets(port) - before)
    assert soon(lambda: n_fds() - n_before <= 2)


async def _give_up_async(
    emulator: RunningEmulator,
    library: str,
    ends: list[Callable[[BeginAsync], Awaitable[None]]],
    n_streams: int,
) -> None:
    emulator.script(WAITING_STEP)
    begin, port = _begin_async(library, emulator.base_url), _port(emulator)
    await aclose(begin)
    tasks, before, n_before = asyncio.all_tasks(), client_sockets(port), n_fds()
    for end in islice(cycle(ends), n_streams):
        await end(begin)
    assert await _asoon(lambda: not client_sockets(port) - before)
    assert await _asoon(lambda: asyncio.all_tasks() <= tasks)
    assert await _asoon(lambda: n_fds() - n_before <= 2)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("end", ENDS)
def test_given_up_stream_leaves_nothing(
    emulator: RunningEmulator, library: str, end: Callable[[Begin], None]
) -> None:
    """§5.1: closed, left, forgotten or interrupted by its reader, a stream frees its connection."""
    _give_up(emulator, library, [end], 5)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    "end",
    [
        pytest.param(end, marks=loses_connections) if end is cancel_twice else end
        for end in ASYNC_ENDS
    ],
)
async def test_given_up_async_stream_leaves_nothing(
    emulator: RunningEmulator, library: str, end: Callable[[BeginAsync], Awaitable[None]]
) -> None:
    """§5.1: so does an async one; cancelled or timed out, too, and cancelled while it closes."""
    await _give_up_async(emulator, library, [end], 5)


@pytest.mark.long
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_thousand_given_up_streams_leave_nothing(emulator: RunningEmulator, library: str) -> None:
    """§10: 1,000 streams given up in every way; 0 sockets, descriptors as before."""
    _give_up(emulator, library, ENDS, 1_000)


@pytest.mark.long
@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_thousand_given_up_async_streams_leave_nothing(
    emulator: RunningEmulator, library: str
) -> None:
    """§10: 1,000 streams given up in every way; 0 sockets, 0 tasks, descriptors as before."""
    await _give_up_async(emulator, library, ASYNC_ENDS, 1_000)


@pytest.mark.parametrize("library", LIBRARIES)
async def test_call_cancelled_before_its_answer_leaves_nothing(
    emulator: RunningEmulator, library: str
) -> None:
    """§5.1: a call that is cancelled while it waits for its first byte frees its connection."""
    emulator.script(SILENT_STEP)
    begin, port = _begin_async(library, emulator.base_url), _port(emulator)
    tasks, before = asyncio.all_tasks(), client_sockets(port)

    async def ask() -> Any:
        return await anext(await begin())

    asking = [asyncio.create_task(ask()) for _ in range(5)]
    assert await _asoon(lambda: len(emulator.requests) == 5)
    for task in asking:
        task.cancel("enough")
    for task in asking:
        with pytest.raises(asyncio.CancelledError, match=r"^enough$"):
            await task
    assert await _asoon(lambda: not client_sockets(port) - before)
    assert await _asoon(lambda: asyncio.all_tasks() <= tasks)


@pytest.mark.parametrize("library", LIBRARIES)
async def test_reader_s_own_error_is_what_comes_out(
    emulator: RunningEmulator, library: str
) -> None:
    """§5.1: cleaning up hides no first error, even when cancelled."""
    emulator.script(WAITING_STEP)
    begin = _begin_async(library, emulator.base_url)
    task = asyncio.current_task()
    assert task is not None

    async def read() -> None:
        stream: Any = await begin()
        try:
            await anext(stream)
            raise _Interruption
        finally:
            await stream.aclose()

    with pytest.raises(_Interruption) as caught:
        await read()
    assert caught.value.__context__ is None
