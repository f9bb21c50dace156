"""Waiting for what has to hold within a second (reliability contract §4, §5)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WITHIN_S = 1.0
PAUSE_S = 0.002
N_LOOKS = 100
"""Looks at the least: on a busy machine a second may pass without anybody's doing anything."""


def soon(holds: Callable[[], bool], sleep: Callable[[float], None] = time.sleep) -> bool:
    """Whether something comes to hold."""
    for is_last in _looks():
        if holds():
            return True
        if not is_last:
            sleep(PAUSE_S)
    return False


async def soon_async(holds: Callable[[], bool]) -> bool:
    """The same, with the event loop going on meanwhile."""
    for is_last in _looks():
        if holds():
            return True
        if not is_last:
            await asyncio.sleep(PAUSE_S)
    return False


def _looks() -> Iterator[bool]:
    """How often to look: whether it is for the last time."""
    until_s = time.monotonic() + WITHIN_S
    n_left = N_LOOKS
    while n_left > 0 or time.monotonic() < until_s:
        n_left -= 1
        yield False
    yield True
