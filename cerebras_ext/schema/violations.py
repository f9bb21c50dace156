"""What the service refuses in strict mode.

Read for itself from the structured outputs page (2026-10-01, documented) and the messages seen in
public reports (2025-2026, observed), not from what `to_strict` does: each is a check on the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, TypeAlias

from cerebras_ext.schema.json_tree import copy_of, pointer_of_ref, tokens_of
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
_OLD_DEFINITIONS: Final = "'definitions' is not supported. Use '$defs'"
_MESSAGES: Final = {"definitions": _OLD_DEFINITIONS}
_NO_SCHEMA: Final[tuple[ViolationRule, str]] = (
    "malformed",
    "a schema must be an object; true and false are not supported",
)

_ROOT_ALTERNATIVES: Final = ("anyOf", "oneOf", "enum", "not")
_SPEAKING: Final = ("type", "enum", "const", "anyOf", "$ref")

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
        if isinstance(visit.node, dict):
            node: dict[str, Any] = visit.node
            rules = [*_keywords(node, refused), *(p for check in _CHECKS for p in check(node))]
            rules += _root(node) if not visit.path else _inner(node)
            rules += _reference(node, names)
        else:
            rules = [_NO_SCHEMA]
        found += [Violation(visit.path, rule, message) for rule, message in rules]
    return found + find_excesses(document)


def _keywords(node: dict[str, Any], refused: Collection[str]) -> _Found:
    for name, value in node.items():
        row = row_of(name)
        if name in refused or not row.is_accepted:
            yield "keyword", _MESSAGES.get(name, f"Unsupported JSON schema fields: {{{name!r}}}")
        elif not row.form.fits(value):
            yield "malformed", f"{name!r} must be {row.form.words}"


def _root(node: dict[str, Any]) -> _Found:
    if node.get("type") != "object" or any(name in node for name in _ROOT_ALTERNATIVES):
        yield "root", _NO_OBJECT
    elif "properties" not in node:
        yield "root", _NO_PROPERTIES


def _inner(node: dict[str, Any]) -> _Found:
    if "$defs" in node:
        yield "keyword", "'$defs' is only supported at the root"


def _meaning(node: dict[str, Any]) -> _Found:
    if isinstance(node.get("type"), list):
        yield "type", "Lists of types are not supported. Use 'anyOf'"
    elif not any(name in node for name in _SPEAKING):
        yield "free-form", "Empty schemas are not supported; say which type is meant"


def _object(node: dict[str, Any]) -> _Found:
    if node.get("type") != "object":
        return
    if "properties" not in node and "anyOf" not in node:
        yield "object", _NO_PROPERTIES
    if node.get("additionalProperties") is not False:
        yield "object", _NOT_CLOSED


def _array(node: dict[str, Any]) -> _Found:
    if node.get("type") != "array":
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


_CHECKS: Final = (_meaning, _object, _array, _values)
