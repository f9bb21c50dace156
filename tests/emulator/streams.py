"""Reading what the emulator sends, without the client under test elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["choices_of", "deltas_of", "events_of", "said_in"]


def events_of(text: str) -> list[Any]:
    """The JSON of each event; `[DONE]` as that text."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def choices_of(events: Iterable[Any]) -> list[dict[str, Any]]:
    """The first choice of each chunk."""
    return [event["choices"][0] for event in events if event != "[DONE]"]


def deltas_of(text: str) -> list[dict[str, Any]]:
    """The delta of each chunk."""
    return [choice["delta"] for choice in choices_of(events_of(text))]


def said_in(text: str, part: str = "content") -> str:
    """Everything that the deltas of a stream say in one key."""
    return "".join(delta.get(part, "") for delta in deltas_of(text))
