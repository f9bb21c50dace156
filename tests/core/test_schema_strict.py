"""`to_strict`: what each kind of schema becomes, and what is said about it."""

from __future__ import annotations

from copy import deepcopy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from cerebras_ext.schema import Change, StrictSchema, find_violations, to_strict

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRING = {"type": "string"}
_INTEGER = {"type": "integer"}
_NULL = {"type": "null"}
_POINT = {
    "type": "object",
    "properties": {"x": {"type": "number"}},
    "required": ["x"],
    "additionalProperties": False,
}
_COLOUR = {"type": "string", "enum": ["red", "blue"]}
_DEFINITIONS = {"Point": _POINT, "Colour": _COLOUR}
_POINT_REF = {"$ref": "#/$defs/Point"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _tagged(tag: str, **rest: Any) -> dict[str, Any]:
    node = _object(kind={"const": tag}, n=_INTEGER)
    return {**node, "required": ["kind"], **rest}


def _strict_node(given: Any, **options: Any) -> tuple[Any, StrictSchema]:
    """What becomes of a node that is the only property of a root."""
    schema = {**_object(node=given), "required": ["node"], "$defs": deepcopy(_DEFINITIONS)}
    strict = to_strict(schema, **options)
    return strict.schema["properties"]["node"], strict


def _said(strict: StrictSchema) -> set[tuple[str, str]]:
    """The changes at the node and below, by keyword and rule."""
    below = (change for change in strict.changes if change.path.startswith("/properties/node"))
    return {(change.keyword, change.rule) for change in below}


UNCHANGED: dict[str, Any] = {
    "string": _STRING,
    "annotated": {"title": "T", "description": "D", "type": "string", "default": "x"},
    "empty description": {"description": "", "type": "string"},
    "limits": {"type": "number", "minimum": 0, "exclusiveMaximum": 9, "multipleOf": 0.5},
    "enum": _COLOUR,
    "enum of several types": {"enum": ["a", 1, None, True]},
    "const": {"const": 1.5},
    "array": {"type": "array", "items": _STRING},
    "tuple": {"type": "array", "prefixItems": [_STRING, _INTEGER], "items": False},
    "empty object": _object(),
    "optional property": _object(a=_STRING),
    "nothing required": {**_object(a=_STRING), "required": []},
    "alternatives": {"anyOf": [_STRING, _POINT_REF, _NULL], "default": None},
    "alternatives in alternatives": {"anyOf": [{"anyOf": [_STRING, _NULL]}, _INTEGER]},
    "one alternative": {"anyOf": [_STRING]},
    "reference": _POINT_REF,
}


@pytest.mark.parametrize("given", UNCHANGED.values(), ids=UNCHANGED)
def test_strict_schema_is_returned_as_it_is(given: Any) -> None:
    """A schema the service takes comes back equal, without a change but for unused definitions."""
    node, strict = _strict_node(given)
    assert node == given
    assert {change.rule for change in strict.changes} <= {"unreachable"}


class Case(NamedTuple):
    """A node, what becomes of it, and the changes by keyword and rule."""

    given: Any
    written: Any
    changes: set[tuple[str, str]]


REWRITTEN: dict[str, Case] = {
    # objects
    "open object": Case(
        {"type": "object", "properties": {"a": _STRING}},
        _object(a=_STRING),
        {("additionalProperties", "closed")},
    ),
    "object that lets everything in besides": Case(
        {"type": "object", "properties": {"a": _STRING}, "additionalProperties": True},
        _object(a=_STRING),
        {("additionalProperties", "closed")},
    ),
    "closed object without properties": Case(
        {"type": "object", "additionalProperties": False}, _object(), {("properties", "closed")}
    ),
    "object without type": Case(
        {"properties": {"a": _STRING}, "additionalProperties": False},
        _object(a=_STRING),
        {("type", "typed")},
    ),
    "required property nobody describes": Case(
        {"type": "object", "properties": {"a": _STRING}, "required": ["a", "b"]},
        {**_object(a=_STRING), "required": ["a"]},
        {("required", "unknown-required"), ("additionalProperties", "closed")},
    ),
    "property nothing matches": Case(
        _object(a=_STRING, b=False), _object(a=_STRING), {("properties", "unreachable")}
    ),
    "closed by unevaluatedProperties": Case(
        {"type": "object", "properties": {"a": _STRING}, "unevaluatedProperties": False},
        _object(a=_STRING),
        {("unevaluatedProperties", "dropped")},
    ),
    "unevaluatedProperties that lets everything in": Case(
        {**_object(a=_STRING), "unevaluatedProperties": True},
        _object(a=_STRING),
        {("unevaluatedProperties", "dropped")},
    ),
    "mapping with listed keys": Case(
        {"type": "object", "propertyNames": {"enum": ["a", "b"]}, "additionalProperties": _INTEGER},
        _object(a=_INTEGER, b=_INTEGER),
        {("propertyNames", "keyed")},
    ),
    "mapping with keys listed elsewhere": Case(
        {
            "type": "object",
            "propertyNames": {"$ref": "#/$defs/Colour"},
            "additionalProperties": _INTEGER,
        },
        _object(red=_INTEGER, blue=_INTEGER),
        {("propertyNames", "keyed")},
    ),
    "names in words": Case(
        {**_object(a=_STRING), "propertyNames": {"pattern": "^a"}},
        {
            "description": 'Every property name must match this JSON schema: {"pattern": "^a"}.',
            **_object(a=_STRING),
        },
        {("propertyNames", "restated")},
    ),
    # arrays
    "array-form items": Case(
        {"type": "array", "items": [_STRING, _INTEGER], "additionalItems": False},
        {"type": "array", "prefixItems": [_STRING, _INTEGER], "items": False},
        {("items", "renamed"), ("additionalItems", "renamed")},
    ),
    "open tuple": Case(
        {"type": "array", "prefixItems": [_STRING]},
        {"type": "array", "prefixItems": [_STRING], "items": False},
        {("items", "closed")},
    ),
    "tuple of a length": Case(
        {"type": "array", "prefixItems": [_STRING], "minItems": 1, "maxItems": 1},
        {
            "description": "Minimum number of items: 1. Maximum number of items: 1.",
            "type": "array",
            "prefixItems": [_STRING],
            "items": False,
        },
        {("items", "closed"), ("minItems", "restated"), ("maxItems", "restated")},
    ),
    "array without type": Case(
        {"items": _STRING}, {"type": "array", "items": _STRING}, {("type", "typed")}
    ),
    # types and values
    "list of types": Case(
        {"type": ["string", "null"], "description": "D"},
        {"description": "D", "anyOf": [_STRING, _NULL]},
        {("type", "split")},
    ),
    "list of one type": Case({"type": ["string"]}, _STRING, {("type", "split")}),
    "list of types with limits": Case(
        {"type": ["integer", "string", "null"], "minimum": 1, "pattern": "^a"},
        {
            "description": "Must match the regular expression `^a`.",
            "anyOf": [{"type": "integer", "minimum": 1}, _STRING, _NULL],
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
        {"title": "T", "anyOf": [_STRING, _NULL]},
        {("nullable", "split")},
    ),
    "not nullable": Case({"type": "string", "nullable": False}, _STRING, {("nullable", "dropped")}),
    "nullable reference": Case(
        {"allOf": [_POINT_REF], "nullable": True},
        {"anyOf": [_POINT_REF, _NULL]},
        {("nullable", "split"), ("allOf", "merged")},
    ),
    "exclusive limit of draft 4": Case(
        {"type": "integer", "minimum": 3, "exclusiveMinimum": True, "exclusiveMaximum": False},
        {"type": "integer", "exclusiveMinimum": 3},
        {("exclusiveMinimum", "renamed"), ("exclusiveMaximum", "renamed")},
    ),
    "keyword of another type": Case(
        {"type": "string", "minimum": 3, "items": {}},
        _STRING,
        {("minimum", "dropped"), ("items", "dropped")},
    ),
    "number JSON does not have": Case(
        {"type": "number", "default": float("inf")}, {"type": "number"}, {("default", "dropped")}
    ),
    # references
    "annotated reference": Case(
        {**_POINT_REF, "description": "Where."},
        {"description": "Where.", "anyOf": [_POINT_REF]},
        {("$ref", "wrapped")},
    ),
    "constrained reference": Case(
        {"$ref": "#/$defs/Colour", "enum": ["blue", "green"]},
        {"type": "string", "enum": ["blue"]},
        {("$ref", "merged")},
    ),
    # combinations
    "one part": Case(
        {"allOf": [_STRING], "title": "T"}, {"title": "T", "type": "string"}, {("allOf", "merged")}
    ),
    "one part that is a reference": Case(
        {"allOf": [_POINT_REF]}, _POINT_REF, {("allOf", "merged")}
    ),
    "objects": Case(
        {
            "allOf": [
                {"type": "object", "properties": {"a": _INTEGER}, "required": ["a"]},
                {"properties": {"a": {"minimum": 1}, "b": _STRING}, "required": ["b"]},
            ],
            "unevaluatedProperties": False,
        },
        {**_object(a={**_INTEGER, "minimum": 1}, b=_STRING), "required": ["a", "b"]},
        {
            ("allOf", "merged"),
            ("unevaluatedProperties", "dropped"),
            ("additionalProperties", "closed"),
        },
    ),
    "closed and open objects": Case(
        {
            "allOf": [
                _object(a=_STRING),
                {"type": "object", "properties": {"b": _STRING}},
            ]
        },
        _object(a=_STRING),
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
        {"anyOf": [_NULL, _INTEGER]},
        {("allOf", "merged"), ("type", "split")},
    ),
    "descriptions": Case(
        {"description": "Outer.", "allOf": [{**_STRING, "description": "Inner.", "title": "T"}]},
        {"title": "T", "description": "Outer. Inner.", "type": "string"},
        {("allOf", "merged")},
    ),
    "arrays": Case(
        {
            "allOf": [
                {"type": "array", "prefixItems": [{}, _STRING], "items": False},
                {"type": "array", "items": {"type": ["string", "null"]}},
            ]
        },
        {"type": "array", "prefixItems": [{"anyOf": [_STRING, _NULL]}, _STRING], "items": False},
        {("allOf", "merged"), ("type", "split")},
    ),
    "requirements in alternatives": Case(
        {
            **_object(a=_STRING, b=_STRING),
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        {
            "anyOf": [
                {**_object(a=_STRING, b=_STRING), "required": ["a"]},
                {**_object(a=_STRING, b=_STRING), "required": ["b"]},
            ]
        },
        {("anyOf", "merged")},
    ),
    "alternative nothing matches": Case(
        {"anyOf": [_STRING, False, {"enum": []}]},
        {"anyOf": [_STRING]},
        {("anyOf", "unreachable")},
    ),
    "exclusive alternatives of different types": Case(
        {"oneOf": [_STRING, {"type": ["null", "integer"]}]},
        {"anyOf": [_STRING, {"anyOf": [_NULL, _INTEGER]}]},
        {("oneOf", "one-of"), ("type", "split")},
    ),
    "exclusive alternatives with a tag": Case(
        {"oneOf": [_tagged("a"), _tagged("b")]},
        {"anyOf": [_tagged("a"), _tagged("b")]},
        {("oneOf", "one-of")},
    ),
    "exclusive alternatives, one requiring what the other forbids": Case(
        {"oneOf": [_object(a=_STRING), {**_object(b=_STRING), "required": ["b"]}]},
        {"anyOf": [_object(a=_STRING), {**_object(b=_STRING), "required": ["b"]}]},
        {("oneOf", "one-of")},
    ),
    "values with titles": Case(
        {"oneOf": [{"const": 1, "title": "One"}, {"const": True}, {"const": "1"}]},
        {"anyOf": [{"title": "One", "const": 1}, {"const": True}, {"const": "1"}]},
        {("oneOf", "one-of")},
    ),
    "values and types": Case(
        {"oneOf": [{"const": 1.5}, _INTEGER, {"enum": ["a", None]}]},
        {"anyOf": [{"const": 1.5}, _INTEGER, {"enum": ["a", None]}]},
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
        {"oneOf": [{"minimum": 1}, _STRING]},
        {
            "description": "Exactly one of the alternatives must match.",
            "anyOf": [{"type": "number", "minimum": 1}, _STRING],
        },
        {("oneOf", "restated"), ("type", "typed")},
    ),
    "exclusive alternatives that overlap": Case(
        {"oneOf": [{"type": "number"}, _INTEGER]},
        {
            "description": "Exactly one of the alternatives must match.",
            "anyOf": [{"type": "number"}, _INTEGER],
        },
        {("oneOf", "restated")},
    ),
    "discriminator with a default": Case(
        {
            "oneOf": [_tagged("a", required=[]), _tagged("b")],
            "discriminator": {"propertyName": "kind", "mapping": {}},
        },
        {"anyOf": [_tagged("a"), _tagged("b")]},
        {("oneOf", "one-of"), ("discriminator", "dropped"), ("discriminator", "made-required")},
    ),
    "discriminator of some alternatives": Case(
        {
            "oneOf": [_tagged("a", required=[]), _object()],
            "discriminator": {"propertyName": "kind"},
        },
        {
            "description": "Exactly one of the alternatives must match.",
            "anyOf": [_tagged("a", required=[]), _object()],
        },
        {("oneOf", "restated"), ("discriminator", "dropped")},
    ),
}


@pytest.mark.parametrize("case", REWRITTEN.values(), ids=REWRITTEN)
def test_schema_is_rewritten(case: Case) -> None:
    """Each form the service does not take becomes one it does, and the report says how."""
    node, strict = _strict_node(case.given)
    assert node == case.written
    assert _said(strict) == case.changes


_STRINGS = {"type": "array", "items": _STRING}
_PAIR = _object(a=_STRING, b=_STRING)

RESTATED: list[tuple[dict[str, Any], str, Any, str]] = [
    (_STRING, "pattern", "^[A-Z]$", "Must match the regular expression `^[A-Z]$`."),
    (_STRING, "format", "date-time", "Format: date-time."),
    (_STRING, "minLength", 2, "Minimum length: 2."),
    (_STRING, "maxLength", 9, "Maximum length: 9."),
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
    (_STRING, "examples", ["é", "b"], 'Examples: ["é", "b"].'),
    (_STRING, "contentEncoding", "base64", "Encoding: base64."),
]


@pytest.mark.parametrize(("base", "keyword", "value", "said"), RESTATED)
def test_constraint_that_cannot_be_sent_moves_into_the_description(
    base: dict[str, Any], keyword: str, value: Any, said: str
) -> None:
    """A constraint the service does not take is said in plain words, after what was said before."""
    node, strict = _strict_node({**base, "description": "A code.", keyword: value})
    assert node == {**base, "description": f"A code. {said}"}
    assert (keyword, "restated") in _said(strict)


def test_description_says_a_thing_once() -> None:
    """A sentence that several merged parts bring along is not repeated."""
    node, _ = _strict_node({"type": "string", "format": "date", "allOf": [{"format": "date"}]})
    assert node["description"] == "Format: date."


@pytest.mark.parametrize(
    ("given", "keyword"),
    [
        ({"type": "string", "minLength": 0}, "minLength"),
        ({"type": "array", "items": _STRING, "minItems": 0}, "minItems"),
        ({"type": "array", "items": _STRING, "uniqueItems": False}, "uniqueItems"),
        ({"type": "string", "deprecated": True}, "deprecated"),
        ({"type": "string", "x-order": 1}, "x-order"),
        ({"type": "string", "$schema": "https://json-schema.org/draft-07/schema#"}, "$schema"),
    ],
)
def test_keyword_without_effect_is_dropped_without_a_word(given: Any, keyword: str) -> None:
    """What says nothing about instances is left out of node and description."""
    node, strict = _strict_node(given)
    assert node.keys() == {"type", "items"} & given.keys()
    assert _said(strict) == {(keyword, "dropped")}


# --- whole schemas


def test_definitions_keyword_is_renamed() -> None:
    """`definitions` becomes `$defs` and the references follow (API specification §8.1)."""
    strict = to_strict(
        {
            **_object(at={"$ref": "#/definitions/Point"}, to={"$ref": "#/definitions/Point"}),
            "definitions": {"Point": _POINT},
        }
    )
    assert strict.schema == {**_object(at=_POINT_REF, to=_POINT_REF), "$defs": {"Point": _POINT}}
    assert [(change.path, change.keyword, change.rule) for change in strict.changes] == [
        ("", "definitions", "renamed")
    ]


@pytest.mark.parametrize(
    ("name", "ref", "written"),
    [
        ("Box[int]", "#/$defs/Box[int]", "Box_int"),
        ("Box[int]", "#/$defs/Box%5Bint%5D", "Box_int"),
        ("a/b~c", "#/$defs/a~1b~0c", "a_b_c"),
        ("größe", "#/$defs/gr%C3%B6%C3%9Fe", "gr_e"),
        ("pkg__mod__Box_int_", "#/$defs/pkg__mod__Box_int_", "pkg__mod__Box_int_"),
    ],
)
def test_definition_name_fits_the_alphabet(name: str, ref: str, written: str) -> None:
    """Names of generics, escaped or not, become names of the service's alphabet (LI-51)."""
    strict = to_strict({**_object(at={"$ref": ref}), "$defs": {name: _POINT}})
    assert strict.schema == {
        **_object(at={"$ref": f"#/$defs/{written}"}),
        "$defs": {written: _POINT},
    }


def test_definitions_keep_apart_when_their_names_come_together() -> None:
    """A made-up name never takes that of another definition."""
    strict = to_strict(
        {
            **_object(
                a={"$ref": "#/$defs/A[b]"}, b={"$ref": "#/$defs/A_b"}, c={"$ref": "#/$defs/A(b)"}
            ),
            "$defs": {"A[b]": _STRING, "A_b": _INTEGER, "A(b)": _NULL},
        }
    )
    assert strict.schema["properties"] == {
        "a": {"$ref": "#/$defs/A_b_2"},
        "b": {"$ref": "#/$defs/A_b"},
        "c": {"$ref": "#/$defs/A_b_3"},
    }
    assert strict.schema["$defs"] == {"A_b_2": _STRING, "A_b": _INTEGER, "A_b_3": _NULL}


def test_reference_to_anywhere_becomes_one_to_a_definition() -> None:
    """Any local JSON pointer is followed; what it names is written under `$defs`."""
    strict = to_strict(
        {
            **_object(
                first=_POINT,
                second={"$ref": "#/properties/first"},
                third={"anyOf": [_NULL, {"$ref": "#/properties/tuple/prefixItems/0"}]},
                tuple={"type": "array", "prefixItems": [_COLOUR], "items": False},
            ),
        }
    )
    assert strict.schema["properties"]["second"] == {"$ref": "#/$defs/first"}
    assert strict.schema["properties"]["third"]["anyOf"][1] == {"$ref": "#/$defs/0"}
    assert strict.schema["$defs"] == {"first": _POINT, "0": _COLOUR}


def test_nested_definitions_move_to_the_root() -> None:
    """Definitions inside a node are found by their full pointer."""
    inner = {**_object(p={"$ref": "#/properties/node/$defs/Own"}), "$defs": {"Own": _POINT}}
    node, strict = _strict_node(inner)
    assert node == _object(p={"$ref": "#/$defs/Own"})
    assert strict.schema["$defs"] == {"Own": _POINT}
    assert _said(strict) == {("$defs", "renamed")}


@pytest.mark.parametrize(
    "root",
    [
        {"$ref": "#/$defs/Point"},
        {"$ref": "#/$defs/Alias"},
        {"allOf": [{"$ref": "#/$defs/Point"}]},
        {"anyOf": [{"$ref": "#/$defs/Point"}]},
        {"oneOf": [{"$ref": "#/$defs/Alias"}]},
    ],
)
def test_root_that_leads_to_an_object_becomes_it(root: dict[str, Any]) -> None:
    """A root the service would not take is replaced by the object it stands for."""
    strict = to_strict({**root, "title": "Where", "$defs": {"Point": _POINT, "Alias": _POINT_REF}})
    assert strict.schema == {"title": "Where", **_POINT}


def test_reference_met_twice_is_merged_once() -> None:
    """A part reached over two references is one part, and no recursion."""
    named = {"type": "object", "properties": {"name": _STRING}, "required": ["name"]}
    aged = {"allOf": [{"$ref": "#/$defs/Named"}, {"properties": {"age": _INTEGER}}]}
    node = {"allOf": [{"$ref": "#/$defs/Named"}, {"$ref": "#/$defs/Aged"}]}
    strict = to_strict({**_object(node=node), "$defs": {"Named": named, "Aged": aged}})
    assert strict.schema == _object(
        node={**_object(name=_STRING, age=_INTEGER), "required": ["name"]}
    )


def test_more_alternatives_than_can_be_compared_may_overlap() -> None:
    """Every pair is compared, so beyond a hundred nothing is proved and the description says it."""
    values = [{"const": index} for index in range(101)]
    node, _ = _strict_node({"oneOf": values})
    assert node == {"description": "Exactly one of the alternatives must match.", "anyOf": values}
    node, _ = _strict_node({"oneOf": values[:100]})
    assert node == {"anyOf": values[:100]}


def test_definition_nobody_needs_is_left_out() -> None:
    """Definitions without a reference, or referred to by each other alone, cost no characters."""
    definitions = {"Point": _POINT, "Lonely": _object(at=_POINT_REF)}
    strict = to_strict({**_object(a=_STRING), "$defs": definitions})
    assert strict.schema == _object(a=_STRING)
    assert {change.path for change in strict.changes} == {"/$defs/Point", "/$defs/Lonely"}


def test_definition_of_a_part_left_out_is_left_out() -> None:
    """What only an impossible alternative refers to is not sent either."""
    impossible = {**_object(at=_POINT_REF, no=False), "required": ["no"]}
    node, strict = _strict_node({"anyOf": [_STRING, impossible]})
    assert node == {"anyOf": [_STRING]}
    assert "$defs" not in strict.schema


def test_property_order_is_kept() -> None:
    """Properties come out in the order given, also across merged parts (LI-51)."""
    strict = to_strict(
        {
            "type": "object",
            "properties": {"z": _STRING, "a": _STRING},
            "allOf": [{"properties": {"m": _STRING, "a": {"default": "x"}, "b": _STRING}}],
        }
    )
    assert list(strict.schema["properties"]) == ["z", "a", "m", "b"]


def test_schema_given_is_neither_changed_nor_shared() -> None:
    """The result shares no dict or list with the schema given (LI-51)."""
    shared = {"type": "array", "items": {"type": "string"}}
    given = _object(a=shared, b=shared)
    before = deepcopy(given)
    strict = to_strict(given)
    strict.schema["properties"]["a"]["items"]["type"] = "integer"
    assert given == before
    assert strict.schema["properties"]["b"] == before["properties"]["b"]


def test_mappings_and_tuples_are_read_like_dicts_and_lists() -> None:
    """Any mapping is a schema and any tuple an array."""
    given: Mapping[str, Any] = MappingProxyType(
        {**_object(a=MappingProxyType(_STRING)), "required": ("a",)}
    )
    assert to_strict(given).schema == {**_object(a=_STRING), "required": ["a"]}


def test_change_names_place_rule_and_effect() -> None:
    """A change can be shown to people and acted on by programs."""
    _, strict = _strict_node({"type": "string", "pattern": "a/b"})
    assert strict.changes[0] == Change(
        path="/properties/node",
        keyword="pattern",
        rule="restated",
        effect="wider",
        text="'pattern' moves into the description: Must match the regular expression `a/b`.",
    )
    assert str(strict.changes[0]).startswith("/properties/node: 'pattern' moves")


def test_change_names_the_place_in_the_schema_given() -> None:
    """Paths point into the schema given, wherever the node ends up."""
    strict = to_strict(
        {
            **_object(
                a={"allOf": [{"type": "string", "format": "date"}]}, b={"$ref": "#/$defs/a b"}
            ),
            "$defs": {"a b": {"type": "string", "pattern": "x"}},
        }
    )
    places = {change.keyword: change.path for change in strict.changes if change.rule == "restated"}
    assert places == {"format": "/properties/a/allOf/0", "pattern": "/$defs/a b"}


# --- options


def test_length_limits_are_sent_when_allowed() -> None:
    """`minLength` and `maxLength` depend on the model and are sent on demand alone (§8.1)."""
    given = {"type": "string", "minLength": 1, "maxLength": 9}
    node, strict = _strict_node(given, allowed={"maxLength"})
    assert node == {"description": "Minimum length: 1.", "type": "string", "maxLength": 9}
    assert find_violations(strict.schema) == []


def test_refused_limit_moves_into_the_description() -> None:
    """A limit the model refuses besides is said in words, also where `allowed` lets it pass."""
    given = {"type": "array", "items": {"type": "number", "minimum": 1, "multipleOf": 2}}
    refused = {"multipleOf", "pattern"}
    node, strict = _strict_node(given, refused=refused)
    assert node["items"] == {
        "description": "Must be a multiple of 2.",
        "type": "number",
        "minimum": 1,
    }
    assert find_violations(strict.schema, refused=refused) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"allowed": {"pattern"}}, "allowed: 'pattern' does not depend on the model"),
        ({"refused": {"anyOf"}}, "refused: 'anyOf' cannot be put in words"),
        ({"refused": {"title"}}, "refused: 'title' cannot be put in words"),
    ],
)
def test_option_that_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    """A wrong option is an error that names it."""
    with pytest.raises(ValueError, match=message):
        to_strict(_object(), **options)


REQUIRED: dict[str, tuple[Any, Any, str]] = {
    "plain": (_STRING, {"anyOf": [_STRING, _NULL]}, "null-for-absent"),
    "annotated": (
        {"title": "T", "description": "D", "type": "string"},
        {"title": "T", "description": "D", "anyOf": [_STRING, _NULL]},
        "null-for-absent",
    ),
    "alternatives": (
        {"anyOf": [_STRING, _INTEGER]},
        {"anyOf": [_STRING, _INTEGER, _NULL]},
        "null-for-absent",
    ),
    "reference": (_POINT_REF, {"anyOf": [_POINT_REF, _NULL]}, "null-for-absent"),
    "with a default": ({**_STRING, "default": "x"}, {**_STRING, "default": "x"}, "made-required"),
    "with null for default": (
        {**_STRING, "default": None},
        {"anyOf": [_STRING, _NULL], "default": None},
        "null-for-absent",
    ),
    "nullable": (
        {"anyOf": [_STRING, _NULL], "default": None},
        {"anyOf": [_STRING, _NULL], "default": None},
        "made-required",
    ),
    "nullable by reference": (
        {"$ref": "#/$defs/Maybe"},
        {"$ref": "#/$defs/Maybe"},
        "made-required",
    ),
    "null among values": ({"enum": [1, None]}, {"enum": [1, None]}, "made-required"),
}


@pytest.mark.parametrize(("given", "written", "rule"), REQUIRED.values(), ids=REQUIRED)
def test_optional_property_becomes_required_on_demand(given: Any, written: Any, rule: str) -> None:
    """With `require_all`, null is added where nothing else could stand for absent."""
    definitions = {"Point": _POINT, "Maybe": {"anyOf": [_STRING, _NULL]}}
    schema = {**_object(first=_STRING, node=given), "required": ["first"], "$defs": definitions}
    strict = to_strict(schema, require_all=True)
    assert strict.schema["required"] == ["first", "node"]
    assert strict.schema["properties"] == {"first": _STRING, "node": written}
    assert [change.rule for change in strict.changes if change.keyword == "required"] == [rule]


def test_optional_property_stays_optional() -> None:
    """Without `require_all` nothing is required that was not: it may be absent (§8.1)."""
    strict = to_strict({**_object(a=_STRING, b=_STRING), "required": ["b"]})
    assert strict.schema["required"] == ["b"]


# --- size


def test_shared_definitions_are_written_once() -> None:
    """References are kept, so forty definitions that use each other twice stay forty."""
    definitions: dict[str, Any] = {"D0": _STRING}
    for index in range(1, 41):
        ref = {"$ref": f"#/$defs/D{index - 1}"}
        definitions[f"D{index}"] = {"anyOf": [ref, {"anyOf": [ref, _NULL]}]}
    strict = to_strict({**_object(a={"$ref": "#/$defs/D40"}), "$defs": definitions})
    assert strict.schema["$defs"] == definitions
