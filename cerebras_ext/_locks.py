"""Locks that a forked process finds open, whatever the parent's other threads held at the fork.

Such a thread does not exist in the child, so nobody would ever let go. What the locks guard is
changed in single steps, and connections are made anew in the child anyway.
"""

from __future__ import annotations

import os
import threading
from typing import Any
from weakref import WeakSet

__all__ = ["new_lock", "new_reentrant_lock"]

_locks: WeakSet[Any] = WeakSet()


def new_lock() -> threading.Lock:
    """A lock."""
    lock = threading.Lock()
    _locks.add(lock)
    return lock


def new_reentrant_lock() -> threading.RLock:
    """A lock that the thread which holds it may take again."""
    lock = threading.RLock()
    _locks.add(lock)
    return lock


def _open_all() -> None:
    for lock in list(_locks):
        lock._at_fork_reinit()  # what the standard library does with its own


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_open_all)
