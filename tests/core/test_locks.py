"""Locks that forked processes find open (reliability contract §5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import pytest

from cerebras_ext import _locks

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("make", [_locks.new_lock, _locks.new_reentrant_lock])
def test_held_locks_are_open_after_a_fork(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a child does first; that it does so, the clients' tests show."""
    monkeypatch.setattr(_locks, "_locks", WeakSet())
    lock = make()
    lock.acquire()
    _locks._open_all()
    assert lock.acquire(blocking=False)
    with pytest.raises(RuntimeError):
        lock.release() or lock.release()


def test_locks_that_nobody_needs_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is gone leaves none behind."""
    monkeypatch.setattr(_locks, "_locks", WeakSet())
    lock = _locks.new_lock()
    assert len(_locks._locks) == 1
    del lock
    assert len(_locks._locks) == 0
