"""Reliability contract §5: calls leave nothing behind, not even for the garbage collector."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.faults.callers import WAYS, Way
from tests.faults.workers import garbage_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.emulator.server import RunningEmulator

pytestmark = pytest.mark.timeout(60)  # a new process imports both frameworks


@pytest.fixture(scope="module")
def alone() -> Iterator[ProcessPoolExecutor]:
    """A process in which nothing happens but the calls."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_calls_leave_no_cycles(
    emulator: RunningEmulator, alone: ProcessPoolExecutor, way: Way
) -> None:
    """What a call needed is freed with its last reference: replies, bodies, streams."""
    assert alone.submit(garbage_of, emulator.base_url, way).result() == []
