"""Instances of a JSON schema, with values from a prompt wherever it has fitting ones.

Every instance is valid for the keywords that strict schemas may use, and for the common ones beyond
them: `allOf`, `oneOf`, lengths, recursive references, patterns that a usual sample matches.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from cerebras_ext.emulator.responder.found_values import FoundValues, Slot
from cerebras_ext.emulator.responder.scalars import number_for, takes_whole_request, text_for
from cerebras_ext.emulator.responder.schemas import (
    Kind,
    Schema,
    kind_of,
    options_of,
    plain_schema,
    properties_in,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["Filled", "filled", "instance_of"]

# Below this, everything that can be left out is, so that recursive schemas end.
_MAX_DEPTH = 5
# Beyond these, objects and arrays stay empty, so that all of them do.
_MOST_LEVELS = 20
_MOST_VALUES = 5_000
_MOST_ITEMS = 1_000
_USUAL_MOST_ITEMS = 20


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

    @property
    def has_all(self) -> bool:
        """Whether the prompt gave every value that it should."""
        return self.n_given > 0 and not self.n_made_up


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


def _slots(schema: Schema) -> Iterator[Slot]:
    """The properties anywhere in a schema that take a number or a text, or several."""
    for name, described, types in properties_in(schema):
        if types & {"integer", "number"}:
            yield Slot(name, "number", described.get("description", ""))
        elif "string" in types:
            yield Slot(name, "text", described.get("description", ""))


class _Builder:
    """Builds one instance; each value of the text is used once."""

    def __init__(self, root: Schema, found: FoundValues, fills_optional: bool) -> None:
        self._root = root
        self._found = found
        self._fills_optional = fills_optional
        self._n_values = 0
        self.n_made_up = 0

    def build(self, schema: object, name: str, depth: int) -> Any:
        """A value for the property `name`."""
        plain = self._plain(schema, depth)
        self._n_values += 1
        if "const" in plain:
            return plain["const"]
        if options := plain.get("enum") or options_of(plain):
            return self._of_enum(plain, options, name)
        is_full = depth > _MOST_LEVELS or self._n_values > _MOST_VALUES
        match type_of(plain, is_deep=depth >= _MAX_DEPTH):
            case "object":
                return {} if is_full else self._object(plain, depth)
            case "array":
                return [] if is_full else self._array(plain, name, depth)
            case "boolean":
                return self._boolean(plain, name)
            case "null":
                return None
            case scalar:
                return self._scalar(plain, name, scalar)

    def _scalar(self, schema: Schema, name: str, type_name: str) -> Any:
        n_given = self._found.n_given
        if type_name in ("integer", "number"):
            is_integer = type_name == "integer"
            value: Any = number_for(schema, name, self._found, is_integer=is_integer)
        else:
            value = text_for(schema, name, self._found)
        self.n_made_up += self._found.n_given == n_given and not takes_whole_request(name)
        return value

    def _plain(self, schema: object, depth: int) -> Schema:
        return plain_schema(schema, self._root, is_deep=depth >= _MAX_DEPTH)

    def _of_enum(self, schema: Schema, members: Sequence[Any], name: str) -> Any:
        """The member that the text mentions, else the default, else the first."""
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
        least = min(schema.get("minProperties", 0), _MOST_ITEMS)
        for number in range(len(built) + 1, least + 1):
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
        least = min(schema.get("minItems", 0), _MOST_ITEMS)
        most = min(schema.get("maxItems", _USUAL_MOST_ITEMS), _USUAL_MOST_ITEMS)
        described = schema.get("items", {})
        if described is False or (items and "items" not in schema):
            return items
        wanted = least if depth >= _MAX_DEPTH else max(least, min(1, most))
        while len(items) < wanted:
            items.append(self.build(described, name, depth + 1))
        while len(items) < most and self._has_more_for(described, name, depth):
            n_given = self._found.n_given
            item = self.build(described, name, depth + 1)
            if self._found.n_given == n_given:  # what is left does not fit
                break
            items.append(item)
        return _distinct(items) if schema.get("uniqueItems") else items

    def _has_more_for(self, schema: Any, name: str, depth: int) -> bool:
        """Whether there are values for another item: for all that is in it, if it is an object."""
        parts: Mapping[str, Any] = self._plain(schema, depth).get("properties") or {name: schema}
        return all(
            (kind := self._kind_of(described, depth)) is not None
            and self._found.has_left(kind, part)
            for part, described in parts.items()
        )

    def _kind_of(self, schema: object, depth: int) -> Kind | None:
        return kind_of(self._plain(schema, depth), is_deep=depth >= _MAX_DEPTH)


_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _distinct(items: list[Any]) -> list[Any]:
    """As many items, repeated ones replaced by others of their kind."""
    seen: dict[str, Any] = {}
    for number, item in enumerate(items, 2):
        other = item
        while (key := json.dumps(other, sort_keys=True)) in seen:
            other = other + number if isinstance(other, int | float) else f"{other} {number}"
        seen[key] = other
    return list(seen.values())
