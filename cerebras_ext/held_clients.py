"""The clients behind one framework object: shared where settings are equal, made when needed.

The clients' modules are imported when the first client is: importing an adapter needs none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from cerebras_ext._locks import new_lock

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext._shared import ClientLease, SharedClients
    from cerebras_ext.aclient import AsyncCerebrasClient
    from cerebras_ext.client import CerebrasClient
    from cerebras_ext.config import ClientConfig

__all__ = ["HeldClients"]

Client = TypeVar("Client")


class _Held(NamedTuple, Generic[Client]):
    config: ClientConfig
    http_client: Any
    client: Client
    lease: ClientLease[Client] | None  # None for a client that nobody shares


def _differs(config: ClientConfig, other: ClientConfig) -> bool:
    return config is not other and config != other


class _Holder(Generic[Client]):
    """Holds one client for as long as the settings stay the same."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._held: _Held[Client] | None = None

    def client(
        self,
        config: ClientConfig,
        http_client: Any,
        make: Callable[..., Client],
        shared: SharedClients[Client],
    ) -> Client:
        with self._lock:
            held = self._held
            if held is None or held.http_client is not http_client or _differs(held.config, config):
                if http_client is None:
                    lease = shared.lease(config)
                    held = _Held(config, None, lease.client, lease)
                else:
                    own = make(config, http_client=http_client)
                    held = _Held(config, http_client, own, None)
                self._held = held
            return held.client

    def let_go(self) -> Client | None:
        """Forgets the client; gives it back to be closed when nobody else needs it."""
        with self._lock:
            held, self._held = self._held, None
        if held is None or (held.lease is not None and not held.lease.give_back()):
            return None
        return held.client


class HeldClients:
    """A sync and an async client, made anew when the settings have changed or after a close."""

    def __init__(self) -> None:
        """Holds nothing yet."""
        self._sync: _Holder[CerebrasClient] = _Holder()
        self._async: _Holder[AsyncCerebrasClient] = _Holder()
        self._made: tuple[tuple[Any, ...], ClientConfig] | None = None

    def config(self, given: tuple[Any, ...], make: Callable[[], ClientConfig]) -> ClientConfig:
        """The settings that `make` makes of these values; the last ones while no value differs.

        Making and checking them takes longer than a look at the values. A dict that was changed in
        place differs.
        """
        if self._made is None or self._made[0] != given:
            copies = tuple(dict(value) if hasattr(value, "items") else value for value in given)
            self._made = copies, make()
        return self._made[1]

    def sync_client(self, config: ClientConfig, http_client: Any = None) -> CerebrasClient:
        """The sync client for these settings; a given HTTP client is used, and never closed."""
        from cerebras_ext.client import CerebrasClient, shared_clients

        return self._sync.client(config, http_client, CerebrasClient, shared_clients)

    def async_client(self, config: ClientConfig, http_client: Any = None) -> AsyncCerebrasClient:
        """The async client for these settings; a given HTTP client is used, and never closed."""
        from cerebras_ext.aclient import AsyncCerebrasClient, shared_async_clients

        return self._async.client(config, http_client, AsyncCerebrasClient, shared_async_clients)

    def close(self) -> None:
        """Gives the sync client up; its connections close when nobody else uses them."""
        client = self._sync.let_go()
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Gives the async client up; its connections close when nobody else uses them."""
        client = self._async.let_go()
        if client is not None:
            await client.aclose()
