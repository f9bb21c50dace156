"""The async pool's streams keep the time limit of each read, with one timer for all of them."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpcore
import pytest

from cerebras_ext._transport.asyncio_stream import AsyncioBackend
from cerebras_ext._transport.wire import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cerebras_ext._transport.asyncio_stream import AsyncioStream

SOON_S, LATER_S, LONG_S = 0.3, 0.4, 10.0


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[AsyncioStream, asyncio.StreamWriter]]:
    """A stream, and the other side's writer."""
    arrived: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(
        lambda _, writer: arrived.set_result(writer), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    stream = await AsyncioBackend(httpcore, Wire()).connect_tcp("127.0.0.1", port, timeout=LONG_S)
    writer = await arrived
    try:
        yield stream, writer
    finally:
        await stream.aclose()
        writer.close()
        server.close()


async def read_while_written(
    stream: AsyncioStream, writer: asyncio.StreamWriter, timeout_s: float | None, after_s: float
) -> bytes:
    """What a read brings when the other side writes after it has begun to wait."""
    asyncio.get_running_loop().call_later(after_s, writer.write, b"a")
    return await stream.read(10, timeout_s)


async def test_the_deadline_ends_the_wait_for_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waiting for a connection took is not given to connecting again (§2.5)."""

    async def never(*_: object) -> list[str]:
        return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr("cerebras_ext._transport.asyncio_stream.addresses_of", never)
    limits = {"timeout": {"deadline": time.monotonic() + SOON_S}}
    wire = Wire()
    wire.begin(httpcore.Request("GET", "http://service.test", extensions=limits))
    async with asyncio.timeout(LONG_S / 2):
        with pytest.raises(httpcore.ConnectTimeout):
            await AsyncioBackend(httpcore, wire).connect_tcp("service.test", 80, timeout=LONG_S)


async def test_a_short_limit_holds_after_a_long_one() -> None:
    """The timer of a read that had long to wait does not let a later one wait as long."""
    async with connected() as (stream, writer):
        assert await read_while_written(stream, writer, LONG_S, 0) == b"a"
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(10, SOON_S)
        assert await read_while_written(stream, writer, LONG_S, 0) == b"a"


@pytest.mark.parametrize("timeout_s", [LONG_S, None])
async def test_a_long_limit_holds_after_a_short_one(timeout_s: float | None) -> None:
    """The timer of a read that had little time does not end a later one."""
    async with connected() as (stream, writer):
        assert await read_while_written(stream, writer, SOON_S, 0) == b"a"
        assert await read_while_written(stream, writer, timeout_s, LATER_S) == b"a"


async def test_a_limit_holds_after_the_timer_has_rung_for_nobody() -> None:
    """A stream that nobody read for a while still keeps the next read's limit."""
    async with connected() as (stream, writer):
        assert await read_while_written(stream, writer, SOON_S, 0) == b"a"
        idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(LATER_S, idle.set_result, None)
        await idle
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(10, SOON_S)
