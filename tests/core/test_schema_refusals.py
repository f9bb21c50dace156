"""`NotExpressible`: what no strict schema can say, and why."""

from __future__ import annotations

import pickle
import sys
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext.schema import NotExpressible, Violation, find_violations, to_strict
from cerebras_ext.schema.flatten import MAX_READS
from cerebras_ext.schema.json_tree import MAX_VALUES
from tests.core.schema_cases import STRING, object_of

if TYPE_CHECKING:
    from collections.abc import Callable

_TAG = {"type": "object", "properties": {"a": STRING}}


def _chain(n_links: int, link: Callable[[dict[str, Any]], Any], end: Any) -> dict[str, Any]:
    """A root that leads to `end` over definitions, each made by `link` from a reference."""
    refs = [{"$ref": f"#/$defs/D{index}"} for index in range(n_links + 1)]
    definitions = {f"D{index}": link(refs[index + 1]) for index in range(n_links)}
    return {**object_of(a=refs[0]), "$defs": {**definitions, f"D{n_links}": end}}


def _nested(n_levels: int, wrap: Callable[[Any], Any], core: Any) -> Any:
    for _ in range(n_levels):
        core = wrap(core)
    return core


def _reasons(schema: Any, **options: Any) -> list[tuple[str, str]]:
    """Path and rule of each reason for which the schema is refused."""
    with pytest.raises(NotExpressible) as caught:
        to_strict(schema, **options)
    return [(reason.path, reason.rule) for reason in caught.value.reasons]


NODES: dict[str, tuple[Any, str]] = {
    # anything goes
    "Any": ({}, "free-form"),
    "title alone": ({"title": "Anything"}, "free-form"),
    "true": (True, "free-form"),
    "dict": ({"type": "object"}, "free-form"),
    "dict of anything": ({"type": "object", "additionalProperties": True}, "free-form"),
    "dict of values": ({"type": "object", "additionalProperties": STRING}, "free-form"),
    "properties and values": (
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": STRING},
        "free-form",
    ),
    "dict with a pattern for keys": (
        {
            "type": "object",
            "propertyNames": {"pattern": "^a"},
            "additionalProperties": STRING,
        },
        "free-form",
    ),
    "dict with listed keys that must also match a pattern": (
        {
            "type": "object",
            "propertyNames": {"enum": ["a", "b"], "pattern": "^a"},
            "additionalProperties": STRING,
        },
        "free-form",
    ),
    "empty object open to anything": (
        {"type": "object", "properties": {}, "additionalProperties": True},
        "free-form",
    ),
    "list": ({"type": "array"}, "free-form"),
    "list of anything": ({"type": "array", "items": {}}, "free-form"),
    "two types implied": ({"minLength": 1, "minItems": 1}, "free-form"),
    "required alone": ({"required": ["a"]}, "free-form"),
    "an alternative that is anything": ({"anyOf": [STRING, {}]}, "free-form"),
    # nothing goes
    "false": (False, "unsatisfiable"),
    "no value": ({"enum": []}, "unsatisfiable"),
    "two types at once": ({"allOf": [STRING, {"type": "null"}]}, "unsatisfiable"),
    "two values at once": ({"allOf": [{"const": 1}, {"const": True}]}, "unsatisfiable"),
    "values of another type": ({"type": "null", "enum": ["a"]}, "unsatisfiable"),
    "impossible alternatives": ({"anyOf": [False, {"enum": []}]}, "unsatisfiable"),
    "impossible types": (
        {"type": ["object"], **object_of(a=False), "required": ["a"]},
        "unsatisfiable",
    ),
    "list types impossible": (
        {"allOf": [{"type": ["object", "null"]}, {**object_of(a=False), "required": ["a"]}]},
        "unsatisfiable",
    ),
    "required and excluded": (
        {"allOf": [object_of(a=STRING), {"required": ["b"]}]},
        "unsatisfiable",
    ),
    "array of nothing": ({"type": "array", "items": False}, "unsatisfiable"),
    # what cannot be put otherwise
    "items after a tuple": (
        {"type": "array", "prefixItems": [STRING], "items": STRING},
        "array",
    ),
    "not": ({"not": STRING}, "keyword"),
    "if": ({**_TAG, "if": {}, "then": {}}, "keyword"),
    "dependentSchemas": ({**_TAG, "dependentSchemas": {}}, "keyword"),
    "dependencies": ({**_TAG, "dependencies": {}}, "keyword"),
    "patternProperties": ({**_TAG, "patternProperties": {}}, "keyword"),
    "unevaluatedItems": (
        {"type": "array", "items": STRING, "unevaluatedItems": False},
        "keyword",
    ),
    "$dynamicRef": ({"$dynamicRef": "#x"}, "keyword"),
    "unevaluatedProperties with a schema": ({**_TAG, "unevaluatedProperties": STRING}, "keyword"),
    "unevaluatedProperties beside other parts": (
        {"allOf": [{"allOf": [_TAG], "unevaluatedProperties": False}, _TAG]},
        "keyword",
    ),
    "a list for a value": ({"const": ["a"]}, "value"),
    "an object among values": ({"enum": ["a", {}]}, "value"),
    "a number that is none": ({"const": float("nan")}, "value"),
    # references
    "another document": ({"$ref": "https://example.com/schema.json"}, "reference"),
    "an anchor": ({"$ref": "#Node"}, "reference"),
    "nowhere": ({"$ref": "#/$defs/Missing"}, "reference"),
    "past the end": ({"$ref": "#/required/7"}, "reference"),
    "through a text": ({"$ref": "#/type/x"}, "reference"),
    "another base": ({**_TAG, "$id": "https://example.com"}, "reference"),
    "at something that is no schema": ({"$ref": "#/required"}, "malformed"),
    # not JSON schema
    "a text": ("string", "malformed"),
    "unknown type": ({"type": "file"}, "malformed"),
    "no types": ({"type": []}, "malformed"),
    "properties as a list": ({"type": "object", "properties": []}, "malformed"),
    "required as a text": ({**_TAG, "required": "a"}, "malformed"),
    "no alternatives": ({"anyOf": []}, "malformed"),
    "infinite limit": ({"type": "number", "minimum": float("inf")}, "malformed"),
    "limit that is true": ({"type": "number", "minimum": True}, "malformed"),
    "negative length": ({"type": "string", "minLength": -1}, "malformed"),
    "multiple of nothing": ({"type": "number", "multipleOf": 0}, "malformed"),
    "description that is none": ({**STRING, "description": None}, "malformed"),
}


@pytest.mark.parametrize(("given", "rule"), NODES.values(), ids=NODES)
def test_node_is_refused(given: Any, rule: str) -> None:
    """What strict mode cannot say is refused under its rule, never sent as something else."""
    schema = {**object_of(node=given), "required": ["node"]}
    with pytest.raises(NotExpressible) as caught:
        to_strict(schema)
    assert {reason.rule for reason in caught.value.reasons} == {rule}


ROOTS: dict[str, tuple[Any, str]] = {
    "array": ({"type": "array", "items": STRING}, "root"),
    "scalar": (STRING, "root"),
    "null": ({"type": "null"}, "root"),
    "alternatives": ({"anyOf": [object_of(), {"type": "null"}]}, "root"),
    "nullable": ({**object_of(), "nullable": True}, "root"),
    "values": ({"enum": ["a"]}, "root"),
    "dict": ({"type": "object"}, "free-form"),
    "anything": ({}, "free-form"),
    "impossible": ({"allOf": [object_of(), STRING]}, "unsatisfiable"),
    "itself": ({"$ref": "#"}, "recursion"),
    "no mapping": (["a"], "malformed"),
}


@pytest.mark.parametrize(("given", "rule"), ROOTS.values(), ids=ROOTS)
def test_root_is_refused(given: Any, rule: str) -> None:
    """Strict mode wants a plain object at the root."""
    assert _reasons(given) == [("", rule)]


_NODE_REF = {"$ref": "#/$defs/Node"}

RECURSIVE: dict[str, tuple[Any, Any]] = {
    "a list of itself": (_NODE_REF, object_of(next={"type": "array", "items": _NODE_REF})),
    "itself or null": (_NODE_REF, object_of(next={"anyOf": [_NODE_REF, {"type": "null"}]})),
    "itself, annotated": (_NODE_REF, object_of(next={**_NODE_REF, "title": "T"})),
    "itself, constrained": (_NODE_REF, object_of(next={**_NODE_REF, "type": "object"})),
    "nothing but itself": (_NODE_REF, {"allOf": [_NODE_REF]}),
    "nothing but itself, opened": ({"allOf": [_NODE_REF, {"type": "object"}]}, _NODE_REF),
}


@pytest.mark.parametrize(("node", "definition"), RECURSIVE.values(), ids=RECURSIVE)
def test_recursion_is_refused(node: Any, definition: Any) -> None:
    """A definition that contains itself, however it does, is refused as recursive."""
    reasons = _reasons({**object_of(node=node), "$defs": {"Node": definition}})
    assert {rule for _, rule in reasons} == {"recursion"}


def test_recursion_names_the_circle() -> None:
    """The message shows the way round, under the names of the schema given."""
    definitions = {
        "A b": object_of(b={"$ref": "#/definitions/B"}),
        "B": object_of(a={"$ref": "#/definitions/A b"}),
    }
    schema = {**object_of(a={"$ref": "#/definitions/A b"}), "definitions": definitions}
    with pytest.raises(NotExpressible) as caught:
        to_strict(schema)
    assert caught.value.reasons == (
        Violation("/definitions/A b", "recursion", "contains itself: A_b → B → A_b"),
    )


def test_root_that_refers_to_itself_is_refused() -> None:
    """A reference to the root from inside is recursion."""
    assert [rule for _, rule in _reasons(object_of(next={"$ref": "#"}))] == ["recursion"]


def test_every_reason_is_listed() -> None:
    """One pass finds every obstacle, each at its place in the schema given."""
    schema = {
        **object_of(
            a={},
            b={"type": "array", "items": {"type": "object"}},
            c={"$ref": "#/$defs/C"},
            d={"anyOf": [STRING, {"not": STRING}]},
        ),
        "required": ["a", "b", "c", "d"],
        "$defs": {"C": object_of(e={"const": {}})},
    }
    assert _reasons(schema) == [
        ("/properties/a", "free-form"),
        ("/properties/b/items", "free-form"),
        ("/properties/d/anyOf/1", "keyword"),
        ("/$defs/C/properties/e", "value"),
    ]


# --- limits of the service


def _wide(n_properties: int) -> dict[str, Any]:
    return object_of(**{f"p{index}": {"type": "null"} for index in range(n_properties)})


LIMITS: dict[str, tuple[Any, Any, str]] = {
    "characters": (
        object_of(**{"p" * 4_000: {"const": "c" * 600}, "q": {"enum": ["e" * 399]}}),
        object_of(**{"p" * 4_000: {"const": "c" * 600}, "q": {"enum": ["e" * 400]}}),
        "5,001 characters of names and enum values; the service takes 5,000",
    ),
    "characters of definitions": (
        {
            **object_of(a={"$ref": "#/$defs/" + "d" * 60}),
            "$defs": {"d" * 60: {"const": "c" * 4_939}},
        },
        {
            **object_of(a={"$ref": "#/$defs/" + "d" * 60}),
            "$defs": {"d" * 60: {"const": "c" * 4_940}},
        },
        "5,001 characters of names and enum values; the service takes 5,000",
    ),
    "levels": (
        _nested(10, lambda core: object_of(a=core), STRING),
        _nested(11, lambda core: object_of(a=core), STRING),
        "11 objects and arrays inside one another; the service takes 10",
    ),
    "levels through references": (
        _chain(9, lambda ref: {"type": "array", "items": ref}, STRING),
        _chain(10, lambda ref: {"type": "array", "items": ref}, STRING),
        "11 objects and arrays inside one another; the service takes 10",
    ),
    "properties": (_wide(500), _wide(501), "501 properties; the service takes 500"),
    "enum values": (
        object_of(a={"enum": [*range(300)]}, b={"enum": [*range(200)]}),
        object_of(a={"enum": [*range(300)]}, b={"enum": [*range(201)]}),
        "501 enum values; the service takes 500",
    ),
}


@pytest.mark.parametrize(("fitting", "over", "message"), LIMITS.values(), ids=LIMITS)
def test_limit_of_the_service_is_kept(fitting: Any, over: Any, message: str) -> None:
    """A schema at a limit is sent, one beyond it is refused with both figures (§8.1)."""
    assert to_strict(fitting).schema == fitting
    assert find_violations(fitting) == []
    with pytest.raises(NotExpressible) as caught:
        to_strict(over)
    assert caught.value.reasons == (Violation("", "limit", message),)
    assert find_violations(over) == [Violation("", "limit", message)]


def test_large_enum_is_held_to_fewer_characters() -> None:
    """An enum of more than 250 values may hold 7,500 characters of text (§8.1)."""
    schema = {
        **object_of(a={"$ref": "#/$defs/An id"}),
        "$defs": {"An id": {"enum": [f"{index:030}" for index in range(251)]}},
    }
    assert ("/$defs/An id", "limit") in _reasons(schema)
    schema["$defs"]["An id"]["enum"].pop()
    assert ("/$defs/An id", "limit") not in _reasons(schema)


def test_characters_of_descriptions_are_not_counted() -> None:
    """Titles, descriptions and defaults may be as long as they like (§8.1)."""
    text = "x" * 20_000
    schema = object_of(a={"title": text, "description": text, "type": "string", "default": text})
    assert to_strict(schema).schema == schema


# --- hostile input


def _loop() -> dict[str, Any]:
    loop: dict[str, Any] = {"type": "object"}
    loop["properties"] = {"a": loop}
    return loop


def _shared() -> dict[str, Any]:
    node: Any = STRING
    for _ in range(50):
        node = {"anyOf": [node, node]}
    return object_of(a=node)


_DEEP = sys.getrecursionlimit() * 20

HOSTILE: dict[str, Any] = {
    "deep": _nested(_DEEP, lambda core: object_of(a=core), STRING),
    "deep list": object_of(a={"enum": _nested(_DEEP, lambda core: [core], 1)}),
    "containing itself": _loop(),
    "shared a million times": _shared(),
    "long chain": _chain(4_000, lambda ref: {**ref, "title": "T"}, STRING),
    "long chain of merges": _chain(4_000, lambda ref: {"allOf": [ref], "title": "T"}, STRING),
    "long chain of opened objects": _chain(
        4_000, lambda ref: object_of(a={**ref, "type": "object"}), object_of()
    ),
    "doubling": _chain(40, lambda ref: {"allOf": [ref, {"anyOf": [ref, STRING]}]}, STRING),
    "doubling objects": _chain(
        40,
        lambda ref: object_of(l={**ref, "type": "object"}, r={**ref, "type": "object"}),
        object_of(),
    ),
    "spreading": object_of(
        a={"allOf": [{"anyOf": [object_of(a=STRING), object_of(a=STRING)]} for _ in range(40)]}
    ),
    "wide": object_of(a={"enum": [*range(MAX_VALUES)]}),
    "many parts": object_of(a={"allOf": [STRING] * (MAX_READS + 1)}),
    "not JSON": object_of(a={"const": object()}),
    "not JSON either": object_of(a={"enum": {"a"}}),
    "keys that are no text": {**object_of(), 1: 2},
    "number without end": object_of(a={"type": "integer", "minimum": 10**5_000}),
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_hostile_schema_is_refused_in_good_time(schema: Any) -> None:
    """Depth, cycles and sharing end in a reason, never in a crash or in endless work."""
    reasons = _reasons(schema, require_all=True)
    assert {rule for _, rule in reasons} <= {"limit", "malformed"}


def test_alternatives_too_deep_to_rewrite_are_refused() -> None:
    """Alternatives inside alternatives are no levels to the service, but end somewhere."""
    deep = _nested(60, lambda core: {"anyOf": [core, STRING]}, STRING)
    assert {rule for _, rule in _reasons(object_of(a=deep))} == {"limit"}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_hostile_schema_is_checked_in_good_time(schema: Any) -> None:
    """The checker answers whatever it is given."""
    assert find_violations(schema)


# --- the error


def test_error_is_a_value_error_that_lists_path_and_reason() -> None:
    """The message can be shown as it is."""
    with pytest.raises(ValueError, match="cannot be expressed") as caught:
        to_strict(object_of(a={}, b={"type": "array"}))
    assert str(caught.value) == (
        "the schema cannot be expressed in strict mode:\n"
        "/properties/a: accepts anything; say which type is meant\n"
        "/properties/b: is an array of anything; describe its items"
    )


def test_error_at_the_root_names_the_root() -> None:
    """The root has no pointer to show, so it is named."""
    with pytest.raises(NotExpressible, match="\nthe root: the root must be an object"):
        to_strict(STRING)


def test_error_survives_pickling() -> None:
    """A pickled error equals the first in type, text and fields (style: errors are plain data)."""
    with pytest.raises(NotExpressible) as caught:
        to_strict(object_of(a={}))
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is NotExpressible
    assert again.reasons == caught.value.reasons
    assert str(again) == str(caught.value)
