"""The requests an emulator received, for tests to look at."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RecordedRequest", "Recorder"]

# A server that runs for days must not grow without end.
_MOST_REQUESTS = 10_000
_MOST_BYTES = 256 * 1024 * 1024

_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request as it arrived, without its key.

    Attributes:
        method: `GET` or `POST`.
        path: Path with the query string, if any.
        headers: Lower-case names; those that carry secrets are left out.
        body: The decoded JSON (or msgpack) value; `None` without a body or when it is unreadable.
        raw: The bytes of the body, as sent.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    raw: bytes


class Recorder:
    """Keeps requests in the order they arrived; safe to read from another thread.

    Beyond 10,000 requests or 256 MiB of bodies the oldest are dropped.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sized: deque[tuple[RecordedRequest, int]] = deque()
        self._n_bytes = 0

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """What was recorded so far, oldest first."""
        with self._lock:
            return tuple(request for request, _ in self._sized)

    def record(self, request: RecordedRequest, *, n_bytes: int) -> None:
        """Adds one request that holds so much."""
        with self._lock:
            self._sized.append((request, n_bytes))
            self._n_bytes += n_bytes
            while len(self._sized) > _MOST_REQUESTS or self._n_bytes > _MOST_BYTES:
                self._n_bytes -= self._sized.popleft()[1]

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._sized.clear()
            self._n_bytes = 0


def public_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without those that carry secrets."""
    return {name: value for name, value in headers.items() if name not in _SECRET_HEADERS}
