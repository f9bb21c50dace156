"""Reliability contract §5: calls leave nothing behind, not even for the garbage collector."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.faults.callers import WAYS, Target, Way, calling
from tests.faults.scenes import ANSWER, SOUND_STEP

if TYPE_CHECKING:
    from collections.abc import Generator

    from cerebras_ext.emulator.server import RunningEmulator

OURS = ("cerebras_ext", "httpx", "langchain_cerebras_ext", "llama_index_cerebras_ext")


@contextmanager
def garbage() -> Generator[list[object]]:
    """Everything that a block leaves in cycles, once it is over."""
    found: list[object] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_calls_leave_no_cycles(emulator: RunningEmulator, way: Way) -> None:
    """What a call needed is freed with its last reference: replies, bodies, streams."""
    emulator.script({**SOUND_STEP, "times": 4})
    with calling(way, Target(emulator.base_url)) as caller:
        caller.ask()  # the first one makes what stays
        with garbage() as found:
            for _ in range(3):
                assert caller.ask() == ANSWER
    assert not [kind for kind in {type(each) for each in found} if kind.__module__.startswith(OURS)]
