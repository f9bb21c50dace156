"""Where the pools of this package go: under a client's own transport, in place of the stock pool.

The attributes that hold a client's transport and a transport's pool are private ones of httpx. So
a pool is placed only where exactly the expected stock pool is found; where a new release keeps it
elsewhere, the client stays as it is. Transports for proxies, from an argument or the environment,
are others, and stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cerebras_ext._transport.apool import AsyncPool
from cerebras_ext._transport.pool import Pool
from cerebras_ext._transport.settings import PoolSettings

if TYPE_CHECKING:
    import ssl

    from cerebras_ext.config import ClientConfig

__all__ = ["place_pool"]


def place_pool(client: Any, config: ClientConfig, ssl_context: ssl.SSLContext) -> bool:
    """Gives a client a pool of ours.

    Args:
        client: A client of `httpx` or `httpx2`, sync or async.
        config: Its resolved settings.
        ssl_context: What it verifies certificates with.

    Returns:
        Whether it has one now.
    """
    transport = getattr(client, "_transport", None)
    pool: Any = getattr(transport, "_pool", None)
    stock: Any = pool.__class__
    library = __import__(stock.__module__.partition(".")[0])
    pools = {
        getattr(library, "ConnectionPool", None): Pool,
        getattr(library, "AsyncConnectionPool", None): AsyncPool,
    }
    own = pools.get(stock)
    if transport is None or own is None:
        return False
    transport._pool = own(
        PoolSettings(
            core=library,
            base_url=config.base_url or "",
            ssl_context=ssl_context,
            max_connections=config.max_connections,
            max_keepalive_connections=config.max_keepalive_connections,
            keepalive_expiry_s=config.keepalive_expiry_s,
        )
    )
    return True
