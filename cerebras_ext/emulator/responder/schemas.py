"""JSON schemas as whoever fills them wants them: references followed, alternatives chosen.

Schemas come from anybody. Keywords with values that JSON schema does not give them are ignored, and
so are references that lead nowhere or in circles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias, cast

from cerebras_ext.emulator.pointers import node_at
from cerebras_ext.emulator.responder.mentions import quoted_in
from cerebras_ext.emulator.shapes import is_list, is_object

__all__ = ["Kind", "Schema", "kind_of", "options_of", "plain_schema", "properties_in", "type_of"]

Schema: TypeAlias = Mapping[str, Any]

Kind: TypeAlias = Literal["number", "text"]
"""What a property takes from a prompt."""

_OR = re.compile(r"['\"`]\s*(?:or|/|\|)\s*['\"`]")
_EXAMPLES = re.compile(r"\be\.g\.|\bexample|\bsuch as\b|\blike\b", re.IGNORECASE)
_TEXT_BOUNDS = frozenset({"format", "maxLength", "minLength", "pattern"})
_ANYTHING: Schema = {"type": "string"}
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_TYPE_OF_KEYWORD = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minimum": "number",
    "maximum": "number",
}
# No schema that people write has as many references in a row; one that refers to itself has more.
_MOST_STEPS = 50
# Quotients of larger bounds and smaller steps are no floats.
_LARGEST = 1e100
_SMALLEST_STEP = 1e-9
_HOLDERS = ("object", "array")


def plain_schema(schema: object, root: Schema, *, is_deep: bool = False) -> Schema:
    """A schema without references, combinations and alternatives.

    Args:
        schema: A part of a schema, whatever stands there.
        root: The whole schema, which references lead into.
        is_deep: Whether alternatives that end are preferred, so that recursion does.
    """
    plain = _sound(schema)
    for _ in range(_MOST_STEPS):
        if "$ref" in plain:
            plain = {**_without(plain, "$ref"), **_sound(node_at(root, plain["$ref"]))}
        elif "allOf" in plain:
            plain = _merged(_without(plain, "allOf"), map(_sound, plain["allOf"]))
        elif alternatives := plain.get("anyOf") or plain.get("oneOf"):
            chosen = _alternative([_sound(one) for one in alternatives], is_deep)
            plain = _merged(_without(plain, "anyOf", "oneOf"), [chosen])
        else:
            return plain
    return _ANYTHING


def type_of(plain: Schema, *, is_deep: bool = False) -> str:
    """The type that values of a plain schema get; of several, one that is not null."""
    named = plain.get("type")
    if named is None:
        return next((kind for key, kind in _TYPE_OF_KEYWORD.items() if key in plain), "string")
    types = [named] if isinstance(named, str) else cast("list[str]", named)
    if is_deep and "null" in types:
        return "null"
    return next((one for one in types if one != "null"), "null")


def kind_of(plain: Schema, *, is_deep: bool = False) -> Kind | None:
    """What a plain schema takes from a prompt; None if it takes neither numbers nor free text."""
    if plain.keys() & {"enum", "const"}:
        return None
    match type_of(plain, is_deep=is_deep):
        case "integer" | "number":
            return "number"
        case "string":
            return "text"
        case _:
            return None


def options_of(plain: Schema) -> list[str]:
    """The values that a description lists for a text: `Either 'yes' or 'no'`; examples are none."""
    description: str = plain.get("description", "")
    is_free = type_of(plain) == "string" and not plain.keys() & _TEXT_BOUNDS
    if not is_free or _EXAMPLES.search(description) or not _OR.search(description):
        return []
    return quoted_in(description)


def properties_in(node: object) -> Iterator[tuple[str, Schema, frozenset[str]]]:
    """All properties anywhere in a schema: name, schema, and types, those of items included."""
    sound = _sound(node)
    for name, described in sound.get("properties", {}).items():
        yield name, _sound(described), frozenset(_types_in(described))
    for child in node.values() if is_object(node) else node if is_list(node) else ():
        yield from properties_in(child)


def _types_in(node: object) -> Iterator[str]:
    sound = _sound(node)
    named = sound.get("type", ())
    yield from [named] if isinstance(named, str) else named
    for inner in (sound.get("items"), *sound.get("anyOf", ())):
        if is_object(inner):
            yield from _types_in(inner)


def _merged(schema: Schema, others: Iterator[Schema] | list[Schema]) -> Schema:
    """One schema that asks for what all of them ask for."""
    merged: dict[str, Any] = dict(schema)
    for other in others:
        for key, value in other.items():
            if key == "properties":
                merged[key] = {**merged.get(key, {}), **value}
            elif key == "required":
                merged[key] = [*dict.fromkeys([*merged.get(key, []), *value])]
            else:
                merged[key] = value
    return merged


def _alternative(alternatives: list[Schema], is_deep: bool) -> Schema:
    """The first that says something; if deep, the first that ends."""
    if is_deep:
        return min(
            alternatives, key=lambda one: "$ref" in one or type_of(one) in ("object", "array")
        )
    return next((one for one in alternatives if one.get("type") != "null"), alternatives[0])


def _without(schema: Schema, *keys: str) -> Schema:
    return {key: value for key, value in schema.items() if key not in keys}


def _sound(node: object) -> Schema:
    """The keywords of a schema that have the values they can have; none if it is no object."""
    if not is_object(node):
        return {}
    return {key: value for key, value in node.items() if _SOUND.get(key, _any)(value)}


def _any(value: object) -> bool:
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_bound(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -_LARGEST <= value <= _LARGEST


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_filled_list(value: object) -> bool:
    return is_list(value) and bool(value)


def _is_pattern(value: object) -> bool:
    try:
        re.compile(value if isinstance(value, str) else "(")
    except (re.error, OverflowError, RecursionError, Warning):
        return False
    return True


def _is_type(value: object) -> bool:
    names = value if is_list(value) else [value]
    return bool(names) and all(isinstance(name, str) and name in _TYPES for name in names)


_SOUND: Mapping[str, Callable[[object], bool]] = {
    "type": _is_type,
    "properties": is_object,
    "required": lambda value: is_list(value) and all(map(_is_text, value)),
    "examples": is_list,
    "pattern": _is_pattern,
    "multipleOf": lambda value: _is_bound(value) and cast("float", value) >= _SMALLEST_STEP,
    **dict.fromkeys(("$ref", "description", "format"), _is_text),
    **dict.fromkeys(("allOf", "anyOf", "enum", "oneOf", "prefixItems"), _is_filled_list),
    **dict.fromkeys(("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"), _is_bound),
    **dict.fromkeys(("maxItems", "minItems", "maxLength", "minLength"), _is_count),
    "minProperties": _is_count,
}
