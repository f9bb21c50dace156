"""Instances of schemas are valid, and take their values from the prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cerebras_ext.emulator.responder.instances import instance_of


def object_of(*required: str, **properties: Any) -> dict[str, Any]:
    """A closed object schema."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
DATE = {"type": "string", "format": "date"}
EMAIL = {"type": "string", "format": "email"}
WHOLE = {"type": "integer"}
REAL = {"type": "number"}
COINS = {"enum": ["EUR", "USD"]}
NODE = object_of(
    "value", "next", value=WHOLE, next={"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}
)
TREE = object_of("kids", kids={"type": "array", "items": {"$ref": "#/$defs/Tree"}})

HARD_SCHEMAS: dict[str, Any] = {
    "linked list": {"$defs": {"Node": NODE}, "$ref": "#/$defs/Node"},
    "tree": {"$defs": {"Tree": TREE}, **TREE},
    "definitions": {"definitions": {"A": TEXT}, **object_of("a", a={"$ref": "#/definitions/A"})},
    "all of": {
        "allOf": [object_of("a", a=TEXT) | {"additionalProperties": True}, {"required": ["b"]}]
    },
    "one of": object_of("x", x={"oneOf": [{"type": "null"}, WHOLE]}),
    "type list": object_of("x", x={"type": ["null", "integer"], "minimum": 7}),
    "nested any of": object_of("x", x={"anyOf": [{"anyOf": [{"const": 3}]}]}),
    "tuple": object_of("x", x={"type": "array", "prefixItems": [TEXT, WHOLE], "items": False}),
    "open tuple": object_of("x", x={"type": "array", "prefixItems": [TEXT], "items": WHOLE}),
    "unique": object_of(
        "x", x={"type": "array", "items": TEXT, "minItems": 4, "uniqueItems": True}
    ),
    "exclusive": object_of("x", x={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
    "multiple": object_of("x", x={"type": "integer", "multipleOf": 7, "minimum": 10}),
    "negative": object_of("x", x={"type": "integer", "maximum": -5}),
    "short": object_of("x", x={"type": "string", "maxLength": 2}),
    "long": object_of("x", x={"type": "string", "minLength": 400}),
    "pattern": object_of("x", x={"type": "string", "pattern": r"^[A-Z]{3}-\d{3}$"}),
    "open map": {"type": "object", "additionalProperties": WHOLE, "minProperties": 2},
    "required without description": {"type": "object", "required": ["a"]},
    "no type": {"properties": {"a": {"minimum": 3}, "b": {"items": TEXT}}},
    "anything": {},
    "mixed enum": object_of("x", x={"enum": [None, 3, "a"]}),
    "empty enum member": object_of("x", x={"enum": ["", "a"]}),
}


@pytest.mark.parametrize("schema", HARD_SCHEMAS.values(), ids=HARD_SCHEMAS)
@pytest.mark.parametrize("text", ["", 'Call Ann Lee at 12, 3.5 or -7 about "x" on 2026-01-02.'])
@pytest.mark.parametrize("fills_optional", [True, False])
def test_instance_of_a_hard_schema_is_valid(schema: Any, text: str, fills_optional: bool):
    """Design §5: the responder's instances are valid for the schema."""
    instance = instance_of(schema, text, fills_optional=fills_optional)
    Draft202012Validator(schema).validate(instance)


SCALARS = st.one_of(
    st.just({"type": "string"}),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(
        lambda low, span: {"type": "integer", "minimum": low, "maximum": low + span},
        st.integers(-1000, 1000),
        st.integers(0, 50),
    ),
    st.builds(lambda low: {"type": "number", "exclusiveMinimum": low}, st.integers(-9, 9)),
    st.builds(lambda n: {"type": "integer", "multipleOf": n}, st.integers(1, 9)),
    st.builds(lambda e: {"enum": e}, st.lists(st.text(max_size=5), min_size=1, unique=True)),
    st.builds(lambda c: {"const": c}, st.integers() | st.text(max_size=5)),
)
STRICT_SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda properties, n: object_of(*list(properties)[:n], **properties),
            st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), inner, max_size=4),
            st.integers(0, 4),
        ),
    ),
    max_leaves=12,
)


@given(schema=STRICT_SCHEMAS, text=st.text(max_size=60), fills_optional=st.booleans())
def test_instance_of_a_strict_schema_is_valid(schema: Any, text: str, fills_optional: bool):
    """API specification §8.1: whatever strict schemas may say, the instance follows."""
    instance = instance_of(schema, text, fills_optional=fills_optional)
    Draft202012Validator(schema).validate(instance)
    assert instance == instance_of(schema, text, fills_optional=fills_optional)


KEYWORD_LINES = """
    type properties required items prefixItems enum const anyOf oneOf allOf $ref $defs minItems
    maxItems minLength maxLength pattern minimum exclusiveMaximum multipleOf format default
    examples description additionalProperties minProperties uniqueItems a
"""
KEYWORDS = st.sampled_from(KEYWORD_LINES.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**12) | st.floats()
    | st.sampled_from(["string", "object", "array", "integer", "#", "#/a", "#/anyOf/0", "a", "("]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS, inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(schema=st.dictionaries(KEYWORDS, JSON, max_size=7), fills_optional=st.booleans())
def test_instance_of_nonsense_is_something(schema: Any, fills_optional: bool):
    """Schemas of tools are only checked if they are strict; none may stop the responder."""
    json.dumps(instance_of(schema, "a is 3 for Ann Lee", fills_optional=fills_optional))


@pytest.mark.parametrize(
    ("schema", "text", "instance"),
    [
        (object_of("a", "b", a=WHOLE, b=WHOLE), "What is 12 + 30?", {"a": 12, "b": 30}),
        (object_of("b", "a", a=WHOLE, b=WHOLE), "a is 1 and b is 2", {"a": 1, "b": 2}),
        (object_of("city", city=TEXT), "Is it cold in Oslo, Norway?", {"city": "Oslo, Norway"}),
        (object_of("name", name=TEXT), "Find 'la la' by Ann", {"name": "la la"}),
        (object_of("query", query=TEXT), "Who wrote Emma?", {"query": "Who wrote Emma?"}),
        (object_of("query", query=TEXT), 'Look up "Emma".', {"query": "Emma"}),
        (object_of("mood", mood={"enum": ["sad", "happy"]}), "I am Happy!", {"mood": "happy"}),
        (object_of("tags", tags=TEXTS), "`a` and `b`", {"tags": ["a", "b"]}),
        (object_of("tags", tags={"type": "array", "items": TEXT | {"maxLength": 0}}), "`a`, `b`",
         {"tags": [""]}),
        (object_of("on", on=DATE), "by 2026-03-04", {"on": "2026-03-04"}),
        (object_of("to", to=EMAIL), "Tell a@b.org", {"to": "a@b.org"}),
        (object_of("joke", joke=TEXT), "JSON with a `joke` about `cats`", {"joke": "cats"}),
        (object_of("loud", loud={"type": "boolean"}), "loud: no", {"loud": False}),
        (object_of("title", "author", title=TEXT, author=TEXT), "# Fun\n\nBy Ann Lee\nText.",
         {"title": "Fun", "author": "Ann Lee"}),
        (object_of("model", "price_usd", model=TEXT, price_usd=REAL),
         "0.0081 USD for 20000 tokens in and 1500 out with gpt-oss-120b",
         {"model": "gpt-oss-120b", "price_usd": 0.0081}),
        (object_of("n", "model", n=WHOLE, model=TEXT), "Ask qwen-3.8-27b 4 times",
         {"n": 4, "model": "qwen-3.8-27b"}),
        (object_of("out", "input", out=WHOLE, input=WHOLE), "20 input tokens and 15 out",
         {"out": 15, "input": 20}),
        (object_of("to_x", "from_x", to_x=TEXT, from_x=TEXT), "From Oslo to Rome",
         {"to_x": "Rome", "from_x": "Oslo"}),
        (object_of("destination", "origin", destination=TEXT, origin=TEXT), "from Oslo to Rome",
         {"destination": "Rome", "origin": "Oslo"}),
        (object_of("a", "b", a=COINS, b=COINS), "USD to EUR", {"a": "USD", "b": "EUR"}),
        (object_of("fee", fee=REAL | {"description": "Price in dollars"}), "2 for $3.50 at 14:10",
         {"fee": 3.5}),
        (object_of("score", score=TEXT | {"description": "Either 'yes' or 'no'"}), "Ann in Oslo",
         {"score": "yes"}),
        (object_of("city", city=TEXT | {"description": "E.g. 'Rome' or 'Oslo'"}), "Ann in Paris",
         {"city": "Paris"}),
        (object_of("file", file=TEXT), "Open it at once: src/notes.txt", {"file": "src/notes.txt"}),
        (object_of("get_x", get_x=TEXT), "Use get_x with user_17", {"get_x": "user_17"}),
        (object_of("who", who=TEXT), "Ask Dr. Lee", {"who": "Dr. Lee"}),
        (object_of("team", team={"type": "array", "items": object_of("name", "age", name=TEXT,
         age=WHOLE)}), "We are Ann (34) and Bo (27)",
         {"team": [{"name": "Ann", "age": 34}, {"name": "Bo", "age": 27}]}),
    ],
)  # fmt: skip
def test_instance_takes_its_values_from_the_prompt(schema: Any, text: str, instance: Any):
    """Design §5: arguments are taken from the prompt where it has fitting ones."""
    assert instance_of(schema, text) == instance


def test_instance_keeps_the_order_of_the_schema():
    """API specification §8.1: key order of the output follows the schema."""
    schema = object_of("c", "a", a=WHOLE, b=WHOLE, c=WHOLE)
    assert list(instance_of(schema, "1 2 3")) == ["a", "b", "c"]


def test_optional_argument_beside_required_ones_needs_a_value_of_its_own():
    """A name too many is not put where it does not belong."""
    schema = object_of("place", place=TEXT, days=WHOLE, note=TEXT)
    text = "The weather in Oslo for Ann, for 3 days"
    assert instance_of(schema, text, fills_optional=False) == {"place": "Oslo", "days": 3}


@pytest.mark.parametrize(
    ("text", "names"),
    [("In Oslo", ["place"]), ("In Oslo, in celsius", ["place", "unit"]), ("Here", [])],
)
def test_optional_arguments_need_something_in_the_prompt(text: str, names: list[str]):
    """A tool gets an optional argument only if the prompt says something for it."""
    schema = object_of(
        place=TEXT, unit={"enum": ["celsius", "kelvin"]}, days={"type": "integer", "default": 3}
    )
    assert list(instance_of(schema, text, fills_optional=False)) == names
