"""Clients shared by equal settings, closed when nobody needs them."""

from __future__ import annotations

import gc
import threading
from weakref import ref

import pytest
from pydantic import SecretStr

from cerebras_ext import _shared
from cerebras_ext._shared import SharedClients
from cerebras_ext.config import ClientConfig
from cerebras_ext.errors import ConfigError


class Client:
    """Stands for a client."""

    def __init__(self, config: ClientConfig) -> None:
        self.config = config


def config(number: int = 1) -> ClientConfig:
    """Settings; equal for equal numbers."""
    return ClientConfig(SecretStr(f"csk-test-{number}"))


@pytest.fixture
def shared() -> SharedClients[Client]:
    """No clients yet."""
    return SharedClients(Client)


def test_equal_settings_share_a_client(shared: SharedClients[Client]) -> None:
    """One client for each distinct configuration."""
    one, other, third = shared.lease(config()), shared.lease(config()), shared.lease(config(2))
    assert one.client is other.client
    assert one.client is not third.client


def test_settings_are_shared_as_resolved(
    shared: SharedClients[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that come to the same share a client, wherever they come from."""
    monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test-1")
    monkeypatch.setenv("CEREBRAS_BASE_URL", "https://api.cerebras.ai/v1")
    assert shared.lease(ClientConfig()).client is shared.lease(config()).client
    monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test-2")
    assert shared.lease(ClientConfig()).client is not shared.lease(config()).client


def test_settings_that_cannot_work_are_refused(
    shared: SharedClients[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes with the lease."""
    monkeypatch.delenv("CEREBRAS_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="no API key"):
        shared.lease(ClientConfig())


def test_last_lease_hands_the_client_over_to_be_closed(shared: SharedClients[Client]) -> None:
    """Only the last one to give back closes, and only once; then a new client is made."""
    one, other = shared.lease(config()), shared.lease(config())
    assert not one.give_back()
    assert not one.give_back()
    assert other.give_back()
    assert not other.give_back()
    assert shared.lease(config()).client is not one.client


def test_forgotten_lease_counts_no_more(shared: SharedClients[Client]) -> None:
    """A model object that was dropped without closing holds nothing."""
    one, forgotten = shared.lease(config()), shared.lease(config())
    del forgotten
    gc.collect()
    assert one.give_back()


def test_client_outlives_its_leases_for_the_next_one(shared: SharedClients[Client]) -> None:
    """An application that makes a model object per request finds the connections again."""
    first = ref(shared.lease(config()).client)
    gc.collect()
    assert shared.lease(config()).client is first()


def test_unused_clients_are_kept_up_to_a_number(
    shared: SharedClients[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The least recently leased goes first; leased ones stay whatever their number."""
    monkeypatch.setattr(_shared, "MAX_KEPT_CLIENTS", 2)
    held = shared.lease(config(0))
    clients = [ref(shared.lease(config(number)).client) for number in (1, 2)]
    again = shared.lease(config(1))
    del again
    clients.append(ref(shared.lease(config(3)).client))
    gc.collect()
    assert [client() is not None for client in clients] == [True, False, True]
    assert shared.lease(config(0)).client is held.client


def test_lease_of_an_earlier_client_ends_alone(shared: SharedClients[Client]) -> None:
    """Ending a claim on a client that is out of circulation leaves its successor alone."""
    old = shared.lease(config())
    assert old.give_back()
    new = shared.lease(config())
    assert not old.give_back()
    assert shared.lease(config()).client is new.client


def test_threads_get_one_client() -> None:
    """Any number of threads that ask at once share one client."""
    shared = SharedClients(Client)
    gate = threading.Barrier(16)
    leases = []

    def take() -> None:
        gate.wait()
        leases.append(shared.lease(config()))

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(lease.client) for lease in leases}) == 1
    assert [lease.give_back() for lease in leases].count(True) == 1
