"""A reply as the steps that put it on the wire.

Whole bodies and streams, paced and broken ones: all are an `Outgoing`, so there is one writer.
Pacing and faults are functions from one `Outgoing` to another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
    steps: tuple[Step, ...]

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The steps that send something."""
        return tuple(step for step in self.steps if isinstance(step, Frame))

    @property
    def data(self) -> bytes:
        """The whole body."""
        return b"".join(frame.data for frame in self.frames)

    @property
    def is_stream(self) -> bool:
        """Whether the body is a stream of events."""
        return dict(self.headers).get("content-type", "").startswith("text/event-stream")

    def with_headers(self, headers: Mapping[str, str]) -> Outgoing:
        """The same reply with these headers added, in place of earlier ones of their names."""
        return replace(self, headers=tuple({**dict(self.headers), **headers}.items()))


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
