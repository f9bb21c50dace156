"""A plain HTTP client of an emulator, with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator

__all__ = ["CHAT", "KEY", "client_of"]

CHAT = "/chat/completions"
KEY = {"authorization": "Bearer csk-test"}


def client_of(emulator: RunningEmulator) -> httpx.Client:
    """A client that the caller closes."""
    return httpx.Client(base_url=emulator.base_url, headers=KEY, timeout=10)
