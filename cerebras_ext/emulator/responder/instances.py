"""Instances of a JSON schema, with values from a prompt wherever it has fitting ones.

Every instance is valid for the keywords that strict schemas may use, and for the common ones beyond
them: `allOf`, `oneOf`, lengths, recursive references, patterns that a usual sample matches.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from cerebras_ext.emulator.responder.found_values import FoundValues, Kind, Slot
from cerebras_ext.emulator.responder.scalars import number_for, takes_whole_request, text_for
from cerebras_ext.emulator.shapes import is_list, is_object

__all__ = ["Filled", "Schema", "filled", "instance_of"]

Schema: TypeAlias = Mapping[str, Any]

# Below this, everything that can be left out is, so that recursive schemas end.
_MAX_DEPTH = 5
_ANYTHING: Schema = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Filled:
    """An instance of a schema, and how much of it is from the prompt.

    Attributes:
        value: The instance.
        n_given: How many of its values the prompt gave.
        n_made_up: How many values of required properties it did not.
    """

    value: Any
    n_given: int
    n_made_up: int


def instance_of(schema: Schema, text: str, *, fills_optional: bool = True, reply: str = "") -> Any:
    """A value that is valid for `schema`.

    Args:
        schema: Its `$ref`s are local.
        text: Where values are taken from.
        fills_optional: Whether properties that are not required are given a value even when the
            text has none for them.
        reply: What the text is answered with in words, for properties that ask for that.
    """
    return filled(schema, text, fills_optional=fills_optional, reply=reply).value


def filled(
    schema: Schema,
    text: str,
    *,
    fills_optional: bool = True,
    labels: Collection[str] = (),
    reply: str = "",
) -> Filled:
    """What `instance_of` returns, and how much of it the text gave.

    `labels` are words of the text that are no values, besides the names of properties.
    """
    slots = list(_slots(schema))
    labels = [*labels, *(slot.name for slot in slots)]
    found = FoundValues(text, slots, labels=labels, reply=reply)
    builder = _Builder(schema, found, fills_optional)
    value = builder.build(schema, "", 0)
    return Filled(value, found.n_given, builder.n_made_up)


def _slots(node: Any) -> Iterator[Slot]:
    """The properties anywhere in a schema that take a number or a text, or several."""
    if is_object(node):
        for name, described in node.get("properties", {}).items():
            types = {*_types_in(described)}
            if types & {"integer", "number"}:
                yield Slot(name, "number", described.get("description", ""))
            elif "string" in types:
                yield Slot(name, "text", described.get("description", ""))
    for child in node.values() if is_object(node) else node if is_list(node) else ():
        yield from _slots(child)


def _types_in(schema: Any) -> Iterator[str]:
    """The types of a schema, of its alternatives and of its items."""
    if is_object(schema):
        named = schema.get("type", ())
        yield from [named] if isinstance(named, str) else named
        for inner in (schema.get("items"), *schema.get("anyOf", ())):
            yield from _types_in(inner)


class _Builder:
    """Builds one instance; each value of the text is used once."""

    def __init__(self, root: Schema, found: FoundValues, fills_optional: bool) -> None:
        self._root = root
        self._found = found
        self._fills_optional = fills_optional
        self.n_made_up = 0

    def build(self, schema: Any, name: str, depth: int) -> Any:
        """A value for the property `name`."""
        schema = self._plain(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._of_enum(schema, name)
        match self._type_of(schema, depth):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "boolean":
                return self._boolean(schema, name)
            case "null":
                return None
            case scalar:
                return self._scalar(schema, name, scalar)

    def _scalar(self, schema: Schema, name: str, type_name: str) -> Any:
        n_given = self._found.n_given
        if type_name in ("integer", "number"):
            is_integer = type_name == "integer"
            value: Any = number_for(schema, name, self._found, is_integer=is_integer)
        else:
            value = text_for(schema, name, self._found)
        self.n_made_up += self._found.n_given == n_given and not takes_whole_request(name)
        return value

    def _plain(self, schema: Any, depth: int) -> Schema:
        """The schema without references, combinations and alternatives."""
        if not isinstance(schema, Mapping):
            return _ANYTHING
        plain = cast("Schema", schema)
        while True:
            if "$ref" in plain:
                plain = {**_without(plain, "$ref"), **self._target(plain["$ref"])}
            elif plain.get("allOf"):
                plain = _merged(_without(plain, "allOf"), plain["allOf"])
            elif alternatives := plain.get("anyOf") or plain.get("oneOf"):
                rest = _without(_without(plain, "anyOf"), "oneOf")
                plain = _merged(rest, [self._alternative(alternatives, depth)])
            else:
                return plain

    def _target(self, reference: str) -> Schema:
        node: Any = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return cast("Schema", node)

    def _alternative(self, alternatives: list[Schema], depth: int) -> Schema:
        """The first that says something; deep down the first that ends, so that recursion does."""
        if depth >= _MAX_DEPTH:
            return min(alternatives, key=lambda one: "$ref" in one or _holds_more(one))
        return next((one for one in alternatives if one.get("type") != "null"), alternatives[0])

    def _type_of(self, schema: Schema, depth: int) -> str:
        named = schema.get("type")
        if isinstance(named, list):
            types = cast("list[str]", named)
            if depth >= _MAX_DEPTH and "null" in types:
                return "null"
            return next((one for one in types if one != "null"), "null")
        if named is None:
            return next((kind for key, kind in _TYPE_OF_KEYWORD.items() if key in schema), "string")
        return cast("str", named)

    def _of_enum(self, schema: Schema, name: str) -> Any:
        """The member that the text mentions, else the default, else the first."""
        members = cast("list[Any]", schema["enum"])
        mentioned = self._found.take_member((m for m in members if isinstance(m, str)), name)
        if mentioned is not None:
            return mentioned
        default = schema.get("default")
        self.n_made_up += default not in members
        return default if default in members else members[0]

    def _boolean(self, schema: Schema, name: str) -> bool:
        said = self._found.take_labelled(name, lambda text: text.lower() in _BOOLEANS)
        if said is not None:
            return _BOOLEANS[said.lower()]
        return bool(schema.get("default", True))

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = cast("dict[str, Any]", schema.get("properties", {}))
        required = cast("list[str]", schema.get("required", []))
        built = {name: self.build(properties.get(name), name, depth + 1) for name in required}
        for name, described in properties.items():
            is_more = name not in built and depth < _MAX_DEPTH
            if is_more and self._wants(described, name, depth, is_alone=not required):
                built[name] = self.build(described, name, depth + 1)
        # An open map has no names of its own; it only gets as many entries as it must have.
        for number in range(len(built) + 1, schema.get("minProperties", 0) + 1):
            built[f"key{number}"] = self.build(schema.get("additionalProperties"), "", depth + 1)
        in_order = [name for name in properties if name in built]
        return {name: built[name] for name in dict.fromkeys([*in_order, *built])}

    def _wants(self, schema: Any, name: str, depth: int, *, is_alone: bool) -> bool:
        """Whether an optional property is given a value; one beside required ones needs its own."""
        if self._fills_optional:
            return True
        plain = self._plain(schema, depth)
        if "enum" in plain:
            return any(isinstance(m, str) and self._found.mentions(m) for m in plain["enum"])
        if self._found.labelled(name) is not None:
            return True
        kind = self._kind_of(plain, depth)
        if kind is None:
            return False
        is_free = is_alone and "default" not in plain and self._found.has_left(kind, name)
        return is_free or self._found.has_claimed(kind, name)

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        items = [
            self.build(one, f"{name} {position}", depth + 1)
            for position, one in enumerate(schema.get("prefixItems", []), 1)
        ]
        least, most = schema.get("minItems", 0), schema.get("maxItems", 20)
        described = schema.get("items", {})
        if described is False or (items and "items" not in schema):
            return items
        wanted = least if depth >= _MAX_DEPTH else max(least, min(1, most))
        while len(items) < wanted or (
            len(items) < most and self._has_more_for(described, name, depth)
        ):
            items.append(self.build(described, name, depth + 1))
        return _distinct(items) if schema.get("uniqueItems") else items

    def _has_more_for(self, schema: Any, name: str, depth: int) -> bool:
        """Whether there are values for another item: for all that is in it, if it is an object."""
        parts: Mapping[str, Any] = self._plain(schema, depth).get("properties") or {name: schema}
        return all(
            (kind := self._kind_of(described, depth)) is not None
            and self._found.has_left(kind, part)
            for part, described in parts.items()
        )

    def _kind_of(self, schema: Any, depth: int) -> Kind | None:
        """Which values of the text a schema takes, if any."""
        plain = self._plain(schema, depth)
        if plain.keys() & {"enum", "const"}:
            return None
        match self._type_of(plain, depth):
            case "integer" | "number":
                return "number"
            case "string":
                return "text"
            case _:
                return None


_TYPE_OF_KEYWORD = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minimum": "number",
    "maximum": "number",
}
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _merged(schema: Schema, others: list[Schema]) -> Schema:
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


def _without(schema: Schema, key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _holds_more(schema: Schema) -> bool:
    return schema.get("type") in ("object", "array")


def _distinct(items: list[Any]) -> list[Any]:
    """As many items, repeated ones replaced by others of their kind."""
    seen: dict[str, Any] = {}
    for number, item in enumerate(items, 2):
        other = item
        while (key := json.dumps(other, sort_keys=True)) in seen:
            other = other + number if isinstance(other, int | float) else f"{other} {number}"
        seen[key] = other
    return list(seen.values())
