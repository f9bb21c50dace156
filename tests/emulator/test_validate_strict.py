"""Strict schemas: API specification §8.1."""

from __future__ import annotations

import pytest

from cerebras_ext.emulator.strict_rules import find_strict_problems
from tests.emulator.requests import accepted, chat_body, refused

TEXT = {"type": "string"}


def obj(properties=None, **more):
    """A strict object."""
    return {
        "type": "object",
        "properties": {} if properties is None else properties,
        "additionalProperties": False,
        **more,
    }


def holding(node):
    """A strict object with one property."""
    return obj({"a": node})


def deep(levels):
    """Objects inside each other, `levels` of them in all."""
    node = TEXT
    for _ in range(levels):
        node = holding(node)
    return node


def messages(schema, **options):
    """What the service says to a strict schema."""
    return [problem.message for problem in find_strict_problems(schema, **options)]


ACCEPTED = {
    "no properties": obj(),
    "every type": obj(
        {name: {"type": name} for name in ("string", "number", "integer", "boolean", "null")}
    ),
    "optional property": obj({"a": TEXT, "b": TEXT}, required=["a"]),
    "enum": holding({"enum": ["x", 1, None, True, 2.5]}),
    "const": holding({"const": "x"}),
    "anyOf below the root": holding({"anyOf": [TEXT, {"type": "null"}]}),
    "object by anyOf": holding({"type": "object", "anyOf": [obj()], "additionalProperties": False}),
    "array": holding({"type": "array", "items": TEXT}),
    "tuple": holding({"type": "array", "prefixItems": [TEXT, {"type": "null"}], "items": False}),
    "number bounds": holding(
        {"type": "number", "minimum": 0, "exclusiveMaximum": 5, "multipleOf": 2}
    ),
    "text bounds": holding({"type": "string", "minLength": 1, "maxLength": 3}),
    "annotations": obj(
        {"a": {**TEXT, "title": "t", "description": "d", "default": "x"}},
        **{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "t"},
    ),
    "definition": obj(
        {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/A"}}, **{"$defs": {"A": obj()}}
    ),
    "escaped definition": obj({"a": {"$ref": "#/$defs/A~1B%20C"}}, **{"$defs": {"A/B C": TEXT}}),
    "chain of definitions": obj(
        {"a": {"$ref": "#/$defs/A"}}, **{"$defs": {"A": {"$ref": "#/$defs/B"}, "B": TEXT}}
    ),
    "reference into a definition": obj(
        {"a": {"$ref": "#/$defs/A/anyOf/1"}}, **{"$defs": {"A": {"anyOf": [TEXT, obj()]}}}
    ),
    "properties called like keywords": obj(
        {"pattern": TEXT, "items": TEXT, "oneOf": TEXT, "$ref": TEXT}
    ),
    "10 levels": deep(10),
    "500 properties": obj({f"p{n}": TEXT for n in range(500)}),
    "500 enum values": obj({"a": {"enum": list(range(250))}, "b": {"enum": list(range(250))}}),
    "5,000 characters": obj({"x" * 2_000: {"const": "y" * 1_000}, "a": {"enum": ["z" * 1_999]}}),
}


@pytest.mark.parametrize("schema", ACCEPTED.values(), ids=ACCEPTED)
def test_strict_schema_is_accepted(schema):
    """§8.1: the supported subset, its limits included."""
    assert messages(schema) == []


NOT_AN_OBJECT = (
    "schema must have type 'object' and not have 'oneOf'/'anyOf'/'enum'/'not' at the top level"
)
NOT_CLOSED = "'additionalProperties' is required to be supplied and set to false."
NO_PROPERTIES = (
    "Object fields require at least one of: 'properties' or 'anyOf' with a list of possible "
    "properties."
)
NO_ITEMS = "Array fields require at least one of 'items' or 'prefixItems'."
OPEN_TUPLE = "'prefixItems' requires 'items' to be set to false."
RECURSIVE = "Recursive schemas are not supported."

REFUSED = {
    "root array": ({"type": "array", "items": TEXT}, NOT_AN_OBJECT),
    "root scalar": (TEXT, NOT_AN_OBJECT),
    "root without type": ({"properties": {}, "additionalProperties": False}, NOT_AN_OBJECT),
    "root anyOf": (obj(anyOf=[obj()]), NOT_AN_OBJECT),
    "root reference": ({"$ref": "#/$defs/A", "$defs": {"A": obj()}}, NOT_AN_OBJECT),
    "empty": ({}, NOT_AN_OBJECT),
    "root open": ({"type": "object", "properties": {}}, NOT_CLOSED),
    "root open by true": (obj(additionalProperties=True), NOT_CLOSED),
    "root open by schema": (obj(additionalProperties=TEXT), NOT_CLOSED),
    "inner open": (holding({"type": "object", "properties": {}}), NOT_CLOSED),
    "open in anyOf": (holding({"anyOf": [{"type": "object", "properties": {}}]}), NOT_CLOSED),
    "open in items": (
        holding({"type": "array", "items": {"type": "object", "properties": {}}}),
        NOT_CLOSED,
    ),
    "open in prefixItems": (
        holding(
            {"type": "array", "prefixItems": [{"type": "object", "properties": {}}], "items": False}
        ),
        NOT_CLOSED,
    ),
    "open in a definition": (
        obj(**{"$defs": {"A": {"type": "object", "properties": {}}}}),
        NOT_CLOSED,
    ),
    "bare object": (holding({"type": "object", "additionalProperties": False}), NO_PROPERTIES),
    "empty sub-schema": (holding({}), "must not be empty"),
    "description alone": (holding({"description": "anything"}), "must not be empty"),
    "true": (holding(True), "Schemas must be objects"),
    "bare array": (holding({"type": "array"}), NO_ITEMS),
    "items true": (holding({"type": "array", "items": True}), "'items' must be a schema."),
    "items false alone": (holding({"type": "array", "items": False}), "'items' must be a schema."),
    "items array": (holding({"type": "array", "items": [TEXT]}), "'items' must be a schema."),
    "open tuple": (holding({"type": "array", "prefixItems": [TEXT]}), OPEN_TUPLE),
    "tuple with items": (
        holding({"type": "array", "prefixItems": [TEXT], "items": TEXT}),
        OPEN_TUPLE,
    ),
    "type list": (holding({"type": ["string", "null"]}), "Lists of types are not supported"),
    "unknown type": (holding({"type": "text"}), "'type' must be one of"),
    "definitions": (obj(definitions={"A": TEXT}), "'definitions' is not supported. Use '$defs'"),
    "external reference": (holding({"$ref": "https://example.org/a"}), "'$ref' must point"),
    "reference elsewhere": (obj({"a": TEXT, "b": {"$ref": "#/properties/a"}}), "'$ref' must point"),
    "missing definition": (holding({"$ref": "#/$defs/A"}), "'$ref' must point"),
    "reference past a list": (
        obj({"a": {"$ref": "#/$defs/A/anyOf/1"}}, **{"$defs": {"A": {"anyOf": [TEXT]}}}),
        "'$ref' must point",
    ),
    "reference to the root": (holding({"$ref": "#"}), "'$ref' must point"),
    "reference that is no string": (holding({"$ref": 1}), "'$ref' must point"),
    "recursion": (
        obj({"a": {"$ref": "#/$defs/A"}}, **{"$defs": {"A": holding({"$ref": "#/$defs/A"})}}),
        RECURSIVE,
    ),
    "mutual recursion": (
        obj(
            {"a": {"$ref": "#/$defs/A"}},
            **{"$defs": {"A": holding({"$ref": "#/$defs/B"}), "B": holding({"$ref": "#/$defs/A"})}},
        ),
        RECURSIVE,
    ),
    "unused recursion": (obj(**{"$defs": {"A": holding({"$ref": "#/$defs/A"})}}), RECURSIVE),
    "object const": (holding({"const": {}}), "'const' must be a primitive value."),
    "object enum": (holding({"enum": [{}]}), "'enum' must be a list of primitive values."),
    "empty enum": (holding({"enum": []}), "'enum' must be a list of primitive values."),
    "enum that is no list": (holding({"enum": "x"}), "'enum' must be a list of primitive values."),
    "empty anyOf": (holding({"anyOf": []}), "must be lists of schemas"),
    "title that is no string": (obj(title=1), "Annotations must be strings: 1."),
    "bound that is no number": (holding({"type": "number", "minimum": "0"}), "Bounds must be"),
    "negative length": (holding({"type": "string", "minLength": -1}), "Lengths must be"),
    "multiple of zero": (holding({"type": "number", "multipleOf": 0}), "'multipleOf' must be"),
    "properties list": (obj(properties=["a"]), "'properties' must be an object."),
    "required string": (obj(required="a"), "'required' must be a list of property names."),
    "11 levels": (deep(11), "at most 10 levels"),
    "11 levels by a definition": (
        {**deep(10), "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": deep(10)}},
        "at most 10 levels",
    ),
    "501 properties": (obj({f"p{n}": TEXT for n in range(501)}), "at most 500 object properties"),
    "501 enum values": (holding({"enum": list(range(501))}), "at most 500 enum values"),
    "5,001 characters": (holding({"enum": ["x" * 5_000]}), "at most 5000 characters"),
    "long enum": (
        holding({"enum": [f"{n:030}" for n in range(251)]}),
        "An enum of more than 250 values may have at most 7500 characters",
    ),
}


@pytest.mark.parametrize(("schema", "message"), REFUSED.values(), ids=REFUSED)
def test_strict_schema_is_refused(schema, message):
    """§8.1: what is outside the subset is refused, in the service's words where they are known."""
    assert any(message in found for found in messages(schema))


UNSUPPORTED_KEYWORDS = [
    "$anchor",
    "$id",
    "allOf",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "examples",
    "format",
    "if",
    "maxItems",
    "minItems",
    "minProperties",
    "not",
    "nullable",
    "oneOf",
    "pattern",
    "patternProperties",
    "propertyNames",
    "then",
    "unevaluatedProperties",
    "uniqueItems",
]


@pytest.mark.parametrize("keyword", UNSUPPORTED_KEYWORDS)
def test_keyword_is_refused_by_name(keyword):
    """§8.1: listed keywords are refused, and so is anything that is not listed."""
    assert messages(holding({"type": "string", keyword: "x"})) == [
        f"Unsupported JSON schema fields: {{'{keyword}'}}"
    ]


def test_keywords_of_a_node_are_refused_together():
    """§8.1: the message is a set of names."""
    assert messages(holding({**TEXT, "pattern": "x", "format": "date"})) == [
        "Unsupported JSON schema fields: {'format', 'pattern'}"
    ]


def test_model_can_refuse_more():
    """§9.2: a model's own refusals come on top."""
    schema = holding({**TEXT, "minLength": 1})

    assert messages(schema, refused={"minLength"}) == [
        "Unsupported JSON schema fields: {'minLength'}"
    ]


def test_problem_says_where():
    """The path of a problem leads to its node."""
    schema = holding({"anyOf": [TEXT, {"type": "array", "items": {"type": "array"}}]})

    assert [problem.path for problem in find_strict_problems(schema)] == [
        "/properties/a/anyOf/1/items"
    ]


def test_long_chain_of_definitions_is_refused_without_a_crash():
    """A schema cannot exhaust the emulator's stack."""
    definitions = {f"D{n}": {"$ref": f"#/$defs/D{n + 1}"} for n in range(600)} | {"D600": TEXT}

    assert (
        "at most 10 levels"
        in messages(obj({"a": {"$ref": "#/$defs/D0"}}, **{"$defs": definitions}))[-1]
    )


# --- in a response format


def with_schema(schema, **more):
    """A request for JSON by a schema."""
    json_schema = {"name": "n", "schema": schema, **more}
    return chat_body(response_format={"type": "json_schema", "json_schema": json_schema})


def test_strict_response_format_is_refused_with_the_recorded_text():
    """§8.1, capture 044: param and message of an open object."""
    problem = refused(with_schema({"type": "object", "properties": {"a": TEXT}}, strict=True))

    assert (problem.status, problem.param, problem.message) == (400, "response_format", NOT_CLOSED)


@pytest.mark.parametrize("strict", [{}, {"strict": False}, {"strict": None}])
def test_loose_response_format_takes_any_schema(strict):
    """§8.1: without `strict: true` the schema is guidance."""
    response_format = accepted(with_schema({"anything": ["goes"]}, **strict)).response_format

    assert response_format.schema == {"anything": ["goes"]}
    assert not response_format.is_strict


def test_strict_response_format_is_read():
    """§8: name, schema and strict reach whoever answers."""
    response_format = accepted(with_schema(holding(TEXT), strict=True)).response_format

    assert (response_format.type, response_format.name) == ("json_schema", "n")
    assert response_format.is_strict
    assert response_format.is_json


@pytest.mark.parametrize(
    ("wire", "type", "is_json"),
    [
        (None, "text", False),
        ({"type": "text"}, "text", False),
        ({"type": "json_object"}, "json_object", True),
    ],
)
def test_other_response_formats_are_read(wire, type, is_json):
    """§8: the forms without a schema."""
    response_format = accepted(chat_body(response_format=wire)).response_format

    assert (response_format.type, response_format.is_json) == (type, is_json)
    assert response_format.schema is None
