"""The requests an emulator received, for tests to look at."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RecordedRequest", "Recorder"]

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
    """Keeps requests in the order they arrived; safe to read from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[RecordedRequest] = []

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """What was recorded so far, oldest first."""
        with self._lock:
            return tuple(self._requests)

    def record(self, request: RecordedRequest) -> None:
        """Adds one request."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._requests.clear()


def public_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without those that carry secrets."""
    return {name: value for name, value in headers.items() if name not in _SECRET_HEADERS}
