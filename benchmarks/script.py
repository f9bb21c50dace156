"""What the benchmark server is asked to play: spelled in the path, so that any client can ask."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import Literal, Self

__all__ = ["Kind", "Script"]

Kind = Literal["text", "reasoning", "tools"]
Framing = Literal["event", "16k"]


@dataclass(frozen=True, slots=True)
class Script:
    """One reply.

    Attributes:
        kind: What the deltas are.
        n_tokens: How many of them.
        framing: One HTTP chunk an event, or chunks of 16 KiB.
        tokens_per_s: Pace; 0 for all at once.
        delay_ms: Time before the reply's head.
        jitter_ms: How far the delay is off, either way.
    """

    kind: Kind = "text"
    n_tokens: int = 5_000
    framing: Framing = "event"
    tokens_per_s: int = 0
    delay_ms: int = 0
    jitter_ms: int = 0

    def base_url(self, port: int) -> str:
        """The address at which the server plays this."""
        return f"http://127.0.0.1:{port}/{'-'.join(map(str, astuple(self)))}/v1"

    @classmethod
    def from_segment(cls, segment: str) -> Self:
        """The script that a path's first segment spells."""
        values = [
            text if field.name in ("kind", "framing") else int(text)
            for field, text in zip(fields(cls), segment.split("-"), strict=True)
        ]
        return cls(*values)  # type: ignore[arg-type]  # the list is in the fields' order
