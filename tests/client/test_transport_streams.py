"""Streams over the pools: whole, merged where they came together, and ended by the limits."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from cerebras_ext import AsyncCerebrasClient, CerebrasClient, CerebrasError, Timeouts
from tests.client.asking import QUESTION
from tests.client.handlers import STREAM, after_request, keep, sending
from tests.client.single_calls import WAYS, config_for, streamed
from tests.client.wire import event_stream, read_request, serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

# each test meets both libraries, whichever the run is on
pytestmark = [pytest.mark.once, pytest.mark.usefixtures("each_library")]


def trickle(connection: socket.socket) -> None:
    """A stream that never ends, though something comes all the time."""
    read_request(connection)
    connection.sendall(STREAM[0])
    is_gone = threading.Event()
    while True:
        connection.sendall(STREAM[1])
        is_gone.wait(0.01)


@WAYS
@pytest.mark.parametrize(
    "handler",
    [after_request(keep), sending(*STREAM[:2], then=keep), trickle],
    ids=["before the head", "silence in the body", "a trickle"],
)
async def test_the_deadline_ends_every_wait(
    handler: Callable[[socket.socket], None], is_async: bool
) -> None:
    """§2.5: `total_s` bounds the whole call, whatever the other limits allow."""
    with serving(handler) as server:
        config = config_for(server.base_url, timeout=Timeouts(total_s=0.3))
        with pytest.raises(CerebrasError) as caught:
            await streamed(config, is_async=is_async)
    assert getattr(caught.value, "phase", None) == "total"


@WAYS
async def test_waiting_for_the_end_of_a_body_is_bounded(
    is_async: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§3.4: a server that says `[DONE]` and then nothing does not keep the last delta back."""
    monkeypatch.setattr(f"cerebras_ext.{'a' if is_async else ''}client.DRAIN_S", 0.05)
    with serving(sending(*STREAM[:-1], then=keep)) as server:
        config = config_for(server.base_url)
        assert await streamed(config, is_async=is_async) == "abc"


@WAYS
async def test_large_bodies_arrive_whole(is_async: bool) -> None:
    """More than fits into any buffer, both ways, to a server that reads late."""
    texts = [str(number) * 1_000 for number in range(2_000)]
    received: list[bytes] = []

    def echo(connection: socket.socket) -> None:
        received.append(read_request(connection))
        connection.sendall(b"".join(event_stream(*texts)))
        connection.recv(1)

    with serving(echo) as server:
        config = config_for(server.base_url)
        question = {**QUESTION, "messages": [{"role": "user", "content": "x" * 5_000_000}]}
        if is_async:
            async with AsyncCerebrasClient(config) as client:
                deltas = [d async for d in await client.stream_chat(**question)]
        else:
            with CerebrasClient(config) as sync_client:
                deltas = await asyncio.to_thread(lambda: list(sync_client.stream_chat(**question)))
    assert "".join(getattr(delta, "text", "") for delta in deltas) == "".join(texts)
    assert len(received[0]) > 5_000_000


@WAYS
async def test_events_that_came_together_are_merged(is_async: bool) -> None:
    """One HTTP chunk an event, all in one write: far fewer deltas than events."""
    texts = [str(number) for number in range(1_000)]
    with serving(sending(*event_stream(*texts), then=keep)) as server:
        config = config_for(server.base_url)
        if is_async:
            async with AsyncCerebrasClient(config) as client:
                deltas = [d async for d in await client.stream_chat(**QUESTION)]
        else:
            with CerebrasClient(config) as sync_client:
                deltas = await asyncio.to_thread(lambda: list(sync_client.stream_chat(**QUESTION)))
    assert "".join(getattr(delta, "text", "") for delta in deltas) == "".join(texts)
    assert len(deltas) < 100
