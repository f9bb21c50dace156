"""What the service refuses in a strict schema (API specification §8.1), in its own words.

Read from the specification independently of `cerebras_ext.schema`, which makes schemas strict for
the client: the two are tested against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from cerebras_ext.emulator.pointers import node_at
from cerebras_ext.emulator.shapes import is_list, is_object

__all__ = ["StrictProblem", "find_strict_problems"]

MAX_NAMED_CHARS: Final = 5_000
MAX_LEVELS: Final = 10
MAX_REFERENCES_IN_A_ROW: Final = 50  # no schema of 10 levels needs as many; bounds our own stack
MAX_PROPERTIES: Final = 500
MAX_ENUM_VALUES: Final = 500
LONG_ENUM: Final = 250
MAX_LONG_ENUM_CHARS: Final = 7_500

_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
_ANNOTATIONS: Final = frozenset({"$schema", "default", "description", "title"})
_NUMBER_BOUNDS: Final = frozenset({"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"})
_TEXT_BOUNDS: Final = frozenset({"maxLength", "minLength"})  # model-dependent: `refused`
_KINDS: Final = frozenset(
    {"$ref", "anyOf", "const", "enum", "items", "prefixItems", "properties", "type"}
)
_ACCEPTED: Final = (
    _ANNOTATIONS
    | _NUMBER_BOUNDS
    | _TEXT_BOUNDS
    | _KINDS
    | {"$defs", "additionalProperties", "multipleOf", "required"}
)
_NOT_AT_THE_ROOT: Final = ("oneOf", "anyOf", "enum", "not")

_Node: TypeAlias = Mapping[str, Any]


class StrictProblem(NamedTuple):
    """One thing the service refuses: where in the schema, and what it says."""

    path: str
    message: str


class _Place(NamedTuple):
    """A sub-schema and where it stands; `node` is whatever stands there."""

    path: str
    node: object


def find_strict_problems(
    schema: Mapping[str, Any], *, refused: Collection[str] = ()
) -> list[StrictProblem]:
    """Everything that makes the service refuse `schema` as strict.

    Args:
        schema: The schema as it was sent.
        refused: Keywords this model refuses on top of the general ones.
    """
    places = list(_places(_Place("", schema)))
    nodes = [(path, node) for path, node in places if is_object(node)]
    return [
        *(StrictProblem("", message) for message in _root_messages(schema)),
        *(
            StrictProblem(path, "Schemas must be objects: true and false are not supported.")
            for path, node in places
            if not is_object(node)
        ),
        *(
            StrictProblem(path, message)
            for path, node in nodes
            for message in _node_messages(node, schema, refused)
        ),
        *(StrictProblem("", message) for message in _size_messages([node for _, node in nodes])),
        *(StrictProblem("", message) for message in _nesting_messages(schema)),
    ]


# --- walking


def _children(place: _Place) -> Iterator[_Place]:
    path, node = place
    if not is_object(node):
        return
    for keyword in ("properties", "$defs"):
        if is_object(node.get(keyword)):
            for name, child in node[keyword].items():
                yield _Place(f"{path}/{keyword}/{name}", child)
    for keyword in ("anyOf", "prefixItems"):
        if is_list(node.get(keyword)):
            for index, child in enumerate(node[keyword]):
                yield _Place(f"{path}/{keyword}/{index}", child)
    if is_object(node.get("items")):
        yield _Place(f"{path}/items", node["items"])


def _places(place: _Place) -> Iterator[_Place]:
    yield place
    for child in _children(place):
        yield from _places(child)


def _target(reference: object, root: _Node) -> _Node | None:
    """The definition a `$ref` points to, None unless it is one of the root's `$defs`."""
    if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
        return None
    node = node_at(root, reference)
    return node if is_object(node) else None


# --- rules about one sub-schema


def _root_messages(root: _Node) -> Iterator[str]:
    if root.get("type") != "object" or any(keyword in root for keyword in _NOT_AT_THE_ROOT):
        yield (
            "schema must have type 'object' and not have 'oneOf'/'anyOf'/'enum'/'not' at the top "
            "level"
        )


def _node_messages(node: _Node, root: _Node, refused: Collection[str]) -> Iterator[str]:
    yield from _keyword_messages(node, refused)
    if not _KINDS & node.keys():
        yield "Schemas must not be empty: 'type', 'anyOf', 'enum', 'const' or '$ref' is required."
    for keyword, rule in _KEYWORD_RULES.items():
        if keyword in node:
            yield from rule(node[keyword])
    if "$ref" in node and _target(node["$ref"], root) is None:
        yield f"'$ref' must point to a definition in '$defs': {node['$ref']!r}."
    if node.get("type") == "object" or "properties" in node:
        yield from _object_messages(node)
    if node.get("type") == "array" or "items" in node or "prefixItems" in node:
        yield from _array_messages(node)


def _keyword_messages(node: _Node, refused: Collection[str]) -> Iterator[str]:
    if "definitions" in node:
        yield "'definitions' is not supported. Use '$defs' instead."
    unknown = {key for key in node if key not in _ACCEPTED or key in refused} - {"definitions"}
    if unknown:
        names = ", ".join(repr(name) for name in sorted(unknown))
        yield f"Unsupported JSON schema fields: {{{names}}}"


def _object_messages(node: _Node) -> Iterator[str]:
    if node.get("additionalProperties") is not False:
        yield "'additionalProperties' is required to be supplied and set to false."
    if "properties" not in node and "anyOf" not in node:
        yield (
            "Object fields require at least one of: 'properties' or 'anyOf' with a list of "
            "possible properties."
        )


def _array_messages(node: _Node) -> Iterator[str]:
    if "prefixItems" in node:
        if node.get("items") is not False:
            yield "'prefixItems' requires 'items' to be set to false."
    elif "items" not in node:
        yield "Array fields require at least one of 'items' or 'prefixItems'."
    elif not is_object(node["items"]):
        yield "'items' must be a schema."


def _type_messages(value: object) -> Iterator[str]:
    if is_list(value):
        yield "Lists of types are not supported, use 'anyOf' instead."
    elif value not in _TYPES:
        yield f"'type' must be one of {', '.join(_TYPES)}: {value!r}."


def _enum_messages(value: object) -> Iterator[str]:
    if not is_list(value) or not value or not all(map(_is_primitive, value)):
        yield "'enum' must be a list of primitive values."
    elif len(value) > LONG_ENUM and _chars(value) > MAX_LONG_ENUM_CHARS:
        yield (
            f"An enum of more than {LONG_ENUM} values may have at most {MAX_LONG_ENUM_CHARS} "
            "characters in total."
        )


def _const_messages(value: object) -> Iterator[str]:
    if not _is_primitive(value):
        yield "'const' must be a primitive value."


def _properties_messages(value: object) -> Iterator[str]:
    if not is_object(value):
        yield "'properties' must be an object."


def _required_messages(value: object) -> Iterator[str]:
    if not is_list(value) or not all(isinstance(name, str) for name in value):
        yield "'required' must be a list of property names."


def _schemas_messages(value: object) -> Iterator[str]:
    if not is_list(value) or not value:
        yield "'anyOf' and 'prefixItems' must be lists of schemas."


def _text_messages(value: object) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"Annotations must be strings: {value!r}."


def _bound_messages(value: object) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"Bounds must be numbers: {value!r}."


def _length_messages(value: object) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        yield f"Lengths must be integers from 0: {value!r}."


def _multiple_messages(value: object) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        yield f"'multipleOf' must be a number above 0: {value!r}."


_KEYWORD_RULES: Final[Mapping[str, Callable[[object], Iterator[str]]]] = {
    **dict.fromkeys(("description", "title"), _text_messages),
    **dict.fromkeys(_NUMBER_BOUNDS, _bound_messages),
    **dict.fromkeys(_TEXT_BOUNDS, _length_messages),
    "multipleOf": _multiple_messages,
    "type": _type_messages,
    "enum": _enum_messages,
    "const": _const_messages,
    "properties": _properties_messages,
    "$defs": _properties_messages,
    "required": _required_messages,
    "anyOf": _schemas_messages,
    "prefixItems": _schemas_messages,
}


def _is_primitive(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


# --- rules about the schema as a whole


def _chars(values: Collection[object]) -> int:
    return sum(len(value) for value in values if isinstance(value, str))


def _size_messages(nodes: Collection[_Node]) -> Iterator[str]:
    properties = [name for node in nodes for name in _mapping(node.get("properties"))]
    definitions = [name for node in nodes for name in _mapping(node.get("$defs"))]
    enums = [value for node in nodes if is_list(node.get("enum")) for value in node["enum"]]
    constants = [node["const"] for node in nodes if "const" in node]
    if len(properties) > MAX_PROPERTIES:
        yield f"A schema may have at most {MAX_PROPERTIES} object properties in total."
    if len(enums) > MAX_ENUM_VALUES:
        yield f"A schema may have at most {MAX_ENUM_VALUES} enum values in total."
    if _chars([*properties, *definitions, *enums, *constants]) > MAX_NAMED_CHARS:
        yield (
            f"Property names, definition names, enum values and const values may have at most "
            f"{MAX_NAMED_CHARS} characters in total."
        )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if is_object(value) else {}


class _RecursiveSchemaError(Exception):
    """A definition contains itself."""


class _Levels:
    """Depth of a schema in nested objects and arrays, definitions counted where they are used."""

    def __init__(self, root: _Node) -> None:
        self._root = root
        self._known: dict[str, int] = {}
        self._open: list[str] = []

    def of(self, node: _Node) -> int:
        """Levels of `node`, itself included."""
        inner = [self.of(child) for child in _used_children(node)]
        if isinstance(node.get("$ref"), str):
            inner.append(self._of_reference(node["$ref"]))
        is_level = bool({"items", "prefixItems", "properties"} & node.keys())
        return is_level + max(inner, default=0)

    def _of_reference(self, reference: str) -> int:
        if reference in self._open:
            raise _RecursiveSchemaError
        if len(self._open) > MAX_REFERENCES_IN_A_ROW:
            return MAX_LEVELS + 1
        target = _target(reference, self._root)
        if reference not in self._known and target is not None:
            self._open.append(reference)
            self._known[reference] = self.of(target)
            self._open.pop()
        return self._known.get(reference, 0)


def _used_children(node: _Node) -> Iterator[_Node]:
    unused = {key: value for key, value in node.items() if key != "$defs"}
    return (child for _, child in _children(_Place("", unused)) if is_object(child))


def _nesting_messages(root: _Node) -> Iterator[str]:
    levels = _Levels(root)
    definitions = [child for child in _mapping(root.get("$defs")).values() if is_object(child)]
    try:
        depth = levels.of(root)
        for definition in definitions:
            levels.of(definition)
    except _RecursiveSchemaError:
        yield "Recursive schemas are not supported."
    else:
        if depth > MAX_LEVELS:
            yield f"Schemas may be nested at most {MAX_LEVELS} levels deep."
