"""The pools' connections: used again, waited for in turn, and gone with cancelled calls."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext import AsyncCerebrasClient, CallOptions, CerebrasClient, TimedOut, Timeouts
from tests.client.asking import QUESTION
from tests.client.handlers import (
    REPLY,
    SIZED,
    STREAM,
    after_request,
    keep,
    reply_for_ever,
    stream_for_ever,
)
from tests.client.single_calls import WAYS, config_for
from tests.client.wire import read_request, serving
from tests.waiting import soon, soon_async

if TYPE_CHECKING:
    import socket

    from cerebras_ext import ChatCompletion

# each test meets both libraries, whichever the run is on
pytestmark = [pytest.mark.once, pytest.mark.usefixtures("each_library")]


@WAYS
async def test_requests_in_a_row_use_one_connection(is_async: bool) -> None:
    """§3.4: replies and streams, a hundred in all."""
    with serving(stream_for_ever) as server:
        config = config_for(server.base_url)
        if is_async:
            async with AsyncCerebrasClient(config) as client:
                for _ in range(100):
                    async for _ in await client.stream_chat(**QUESTION):
                        pass
        else:
            with CerebrasClient(config) as sync_client:
                for _ in range(100):
                    list(sync_client.stream_chat(**QUESTION))
        assert server.n_connections == 1


@WAYS
async def test_a_connection_that_the_server_closed_is_not_used_again(is_async: bool) -> None:
    """An idle connection is looked at before it is lent."""

    def reply_once(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(SIZED + REPLY)
        connection.close()

    def has_come(client: Any) -> bool:  # the end does, a moment after the answer
        idle = client._http_client()._transport._pool._lender._idle
        return all(connection.has_expired() for connection in idle)

    with serving(reply_once) as server:
        config = config_for(server.base_url)
        if is_async:
            async with AsyncCerebrasClient(config) as client:
                for _ in range(3):
                    assert (await client.chat(**QUESTION)).id == "c"
                    assert await soon_async(lambda: has_come(client))
        else:
            with CerebrasClient(config) as sync_client:
                for _ in range(3):
                    assert sync_client.chat(**QUESTION).id == "c"
                    assert soon(lambda: has_come(sync_client))
        assert server.n_connections == 3


@WAYS
async def test_who_waits_too_long_for_a_connection_is_told(is_async: bool) -> None:
    """F06: the phase is `pool`, and the next one gets the connection."""
    is_free = threading.Event()

    def reply_when_free(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            is_free.wait()
            connection.sendall(SIZED + REPLY)

    with serving(reply_when_free) as server:
        config = config_for(server.base_url, max_connections=1, timeout=Timeouts(pool_s=0.05))
        async with AsyncCerebrasClient(config) as client:
            sync_client = CerebrasClient(config)

            async def ask() -> ChatCompletion:
                if is_async:
                    return await client.chat(**QUESTION)
                return await asyncio.to_thread(sync_client.chat, **QUESTION)

            first = asyncio.create_task(ask())
            while not server.n_connections:  # noqa: ASYNC110 - another thread counts
                await asyncio.sleep(0)
            with pytest.raises(TimedOut) as caught:
                await ask()
            assert caught.value.phase == "pool"
            is_free.set()
            await first
            assert (await ask()).id == "c"
            sync_client.close()
        assert server.n_connections == 1


@WAYS
async def test_what_waiting_for_a_connection_took_is_not_given_again(is_async: bool) -> None:
    """§2.5: `total_s` counts from the call, not from when a connection became free."""
    with serving(after_request(keep)) as server:
        config = config_for(server.base_url, max_connections=1)
        async with AsyncCerebrasClient(config) as client:
            sync_client = CerebrasClient(config)

            async def ask(total_s: float) -> ChatCompletion:
                options = CallOptions(timeout=Timeouts(total_s=total_s))
                if is_async:
                    return await client.chat(options=options, **QUESTION)
                return await asyncio.to_thread(sync_client.chat, options=options, **QUESTION)

            first = asyncio.create_task(ask(1.0))
            while not server.n_connections:  # noqa: ASYNC110 - another thread counts
                await asyncio.sleep(0)
            begun_s = time.monotonic()
            with pytest.raises(TimedOut, match="total"):
                await ask(1.2)
            assert time.monotonic() - begun_s < 1.8
            with pytest.raises(TimedOut, match="total"):
                await first
            sync_client.close()


@WAYS
async def test_waiting_requests_get_the_connection_in_turn(is_async: bool) -> None:
    """Many more requests than connections, all answered."""
    with serving(reply_for_ever) as server:
        config = config_for(server.base_url, max_connections=3)
        if is_async:
            async with AsyncCerebrasClient(config) as client:
                asks = [client.chat(**QUESTION) for _ in range(60)]
                replies = await asyncio.gather(*asks)
        else:
            with CerebrasClient(config) as sync_client:
                asks = [asyncio.to_thread(sync_client.chat, **QUESTION) for _ in range(60)]
                replies = await asyncio.gather(*asks)
        assert [reply.id for reply in replies] == ["c"] * 60
        assert server.n_connections <= 3


async def test_cancelled_calls_leave_nothing_behind() -> None:
    """§10: connections are closed, no task is left, and the pool has room for the next call."""
    n_tasks = len(asyncio.all_tasks())
    gone = threading.Semaphore(0)
    is_over = False

    def hold(connection: socket.socket) -> None:
        try:
            read_request(connection)
            connection.sendall(b"".join(STREAM if is_over else STREAM[:2]))
            connection.recv(1)
        finally:
            gone.release()

    with serving(hold) as server:
        config = config_for(server.base_url, max_connections=5)
        async with AsyncCerebrasClient(config) as client:

            async def consume() -> None:
                async for _ in await client.stream_chat(**QUESTION):
                    pass

            for _ in range(10):
                tasks = [asyncio.create_task(consume()) for _ in range(5)]
                while server.n_connections % 5 or not server.n_connections:  # noqa: ASYNC110
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for _ in range(server.n_connections):
                assert await asyncio.to_thread(gone.acquire, timeout=8)
            assert len(asyncio.all_tasks()) == n_tasks
            is_over = True
            await consume()
