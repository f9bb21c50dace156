"""Pieces that the tests of `to_strict` share: nodes, and what becomes of one in a root."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NamedTuple

from cerebras_ext.schema import StrictSchema, to_strict

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
NULL = {"type": "null"}
POINT = {
    "type": "object",
    "properties": {"x": {"type": "number"}},
    "required": ["x"],
    "additionalProperties": False,
}
COLOUR = {"type": "string", "enum": ["red", "blue"]}
DEFINITIONS = {"Point": POINT, "Colour": COLOUR}
POINT_REF = {"$ref": "#/$defs/Point"}


def object_of(**properties: Any) -> dict[str, Any]:
    """A closed object."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


def tagged(tag: str, **rest: Any) -> dict[str, Any]:
    """An object told apart by its kind."""
    node = object_of(kind={"const": tag}, n=INTEGER)
    return {**node, "required": ["kind"], **rest}


def strict_node(given: Any, **options: Any) -> tuple[Any, StrictSchema]:
    """What becomes of a node that is the only property of a root."""
    schema = {**object_of(node=given), "required": ["node"], "$defs": deepcopy(DEFINITIONS)}
    strict = to_strict(schema, **options)
    return strict.schema["properties"]["node"], strict


def said_of(strict: StrictSchema) -> set[tuple[str, str]]:
    """The changes at the node and below, by keyword and rule."""
    below = (change for change in strict.changes if change.path.startswith("/properties/node"))
    return {(change.keyword, change.rule) for change in below}


class Case(NamedTuple):
    """A node, what becomes of it, and the changes by keyword and rule."""

    given: Any
    written: Any
    changes: set[tuple[str, str]]
