"""What is to be closed with an event loop, however that loop ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any, cast
from weakref import WeakSet

__all__ = ["Guard", "closed_with_loop"]

Guard = AsyncGenerator[None, None]


def closed_with_loop(aclose: Callable[[], Awaitable[None]]) -> Guard:
    """Has the running loop close something at its end; what is returned has to be kept.

    A loop that is shut down, as `asyncio.run` does it, closes the async generators that were begun
    on it. Not every loop is: LlamaIndex closes those of its helper threads at once. Sockets would
    then be left to the collector, with a warning for each. Their `close` is the last chance, and
    since there is no hook for it, it is covered, on that one loop.
    """

    async def close_at_the_end() -> Guard:
        try:
            yield
        finally:
            await aclose()

    guard = close_at_the_end()
    with suppress(StopIteration):  # the first step awaits nothing
        guard.asend(None).send(None)
    _guards_of(asyncio.get_running_loop()).add(guard)
    return guard


def _guards_of(loop: asyncio.AbstractEventLoop) -> WeakSet[Guard]:
    """What a loop is to close; the first call covers its `close`."""
    close: object = loop.close
    if not isinstance(close, _GuardsFirst):
        close = _GuardsFirst(loop)
        with suppress(AttributeError):  # a loop of another make may take no attributes
            cast("Any", loop).close = close
    return close.guards


class _GuardsFirst:
    """A loop's `close` that closes what the loop guards before."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.guards: WeakSet[Guard] = WeakSet()
        self._loop = loop
        self._close = loop.close

    def __call__(self) -> None:
        try:
            if self.guards and self._can_run():
                self._loop.run_until_complete(_close_all(list(self.guards)))
        finally:
            self._close()

    def _can_run(self) -> bool:
        """Whether the loop can take another step, here and now."""
        if self._loop.is_closed() or self._loop.is_running() or sys.is_finalizing():
            return False
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return True
        return False  # another loop is running in this thread


async def _close_all(guards: list[Guard]) -> None:
    for guard in guards:
        await guard.aclose()
