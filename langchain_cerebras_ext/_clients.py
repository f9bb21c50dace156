"""Clients shared by model objects: one for each distinct configuration in recent use.

Applications make a model object per request, often with a key of their user; connections outlive
the object, and the number of kept clients is bounded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cerebras_ext.aclient import shared_async_clients
from cerebras_ext.client import shared_clients

if TYPE_CHECKING:
    from cerebras_ext._shared import ClientLease
    from cerebras_ext.aclient import AsyncCerebrasClient
    from cerebras_ext.client import CerebrasClient
    from cerebras_ext.config import ClientConfig

__all__ = ["MAX_KEPT_CLIENTS", "forget_clients", "shared_async_client", "shared_client"]

MAX_KEPT_CLIENTS = 64
"""Distinct configurations whose connections are kept open; the least recently used goes first."""


@lru_cache(maxsize=MAX_KEPT_CLIENTS)
def _lease(config: ClientConfig) -> ClientLease[CerebrasClient]:
    return shared_clients.lease(config)


@lru_cache(maxsize=MAX_KEPT_CLIENTS)
def _async_lease(config: ClientConfig) -> ClientLease[AsyncCerebrasClient]:
    return shared_async_clients.lease(config)


def shared_client(config: ClientConfig) -> CerebrasClient:
    """The sync client of everyone with this configuration."""
    return _lease(config).client


def shared_async_client(config: ClientConfig) -> AsyncCerebrasClient:
    """The async client of everyone with this configuration."""
    return _async_lease(config).client


def forget_clients() -> None:
    """Lets go of all kept clients; for tests."""
    _lease.cache_clear()
    _async_lease.cache_clear()
