"""Fixtures of the emulator's tests: one emulator for all, and a plain HTTP client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cerebras_ext.emulator.fixtures import cerebras_emulator
from tests.emulator.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from cerebras_ext.emulator import RunningEmulator

__all__ = ["cerebras_emulator", "http"]


@pytest.fixture
def http(cerebras_emulator: RunningEmulator) -> Iterator[httpx.Client]:
    """A plain client of the emulator, with a key."""
    with client_of(cerebras_emulator) as client:
        yield client
