"""Plays an `Outgoing` on an ASGI connection: sends, waits, and leaves when the client does."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast

from cerebras_ext.emulator.outgoing import Drop, Frame, Outgoing, Stall, Wait

if TYPE_CHECKING:
    from collections.abc import Generator

    from cerebras_ext.emulator.asgi import Message, Receive, Scope, Send

__all__ = ["OpenReplies", "play"]

# Frames written before other connections get a turn: a long unpaced stream must not starve them.
_FRAMES_PER_TURN = 32


class OpenReplies:
    """The replies being written, so that stopping the server ends those that wait."""

    def __init__(self) -> None:
        self._hang_ups: set[asyncio.Event] = set()

    def __len__(self) -> int:
        return len(self._hang_ups)

    def hang_up_all(self) -> None:
        """Ends every open reply as if its client had left."""
        for hung_up in self._hang_ups:
            hung_up.set()

    @contextlib.contextmanager
    def watching(self, receive: Receive) -> Generator[asyncio.Event]:
        """An event that is set when the client leaves or the server stops."""
        hung_up = asyncio.Event()
        self._hang_ups.add(hung_up)
        watcher = asyncio.create_task(_set_on_disconnect(hung_up, receive))
        try:
            yield hung_up
        finally:
            self._hang_ups.discard(hung_up)
            watcher.cancel()


async def play(
    outgoing: Outgoing, scope: Scope, receive: Receive, send: Send, open_replies: OpenReplies
) -> None:
    """Writes one reply; the request's body must have been read.

    The head is sent with the first frame, so that a reply that waits at first is a silent one.
    """
    with open_replies.watching(receive) as hung_up:
        transport = cast("asyncio.Transport | None", scope.get("state", {}).get("transport"))
        # A server that lends no transport closes the connection of an unfinished reply itself.
        if not await _play_steps(outgoing, send, hung_up) and transport is not None:
            transport.close()
            await hung_up.wait()


async def _play_steps(outgoing: Outgoing, send: Send, hung_up: asyncio.Event) -> bool:
    """Whether the body was completed."""
    head = _head_of(outgoing)
    n_frames = 0
    for step in outgoing.steps:
        if hung_up.is_set():
            return False
        if isinstance(step, Wait):
            await _wait(step.seconds, hung_up)
            continue
        if head is not None:
            await send(head)
            head = None
        match step:
            case Frame(data):
                await send({"type": "http.response.body", "body": data, "more_body": True})
                n_frames += 1
                if n_frames % _FRAMES_PER_TURN == 0:
                    await asyncio.sleep(0)
            case Stall():
                await hung_up.wait()
                return False
            case Drop():
                return False
    if head is not None:
        await send(head)
    await send({"type": "http.response.body", "body": b"", "more_body": False})
    return True


def _head_of(outgoing: Outgoing) -> Message | None:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in outgoing.headers
    ]
    return {"type": "http.response.start", "status": outgoing.status, "headers": headers}


async def _wait(seconds: float, hung_up: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(hung_up.wait(), seconds)


async def _set_on_disconnect(hung_up: asyncio.Event, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    hung_up.set()
