"""The clients behind one model: shared with models of equal settings, made at the first call."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cerebras_ext.aclient import AsyncCerebrasClient, shared_async_clients
from cerebras_ext.client import CerebrasClient, shared_clients

if TYPE_CHECKING:
    from cerebras_ext._shared import ClientLease
    from cerebras_ext.config import ClientConfig

__all__ = ["Clients"]

Client = TypeVar("Client")


@dataclass(frozen=True, slots=True)
class _Held(Generic[Client]):
    """A client with what it was made for; `lease` is None for one that nobody shares."""

    config: ClientConfig
    http_client: Any
    client: Client
    lease: ClientLease[Client] | None

    def serves(self, config: ClientConfig, http_client: Any) -> bool:
        return self.http_client is http_client and self.config == config

    def let_go(self) -> bool:
        """Whether the client is to be closed, because nobody else needs it."""
        return self.lease is None or self.lease.give_back()


class Clients:
    """A sync and an async client, made anew when the settings have changed or after a close."""

    def __init__(self) -> None:
        """Holds nothing yet."""
        self._lock = threading.Lock()
        self._sync: _Held[CerebrasClient] | None = None
        self._async: _Held[AsyncCerebrasClient] | None = None

    def sync_client(self, config: ClientConfig, http_client: Any = None) -> CerebrasClient:
        """The sync client for these settings; a given HTTP client is used, and never closed."""
        with self._lock:
            held = self._sync
            if held is None or not held.serves(config, http_client):
                if http_client is None:
                    lease = shared_clients.lease(config)
                    held = _Held(config, None, lease.client, lease)
                else:
                    own = CerebrasClient(config, http_client=http_client)
                    held = _Held(config, http_client, own, None)
                self._sync = held
            return held.client

    def async_client(self, config: ClientConfig, http_client: Any = None) -> AsyncCerebrasClient:
        """The async client for these settings; a given HTTP client is used, and never closed."""
        with self._lock:
            held = self._async
            if held is None or not held.serves(config, http_client):
                if http_client is None:
                    lease = shared_async_clients.lease(config)
                    held = _Held(config, None, lease.client, lease)
                else:
                    own = AsyncCerebrasClient(config, http_client=http_client)
                    held = _Held(config, http_client, own, None)
                self._async = held
            return held.client

    def close(self) -> None:
        """Gives the sync client up; its connections close when no other model uses them."""
        with self._lock:
            held, self._sync = self._sync, None
        if held is not None and held.let_go():
            held.client.close()

    async def aclose(self) -> None:
        """Gives the async client up; its connections close when no other model uses them."""
        with self._lock:
            held, self._async = self._async, None
        if held is not None and held.let_go():
            await held.client.aclose()
