"""A reply as the steps that put it on the wire.

Whole bodies and streams, paced and broken ones: all are an `Outgoing`, so there is one writer.
Pacing and faults are functions from one `Outgoing` to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

__all__ = ["Drop", "Frame", "Outgoing", "Pace", "Stall", "Step", "Wait", "paced"]


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes written in one piece, and how many tokens they stand for."""

    data: bytes
    n_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is sent for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing is ever sent again; the connection stays open until the client leaves."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is closed although the body is not complete."""


Step: TypeAlias = Frame | Wait | Stall | Drop


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Status, headers (lower-case names) and the steps of the body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    steps: Sequence[Step]

    def with_headers(self, **changed: str | None) -> Outgoing:
        """The same reply with headers replaced, added, or removed (`None`).

        Keywords are header names with `_` for `-`.
        """
        names = {name.replace("_", "-"): value for name, value in changed.items()}
        kept = tuple(pair for pair in self.headers if pair[0] not in names)
        added = tuple((name, value) for name, value in names.items() if value is not None)
        return replace(self, headers=kept + added)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast tokens leave: `None` is as fast as the machine can."""

    tokens_per_s: float | None = None
    first_token_s: float = 0.0


def paced(outgoing: Outgoing, pace: Pace) -> Outgoing:
    """The same reply, its frames spread over time.

    The first frame waits for `first_token_s`; a frame of n tokens takes n / `tokens_per_s`.
    """
    if pace.tokens_per_s is None and not pace.first_token_s:
        return outgoing
    return replace(outgoing, steps=tuple(_spread(outgoing.steps, pace)))


def _spread(steps: Iterable[Step], pace: Pace) -> Iterator[Step]:
    if pace.first_token_s:
        yield Wait(pace.first_token_s)
    for step in steps:
        if pace.tokens_per_s is not None and isinstance(step, Frame) and step.n_tokens:
            yield Wait(step.n_tokens / pace.tokens_per_s)
        yield step
