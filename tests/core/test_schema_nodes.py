"""`to_strict`: what becomes of single nodes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.schema_cases import (
    COLOUR,
    INTEGER,
    NULL,
    POINT_REF,
    STRING,
    Case,
    object_of,
    said_of,
    strict_node,
)

UNCHANGED: dict[str, Any] = {
    "string": STRING,
    "annotated": {"title": "T", "description": "D", "type": "string", "default": "x"},
    "empty description": {"description": "", "type": "string"},
    "limits": {"type": "number", "minimum": 0, "exclusiveMaximum": 9, "multipleOf": 0.5},
    "enum": COLOUR,
    "enum of several types": {"enum": ["a", 1, None, True]},
    "const": {"const": 1.5},
    "array": {"type": "array", "items": STRING},
    "tuple": {"type": "array", "prefixItems": [STRING, INTEGER], "items": False},
    "empty object": object_of(),
    "optional property": object_of(a=STRING),
    "nothing required": {**object_of(a=STRING), "required": []},
    "alternatives": {"anyOf": [STRING, POINT_REF, NULL], "default": None},
    "alternatives in alternatives": {"anyOf": [{"anyOf": [STRING, NULL]}, INTEGER]},
    "one alternative": {"anyOf": [STRING]},
    "reference": POINT_REF,
}


@pytest.mark.parametrize("given", UNCHANGED.values(), ids=UNCHANGED)
def test_strict_schema_is_returned_as_it_is(given: Any) -> None:
    """A schema the service takes comes back equal, without a change but for unused definitions."""
    node, strict = strict_node(given)
    assert node == given
    assert {change.rule for change in strict.changes} <= {"unreachable"}


REWRITTEN: dict[str, Case] = {
    # objects
    "open object": Case(
        {"type": "object", "properties": {"a": STRING}},
        object_of(a=STRING),
        {("additionalProperties", "closed")},
    ),
    "object that lets everything in besides": Case(
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": True},
        object_of(a=STRING),
        {("additionalProperties", "closed")},
    ),
    "closed object without properties": Case(
        {"type": "object", "additionalProperties": False}, object_of(), {("properties", "closed")}
    ),
    "object without type": Case(
        {"properties": {"a": STRING}, "additionalProperties": False},
        object_of(a=STRING),
        {("type", "typed")},
    ),
    "required property nobody describes": Case(
        {"type": "object", "properties": {"a": STRING}, "required": ["a", "b"]},
        {**object_of(a=STRING), "required": ["a"]},
        {("required", "unknown-required"), ("additionalProperties", "closed")},
    ),
    "property nothing matches": Case(
        object_of(a=STRING, b=False), object_of(a=STRING), {("properties", "unreachable")}
    ),
    "closed by unevaluatedProperties": Case(
        {"type": "object", "properties": {"a": STRING}, "unevaluatedProperties": False},
        object_of(a=STRING),
        {("unevaluatedProperties", "dropped")},
    ),
    "unevaluatedProperties that lets everything in": Case(
        {**object_of(a=STRING), "unevaluatedProperties": True},
        object_of(a=STRING),
        {("unevaluatedProperties", "dropped")},
    ),
    "mapping with listed keys": Case(
        {"type": "object", "propertyNames": {"enum": ["a", "b"]}, "additionalProperties": INTEGER},
        object_of(a=INTEGER, b=INTEGER),
        {("propertyNames", "keyed")},
    ),
    "mapping with keys listed elsewhere": Case(
        {
            "type": "object",
            "propertyNames": {"$ref": "#/$defs/Colour"},
            "additionalProperties": INTEGER,
        },
        object_of(red=INTEGER, blue=INTEGER),
        {("propertyNames", "keyed")},
    ),
    "names in words": Case(
        {**object_of(a=STRING), "propertyNames": {"pattern": "^a"}},
        {
            "description": 'Every property name must match this JSON schema: {"pattern": "^a"}.',
            **object_of(a=STRING),
        },
        {("propertyNames", "restated")},
    ),
    # arrays
    "array-form items": Case(
        {"type": "array", "items": [STRING, INTEGER], "additionalItems": False},
        {"type": "array", "prefixItems": [STRING, INTEGER], "items": False},
        {("items", "renamed"), ("additionalItems", "renamed")},
    ),
    "open tuple": Case(
        {"type": "array", "prefixItems": [STRING]},
        {"type": "array", "prefixItems": [STRING], "items": False},
        {("items", "closed")},
    ),
    "tuple of a length": Case(
        {"type": "array", "prefixItems": [STRING], "minItems": 1, "maxItems": 1},
        {
            "description": "Minimum number of items: 1. Maximum number of items: 1.",
            "type": "array",
            "prefixItems": [STRING],
            "items": False,
        },
        {("items", "closed"), ("minItems", "restated"), ("maxItems", "restated")},
    ),
    "array without type": Case(
        {"items": STRING}, {"type": "array", "items": STRING}, {("type", "typed")}
    ),
    # types and values
    "list of types": Case(
        {"type": ["string", "null"], "description": "D"},
        {"description": "D", "anyOf": [STRING, NULL]},
        {("type", "split")},
    ),
    "list of one type": Case({"type": ["string"]}, STRING, {("type", "split")}),
    "list of types with limits": Case(
        {"type": ["integer", "string", "null"], "minimum": 1, "pattern": "^a"},
        {
            "description": "Must match the regular expression `^a`.",
            "anyOf": [{"type": "integer", "minimum": 1}, STRING, NULL],
        },
        {("type", "split"), ("pattern", "restated")},
    ),
    "list of types with values": Case(
        {"type": ["string", "null"], "enum": ["a", None, 1]},
        {"enum": ["a", None]},
        {("type", "split"), ("enum", "unreachable")},
    ),
    "values not of the type": Case(
        {"type": "integer", "enum": [1, 2.0, 2.5, "a", True]},
        {"type": "integer", "enum": [1, 2.0]},
        {("enum", "unreachable")},
    ),
    "const among values": Case(
        {"enum": ["a", "b"], "const": "a"}, {"const": "a"}, {("enum", "dropped")}
    ),
    "limits without type": Case(
        {"minimum": 1}, {"type": "number", "minimum": 1}, {("type", "typed")}
    ),
    "nullable": Case(
        {"type": "string", "nullable": True, "title": "T"},
        {"title": "T", "anyOf": [STRING, NULL]},
        {("nullable", "split")},
    ),
    "not nullable": Case({"type": "string", "nullable": False}, STRING, {("nullable", "dropped")}),
    "nullable reference": Case(
        {"allOf": [POINT_REF], "nullable": True},
        {"anyOf": [POINT_REF, NULL]},
        {("nullable", "split"), ("allOf", "merged")},
    ),
    "exclusive limit of draft 4": Case(
        {"type": "integer", "minimum": 3, "exclusiveMinimum": True, "exclusiveMaximum": False},
        {"type": "integer", "exclusiveMinimum": 3},
        {("exclusiveMinimum", "renamed"), ("exclusiveMaximum", "renamed")},
    ),
    "keyword of another type": Case(
        {"type": "string", "minimum": 3, "items": {}},
        STRING,
        {("minimum", "dropped"), ("items", "dropped")},
    ),
    "number JSON does not have": Case(
        {"type": "number", "default": float("inf")}, {"type": "number"}, {("default", "dropped")}
    ),
}


@pytest.mark.parametrize("case", REWRITTEN.values(), ids=REWRITTEN)
def test_schema_is_rewritten(case: Case) -> None:
    """Each form the service does not take becomes one it does, and the report says how."""
    node, strict = strict_node(case.given)
    assert node == case.written
    assert said_of(strict) == case.changes


_STRINGS = {"type": "array", "items": STRING}
_PAIR = object_of(a=STRING, b=STRING)

RESTATED: list[tuple[dict[str, Any], str, Any, str]] = [
    (STRING, "pattern", "^[A-Z]$", "Must match the regular expression `^[A-Z]$`."),
    (STRING, "format", "date-time", "Format: date-time."),
    (STRING, "minLength", 2, "Minimum length: 2."),
    (STRING, "maxLength", 9, "Maximum length: 9."),
    (_STRINGS, "minItems", 1, "Minimum number of items: 1."),
    (_STRINGS, "maxItems", 3, "Maximum number of items: 3."),
    (_STRINGS, "uniqueItems", True, "All items must be different."),
    (
        _STRINGS,
        "contains",
        {"const": "a"},
        'Some items must match this JSON schema: {"const": "a"}.',
    ),
    (_PAIR, "minProperties", 1, "Minimum number of properties: 1."),
    (_PAIR, "maxProperties", 1, "Maximum number of properties: 1."),
    (
        _PAIR,
        "dependentRequired",
        {"a": ["b"]},
        'Each of these properties needs those listed with it: {"a": ["b"]}.',
    ),
    (STRING, "examples", ["é", "b"], 'Examples: ["é", "b"].'),
    (STRING, "contentEncoding", "base64", "Encoding: base64."),
]


@pytest.mark.parametrize(("base", "keyword", "value", "said"), RESTATED)
def test_constraint_that_cannot_be_sent_moves_into_the_description(
    base: dict[str, Any], keyword: str, value: Any, said: str
) -> None:
    """A constraint the service does not take is said in plain words, after what was said before."""
    node, strict = strict_node({**base, "description": "A code.", keyword: value})
    assert node == {**base, "description": f"A code. {said}"}
    assert (keyword, "restated") in said_of(strict)


def test_description_says_a_thing_once() -> None:
    """A sentence that several merged parts bring along is not repeated."""
    node, _ = strict_node({"type": "string", "format": "date", "allOf": [{"format": "date"}]})
    assert node["description"] == "Format: date."


@pytest.mark.parametrize(
    ("given", "keyword"),
    [
        ({"type": "string", "minLength": 0}, "minLength"),
        ({"type": "array", "items": STRING, "minItems": 0}, "minItems"),
        ({"type": "array", "items": STRING, "uniqueItems": False}, "uniqueItems"),
        ({"type": "string", "deprecated": True}, "deprecated"),
        ({"type": "string", "x-order": 1}, "x-order"),
        ({"type": "string", "$schema": "https://json-schema.org/draft-07/schema#"}, "$schema"),
    ],
)
def test_keyword_without_effect_is_dropped_without_a_word(given: Any, keyword: str) -> None:
    """What says nothing about instances is left out of node and description."""
    node, strict = strict_node(given)
    assert node.keys() == {"type", "items"} & given.keys()
    assert said_of(strict) == {(keyword, "dropped")}
