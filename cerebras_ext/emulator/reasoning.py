"""Which reasoning a request gets: effort and format in force (API specification §10.1, §10.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.catalog import Family, ModelFacts
    from cerebras_ext.emulator.accepted import Effort, ReasoningFormat

__all__ = ["RAW_GIVES_WAY_TO_JSON", "effort_in_force", "format_in_force"]

_RAW_BY_DEFAULT: Final[frozenset[Family]] = frozenset({"qwen-3-thinking"})
_RAW_HAS_NO_EFFECT: Final[frozenset[Family]] = frozenset({"qwen-3.8"})
RAW_GIVES_WAY_TO_JSON: Final = _RAW_BY_DEFAULT | _RAW_HAS_NO_EFFECT
"""Families that do not refuse the raw format together with a JSON response format."""


def effort_in_force(wire: Mapping[str, Any], facts: ModelFacts) -> Effort:
    """The effort the model reasons with; "none" if it does not."""
    if facts.reasoning == "none":
        return "none"
    asked = "none" if wire.get("disable_reasoning") else wire.get("reasoning_effort")
    if asked is None or (asked == "none" and facts.reasoning == "always"):
        # Where thinking is on but its strength has no name, the middle one stands for it.
        asked = facts.reasoning_effort_default or "medium"
    return cast("Effort", asked)


def format_in_force(
    wire: Mapping[str, Any], facts: ModelFacts, *, wants_json: bool
) -> ReasoningFormat:
    """Where the reasoning goes; "none" is the field of its own that most models use by default."""
    asked: ReasoningFormat = wire.get("reasoning_format", "none")
    if asked == "none" and facts.family in _RAW_BY_DEFAULT:
        asked = "raw"
    if asked != "raw":
        return asked
    if facts.family in _RAW_HAS_NO_EFFECT:
        return "none"
    return "hidden" if wants_json else "raw"
