"""JSON values inside running text: schemas to follow, tools to choose from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from cerebras_ext.emulator.responder.reading import without_instructions

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["objects_in", "schema_in"]

_DECODER = json.JSONDecoder()


def objects_in(text: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Every outermost JSON object with the text it was read from, in order."""
    at = text.find("{")
    while at >= 0:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
        else:
            if isinstance(value, dict):
                yield cast("dict[str, Any]", value), text[at:end]
            at = text.find("{", end)


def schema_in(text: str) -> tuple[dict[str, Any], str] | None:
    """The last JSON schema of an object in a text, and the text it is to be filled from.

    That is what follows the schema, unless only instructions do; then it is what precedes it.
    """
    schemas = [(v, raw) for v, raw in objects_in(text) if isinstance(v.get("properties"), dict)]
    if not schemas:
        return None
    schema, raw = schemas[-1]
    before, _, after = text.rpartition(raw)
    return schema, after if without_instructions(after) else before
