"""Clients shared by everyone with equal settings, closed when nobody needs them any more.

Applications make a framework's model object per request, often with a key of their user: each must
find the connections of the last one, so the most recent clients are kept although nobody holds
them.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakSet, WeakValueDictionary

from cerebras_ext._locks import new_lock

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.config import ClientConfig

__all__ = ["MAX_KEPT_CLIENTS", "ClientLease", "SharedClients"]

MAX_KEPT_CLIENTS = 64
"""How many clients that nobody may hold are kept; the least recently leased goes first."""

ClientT = TypeVar("ClientT")


class _Shared(Generic[ClientT]):
    __slots__ = ("__weakref__", "client", "leases")

    def __init__(self, client: ClientT) -> None:
        self.client = client
        self.leases: WeakSet[ClientLease[ClientT]] = WeakSet()


class ClientLease(Generic[ClientT]):
    """A claim on a shared client; ends when it is given back or forgotten.

    Attributes:
        client: The client to use.
    """

    __slots__ = ("__weakref__", "_owner", "_shared", "client")

    def __init__(self, owner: SharedClients[ClientT], shared: _Shared[ClientT]) -> None:
        """Claims a client."""
        self.client = shared.client
        self._owner = owner
        self._shared = shared
        shared.leases.add(self)

    def give_back(self) -> bool:
        """Ends the claim; True when it was the last and the client is the caller's to close."""
        return self._owner.end(self, self._shared)


class SharedClients(Generic[ClientT]):
    """One client for each distinct configuration that is leased, or was among the last to be."""

    def __init__(self, make: Callable[[ClientConfig], ClientT]) -> None:
        """Shares the clients that `make` makes."""
        self._make = make
        self._lock = new_lock()
        self._shared: WeakValueDictionary[ClientConfig, _Shared[ClientT]] = WeakValueDictionary()
        self._recent: OrderedDict[ClientConfig, _Shared[ClientT]] = OrderedDict()

    def lease(self, config: ClientConfig) -> ClientLease[ClientT]:
        """A claim on the client for this configuration.

        Raises:
            ConfigError: The configuration cannot work.
        """
        resolved = config.resolved()
        with self._lock:
            shared = self._shared.get(resolved)
            if shared is None:
                shared = self._shared[resolved] = _Shared(self._make(resolved))
            self._recent[resolved] = shared
            self._recent.move_to_end(resolved)
            if len(self._recent) > MAX_KEPT_CLIENTS:
                self._recent.popitem(last=False)
            return ClientLease(self, shared)

    def end(self, lease: ClientLease[ClientT], shared: _Shared[ClientT]) -> bool:
        """Ends a claim; True when it was the last, which takes the client out of circulation."""
        with self._lock:
            was_held = lease in shared.leases
            shared.leases.discard(lease)
            is_last = was_held and not shared.leases
            if is_last:
                for config in [key for key, value in self._shared.items() if value is shared]:
                    del self._shared[config]
                    self._recent.pop(config, None)
            return is_last
