"""`to_strict`: what becomes of nodes made of other nodes."""

from __future__ import annotations

import pytest

from cerebras_ext.schema import to_strict
from tests.core.schema_cases import (
    INTEGER,
    NULL,
    POINT_REF,
    STRING,
    Case,
    object_of,
    said_of,
    strict_node,
    tagged,
)

COMBINED: dict[str, Case] = {
    # references
    "annotated reference": Case(
        {**POINT_REF, "description": "Where."},
        {"description": "Where.", "anyOf": [POINT_REF]},
        {("$ref", "wrapped")},
    ),
    "constrained reference": Case(
        {"$ref": "#/$defs/Colour", "enum": ["blue", "green"]},
        {"type": "string", "enum": ["blue"]},
        {("$ref", "merged")},
    ),
    # combinations
    "one part": Case(
        {"allOf": [STRING], "title": "T"}, {"title": "T", "type": "string"}, {("allOf", "merged")}
    ),
    "one part that is a reference": Case({"allOf": [POINT_REF]}, POINT_REF, {("allOf", "merged")}),
    "objects": Case(
        {
            "allOf": [
                {"type": "object", "properties": {"a": INTEGER}, "required": ["a"]},
                {"properties": {"a": {"minimum": 1}, "b": STRING}, "required": ["b"]},
            ],
            "unevaluatedProperties": False,
        },
        {**object_of(a={**INTEGER, "minimum": 1}, b=STRING), "required": ["a", "b"]},
        {
            ("allOf", "merged"),
            ("unevaluatedProperties", "dropped"),
            ("additionalProperties", "closed"),
        },
    ),
    "closed and open objects": Case(
        {
            "allOf": [
                object_of(a=STRING),
                {"type": "object", "properties": {"b": STRING}},
            ]
        },
        object_of(a=STRING),
        {("allOf", "merged"), ("properties", "unreachable")},
    ),
    "limits of the same kind": Case(
        {
            "type": "number",
            "minimum": 1,
            "maximum": 5,
            "multipleOf": 4,
            "allOf": [{"minimum": 2, "maximum": 9, "multipleOf": 6}],
        },
        {"type": "number", "minimum": 2, "maximum": 5, "multipleOf": 12},
        {("allOf", "merged")},
    ),
    "fractions": Case(
        {"type": "number", "multipleOf": 0.3, "allOf": [{"multipleOf": 0.2}]},
        {"type": "number", "multipleOf": 0.6},
        {("allOf", "merged")},
    ),
    "types": Case(
        {"type": ["number", "null", "string"], "allOf": [{"type": ["integer", "null"]}]},
        {"anyOf": [NULL, INTEGER]},
        {("allOf", "merged"), ("type", "split")},
    ),
    "descriptions": Case(
        {"description": "Outer.", "allOf": [{**STRING, "description": "Inner.", "title": "T"}]},
        {"title": "T", "description": "Outer. Inner.", "type": "string"},
        {("allOf", "merged")},
    ),
    "arrays": Case(
        {
            "allOf": [
                {"type": "array", "prefixItems": [{}, STRING], "items": False},
                {"type": "array", "items": {"type": ["string", "null"]}},
            ]
        },
        {"type": "array", "prefixItems": [{"anyOf": [STRING, NULL]}, STRING], "items": False},
        {("allOf", "merged"), ("type", "split")},
    ),
    "requirements in alternatives": Case(
        {
            **object_of(a=STRING, b=STRING),
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        {
            "anyOf": [
                {**object_of(a=STRING, b=STRING), "required": ["a"]},
                {**object_of(a=STRING, b=STRING), "required": ["b"]},
            ]
        },
        {("anyOf", "merged")},
    ),
    "alternative nothing matches": Case(
        {"anyOf": [STRING, False, {"enum": []}]},
        {"anyOf": [STRING]},
        {("anyOf", "unreachable")},
    ),
    "exclusive alternatives of different types": Case(
        {"oneOf": [STRING, {"type": ["null", "integer"]}]},
        {"anyOf": [STRING, {"anyOf": [NULL, INTEGER]}]},
        {("oneOf", "one-of"), ("type", "split")},
    ),
    "exclusive alternatives with a tag": Case(
        {"oneOf": [tagged("a"), tagged("b")]},
        {"anyOf": [tagged("a"), tagged("b")]},
        {("oneOf", "one-of")},
    ),
    "exclusive alternatives, one requiring what the other forbids": Case(
        {"oneOf": [object_of(a=STRING), {**object_of(b=STRING), "required": ["b"]}]},
        {"anyOf": [object_of(a=STRING), {**object_of(b=STRING), "required": ["b"]}]},
        {("oneOf", "one-of")},
    ),
    "values with titles": Case(
        {"oneOf": [{"const": 1, "title": "One"}, {"const": True}, {"const": "1"}]},
        {"anyOf": [{"title": "One", "const": 1}, {"const": True}, {"const": "1"}]},
        {("oneOf", "one-of")},
    ),
    "values and types": Case(
        {"oneOf": [{"const": 1.5}, INTEGER, {"enum": ["a", None]}]},
        {"anyOf": [{"const": 1.5}, INTEGER, {"enum": ["a", None]}]},
        {("oneOf", "one-of")},
    ),
    "value of a type": Case(
        {"oneOf": [{"const": 1}, {"type": "number"}]},
        {
            "description": "Exactly one of the alternatives must match.",
            "anyOf": [{"const": 1}, {"type": "number"}],
        },
        {("oneOf", "restated")},
    ),
    "alternative that lets other types pass": Case(
        {"oneOf": [{"minimum": 1}, STRING]},
        {
            "description": "Exactly one of the alternatives must match.",
            "anyOf": [{"type": "number", "minimum": 1}, STRING],
        },
        {("oneOf", "restated"), ("type", "typed")},
    ),
    "exclusive alternatives that overlap": Case(
        {"oneOf": [{"type": "number"}, INTEGER]},
        {
            "description": "Exactly one of the alternatives must match.",
            "anyOf": [{"type": "number"}, INTEGER],
        },
        {("oneOf", "restated")},
    ),
    "discriminator with a default": Case(
        {
            "oneOf": [tagged("a", required=[]), tagged("b")],
            "discriminator": {"propertyName": "kind", "mapping": {}},
        },
        {"anyOf": [tagged("a"), tagged("b")]},
        {("oneOf", "one-of"), ("discriminator", "dropped"), ("discriminator", "made-required")},
    ),
    "discriminator of some alternatives": Case(
        {
            "oneOf": [tagged("a", required=[]), object_of()],
            "discriminator": {"propertyName": "kind"},
        },
        {
            "description": "Exactly one of the alternatives must match.",
            "anyOf": [tagged("a", required=[]), object_of()],
        },
        {("oneOf", "restated"), ("discriminator", "dropped")},
    ),
}


@pytest.mark.parametrize("case", COMBINED.values(), ids=COMBINED)
def test_combination_is_rewritten(case: Case) -> None:
    """References, parts and alternatives become nodes the service takes; the report says how."""
    node, strict = strict_node(case.given)
    assert node == case.written
    assert said_of(strict) == case.changes


def test_reference_met_twice_is_merged_once() -> None:
    """A part reached over two references is one part, and no recursion."""
    named = {"type": "object", "properties": {"name": STRING}, "required": ["name"]}
    aged = {"allOf": [{"$ref": "#/$defs/Named"}, {"properties": {"age": INTEGER}}]}
    node = {"allOf": [{"$ref": "#/$defs/Named"}, {"$ref": "#/$defs/Aged"}]}
    strict = to_strict({**object_of(node=node), "$defs": {"Named": named, "Aged": aged}})
    assert strict.schema == object_of(
        node={**object_of(name=STRING, age=INTEGER), "required": ["name"]}
    )


def test_more_alternatives_than_can_be_compared_may_overlap() -> None:
    """Every pair is compared, so beyond a hundred nothing is proved and the description says it."""
    values = [{"const": index} for index in range(101)]
    node, _ = strict_node({"oneOf": values})
    assert node == {"description": "Exactly one of the alternatives must match.", "anyOf": values}
    node, _ = strict_node({"oneOf": values[:100]})
    assert node == {"anyOf": values[:100]}
