"""What the service refuses in strict mode.

Read for itself from the structured outputs page (2026-10-01, documented) and the messages seen in
public reports (2025-2026, observed), not from what `to_strict` does: each is a check on the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, TypeAlias

from cerebras_ext.schema.json_tree import Json, copy_of, pointer_of_ref, tokens_of
from cerebras_ext.schema.keywords import LIST, is_primitive, row_of
from cerebras_ext.schema.limits import find_excesses
from cerebras_ext.schema.report import NotExpressible, Violation, ViolationRule
from cerebras_ext.schema.walk import walk

__all__ = ["find_violations"]

_NOT_CLOSED: Final = "'additionalProperties' is required to be supplied and set to false."
_NO_PROPERTIES: Final = (
    "Object fields require at least one of: "
    "'properties' or 'anyOf' with a list of possible properties."
)
_NO_ITEMS: Final = "Array fields require at least one of 'items' or 'prefixItems'"
_NO_OBJECT: Final = (
    "schema must have type 'object' and not have 'oneOf'/'anyOf'/'enum'/'not' at the top level"
)
_LIST_OF_TYPES: Final = "Lists of types are not supported. Use 'anyOf'"
_OLD_DEFINITIONS: Final = "'definitions' is not supported. Use '$defs'"
_NO_SCHEMA: Final = "a schema must be an object; true and false are not supported"

_ROOT_ALTERNATIVES: Final = ("anyOf", "oneOf", "enum", "not")
_SPEAKING: Final = frozenset(
    {"type", "enum", "const", "anyOf", "$ref", "properties", "items", "prefixItems"}
)

_Found: TypeAlias = Iterator[tuple[ViolationRule, str]]


def find_violations(schema: Mapping[str, Any], *, refused: Collection[str] = ()) -> list[Violation]:
    """What the service would refuse in the schema if it were sent with `strict: true`.

    Args:
        schema: Any JSON schema.
        refused: Keywords the model at hand refuses besides, such as
            `facts_of(model).strict_tools_refuse` for the parameters of a tool.

    Returns:
        The violations; empty when the schema can be sent as it is.
    """
    try:
        document = copy_of(schema)
    except NotExpressible as error:
        return [*error.reasons]
    definitions = document.get("$defs") if isinstance(document, dict) else None
    names = definitions.keys() if isinstance(definitions, dict) else ()
    found: list[Violation] = []
    for visit in walk(document):
        problems = _node_problems(visit.node, refused, names)
        found += [Violation(visit.path, rule, message) for rule, message in problems]
    if isinstance(document, dict) and _is_wrong_root(document):
        found.append(Violation("", "root", _NO_OBJECT))
    return found + find_excesses(document)


def _node_problems(node: Json, refused: Collection[str], names: Collection[str]) -> _Found:
    if not isinstance(node, dict):
        yield "malformed", _NO_SCHEMA
        return
    yield from _keywords(node, refused)
    yield from _reference(node, names)
    for check in (_meaning, _object, _array, _values):
        yield from check(node)


def _is_wrong_root(node: dict[str, Json]) -> bool:
    return node.get("type") != "object" or any(name in node for name in _ROOT_ALTERNATIVES)


def _keywords(node: dict[str, Any], refused: Collection[str]) -> _Found:
    for name, value in node.items():
        row = row_of(name)
        if name in refused or not row.is_accepted:
            yield "keyword", _unsupported(name)
        elif not row.form.fits(value):
            yield "malformed", f"{name!r} must be {row.form.words}"


def _unsupported(keyword: str) -> str:
    if keyword == "definitions":
        return _OLD_DEFINITIONS
    return f"Unsupported JSON schema fields: {{{keyword!r}}}"


def _meaning(node: dict[str, Any]) -> _Found:
    if isinstance(node.get("type"), list):
        yield "type", _LIST_OF_TYPES
    elif not node.keys() & _SPEAKING:
        yield "free-form", "Empty schemas are not supported; say which type is meant"


def _object(node: dict[str, Any]) -> _Found:
    if node.get("type") != "object" and "properties" not in node:
        return
    if "properties" not in node and "anyOf" not in node:
        yield "object", _NO_PROPERTIES
    if node.get("additionalProperties") is not False:
        yield "object", _NOT_CLOSED


def _array(node: dict[str, Any]) -> _Found:
    if node.get("type") != "array" and not node.keys() & {"items", "prefixItems"}:
        return
    if "prefixItems" in node:
        if node.get("items") is not False:
            yield "array", "'prefixItems' is only supported with 'items' set to false"
    elif not isinstance(node.get("items"), dict):
        yield "array", _NO_ITEMS


def _values(node: dict[str, Any]) -> _Found:
    values: list[Any] = node["enum"] if LIST.fits(node.get("enum")) else []
    if "enum" in node and not values:
        yield "value", "'enum' lists no value"
    if not all(map(is_primitive, [*values, node.get("const")])):
        yield "value", "'enum' and 'const' only support texts, numbers, true, false and null"


def _reference(node: dict[str, Any], names: Collection[str]) -> _Found:
    ref = node.get("$ref")
    if not isinstance(ref, str):
        return
    match tokens_of(pointer_of_ref(ref) or ""):
        case ["$defs", name] if name in names:
            pass
        case _:
            yield "reference", f"{ref!r} does not point at a definition in '$defs' of the root"
