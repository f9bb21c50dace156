"""The closed request schema: API specification §2.1, §2.2, §2.3 and §5.1."""

from __future__ import annotations

import pytest

from cerebras_ext.emulator.request_schema import CHAT, COMPLETION
from tests.emulator.requests import (
    accepted_completion,
    chat_body,
    completion_body,
    named_tool,
    refused,
    refused_completion,
    user,
)

CALL = {"id": "a1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ANSWER = {"role": "tool", "tool_call_id": "a1", "content": "1"}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "n"}}


def conversation(*messages):
    """A request that begins with a user message."""
    return chat_body(messages=[user(), *messages])


# --- unknown properties


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (chat_body(store=True), "store"),
        (chat_body(metadata={}), "metadata"),
        (chat_body(top_k=1), "top_k"),
        (chat_body(store=None), "store"),
        (chat_body(messages=[{**user(), "audio": None}]), "messages.0.user.audio"),
        (
            conversation({"role": "assistant", "content": "x", "reasoning_content": "y"}),
            "messages.1.assistant.reasoning_content",
        ),
        (
            conversation({"role": "assistant", "content": "x", "refusal": None}),
            "messages.1.assistant.refusal",
        ),
        (
            conversation({"role": "assistant", "tool_calls": [{**CALL, "x": 1}]}, ANSWER),
            "messages.1.assistant.tool_calls.0.x",
        ),
        (
            chat_body(messages=[user([{"type": "text", "text": "a", "x": 1}])]),
            "messages.0.user.content.0.text.x",
        ),
        (chat_body(stream_options={"chunk_size": 1}), "stream_options.chunk_size"),
        (chat_body(tools=[{**named_tool(), "x": 1}]), "tools.0.x"),
        (chat_body(tools=[named_tool(x=1)]), "tools.0.function.x"),
        (
            chat_body(response_format={"type": "json_object", "x": 1}),
            "response_format.json_object.x",
        ),
        (chat_body(prediction={"type": "content", "content": "", "x": 1}), "prediction.x"),
    ],
)
def test_unknown_property_is_refused_at_every_depth(body, path):
    """§2.2: the schema is closed everywhere, for null too; the path has the role in it."""
    problem = refused(body)

    prefix = f"{path}: " if "." in path else ""
    assert problem.message == f"{prefix}property '{path}' is unsupported"
    assert (problem.status, problem.type, problem.param, problem.code) == (
        400,
        "invalid_request_error",
        "validation_error",
        "wrong_api_format",
    )


def test_several_problems_are_reported_together_one_a_line():
    """§2.2: the message lists every problem of the request."""
    assistant = {"role": "assistant", "content": "x", "reasoning_content": "y"}

    problem = refused(chat_body(messages=[user(), assistant, user(), assistant], temperature=3))

    assert problem.message.split("\n") == [
        "messages.1.assistant.reasoning_content: property "
        "'messages.1.assistant.reasoning_content' is unsupported",
        "messages.3.assistant.reasoning_content: property "
        "'messages.3.assistant.reasoning_content' is unsupported",
        "temperature: Input should be less than or equal to 2",
    ]


@pytest.mark.parametrize("field", ["max_completion_tokens", "tools", "messages", "extra_body"])
def test_text_completion_has_its_own_closed_schema(field):
    """§5.1: what chat knows is unknown here."""
    assert refused_completion(completion_body(**{field: None})).message == (
        f"property '{field}' is unsupported"
    )


# --- types, ranges, null


def chat_messages(**fields):
    """What the schema alone says; rules about models come later."""
    return list(CHAT(chat_body(**fields), ""))


def completion_messages(**fields):
    """What the schema alone says."""
    return list(COMPLETION(completion_body(**fields), ""))


SHARED_VALUES = {
    "frequency_penalty": [None, -2, 0.5, 2],
    "logit_bias": [None, {}, {"1": -100, "2": 100.0}],
    "max_tokens": [None, -1, 0, 100_000],
    "min_tokens": [None, -1, 5],
    "n": [None, 1, 2],
    "presence_penalty": [None, -2, 0.5, 2],
    "prompt_cache_key": [None, "k" * 1024],
    "seed": [None, -5, 42, 1.0],
    "stop": [None, "x", [], ["a", "b", "c", "d"]],
    "stream": [None, True, False],
    "stream_options": [None, {}, {"include_usage": True}, {"include_usage": None}],
    "temperature": [None, 0, 1.5, 2],
    "top_p": [None, 0, 1],
    "user": [None, "someone"],
}
CHAT_VALUES = {
    **SHARED_VALUES,
    "clear_thinking": [None, True],
    "disable_reasoning": [None, False],
    "logprobs": [None, True],
    "max_completion_tokens": [None, -1, 16_384],
    "min_completion_tokens": [None, -1, 0],
    "model_parameters": [None, {"anything": [1]}],
    "parallel_tool_calls": [None, False],
    "prediction": [
        None,
        {"type": "content", "content": "x"},
        {"type": "content", "content": [{"type": "text", "text": "x"}]},
    ],
    "reasoning_effort": [None, "none", "low", "medium", "high"],
    "reasoning_format": ["none", "parsed", "text_parsed", "raw", "hidden"],
    "response_format": [None, {"type": "text"}, {"type": "json_object"}, JSON_SCHEMA],
    "service_tier": [None, "auto", "default", "flex", "priority"],
    "tool_choice": [
        None,
        "none",
        "auto",
        "required",
        {"type": "function", "function": {"name": "f"}},
    ],
    "tools": [None, [], [named_tool()], [named_tool(description=None, parameters={}, strict=True)]],
    "top_logprobs": [None, 0, 20],
}
COMPLETION_VALUES = {
    **SHARED_VALUES,
    "best_of": [None, 0, 20],
    "echo": [None, True],
    "grammar_root": [None, "root"],
    "logprobs": [None, 0, 20],
    "prompt": ["", "x", [], ["a", "b"], [1, 2], [[1, 2], [3]]],
    "reasoning_format": [None, "raw"],
    "return_raw_tokens": [None, True],
    "suffix": [None, "x"],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field in CHAT_VALUES for value in CHAT_VALUES[field]]
)
def test_chat_schema_admits(field, value):
    """§2.1: types, bounds and nullability of every field."""
    assert chat_messages(**{field: value}) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field in COMPLETION_VALUES for value in COMPLETION_VALUES[field]],
)
def test_completion_schema_admits(field, value):
    """§5.1: types, bounds and nullability of every field."""
    assert completion_messages(**{field: value}) == []


SHARED_REFUSALS = [
    ("model", None, "valid string"),
    ("frequency_penalty", -2.1, "greater than or equal to -2"),
    ("presence_penalty", 2.1, "less than or equal to 2"),
    ("logit_bias", {"1": 101}, "less than or equal to 100"),
    ("logit_bias", [], "valid dictionary"),
    ("max_tokens", -2, "greater than or equal to -1"),
    ("max_tokens", 1.5, "valid integer, got a number with a fractional part"),
    ("max_tokens", True, "valid integer"),
    ("max_tokens", "10", "valid integer"),
    ("n", 0, "greater than or equal to 1"),
    ("prompt_cache_key", "k" * 1025, "at most 1024 characters"),
    ("stop", ["a", "b", "c", "d", "e"], "at most 4 items after validation, not 5"),
    ("stop", [1], "valid string"),
    ("stop", 1, "valid string or list"),
    ("stream", "yes", "valid boolean"),
    ("stream_options", True, "valid dictionary"),
    ("temperature", 2.01, "less than or equal to 2"),
    ("temperature", False, "valid number"),
    ("temperature", float("inf"), "finite number"),
    ("top_p", 1.1, "less than or equal to 1"),
    ("user", 1, "valid string"),
]
CHAT_REFUSALS = [
    *SHARED_REFUSALS,
    ("messages", [], "at least 1 item after validation, not 0"),
    ("messages", "Hello", "valid list"),
    ("messages", ["Hello"], "valid dictionary"),
    ("messages", [{"content": "Hello"}], "extract tag using discriminator 'role'"),
    (
        "messages",
        [{"role": "function", "content": "Hello"}],
        "'function' found using 'role' does not match any of the expected tags: 'system', "
        "'developer', 'user', 'assistant', 'tool'",
    ),
    ("logprobs", 5, "valid boolean"),
    ("max_completion_tokens", -2, "greater than or equal to -1"),
    ("prediction", "x", "valid dictionary"),
    ("reasoning_effort", "minimal", "'none', 'low', 'medium' or 'high'"),
    ("reasoning_format", None, "'none', 'parsed', 'text_parsed', 'raw' or 'hidden'"),
    ("response_format", {}, "extract tag using discriminator 'type'"),
    ("response_format", {"type": "xml"}, "'text', 'json_object', 'json_schema'"),
    ("response_format", {"type": "json_schema"}, "Field required"),
    ("service_tier", "fast", "'auto', 'default', 'flex' or 'priority'"),
    ("tool_choice", "any", "'none', 'auto' or 'required'"),
    ("tool_choice", True, "'none', 'auto', 'required' or a valid dictionary"),
    ("tool_choice", {"type": "function", "function": {}}, "Field required"),
    ("tools", {}, "valid list"),
    ("tools", [named_tool(strict=None)], "valid boolean"),
    ("tools", [named_tool("x" * 65)], "at most 64 characters"),
    ("tools", [{"type": "web_search", "function": {"name": "f"}}], "should be 'function'"),
    ("tools", [named_tool(parameters=[])], "valid dictionary"),
    ("top_logprobs", 21, "less than or equal to 20"),
]
COMPLETION_REFUSALS = [
    *SHARED_REFUSALS,
    ("best_of", 21, "less than or equal to 20"),
    ("logprobs", True, "valid integer"),
    ("prompt", None, "valid string or list"),
    ("prompt", ["a", 1], "valid string"),
    ("prompt", [1, "a"], "valid integer"),
    ("prompt", [[1], 2], "valid list"),
    ("prompt", [-1], "greater than or equal to 0"),
]


@pytest.mark.parametrize(("field", "value", "message"), CHAT_REFUSALS)
def test_chat_schema_refuses(field, value, message):
    """§2.1: what is outside is refused with one message behind the field's path."""
    (problem,) = chat_messages(**{field: value})

    assert problem.startswith(field)
    assert message in problem


@pytest.mark.parametrize(("field", "value", "message"), COMPLETION_REFUSALS)
def test_completion_schema_refuses(field, value, message):
    """§5.1: what is outside is refused with one message behind the field's path."""
    (problem,) = completion_messages(**{field: value})

    assert problem.startswith(field)
    assert message in problem


@pytest.mark.parametrize("field", ["model", "messages"])
def test_chat_needs(field):
    """§2.1: the two required fields."""
    body = chat_body()
    del body[field]

    assert list(CHAT(body, "")) == [f"{field}: Field required"]


@pytest.mark.parametrize("field", ["model", "prompt"])
def test_completion_needs(field):
    """§5.1: the two required fields."""
    body = completion_body()
    del body[field]

    assert list(COMPLETION(body, "")) == [f"{field}: Field required"]


@pytest.mark.parametrize("body", [None, [], "text", 1])
def test_body_must_be_an_object(body):
    """§2.1: any other JSON value is refused before a field is looked at."""
    assert list(CHAT(body, "")) == [": Input should be a valid dictionary"]


# --- messages

PARTS = [{"type": "text", "text": "a"}]
ROLES = {
    "system": {"content": "x"},
    "developer": {"content": "x"},
    "user": {"content": "x"},
    "assistant": {},
    "tool": {"content": "x", "tool_call_id": "a1"},
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("more", [{}, {"name": "n"}, {"name": None}, {"content": PARTS}])
def test_role_takes(role, more):
    """§2.3: every role may have a name, and text parts for its content."""
    assert chat_messages(messages=[{"role": role, **ROLES[role], **more}]) == []


@pytest.mark.parametrize("role", ["system", "developer", "user", "tool"])
@pytest.mark.parametrize("content", [None, 1])
def test_role_needs_content(role, content):
    """§2.3: only the assistant's content may be null."""
    assert chat_messages(messages=[{"role": role, **ROLES[role], "content": content}]) == [
        f"messages.0.{role}.content: Input should be a valid string or list"
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"content": None},
        {"content": []},
        {"content": None, "tool_calls": [CALL]},
        {"tool_calls": [{**CALL, "index": 0}]},
        {"tool_calls": [{**CALL, "index": None}]},
        {"reasoning": "because"},
        {"reasoning": PARTS, "content": "x"},
        {"reasoning": None, "content": "x", "tool_calls": None},
    ],
)
def test_assistant_takes(fields):
    """§2.3: content, reasoning and calls are each optional; §10.3: reasoning has one name."""
    assert chat_messages(messages=[{"role": "assistant", **fields}]) == []


@pytest.mark.parametrize("missing", ["id", "type", "function"])
def test_tool_call_needs(missing):
    """§2.3: all of a call's fields are required."""
    call = {key: value for key, value in CALL.items() if key != missing}

    assert chat_messages(messages=[{"role": "assistant", "tool_calls": [call]}]) == [
        f"messages.0.assistant.tool_calls.0.{missing}: Field required"
    ]


@pytest.mark.parametrize("part", ["name", "arguments"])
def test_tool_call_function_needs_strings(part):
    """§2.3: name and arguments are strings that are not null."""
    call = {**CALL, "function": {"name": "f", "arguments": "{}", part: None}}

    assert chat_messages(messages=[{"role": "assistant", "tool_calls": [call]}]) == [
        f"messages.0.assistant.tool_calls.0.function.{part}: Input should be a valid string"
    ]


@pytest.mark.parametrize("role", ["assistant", "tool"])
def test_role_takes_text_parts_only(role):
    """§2.3: parts of assistant and tool messages are text."""
    part = {"type": "image_url", "image_url": {"url": "data:"}}

    messages = chat_messages(messages=[{"role": role, **ROLES[role], "content": [part]}])

    assert f"messages.0.{role}.content.0.type: Input should be 'text'" in messages


def test_json_schema_without_a_name_is_refused_with_the_recorded_text():
    """§8, capture 041: the message speaks of the first form of a response format."""
    body = chat_body(response_format={"type": "json_schema", "json_schema": {"schema": {}}})

    assert refused(body).message == "type: Input should be 'text'"


def test_whole_float_is_an_integer():
    """§2.1: 1.0 is an integer to JSON Schema, and is one afterwards."""
    limit = accepted_completion(completion_body(max_tokens=5.0)).completion_limit

    assert (limit, type(limit)) == (5, int)
