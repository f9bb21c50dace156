"""Reliability contract §3.4: a finished stream gives its connection back, at once and usable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cerebras_ext.emulator.options import EmulatorOptions
from cerebras_ext.emulator.server import RunningEmulator, running_emulator
from tests.faults.callers import WAYS, Target, Way, calling
from tests.faults.scenes import ANSWER, SOUND_STEP
from tests.faults.sockets import client_sockets

if TYPE_CHECKING:
    from collections.abc import Iterator

N_STREAMS = 100
STREAMS = [way for way in WAYS if way.is_stream]


@pytest.fixture(scope="module", params=[True, False], ids=["done", "no-done"])
def service(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    """Emulators of both generations: with `[DONE]` at the end of streams, and without."""
    options = EmulatorOptions(tokens_per_delta=1, send_done=request.param)
    with running_emulator(options) as emulator:
        yield emulator


@pytest.mark.parametrize("way", STREAMS, ids=str)
def test_streams_in_a_row_use_one_connection(service: RunningEmulator, way: Way) -> None:
    """§3.4: 100 of them."""
    service.script({**SOUND_STEP, "times": N_STREAMS})
    port = int(service.root_url.rpartition(":")[2])
    used: set[int] = set()
    with calling(way, Target(service.base_url)) as caller:
        before = client_sockets(port)
        for _ in range(N_STREAMS):
            assert caller.ask() == ANSWER
            used |= client_sockets(port) - before
    assert len(used) <= 1


@pytest.mark.parametrize("way", STREAMS, ids=str)
def test_finish_does_not_wait_for_a_silent_server(emulator: RunningEmulator, way: Way) -> None:
    """§3.4: what follows the finish is waited for half a second, and then given up."""
    emulator.script({"deltas": SOUND_STEP["deltas"], "fault": "stall:last"}, SOUND_STEP)
    port = int(emulator.root_url.rpartition(":")[2])
    with calling(way, Target(emulator.base_url)) as caller:
        before = client_sockets(port)
        assert caller.ask() == ANSWER
        assert caller.soon(lambda: not client_sockets(port) - before)
        assert caller.ask() == ANSWER


@pytest.mark.parametrize("way", STREAMS, ids=str)
def test_finish_does_not_wait_for_an_endless_server(emulator: RunningEmulator, way: Way) -> None:
    """§3.4: what follows the finish is read up to 64 KiB, and then given up."""
    chunk = {"choices": [{"index": 0, "delta": {"content": ANSWER}, "finish_reason": "stop"}]}
    comments = [{"choices": [], "padding": "x" * 1_000}] * 2_000
    emulator.script({"chunks": [chunk, *comments]}, SOUND_STEP)
    port = int(emulator.root_url.rpartition(":")[2])
    with calling(way, Target(emulator.base_url)) as caller:
        before = client_sockets(port)
        assert caller.ask() == ANSWER
        assert caller.soon(lambda: not client_sockets(port) - before)
