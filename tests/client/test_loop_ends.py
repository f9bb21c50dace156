"""Connections close with their event loop, however it ends; nothing is left to the collector.

Warnings are errors here, those of the collector included: a socket left open fails the test.
"""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from cerebras_ext import _loops
from cerebras_ext._loops import closed_with_loop
from cerebras_ext.aclient import AsyncCerebrasClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.emulator import RunningEmulator

KEY = "csk-test-1"


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """What a test leaves behind is found in that test."""
    yield
    gc.collect()


class Closable:
    """Counts how often it was closed."""

    def __init__(self) -> None:
        self.n_closed = 0

    async def aclose(self) -> None:
        self.n_closed += 1


async def guarded(thing: Closable) -> object:
    return closed_with_loop(thing.aclose)


def ask(client: AsyncCerebrasClient, loop: asyncio.AbstractEventLoop) -> None:
    question = client.chat(model="gpt-oss-120b", messages=[{"role": "user", "content": "Hi"}])
    assert loop.run_until_complete(question).choices


def test_a_loop_that_is_closed_at_once_leaves_no_socket(emulator: RunningEmulator) -> None:
    """LI-60: as LlamaIndex closes the loops of its helper threads."""
    client = AsyncCerebrasClient(api_key=KEY, base_url=emulator.base_url)
    for _ in range(2):
        loop = asyncio.new_event_loop()
        ask(client, loop)
        loop.close()


def test_several_clients_close_with_one_loop(emulator: RunningEmulator) -> None:
    """LI-60: each of those that are still in use."""
    loop = asyncio.new_event_loop()
    clients = [AsyncCerebrasClient(api_key=KEY, base_url=emulator.base_url) for _ in range(3)]
    for client in clients:
        ask(client, loop)
    loop.close()
    assert loop.is_closed()


def test_a_loop_that_is_shut_down_closes_things_once() -> None:
    """As `asyncio.run` does it; closing the loop then finds nothing to do."""
    thing = Closable()
    guards: list[object] = []

    async def main() -> None:
        guards.append(closed_with_loop(thing.aclose))

    asyncio.run(main())
    assert thing.n_closed == 1


def test_a_loop_is_covered_once() -> None:
    """However many clients come and go on it."""
    loop = asyncio.new_event_loop()
    things = [Closable() for _ in range(3)]
    guards = [loop.run_until_complete(guarded(things[0]))]
    close = loop.close
    guards += [loop.run_until_complete(guarded(thing)) for thing in things[1:]]
    assert loop.close is close
    loop.close()
    assert [thing.n_closed for thing in things] == [1, 1, 1]
    loop.close()
    assert [thing.n_closed for thing in things] == [1, 1, 1]


def test_a_running_loop_still_refuses_to_be_closed() -> None:
    """As it always does; and it closes its things later."""
    thing = Closable()

    async def main() -> object:
        guard = closed_with_loop(thing.aclose)
        with pytest.raises(RuntimeError, match="running event loop"):
            asyncio.get_running_loop().close()
        return guard

    loop = asyncio.new_event_loop()
    guard = loop.run_until_complete(main())
    assert thing.n_closed == 0
    loop.close()
    assert (thing.n_closed, guard is None) == (1, False)


async def test_a_loop_closed_from_within_another_is_closed_alone() -> None:
    """No second loop can run in a thread; its things are left as they are."""
    thing = Closable()
    other = asyncio.new_event_loop()
    with ThreadPoolExecutor(1) as pool:
        guard = await asyncio.wrap_future(pool.submit(other.run_until_complete, guarded(thing)))
    other.close()
    assert other.is_closed()
    assert (thing.n_closed, guard is None) == (0, False)


def test_a_failure_to_close_something_does_not_keep_the_loop_open() -> None:
    """The error comes through all the same."""

    async def fail() -> None:
        raise OSError("no")

    async def main() -> object:
        return closed_with_loop(fail)

    loop = asyncio.new_event_loop()
    guard = loop.run_until_complete(main())
    with pytest.raises(OSError, match="no"):
        loop.close()
    assert loop.is_closed()
    assert guard is not None


def test_loops_that_take_no_attributes_are_left_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such a loop closes things when it is shut down, and only then."""

    class Bare(asyncio.SelectorEventLoop):
        def __setattr__(self, name: str, value: object) -> None:
            if name == "close":
                raise AttributeError(name)
            super().__setattr__(name, value)

    thing = Closable()
    loop = Bare()
    guard = loop.run_until_complete(guarded(thing))
    assert not isinstance(loop.close, _loops._GuardsFirst)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    assert (thing.n_closed, guard is None) == (1, False)
