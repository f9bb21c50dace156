"""`to_strict`: whole schemas, the report, and the options."""

from __future__ import annotations

from copy import deepcopy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext.schema import Change, find_violations, to_strict
from tests.core.schema_cases import (
    COLOUR,
    INTEGER,
    NULL,
    POINT,
    POINT_REF,
    STRING,
    object_of,
    said_of,
    strict_node,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def test_definitions_keyword_is_renamed() -> None:
    """`definitions` becomes `$defs` and the references follow (API specification §8.1)."""
    strict = to_strict(
        {
            **object_of(at={"$ref": "#/definitions/Point"}, to={"$ref": "#/definitions/Point"}),
            "definitions": {"Point": POINT},
        }
    )
    assert strict.schema == {**object_of(at=POINT_REF, to=POINT_REF), "$defs": {"Point": POINT}}
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
    strict = to_strict({**object_of(at={"$ref": ref}), "$defs": {name: POINT}})
    assert strict.schema == {
        **object_of(at={"$ref": f"#/$defs/{written}"}),
        "$defs": {written: POINT},
    }


def test_definitions_keep_apart_when_their_names_come_together() -> None:
    """A made-up name never takes that of another definition."""
    strict = to_strict(
        {
            **object_of(
                a={"$ref": "#/$defs/A[b]"}, b={"$ref": "#/$defs/A_b"}, c={"$ref": "#/$defs/A(b)"}
            ),
            "$defs": {"A[b]": STRING, "A_b": INTEGER, "A(b)": NULL},
        }
    )
    assert strict.schema["properties"] == {
        "a": {"$ref": "#/$defs/A_b_2"},
        "b": {"$ref": "#/$defs/A_b"},
        "c": {"$ref": "#/$defs/A_b_3"},
    }
    assert strict.schema["$defs"] == {"A_b_2": STRING, "A_b": INTEGER, "A_b_3": NULL}


def test_reference_to_anywhere_becomes_one_to_a_definition() -> None:
    """Any local JSON pointer is followed; what it names is written under `$defs`."""
    strict = to_strict(
        {
            **object_of(
                first=POINT,
                second={"$ref": "#/properties/first"},
                third={"anyOf": [NULL, {"$ref": "#/properties/tuple/prefixItems/0"}]},
                tuple={"type": "array", "prefixItems": [COLOUR], "items": False},
            ),
        }
    )
    assert strict.schema["properties"]["second"] == {"$ref": "#/$defs/first"}
    assert strict.schema["properties"]["third"]["anyOf"][1] == {"$ref": "#/$defs/0"}
    assert strict.schema["$defs"] == {"first": POINT, "0": COLOUR}


def test_nested_definitions_move_to_the_root() -> None:
    """Definitions inside a node are found by their full pointer."""
    inner = {**object_of(p={"$ref": "#/properties/node/$defs/Own"}), "$defs": {"Own": POINT}}
    node, strict = strict_node(inner)
    assert node == object_of(p={"$ref": "#/$defs/Own"})
    assert strict.schema["$defs"] == {"Own": POINT}
    assert said_of(strict) == {("$defs", "renamed")}


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
    strict = to_strict({**root, "title": "Where", "$defs": {"Point": POINT, "Alias": POINT_REF}})
    assert strict.schema == {"title": "Where", **POINT}


def test_definition_nobody_needs_is_left_out() -> None:
    """Definitions without a reference, or referred to by each other alone, cost no characters."""
    definitions = {"Point": POINT, "Lonely": object_of(at=POINT_REF)}
    strict = to_strict({**object_of(a=STRING), "$defs": definitions})
    assert strict.schema == object_of(a=STRING)
    assert {change.path for change in strict.changes} == {"/$defs/Point", "/$defs/Lonely"}


def test_definition_of_a_part_left_out_is_left_out() -> None:
    """What only an impossible alternative refers to is not sent either."""
    impossible = {**object_of(at=POINT_REF, no=False), "required": ["no"]}
    node, strict = strict_node({"anyOf": [STRING, impossible]})
    assert node == {"anyOf": [STRING]}
    assert "$defs" not in strict.schema


def test_property_order_is_kept() -> None:
    """Properties come out in the order given, also across merged parts (LI-51)."""
    strict = to_strict(
        {
            "type": "object",
            "properties": {"z": STRING, "a": STRING},
            "allOf": [{"properties": {"m": STRING, "a": {"default": "x"}, "b": STRING}}],
        }
    )
    assert list(strict.schema["properties"]) == ["z", "a", "m", "b"]


def test_schema_given_is_neither_changed_nor_shared() -> None:
    """The result shares no dict or list with the schema given (LI-51)."""
    shared = {"type": "array", "items": {"type": "string"}}
    given = object_of(a=shared, b=shared)
    before = deepcopy(given)
    strict = to_strict(given)
    strict.schema["properties"]["a"]["items"]["type"] = "integer"
    assert given == before
    assert strict.schema["properties"]["b"] == before["properties"]["b"]


def test_mappings_and_tuples_are_read_like_dicts_and_lists() -> None:
    """Any mapping is a schema and any tuple an array."""
    given: Mapping[str, Any] = MappingProxyType(
        {**object_of(a=MappingProxyType(STRING)), "required": ("a",)}
    )
    assert to_strict(given).schema == {**object_of(a=STRING), "required": ["a"]}


def test_change_names_place_rule_and_effect() -> None:
    """A change can be shown to people and acted on by programs."""
    _, strict = strict_node({"type": "string", "pattern": "a/b"})
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
            **object_of(
                a={"allOf": [{"type": "string", "format": "date"}]}, b={"$ref": "#/$defs/a b"}
            ),
            "$defs": {"a b": {"type": "string", "pattern": "x"}},
        }
    )
    places = {change.keyword: change.path for change in strict.changes if change.rule == "restated"}
    assert places == {"format": "/properties/a/allOf/0", "pattern": "/$defs/a b"}


def test_length_limits_are_sent_when_allowed() -> None:
    """`minLength` and `maxLength` depend on the model and are sent on demand alone (§8.1)."""
    given = {"type": "string", "minLength": 1, "maxLength": 9}
    node, strict = strict_node(given, allowed={"maxLength"})
    assert node == {"description": "Minimum length: 1.", "type": "string", "maxLength": 9}
    assert find_violations(strict.schema) == []


def test_refused_limit_moves_into_the_description() -> None:
    """A limit the model refuses besides is said in words, also where `allowed` lets it pass."""
    given = {"type": "array", "items": {"type": "number", "minimum": 1, "multipleOf": 2}}
    refused = {"multipleOf", "pattern"}
    node, strict = strict_node(given, refused=refused)
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
        to_strict(object_of(), **options)


REQUIRED: dict[str, tuple[Any, Any, str]] = {
    "plain": (STRING, {"anyOf": [STRING, NULL]}, "null-for-absent"),
    "annotated": (
        {"title": "T", "description": "D", "type": "string"},
        {"title": "T", "description": "D", "anyOf": [STRING, NULL]},
        "null-for-absent",
    ),
    "alternatives": (
        {"anyOf": [STRING, INTEGER]},
        {"anyOf": [STRING, INTEGER, NULL]},
        "null-for-absent",
    ),
    "reference": (POINT_REF, {"anyOf": [POINT_REF, NULL]}, "null-for-absent"),
    "with a default": ({**STRING, "default": "x"}, {**STRING, "default": "x"}, "made-required"),
    "with null for default": (
        {**STRING, "default": None},
        {"anyOf": [STRING, NULL], "default": None},
        "null-for-absent",
    ),
    "nullable": (
        {"anyOf": [STRING, NULL], "default": None},
        {"anyOf": [STRING, NULL], "default": None},
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
    definitions = {"Point": POINT, "Maybe": {"anyOf": [STRING, NULL]}}
    schema = {**object_of(first=STRING, node=given), "required": ["first"], "$defs": definitions}
    strict = to_strict(schema, require_all=True)
    assert strict.schema["required"] == ["first", "node"]
    assert strict.schema["properties"] == {"first": STRING, "node": written}
    assert [change.rule for change in strict.changes if change.keyword == "required"] == [rule]


def test_optional_property_stays_optional() -> None:
    """Without `require_all` nothing is required that was not: it may be absent (§8.1)."""
    strict = to_strict({**object_of(a=STRING, b=STRING), "required": ["b"]})
    assert strict.schema["required"] == ["b"]


def test_shared_definitions_are_written_once() -> None:
    """References are kept, so forty definitions that use each other twice stay forty."""
    definitions: dict[str, Any] = {"D0": STRING}
    for index in range(1, 41):
        ref = {"$ref": f"#/$defs/D{index - 1}"}
        definitions[f"D{index}"] = {"anyOf": [ref, {"anyOf": [ref, NULL]}]}
    strict = to_strict({**object_of(a={"$ref": "#/$defs/D40"}), "$defs": definitions})
    assert strict.schema["$defs"] == definitions
