"""Which of a host's addresses is connected to, and that nothing is left of the others."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from cerebras_ext._transport import racing
from cerebras_ext._transport.racing import addresses_of, first_connected

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once


class Net:
    """Addresses that answer, fail or stay silent, as told.

    Attributes:
        tried: Addresses in the order they were tried.
        open: Connections that were made and not ended.
    """

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.open: set[str] = set()
        self.answers: dict[str, asyncio.Event] = {}

    async def connect(self, address: str) -> str:
        self.tried.append(address)
        if address.startswith("bad"):
            raise OSError(f"{address} refused")
        if address.startswith("odd"):
            raise RuntimeError(address)
        if address.startswith("slow"):
            await self.answers.setdefault(address, asyncio.Event()).wait()
        self.open.add(address)
        return address

    def abort(self, address: str) -> None:
        self.open.remove(address)


@pytest.fixture(autouse=True)
def _hurry() -> Iterator[None]:
    """The next address is tried in the loop's next round."""
    with patch.object(racing, "NEXT_ADDRESS_AFTER_S", 0):
        yield


async def rounds() -> None:
    """Lets everything that is ready happen."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("addresses", "winner", "tried"),
    [
        (["a"], "a", ["a"]),
        (["a", "b"], "a", ["a"]),
        (["bad1", "b"], "b", ["bad1", "b"]),
        (["slow1", "b", "c"], "b", ["slow1", "b"]),
        (["slow1", "bad2", "c"], "c", ["slow1", "bad2", "c"]),
    ],
)
async def test_the_first_address_that_answers_wins(
    addresses: list[str], winner: str, tried: list[str]
) -> None:
    """In order, without waiting for silent ones; only the winner stays open."""
    net = Net()
    assert await first_connected(addresses, net.connect, net.abort) == winner
    await rounds()
    assert net.tried == tried
    assert net.open == {winner}


async def test_all_failures_are_told() -> None:
    """When no address answers."""
    net = Net()
    with pytest.raises(OSError, match="bad1 refused; bad2 refused"):
        await first_connected(["bad1", "bad2"], net.connect, net.abort)


async def test_other_errors_are_not_held_back() -> None:
    """What is no failure to connect is a fault of ours."""
    net = Net()
    with pytest.raises(RuntimeError, match="odd"):
        await first_connected(["slow1", "odd2", "c"], net.connect, net.abort)


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_cancelled_race_leaves_nothing_open(is_late: bool) -> None:
    """Even if an address answers in the moment of the cancellation."""
    net = Net()
    race = asyncio.create_task(first_connected(["slow1", "slow2"], net.connect, net.abort))
    await rounds()
    if is_late:
        net.answers["slow1"].set()
        net.answers["slow2"].set()
        while not net.open:  # noqa: ASYNC110 - the race has not seen it yet
            await asyncio.sleep(0)
    race.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race
    await rounds()
    assert not net.open


async def test_two_answers_at_once_leave_one_connection() -> None:
    """The other one is ended."""
    net = Net()
    race = asyncio.create_task(first_connected(["slow1", "slow2"], net.connect, net.abort))
    await rounds()
    net.answers["slow1"].set()
    net.answers["slow2"].set()
    winner = await race
    await rounds()
    assert net.open == {winner}


async def test_address_families_take_turns() -> None:
    """RFC 8305: the resolver's order within a family, the families alternating."""
    found = [
        (socket.AF_INET6, 0, 0, "", ("::1", 1, 0, 0)),
        (socket.AF_INET6, 0, 0, "", ("::2", 1, 0, 0)),
        (socket.AF_INET6, 0, 0, "", ("::2", 1, 0, 0)),
        (socket.AF_INET, 0, 0, "", ("127.0.0.1", 1)),
    ]

    async def resolve(*_: object, **__: object) -> list[object]:
        return list(found)

    with patch.object(asyncio.get_running_loop(), "getaddrinfo", resolve):
        assert await addresses_of("a", 1) == ["::1", "127.0.0.1", "::2"]
