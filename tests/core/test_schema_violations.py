"""`find_violations`: what the service refuses in strict mode, in its words where they are known."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from cerebras_ext.schema import Violation, find_violations
from tests.core.schema_cases import STRING, object_of

_NO_OBJECT = (
    "schema must have type 'object' and not have 'oneOf'/'anyOf'/'enum'/'not' at the top level"
)
_NOT_CLOSED = "'additionalProperties' is required to be supplied and set to false."
_NO_PROPERTIES = (
    "Object fields require at least one of: "
    "'properties' or 'anyOf' with a list of possible properties."
)
_NO_ITEMS = "Array fields require at least one of 'items' or 'prefixItems'"


def test_whole_accepted_subset_has_no_violation() -> None:
    """Everything the page lists as accepted passes (API specification §8.1)."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "T",
        "description": "D",
        **object_of(
            text={"type": "string", "minLength": 1, "maxLength": 2, "default": None},
            number={"type": "number", "minimum": 0, "exclusiveMaximum": 9, "multipleOf": 0.5},
            whole={"type": "integer", "maximum": 9, "exclusiveMinimum": 0},
            choice={"anyOf": [{"type": "boolean"}, {"type": "null"}]},
            values={"enum": ["a", 1, None, False]},
            value={"const": 1.5},
            items={"type": "array", "items": {"$ref": "#/$defs/Empty"}},
            pair={"type": "array", "prefixItems": [STRING, STRING], "items": False},
            mixed={"type": "object", "anyOf": [object_of()], "additionalProperties": False},
        ),
        "required": ["text"],
        "$defs": {"Empty": object_of()},
    }
    assert find_violations(schema) == []


ROOTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "array": ({"type": "array", "items": STRING}, "root", _NO_OBJECT),
    "no type": ({"properties": {}, "additionalProperties": False}, "root", _NO_OBJECT),
    "alternatives": ({**object_of(), "anyOf": [object_of()]}, "root", _NO_OBJECT),
    "no properties": ({"type": "object", "additionalProperties": False}, "object", _NO_PROPERTIES),
    "open": ({"type": "object", "properties": {}}, "object", _NOT_CLOSED),
    "definitions": (
        {**object_of(), "definitions": {}},
        "keyword",
        "'definitions' is not supported. Use '$defs'",
    ),
}


@pytest.mark.parametrize(("schema", "rule", "message"), ROOTS.values(), ids=ROOTS)
def test_root_the_service_refuses_is_found(schema: Any, rule: str, message: str) -> None:
    """The root is a closed object with properties and nothing else."""
    assert find_violations(schema) == [Violation("", rule, message)]  # type: ignore[arg-type]


_UNSUPPORTED = [
    "oneOf", "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
    "minItems", "maxItems", "pattern", "format", "patternProperties", "unevaluatedProperties",
    "propertyNames", "$anchor", "nullable", "examples", "x-vendor",
]  # fmt: skip


@pytest.mark.parametrize("keyword", _UNSUPPORTED)
def test_keyword_the_service_does_not_take_is_found(keyword: str) -> None:
    """Whatever the page does not list as accepted counts as unsupported (§8.1)."""
    schema = object_of(a={**STRING, keyword: 1})
    message = f"Unsupported JSON schema fields: {{{keyword!r}}}"
    assert find_violations(schema) == [Violation("/properties/a", "keyword", message)]


NODES: dict[str, tuple[Any, str, str]] = {
    "empty": ({}, "free-form", "Empty schemas are not supported; say which type is meant"),
    "title alone": ({"title": "T"}, "free-form", "Empty schemas are not supported"),
    "true": (True, "malformed", "a schema must be an object; true and false are not supported"),
    "open object": ({"type": "object", "properties": {}}, "object", _NOT_CLOSED),
    "object open to one type": (
        {"type": "object", "properties": {}, "additionalProperties": STRING},
        "object",
        _NOT_CLOSED,
    ),
    "open object without type": ({"properties": {}}, "object", _NOT_CLOSED),
    "object without properties": (
        {"type": "object", "additionalProperties": False},
        "object",
        _NO_PROPERTIES,
    ),
    "array without items": ({"type": "array"}, "array", _NO_ITEMS),
    "array of anything": ({"type": "array", "items": True}, "array", _NO_ITEMS),
    "array form": ({"type": "array", "items": [STRING]}, "array", _NO_ITEMS),
    "items of a text": ({"type": "string", "items": False}, "array", _NO_ITEMS),
    "open tuple": (
        {"type": "array", "prefixItems": [STRING]},
        "array",
        "'prefixItems' is only supported with 'items' set to false",
    ),
    "list of types": (
        {"type": ["string", "null"]},
        "type",
        "Lists of types are not supported. Use 'anyOf'",
    ),
    "unknown type": ({"type": "file"}, "malformed", "'type' must be one of"),
    "no values": ({"enum": []}, "value", "'enum' lists no value"),
    "values that are no list": ({"enum": "a"}, "malformed", "'enum' must be a list"),
    "list among values": ({"enum": [[]]}, "value", "'enum' and 'const' only support"),
    "object for value": ({"const": {}}, "value", "'enum' and 'const' only support"),
    "no alternatives": ({"anyOf": []}, "malformed", "'anyOf' must be a list of schemas"),
    "anchor": ({"$ref": "#Point"}, "reference", "'#Point' does not point at a definition"),
    "root": ({"$ref": "#"}, "reference", "'#' does not point at a definition"),
    "missing": ({"$ref": "#/$defs/No"}, "reference", "'#/$defs/No' does not point at"),
    "into a definition": ({"$ref": "#/$defs/P/properties/a"}, "reference", "does not point at"),
    "reference that is no text": ({"$ref": 1}, "malformed", "'$ref' must be text"),
}


@pytest.mark.parametrize(("node", "rule", "message"), NODES.values(), ids=NODES)
def test_node_the_service_refuses_is_found(node: Any, rule: str, message: str) -> None:
    """Each broken rule is named at its place, in the service's words where they are known."""
    schema = {**object_of(node=node), "$defs": {"P": object_of(a=STRING)}}
    found = [v for v in find_violations(schema) if v.rule == rule]
    assert [violation.path for violation in found] == ["/properties/node"]
    assert message in found[0].message


def test_violation_shows_path_and_message() -> None:
    """A violation can be shown as it is."""
    found = find_violations(object_of(a={"type": "array", "items": {"type": "array"}}))
    assert [str(violation) for violation in found] == [f"/properties/a/items: {_NO_ITEMS}"]


def test_length_limits_are_refused_for_models_that_refuse_them() -> None:
    """What depends on the model is a violation when the caller says so alone (§9.2)."""
    schema = object_of(a={"type": "string", "minLength": 1})
    message = "Unsupported JSON schema fields: {'minLength'}"
    assert find_violations(schema) == []
    assert find_violations(schema, refused={"minLength"}) == [
        Violation("/properties/a", "keyword", message)
    ]


def test_recursion_is_found_once_for_each_circle() -> None:
    """Recursive definitions are named with their way round."""
    schema = {
        **object_of(a={"$ref": "#/$defs/A"}, b={"$ref": "#/$defs/B"}),
        "$defs": {
            "A": object_of(b={"anyOf": [{"$ref": "#/$defs/B"}, {"type": "null"}]}),
            "B": object_of(a={"$ref": "#/$defs/A"}, b={"$ref": "#/$defs/B"}),
        },
    }
    assert find_violations(schema) == [
        Violation("/$defs/A", "recursion", "contains itself: A → B → A"),
        Violation("/$defs/B", "recursion", "contains itself: B → B"),
    ]


def test_schema_given_is_not_changed() -> None:
    """Looking changes nothing."""
    schema = {"type": "object", "properties": {"a": {"type": ["string"]}}, "required": ("a",)}
    before = deepcopy(schema)
    find_violations(schema)
    assert schema == before
