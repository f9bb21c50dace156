"""Connections are used again, and go with the streams that are given up (contract §3.4, §5.1)."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext import (
    AsyncCerebrasClient,
    CerebrasClient,
    StreamInterrupted,
    Timeouts,
)
from tests.client.asking import (
    ANSWER,
    ANSWERED,
    QUESTION,
    Asker,
    Way,
    config,
    sockets_to,
)
from tests.waiting import soon, soon_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cerebras_ext.emulator import RunningEmulator
    from cerebras_ext.emulator.rawserver import RawServer

STALLED: dict[str, Any] = {**ANSWERED, "fault": "stall:3"}


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


def test_closed_stream_frees_its_connection(counted: RawServer, emulator: RunningEmulator) -> None:
    """`close` in the middle, twice, and a context that is left by an error (§5.1)."""
    emulator.script(STALLED)
    with CerebrasClient(config(counted.base_url)) as client:
        stream = client.stream_chat(**QUESTION)
        next(stream)
        stream.close()
        stream.close()
        assert soon(lambda: not sockets_to(counted))
        with pytest.raises(LookupError), client.stream_chat(**QUESTION):
            raise LookupError
        assert soon(lambda: not sockets_to(counted))
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
            assert soon(lambda: not sockets_to(counted))
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


@pytest.mark.parametrize("transport", ["fast", "stock"])
async def test_stream_can_be_closed_by_another_task(
    transport: str, counted: RawServer, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads it gets our error with what had come, and the connection is free (§5.1)."""
    monkeypatch.setenv("CEREBRAS_EXT_TRANSPORT", transport)
    emulator.script(STALLED)
    async with AsyncCerebrasClient(config(counted.base_url)) as client:
        stream = await client.stream_chat(**QUESTION)
        heard: list[str] = []

        async def read() -> None:
            async for delta in stream:
                heard.append(getattr(delta, "text", ""))  # noqa: PERF401 - seen from outside

        reading = asyncio.create_task(read())
        assert await soon_async(lambda: "".join(heard) != "")
        await stream.aclose()
        with pytest.raises(StreamInterrupted) as caught:
            await reading
        partial: Any = caught.value.partial
        assert partial.choices[0].message.content == "".join(heard)
        await stream.aclose()
        assert await soon_async(lambda: not sockets_to(counted))


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


def test_calls_after_a_finish_that_stalls_go_on(emulator: RunningEmulator) -> None:
    """Silence after the finish is not waited for as long as silence before it (§3.4)."""
    emulator.script({**ANSWERED, "fault": "stall:last"})
    limits = Timeouts(read_s=10, total_s=15)
    for is_async in (False, True):
        with Asker(Way(is_async, is_stream=True), config(emulator.base_url, timeout=limits)) as a:
            assert a.ask().choices[0].message.content == ANSWER
