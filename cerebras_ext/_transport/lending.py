"""Who gets which connection: the one used last, else a new one, else the next that is given back.

Decides only. What it hands out to be closed, and whom it wakes, is up to the pool that asks.

httpx's own pool looks at every connection for every request in the queue, and gives one idle
connection to all of them; with 128 requests in flight that takes 14 ms a request. This is O(1).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Lender"]


class _Connection(Protocol):
    def is_idle(self) -> bool: ...
    def has_expired(self) -> bool: ...


ConnectionT = TypeVar("ConnectionT", bound=_Connection)
LentT = TypeVar("LentT", contravariant=True)


class _Waiter(Protocol[LentT]):
    """A future, of asyncio or of threads."""

    def done(self) -> bool: ...
    def set_result(self, result: LentT, /) -> None: ...


class Lender(Generic[ConnectionT]):
    """The connections to one server."""

    def __init__(
        self, make: Callable[[], ConnectionT], *, n_most: int | None, n_most_idle: int | None
    ) -> None:
        """Begins with no connection.

        Args:
            make: Makes one that connects when it is first used.
            n_most: Most connections at once; None for no limit.
            n_most_idle: Most idle ones kept; None for no limit.
        """
        self._waiters: deque[_Waiter[ConnectionT]] = deque()
        self._make = make
        self._n_most = n_most
        self._n_most_idle = n_most_idle
        self._open: set[ConnectionT] = set()
        self._idle: deque[ConnectionT] = deque()  # the one used last is at the right

    def borrow(self, waiter: _Waiter[ConnectionT]) -> list[ConnectionT]:
        """Fulfils a waiter, now or when a connection is given back.

        A waiter that is done by then, because somebody gave up on it, is passed over.

        Returns:
            Connections that are to be closed.
        """
        expired: list[ConnectionT] = []
        while self._idle:
            connection = self._idle.pop()
            if not connection.has_expired():
                waiter.set_result(connection)
                return expired
            self._open.discard(connection)
            expired.append(connection)
        self._waiters.append(waiter)
        self._serve_next()
        return expired

    def give_back(self, connection: ConnectionT) -> list[ConnectionT]:
        """Takes a connection back, whatever became of it; gives those that are to be closed."""
        if connection not in self._open:  # the pool was closed meanwhile
            return [connection]
        if connection.is_idle():
            if not self._wake(connection):
                self._idle.append(connection)
            return self._surplus()
        self._open.discard(connection)
        self._serve_next()
        return [connection]

    def close(self) -> list[ConnectionT]:
        """Forgets all connections; gives them to be closed."""
        connections = list(self._open)
        self._open.clear()
        self._idle.clear()
        return connections

    def _serve_next(self) -> None:
        """Makes a connection for whoever has waited longest, if one more is allowed."""
        if self._waiters and (self._n_most is None or len(self._open) < self._n_most):
            connection = self._make()
            if self._wake(connection):
                self._open.add(connection)

    def _wake(self, connection: ConnectionT) -> bool:
        """Gives a connection to whoever has waited longest, if anybody waits."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _surplus(self) -> list[ConnectionT]:
        """The idle connection unused for longest, if it is one too many or has expired."""
        is_surplus = self._n_most_idle is not None and len(self._idle) > self._n_most_idle
        if self._idle and (is_surplus or self._idle[0].has_expired()):
            connection = self._idle.popleft()
            self._open.discard(connection)
            return [connection]
        return []
