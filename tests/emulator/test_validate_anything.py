"""Whatever arrives is accepted or answered with a problem, never a crash."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext.emulator.bodies import parse_body
from cerebras_ext.emulator.problems import ApiProblem
from cerebras_ext.emulator.service import Service
from cerebras_ext.emulator.strict_rules import find_strict_problems
from cerebras_ext.emulator.validate import validate_chat, validate_completion

SERVICE = Service.of()

RICH_CHAT = {
    "model": "qwen-3.8-27b",
    "messages": [
        {"role": "system", "content": "Be brief.", "name": "n"},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {
            "role": "assistant",
            "content": None,
            "reasoning": "Hm.",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ],
    "max_completion_tokens": 10,
    "temperature": 0.5,
    "stop": ["x"],
    "logit_bias": {"1": 2},
    "stream_options": {"include_usage": True},
    "reasoning_effort": "low",
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "f",
                "strict": True,
                "parameters": {
                    "type": "object",
                    "properties": {
                        "a": {"$ref": "#/$defs/A"},
                        "b": {"anyOf": [{"enum": ["x"]}, {"const": 1}]},
                        "c": {"type": "array", "prefixItems": [{"type": "null"}], "items": False},
                    },
                    "required": ["a"],
                    "additionalProperties": False,
                    "$defs": {"A": {"type": "array", "items": {"type": "string"}}},
                },
            },
        }
    ],
}
RICH_COMPLETION = {"model": "gpt-oss-120b", "prompt": [[1, 2], [3]], "logprobs": 3, "stop": "x"}

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.sampled_from(["a", "f", "user", "tool", "text", "function", "#/$defs/A", "object", "none"]),
)
JSON = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["type", "role"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def paths(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, child in value.items():
            yield from paths(child, (*path, key))
    if isinstance(value, list):
        for index, child in enumerate(value):
            yield from paths(child, (*path, index))


def replaced(value, path, new):
    """The value with another at one place."""
    if not path:
        return new
    whole = copy.deepcopy(value)
    at = whole
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = new
    return whole


def problem_with(act, *arguments):
    """What the service says, None if it accepts."""
    try:
        act(*arguments)
    except ApiProblem as problem:
        return problem
    return None


def check(validate, body):
    """Fails unless the body is accepted or refused with a whole problem."""
    problem = problem_with(validate, body, SERVICE)
    if problem is not None:
        assert 400 <= problem.status < 500
        assert problem.message
        assert json.loads(json.dumps(problem.body())) == problem.body()


@pytest.mark.parametrize(
    ("validate", "body"), [(validate_chat, RICH_CHAT), (validate_completion, RICH_COMPLETION)]
)
def test_rich_body_is_accepted(validate, body):
    """What the tests below change is fine to begin with."""
    assert problem_with(validate, body, SERVICE) is None


@given(st.data())
def test_changed_chat_body_never_crashes(data):
    """Any value at any place of a chat completion."""
    path = data.draw(st.sampled_from(list(paths(RICH_CHAT))))

    check(validate_chat, replaced(RICH_CHAT, path, data.draw(JSON)))


@given(st.data())
def test_changed_completion_body_never_crashes(data):
    """Any value at any place of a text completion."""
    path = data.draw(st.sampled_from(list(paths(RICH_COMPLETION))))

    check(validate_completion, replaced(RICH_COMPLETION, path, data.draw(JSON)))


@given(JSON)
def test_any_json_never_crashes(body):
    """Any value instead of a request."""
    check(validate_chat, body)
    check(validate_completion, body)


@given(st.data())
def test_changed_schema_never_crashes(data):
    """Any value at any place of a strict schema."""
    schema = RICH_CHAT["tools"][0]["function"]["parameters"]
    path = data.draw(st.sampled_from([path for path in paths(schema) if path]))

    for problem in find_strict_problems(replaced(schema, path, data.draw(JSON))):
        assert problem.message


@given(st.binary(max_size=50), st.sampled_from(["application/json", "application/vnd.msgpack"]))
def test_any_bytes_never_crash(raw, content_type):
    """Any bytes instead of a body."""
    problem = problem_with(parse_body, raw, content_type)

    assert problem is None or problem.status == 400
