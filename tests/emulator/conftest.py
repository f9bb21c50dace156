"""Fixtures of the emulator's tests: one emulator for all, and a plain HTTP client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from cerebras_ext.emulator.fixtures import cerebras_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.emulator import RunningEmulator

__all__ = ["cerebras_emulator", "http"]


@pytest.fixture
def http(cerebras_emulator: RunningEmulator) -> Iterator[httpx.Client]:
    """A plain client of the emulator, with a key."""
    headers = {"authorization": "Bearer csk-test"}
    with httpx.Client(base_url=cerebras_emulator.base_url, headers=headers, timeout=10) as client:
        yield client
