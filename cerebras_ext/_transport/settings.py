"""What both pools are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import httpcore

__all__ = ["PoolSettings", "timeouts_of"]


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """A pool's connections, all to one server.

    Attributes:
        core: The module `httpcore` or `httpcore2`.
        base_url: Address of the server.
        ssl_context: For `https`.
        max_connections: Most at once; None for no limit.
        max_keepalive_connections: Most idle ones kept; None for no limit.
        keepalive_expiry_s: How long an idle one is kept; None for ever.
    """

    core: Any
    base_url: str
    ssl_context: ssl.SSLContext
    max_connections: int | None
    max_keepalive_connections: int | None
    keepalive_expiry_s: float | None

    def connection_options(self) -> dict[str, Any]:
        """Arguments of httpcore's connection classes."""
        return {
            "origin": self.core.URL(self.base_url).origin,
            "ssl_context": self.ssl_context,
            "keepalive_expiry": self.keepalive_expiry_s,
        }


def timeouts_of(request: httpcore.Request) -> Mapping[str, float | None]:
    """A request's limits: httpx's four in seconds, and `deadline` on the clock `time.monotonic`."""
    whole: Any = request
    limits: Mapping[str, float | None] = whole.extensions.get("timeout", {})
    return limits
