"""Made-up schemas and instances: every keyword, in every combination that comes up.

Everything is drawn from one `Random`: cheap by the thousand, and replayed and made smaller like any
other value when Hypothesis hands it in.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from cerebras_ext.schema.json_tree import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from random import Random

_NAMES = ("a", "b", "c")
_DEFINITIONS = ("D", "E", "Box[int]", "a/b~c")
_REFS = ("#/$defs/D", "#/$defs/E", "#/$defs/Box%5Bint%5D", "#/$defs/a~1b~0c")
_SCALARS = (None, True, False, 0, 1, 2.5, "a", "b", "cat")
_TYPES = ("string", "integer", "number", "boolean", "null")


def make_schema(rng: Random) -> dict[str, Any]:
    """An object schema with definitions, some of it nonsense."""
    maker = _Maker(rng, is_tidy=rng.random() < 0.6)
    return {
        **maker.object(3),
        "$defs": {name: maker.node(2) for name in _DEFINITIONS},
    }


class _Maker:
    """Draws nodes; a tidy one keeps to closed objects and describes every value."""

    def __init__(self, rng: Random, *, is_tidy: bool) -> None:
        self.rng = rng
        self.is_tidy = is_tidy

    def some(self, keywords: Mapping[str, Callable[[], Any]], chance: float) -> dict[str, Any]:
        return {name: make() for name, make in keywords.items() if self.rng.random() < chance}

    def node(self, depth: int) -> Any:
        kinds = [self.leaf, self.number, self.string, self.reference]
        if depth:
            kinds += [
                lambda: self.object(depth - 1),
                lambda: self.object(depth - 1),
                lambda: self.array(depth - 1),
                lambda: self.tuple(depth - 1),
                lambda: self.combination(depth - 1),
                lambda: self.combination(depth - 1),
            ]
        node = self.rng.choice(kinds)()
        return node if isinstance(node, bool) else {**self.annotations(), **node}

    def nodes(self, depth: int) -> list[Any]:
        return [self.node(depth) for _ in range(self.rng.randint(1, 3))]

    def annotations(self) -> dict[str, Any]:
        values = {"title": "T", "description": "Said.", "default": 1, "examples": [1], "x-y": 2}
        return self.some({name: lambda v=value: v for name, value in values.items()}, 0.1)

    def leaf(self) -> Any:
        return self.rng.choice(
            [
                lambda: {"type": self.rng.choice(_TYPES)},
                lambda: {"type": self.rng.sample(_TYPES, self.rng.randint(1, 3))},
                lambda: {"enum": self.rng.sample(_SCALARS, self.rng.randint(1, 4))},
                lambda: {"const": self.rng.choice(_SCALARS)},
                lambda: self.rng.choice([{}, True, False, {"title": "Anything"}]),
            ][: 4 if self.is_tidy else 5]
        )()

    def number(self) -> dict[str, Any]:
        bounds = {
            "minimum": lambda: self.rng.randint(0, 6),
            "maximum": lambda: self.rng.randint(0, 9),
            "exclusiveMinimum": lambda: self.rng.choice([1, 2, True, False]),
            "multipleOf": lambda: self.rng.choice([2, 3, 0.5]),
            "enum": lambda: [1, 2, 3.5, "a"],
        }
        types = self.rng.choice(["integer", "number", ["integer", "null"]])
        return {"type": types, **self.some(bounds, 0.3)}

    def string(self) -> dict[str, Any]:
        limits = {
            "minLength": lambda: self.rng.randint(0, 3),
            "maxLength": lambda: self.rng.randint(0, 9),
            "pattern": lambda: "^c",
            "format": lambda: "date",
            "nullable": lambda: self.rng.random() < 0.5,
            "enum": lambda: ["a", "cat", 1],
        }
        return {"type": "string", **self.some(limits, 0.2)}

    def reference(self) -> dict[str, Any]:
        return {"$ref": self.rng.choice(_REFS)}

    def object(self, depth: int) -> dict[str, Any]:
        names = self.rng.sample(_NAMES, self.rng.randint(0, 3))
        if self.is_tidy:
            return self.tagged_object(names, depth)
        keywords = {
            "required": lambda: self.rng.sample(names, self.rng.randint(0, len(names))),
            "additionalProperties": lambda: self.rng.choice([False, False, True, {"type": "null"}]),
        }
        rare = {
            "propertyNames": lambda: self.rng.choice([{"enum": ["a", "b"]}, {"pattern": "^a"}]),
            "unevaluatedProperties": lambda: False,
            "minProperties": lambda: 1,
            "required": lambda: ["c"],
        }
        return {
            "type": "object",
            "properties": {name: self.node(depth) for name in names},
            **self.some(keywords, 0.5),
            **self.some(rare, 0.05),
        }

    def tagged_object(self, names: list[str], depth: int) -> dict[str, Any]:
        optional = {"additionalProperties": lambda: False, "unevaluatedProperties": lambda: False}
        tags = {"tag": {"const": self.rng.choice(_NAMES)}} if self.rng.random() < 0.5 else {}
        return {
            "type": "object",
            "properties": {**tags, **{name: self.node(depth) for name in names}},
            "required": [n for n in [*tags, *names] if self.rng.random() < 0.6],
            **self.some(optional, 0.7),
        }

    def array(self, depth: int) -> dict[str, Any]:
        limits = {"minItems": lambda: 1, "maxItems": lambda: 2, "uniqueItems": lambda: True}
        return {"type": "array", "items": self.node(depth), **self.some(limits, 0.1)}

    def tuple(self, depth: int) -> dict[str, Any]:
        first, after = self.rng.choice([("prefixItems", "items"), ("items", "additionalItems")])
        rest = {
            after: lambda: self.rng.choice([False, False, False, {"type": "string"}]),
            "maxItems": lambda: self.rng.randint(0, 3),
        }
        return {"type": "array", first: self.nodes(depth), **self.some(rest, 0.6)}

    def combination(self, depth: int) -> dict[str, Any]:
        if self.is_tidy and self.rng.random() < 0.6:
            return self.tidy_combination(depth)
        keywords = {
            "allOf": lambda: self.nodes(depth),
            "anyOf": lambda: self.nodes(depth),
            "oneOf": lambda: self.nodes(depth),
            "$ref": lambda: self.rng.choice(_REFS),
            "nullable": lambda: True,
        }
        base = self.node(depth) if self.rng.random() < 0.3 else {}
        return {**(base if isinstance(base, dict) else {}), **self.some(keywords, 0.35)}

    def tidy_combination(self, depth: int) -> dict[str, Any]:
        """Objects, or references to them, that may well go together."""
        nodes = [self.rng.choice([self.object, self.object, self.mixed])(depth) for _ in range(3)]
        keyword = self.rng.choice(["allOf", "anyOf", "oneOf"])
        beside = {
            "nullable": lambda: True,
            "properties": lambda: {"a": self.node(depth), "d": {"type": "string"}},
            "required": lambda: ["tag"],
            "type": lambda: "object",
            "unevaluatedProperties": lambda: False,
            "discriminator": lambda: {"propertyName": "tag"},
        }
        return {keyword: nodes[: self.rng.randint(1, 3)], **self.some(beside, 0.2)}

    def mixed(self, depth: int) -> Any:
        return self.rng.choice([lambda: self.node(depth), self.reference, self.string])()


def make_instance(rng: Random, schema: dict[str, Any]) -> Any:
    """What a strict schema accepts; limits on numbers and lengths are left to the validator."""

    def some(node: dict[str, Any]) -> Any:
        match node:
            case {"$ref": ref}:
                return some(find(schema, ref[1:]))  # type: ignore[arg-type]
            case {"anyOf": alternatives}:
                return some(rng.choice(alternatives))
            case {"const": value}:
                return value
            case {"enum": values}:
                return rng.choice(values)
            case {"type": "object", "properties": properties}:
                required = node.get("required", ())
                return {
                    name: some(child)
                    for name, child in properties.items()
                    if name in required or rng.random() < 0.7
                }
            case {"type": "array", "prefixItems": items}:
                return [some(item) for item in items[: rng.randint(0, len(items))]]
            case {"type": "array", "items": item}:
                return [some(item) for _ in range(rng.randint(0, 2))]
            case {"type": type_name}:
                return rng.choice(_VALUES[type_name])

    return some(schema)


_VALUES = {
    "string": ("", "a", "b", "cat", "a longer one"),
    "integer": range(-2, 12),
    "number": (-2, 0, 0.5, 1, 1.5, 2, 3.0, 6),
    "boolean": (True, False),
    "null": (None,),
}


def make_neighbour(rng: Random, instance: Any) -> Any:
    """The instance with one thing changed, somewhere."""
    match instance:
        case dict() if instance and rng.random() < 0.6:
            name = rng.choice([*instance])
            return {**instance, name: make_neighbour(rng, instance[name])}
        case dict():
            name = rng.choice(_NAMES)
            without = {n: value for n, value in instance.items() if n != name}
            return rng.choice([without, {**instance, name: rng.choice(_SCALARS)}, {"zz": 1}])
        case list() if instance and rng.random() < 0.5:
            return [*instance[:-1], make_neighbour(rng, instance[-1])]
        case list():
            return rng.choice([instance[:-1], [*instance, rng.choice(_SCALARS)]])
        case _:
            return rng.choice([*_SCALARS, [], [1], {}, {"a": 1}])


def spoil(rng: Random, schema: dict[str, Any]) -> dict[str, Any]:
    """A copy of the schema with a keyword missing, added or changed somewhere."""
    spoilt = deepcopy(schema)
    node = rng.choice([*_dicts_in(spoilt)])
    if node and rng.random() < 0.5:
        del node[rng.choice([*node])]
    else:
        keyword, value = rng.choice(_SPOILERS)
        node[keyword] = deepcopy(value)
    return spoilt


def _dicts_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from _dicts_in(item)


_SPOILERS = (
    ("$defs", {"X": {}}),
    ("$ref", "#"),
    ("$ref", "#/$defs/Missing"),
    ("$schema", "https://json-schema.org/draft/2020-12/schema"),
    ("additionalProperties", True),
    ("additionalProperties", {}),
    ("anyOf", []),
    ("const", {}),
    ("default", [1]),
    ("definitions", {}),
    ("description", None),
    ("enum", []),
    ("enum", [[1]]),
    ("items", False),
    ("items", True),
    ("items", []),
    ("minLength", -1),
    ("minLength", 1),
    ("minimum", "a"),
    ("multipleOf", 0),
    ("nullable", True),
    ("pattern", "a"),
    ("prefixItems", []),
    ("prefixItems", [{}]),
    ("properties", []),
    ("properties", {}),
    ("required", "a"),
    ("required", [1]),
    ("title", 3),
    ("type", "array"),
    ("type", "object"),
    ("type", "string"),
    ("type", ["string"]),
)
