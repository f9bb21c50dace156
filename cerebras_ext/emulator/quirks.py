"""How families of models differ on the wire, beyond what the catalogue says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.catalog import Family

__all__ = ["WireQuirks", "quirks_of"]


@dataclass(frozen=True, slots=True)
class WireQuirks:
    """Habits of one family.

    Attributes:
        raw_marks: What surrounds reasoning that `reasoning_format: "raw"` puts before the text.
        pauses_after: Parts of a stream that a delta without any key follows.
        has_spaced_arguments: Whether tool arguments have spaces after commas and colons.
    """

    raw_marks: tuple[str, str] = ("", "")
    pauses_after: frozenset[str] = frozenset()
    has_spaced_arguments: bool = True


_THINK_MARKS = ("<think>", "</think>")
_DEFAULT = WireQuirks()

# Raw formats: API specification §10.2. Pauses: §4.3 (glm, May 2026), recordings of 2025 (qwen-3).
# Arguments: recordings of 2025 and 2026.
_BY_FAMILY: Mapping[str, WireQuirks] = {
    "gpt-oss": WireQuirks(has_spaced_arguments=False),
    "glm-4": WireQuirks(raw_marks=_THINK_MARKS, pauses_after=frozenset({"reasoning"})),
    "qwen-3": WireQuirks(raw_marks=_THINK_MARKS, pauses_after=frozenset({"content"})),
    "deepseek-r1": WireQuirks(raw_marks=_THINK_MARKS),
}


def quirks_of(family: Family) -> WireQuirks:
    """The habits of a family; the plainest ones for those that have none."""
    return _BY_FAMILY.get(family, _DEFAULT)
