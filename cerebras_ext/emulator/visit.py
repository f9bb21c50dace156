"""One request while it is being answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cerebras_ext.emulator.arrival import Arrival

__all__ = ["Visit"]


@dataclass(frozen=True, slots=True)
class Visit:
    """What arrived, when, and what is to be done once the reply has ended.

    Attributes:
        arrival: The request.
        seed: From which identifiers follow.
        now: When it arrived, in seconds since the epoch.
        afterwards: Called when the reply has been sent or given up.
    """

    arrival: Arrival
    seed: bytes
    now: float
    afterwards: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
