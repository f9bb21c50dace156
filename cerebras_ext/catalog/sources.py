"""Where facts come from. A fact about a model counts only with its source and date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

__all__ = ["Basis", "FactGroup", "Source", "assumed", "documented", "observed"]

Basis = Literal["documented", "observed", "assumed"]

FactGroup = Literal[
    "endpoints", "images", "limits", "prediction", "price", "reasoning", "speed", "status", "tools"
]
"""What a source speaks of. Structured outputs count as `tools`: both rest on strict schemas."""

_LAST_FULL_READING = date(2026, 10, 1)


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts come from, when they held there, and how sure we are."""

    facts: tuple[FactGroup, ...]
    where: str
    as_of: date
    """The day of the copy, the recording or the report; failing that, of our reading."""
    basis: Basis


def documented(page: str, *facts: FactGroup, on: date = _LAST_FULL_READING) -> Source:
    """Facts that a page of the official documentation states."""
    return Source(facts, f"https://inference-docs.cerebras.ai{page}", on, "documented")


def observed(where: str, *facts: FactGroup, on: date) -> Source:
    """Facts that recorded traffic or a public report shows."""
    return Source(facts, where, on, "observed")


def assumed(why: str, *facts: FactGroup, on: date = _LAST_FULL_READING) -> Source:
    """Facts that nobody has stated, with the reason for choosing them."""
    return Source(facts, why, on, "assumed")
