"""Recorded traffic of the real service, where a checkout has it.

The recordings are not part of the repository. `CEREBRAS_CAPTURES` names their folder; without it, a
`captures` folder in a `shared` directory beside the checkout is used. Tests that need them carry
`@needs_captures` and are skipped, saying so, where there are none.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

__all__ = ["CAPTURES_DIR", "Capture", "captures", "needs_captures"]

CAPTURES_DIR = Path(
    os.environ.get("CEREBRAS_CAPTURES")
    or Path(__file__).resolve().parents[2] / "shared" / "captures"
)

needs_captures = pytest.mark.skipif(
    not CAPTURES_DIR.is_dir(),
    reason="no recorded traffic here: name its folder in CEREBRAS_CAPTURES",
)


@dataclass(frozen=True, slots=True)
class Capture:
    """One recorded exchange.

    Attributes:
        id: The file's name without its ending.
        kind: `chat`, `chat-stream`, `completions`, `models` or `error`.
        request: `method`, `url`, `headers`, `body`; `None` where it was not kept.
        response: `status`, `headers`, and one of `body` (with `raw`), `sse` or `events`.
        partial: Something is missing, or an SDK wrote the exchange out again.
        raw: The whole file.
    """

    id: str
    kind: str
    request: dict[str, Any] | None
    response: dict[str, Any]
    partial: bool
    raw: dict[str, Any]


@cache
def captures(*kinds: str) -> tuple[Capture, ...]:
    """Every recording, or those of the given kinds, in order; none where the folder is absent."""
    recordings = (_read(path) for path in sorted(CAPTURES_DIR.glob("*.json")))
    return tuple(one for one in recordings if not kinds or one.kind in kinds)


def _read(path: Path) -> Capture:
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Capture(
        id=raw["id"],
        kind=raw["kind"],
        request=raw["request"],
        response=raw["response"],
        partial=raw.get("partial", False),
        raw=raw,
    )
