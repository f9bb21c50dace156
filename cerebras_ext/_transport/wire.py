"""Where a connection's pool and its stream meet: what goes out, what comes in, and until when."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cerebras_ext._transport.framing import ChunkMerger
from cerebras_ext._transport.settings import timeouts_of

if TYPE_CHECKING:
    import httpcore

__all__ = ["Wire"]

_SOONEST_S = 0.001
"""A time limit of 0 would mean not to wait at all, which fails differently."""


class Wire:
    """One connection's exchanges, one after the other."""

    __slots__ = ("_deadline_s", "_expects_head", "_head", "_merger")

    def __init__(self) -> None:
        """Expects nothing yet."""
        self._merger = ChunkMerger()
        self._deadline_s: float | None = None
        self._expects_head = False
        self._head = b""

    def begin(self, request: httpcore.Request) -> None:
        """A request is about to be sent."""
        self._deadline_s = timeouts_of(request).get("deadline")
        self._merger.expect_reply(request.method)
        self._expects_head, self._head = True, b""

    def outgoing(self, buffer: bytes) -> bytes:
        """What to send now: a request's head waits for what follows it, to go out with that.

        httpcore writes head and body apart, and something after the head even without a body. One
        packet and one system call are saved so, which costs more than anything else in a request.
        """
        if self._expects_head:
            self._expects_head, self._head = False, buffer
            return b""
        if self._head:
            buffer, self._head = self._head + buffer, b""
        return buffer

    def incoming(self, piece: bytes) -> bytes:
        """What the parser is to see of a piece that came."""
        return self._merger.feed(piece)

    def within(self, timeout_s: float | None) -> float | None:
        """A time limit, cut at the deadline."""
        if self._deadline_s is None:
            return timeout_s
        left_s = max(self._deadline_s - time.monotonic(), _SOONEST_S)
        return left_s if timeout_s is None else min(timeout_s, left_s)

    def end_within(self, seconds: float) -> None:
        """Gives what is still to come this much time."""
        self._deadline_s = time.monotonic() + seconds
