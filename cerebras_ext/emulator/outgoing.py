"""A reply as the steps that put it on the wire.

Whole bodies and streams, paced and broken ones: all are an `Outgoing`, so there is one writer.
Pacing and faults are functions from one `Outgoing` to another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Drop", "Frame", "Outgoing", "Pace", "Stall", "Step", "Wait", "paced", "read_header"]

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


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
    """Status, headers (lower-case names) and the steps of the body.

    The steps of a stream are made while they are played, which can be done once, so that a long one
    does not hold up the others; `whole` makes all of them first.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    steps: Iterable[Step]

    def whole(self) -> Outgoing:
        """The same reply with all its steps made, which can be looked at."""
        return replace(self, steps=tuple(self.steps))

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


def read_header(name: str, value: str) -> tuple[str, str]:
    """A header as it is sent: its name in lower case, no blanks around.

    Raises:
        ValueError: HTTP has no such header.
    """
    name, value = name.strip().lower(), value.strip()
    if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
        raise ValueError(f"{f'{name}: {value}'!r} is no header that HTTP can send")
    return name, value


def paced(outgoing: Outgoing, pace: Pace) -> Outgoing:
    """The same reply, its frames spread over time.

    The first frame waits for `first_token_s`; a frame of n tokens takes n / `tokens_per_s`.
    """
    if pace.tokens_per_s is None and not pace.first_token_s:
        return outgoing
    return replace(outgoing, steps=_spread(outgoing.steps, pace))


def _spread(steps: Iterable[Step], pace: Pace) -> Iterator[Step]:
    if pace.first_token_s:
        yield Wait(pace.first_token_s)
    for step in steps:
        if pace.tokens_per_s is not None and isinstance(step, Frame) and step.n_tokens:
            yield Wait(step.n_tokens / pace.tokens_per_s)
        yield step
