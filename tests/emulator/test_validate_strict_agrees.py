"""Two readings of the strict rules agree: the emulator's, and the client's.

Both were written from API specification §8.1, neither from the other.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext.emulator.strict_rules import find_strict_problems
from cerebras_ext.schema import NotExpressible, find_violations, to_strict

SCALAR_TYPES = ["string", "number", "integer", "boolean", "null"]
DEFINITIONS = ["A", "B"]

scalars = st.fixed_dictionaries({"type": st.sampled_from(SCALAR_TYPES)})
enums = st.fixed_dictionaries(
    {"enum": st.lists(st.sampled_from(["a", "b", 1, None, True, [], {}]), max_size=3)}
)
constants = st.fixed_dictionaries({"const": st.sampled_from(["a", 1, None, [1], {}])})
references = st.fixed_dictionaries(
    {
        "$ref": st.sampled_from(
            ["#/$defs/A", "#/$defs/B", "#/$defs/C", "#/definitions/A", "#", "a.json"]
        )
    }
)
oddities = st.sampled_from(
    [
        {},
        True,
        {"type": "object"},
        {"type": "array"},
        {"type": ["string", "null"]},
        {"type": "text"},
        {"description": "anything"},
    ]
)
extras = st.dictionaries(
    st.sampled_from(
        [
            "$comment",
            "$id",
            "$schema",
            "allOf",
            "default",
            "definitions",
            "description",
            "format",
            "maxLength",
            "minItems",
            "minimum",
            "multipleOf",
            "not",
            "nullable",
            "oneOf",
            "pattern",
            "title",
        ]
    ),
    st.sampled_from(["x", 1, 0, None, True, [], {}]),
    max_size=1,
)


def objects(inner):
    """Objects, closed and whole more often than not."""
    return st.fixed_dictionaries(
        {
            "type": st.just("object"),
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "additionalProperties": st.sampled_from([False, False, False, True]),
        },
        optional={"required": st.sampled_from([[], ["a"]])},
    )


def composites(inner):
    """Objects, arrays and unions."""
    return st.one_of(
        objects(inner),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries(
            {
                "type": st.just("array"),
                "prefixItems": st.lists(inner, max_size=2),
                "items": st.sampled_from([False, False, True]),
            }
        ),
        st.fixed_dictionaries({"anyOf": st.lists(inner, max_size=2)}),
    )


def with_extras(schemas):
    """The same, now and then with one keyword more."""
    return st.builds(
        lambda schema, extra: {**schema, **extra} if isinstance(schema, dict) else schema,
        schemas,
        st.one_of(st.just({}), st.just({}), st.just({}), extras),
    )


nodes = st.recursive(
    with_extras(st.one_of(scalars, scalars, enums, constants, references, oddities)),
    lambda inner: with_extras(composites(inner)),
    max_leaves=6,
)
roots = st.builds(
    lambda root, definitions: {**root, "$defs": definitions} if definitions else root,
    with_extras(st.one_of(objects(nodes), nodes.filter(lambda node: isinstance(node, dict)))),
    st.dictionaries(st.sampled_from(DEFINITIONS), nodes, max_size=2),
)


@given(roots)
def test_both_readings_accept_the_same_schemas(schema):
    """§8.1: what one refuses the other refuses."""
    problems, violations = find_strict_problems(schema), find_violations(schema)

    assert bool(problems) == bool(violations), (problems, violations)


@given(roots)
def test_service_takes_what_the_client_made_strict(schema):
    """§8.1: no schema that `to_strict` returns is refused."""
    try:
        strict = to_strict(schema)
    except NotExpressible:
        return

    assert find_strict_problems(strict.schema) == []


def deep(levels, *, by_reference=False):
    """Objects inside each other, `levels` of them in all, the inner half perhaps by reference."""
    node = {"type": "string"}
    definitions = {}
    for level in range(levels):
        if by_reference and level == levels // 2:
            definitions["A"], node = node, {"$ref": "#/$defs/A"}
        node = {"type": "object", "properties": {"a": node}, "additionalProperties": False}
    return {**node, "$defs": definitions} if definitions else node


LIMITS = {
    "levels": deep,
    "levels by reference": lambda n: deep(n, by_reference=True),
    "arrays": lambda n: {
        **deep(1),
        "properties": {"a": _arrays(n - 1)},
    },
    "properties": lambda n: {
        **deep(1),
        "properties": {f"p{index}": {"type": "null"} for index in range(n)},
    },
    "enum values": lambda n: {**deep(1), "properties": {"a": {"enum": list(range(n))}}},
    "characters": lambda n: {**deep(1), "properties": {"a": {"const": "x" * (n - 1)}}},
}


def _arrays(levels):
    node = {"type": "string"}
    for _ in range(levels):
        node = {"type": "array", "items": node}
    return node


@pytest.mark.parametrize(
    ("limit", "largest"),
    [
        ("levels", 10),
        ("levels by reference", 10),
        ("arrays", 10),
        ("properties", 500),
        ("enum values", 500),
        ("characters", 5_000),
    ],
)
def test_both_readings_draw_the_same_limits(limit, largest):
    """§8.1: the table of limits, each at its value and one beyond."""
    at, beyond = LIMITS[limit](largest), LIMITS[limit](largest + 1)

    assert (find_strict_problems(at), find_violations(at)) == ([], [])
    assert find_strict_problems(beyond)
    assert find_violations(beyond)
