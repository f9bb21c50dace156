"""Who gets which connection; pure, with connections and waiters that are only told apart."""

from __future__ import annotations

import ssl
from concurrent.futures import Future
from importlib import import_module
from itertools import count

import pytest

from cerebras_ext._http import http_library
from cerebras_ext._transport.lending import Lender
from cerebras_ext._transport.pool import Pool
from cerebras_ext._transport.settings import PoolSettings


class FakeConnection:
    """A connection in a state that the test sets."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.idle = True
        self.expired = False

    def is_idle(self) -> bool:
        return self.idle

    def has_expired(self) -> bool:
        return self.expired


Waiter = Future[FakeConnection]


def new_lender(
    *, n_most: int | None = None, n_most_idle: int | None = None
) -> Lender[FakeConnection]:
    """A lender whose connections are numbered in the order they are made."""
    numbers = count(1)
    return Lender(lambda: FakeConnection(next(numbers)), n_most=n_most, n_most_idle=n_most_idle)


def borrowed(lender: Lender[FakeConnection]) -> FakeConnection:
    """A connection that is there at once."""
    waiter = Waiter()
    assert lender.borrow(waiter) == []
    return waiter.result(timeout=0)


def queued(lender: Lender[FakeConnection]) -> Waiter:
    """A waiter for whom there is no connection yet."""
    waiter = Waiter()
    lender.borrow(waiter)
    assert not waiter.done()
    return waiter


def test_the_connection_used_last_is_lent_first() -> None:
    """So that the others can expire when there is less to do."""
    lender = new_lender()
    first, second = borrowed(lender), borrowed(lender)
    lender.give_back(second)
    lender.give_back(first)
    assert borrowed(lender) is first
    assert borrowed(lender) is second
    assert borrowed(lender).number == 3


def test_there_are_never_more_than_allowed() -> None:
    """Who comes after the last one waits."""
    lender = new_lender(n_most=2)
    borrowed(lender), borrowed(lender)
    queued(lender)


def test_waiters_are_served_in_the_order_they_came() -> None:
    """Each with the connection that is given back next."""
    lender = new_lender(n_most=1)
    connection = borrowed(lender)
    first, second = queued(lender), queued(lender)
    lender.give_back(connection)
    assert first.result(timeout=0) is connection
    assert not second.done()
    lender.give_back(connection)
    assert second.result(timeout=0) is connection


def test_who_gave_up_is_passed_over() -> None:
    """A connection is never given to somebody who does not wait any more."""
    lender = new_lender(n_most=1)
    connection = borrowed(lender)
    first, second = queued(lender), queued(lender)
    first.cancel()
    lender.give_back(connection)
    assert second.result(timeout=0) is connection


@pytest.mark.parametrize("gives_up", [False, True])
def test_a_broken_connection_makes_room_for_a_new_one(gives_up: bool) -> None:
    """The waiter gets the new one; without a waiter none is made."""
    lender = new_lender(n_most=1)
    connection = borrowed(lender)
    waiter = queued(lender)
    if gives_up:
        waiter.cancel()
    connection.idle = False
    assert lender.give_back(connection) == [connection]
    if not gives_up:
        assert waiter.result(timeout=0).number == 2
    else:
        assert borrowed(lender).idle


def test_expired_connections_are_closed_and_not_lent() -> None:
    """They make room, too."""
    lender = new_lender(n_most=2)
    first, second = borrowed(lender), borrowed(lender)
    lender.give_back(first)
    lender.give_back(second)
    first.expired = second.expired = True
    waiter = Waiter()
    assert lender.borrow(waiter) == [second, first]
    assert waiter.result(timeout=0).number == 3


def test_the_connection_unused_for_longest_is_closed_when_it_expires() -> None:
    """Although it may never be its turn to be lent."""
    lender = new_lender()
    first, second = borrowed(lender), borrowed(lender)
    assert lender.give_back(first) == []
    first.expired = True
    assert lender.give_back(second) == [first]


def test_the_connection_unused_for_longest_goes_when_there_are_too_many() -> None:
    """Idle connections beyond the limit are closed."""
    lender = new_lender(n_most_idle=1)
    first, second = borrowed(lender), borrowed(lender)
    assert lender.give_back(first) == []
    assert lender.give_back(second) == [first]
    assert borrowed(lender) is second


def test_closing_forgets_idle_and_lent_connections() -> None:
    """All are to be closed, and what is given back later is too."""
    lender = new_lender()
    lent, idle = borrowed(lender), borrowed(lender)
    lender.give_back(idle)
    assert set(lender.close()) == {lent, idle}
    assert lender.give_back(lent) == [lent]
    assert borrowed(lender).number == 3


def test_a_pool_takes_connections_back_while_it_lends() -> None:
    """A forgotten stream is closed by the collector, wherever that runs: inside the lock, too."""
    http = http_library()
    core = import_module(http.__name__.replace("httpx", "httpcore"))
    settings = PoolSettings(core, "http://localhost:1", ssl.create_default_context(), 1, 1, None)
    pool = Pool(settings)
    connection = pool._borrow(0)
    with pool._lock:
        pool.give_back(connection)
    assert pool._borrow(0) is not None
