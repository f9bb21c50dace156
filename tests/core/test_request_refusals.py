"""Requests that cannot be right, told before anything is sent (API §2.1, §5.1)."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any

import pytest

from cerebras_ext.errors import ConfigError
from cerebras_ext.request import CHAT, TEXT, Endpoint, build_call
from tests.core.made_requests import MESSAGES, SECRET, chat, outcome, text

BAD: list[tuple[str, Any, str]] = [
    ("model", "", "model: '' is too small; give 1 or more"),
    ("model", 5, "model: 5 is of type int; give a string"),
    ("temperature", -0.1, "temperature: -0.1 is too small; give 0 or more"),
    ("temperature", 2.5, "temperature: 2.5 is too large; give 2 or less"),
    ("temperature", "hot", "temperature: 'hot' is of type str; give a number"),
    ("temperature", True, "temperature: True is of type bool; give a number"),
    ("temperature", math.nan, "temperature: nan is not a JSON number; give a finite one"),
    ("temperature", math.inf, "temperature: inf is too large; give 2 or less"),
    ("top_p", 1.1, "top_p: 1.1 is too large; give 1 or less"),
    ("frequency_penalty", -3, "frequency_penalty: -3 is too small; give -2 or more"),
    ("presence_penalty", 3, "presence_penalty: 3 is too large; give 2 or less"),
    ("logit_bias", [1], "logit_bias: the given list is of type list; give a dict"),
    ("logit_bias", {"5": math.nan}, "logit_bias.5: nan is not a JSON number"),
    ("seed", 1.5, "seed: 1.5 is of type float; give an integer"),
    ("stop", 5, "stop: 5 is of type int; give a string or a list"),
    ("n", 0, "n: 0 is too small; give 1 or more"),
    ("max_tokens", -2, "max_tokens: -2 is too small; give -1 or more"),
    ("min_tokens", "5", "min_tokens: '5' is of type str; give an integer"),
    ("prompt_cache_key", "x" * 1025, "prompt_cache_key: the given str is too large; give 1024 or"),
    ("stream_options", True, "stream_options: True is of type bool; give a dict"),
    ("user", 5, "user: the given int is of type int; give a string"),
    (
        "max_completion_tokens",
        False,
        "max_completion_tokens: False is of type bool",
    ),
    ("min_completion_tokens", -2, "min_completion_tokens: -2 is too small"),
    ("logprobs", 5, "logprobs: 5 is of type int; give True or False"),
    ("top_logprobs", 21, "top_logprobs: 21 is too large; give 20 or less"),
    ("reasoning_effort", "max", "reasoning_effort: 'max' is not known; give one of 'none', 'low'"),
    ("reasoning_format", "x", "reasoning_format: 'x' is not known; give one of 'none', 'parsed'"),
    ("clear_thinking", 1, "clear_thinking: 1 is of type int; give True or False"),
    ("disable_reasoning", "no", "disable_reasoning: 'no' is of type str; give True or False"),
    ("service_tier", "fast", "service_tier: 'fast' is not known; give one of 'auto'"),
    ("model_parameters", "x", "model_parameters: 'x' is of type str; give a dict"),
    ("prediction", SECRET, "prediction: the given str is of type str; give a dict"),
    ("response_format", "json", "response_format: 'json' is of type str; give a dict"),
    ("parallel_tool_calls", "yes", "parallel_tool_calls: 'yes' is of type str; give True or False"),
    (
        "tool_choice",
        "any",
        "tool_choice: 'any' is not known; give one of 'none', 'auto',",
    ),
    ("tool_choice", ["f"], "tool_choice: the given list is of type list; give a string or a dict"),
    ("tools", {"a": 1}, "tools: the given dict is of type dict; give a list"),
    (
        "tools",
        [MappingProxyType({})],
        "tools.0: a value of type mappingproxy is not",
    ),
    ("tools", [{"a": object()}], "tools.0.a: a value of type object is not JSON; convert it first"),
    ("messages", [], "messages: the given list is too small; give 1 or more"),
    ("messages", SECRET, "messages: the given str is of type str; give a list"),
    ("messages", ["Hi"], "messages.0: is of type str; give a dict with 'role' and 'content'"),
    ("messages", [*MESSAGES, {}], "messages.1.role: None is not known; give one of 'system'"),
    ("messages", [{"role": "bot"}], "messages.0.role: 'bot' is not known; give one of 'system'"),
    ("messages", [{"role": ["user"]}], "messages.0.role: the given list is not known"),
]
BAD_TEXT: list[tuple[str, Any, str]] = [
    ("prompt", 5, "prompt: the given int is of type int; give a string or a list"),
    ("best_of", 21, "best_of: 21 is too large; give 20 or less"),
    ("echo", 1, "echo: 1 is of type int; give True or False"),
    ("grammar_root", 5, "grammar_root: 5 is of type int; give a string"),
    ("logprobs", 21, "logprobs: 21 is too large; give 20 or less"),
    ("logprobs", True, "logprobs: True is of type bool; give an integer"),
    ("reasoning_format", "x", "reasoning_format: 'x' is not known"),
    ("return_raw_tokens", "x", "return_raw_tokens: 'x' is of type str; give True or False"),
    ("suffix", 5, "suffix: the given int is of type int; give a string"),
]


@pytest.mark.parametrize(
    ("endpoint", "name", "value", "message"),
    [*((CHAT, *row) for row in BAD), *((TEXT, *row) for row in BAD_TEXT)],
    ids=lambda one: one[:20] if isinstance(one, str) else "",
)
def test_bad_value_is_named_with_its_remedy(
    endpoint: Endpoint, name: str, value: Any, message: str
) -> None:
    """Field, value and remedy are in the message, before anything is sent (style guide §7)."""
    with pytest.raises(ConfigError) as caught:
        (chat if endpoint is CHAT else text)(**{name: value})
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(("endpoint", "bad"), [(CHAT, BAD), (TEXT, BAD_TEXT)])
def test_every_field_has_a_bad_value(endpoint: Endpoint, bad: list[tuple[str, Any, str]]) -> None:
    """The table of bad values above leaves no field out."""
    shared = [name for name, _, _ in BAD] if endpoint is TEXT else []
    assert set(endpoint.fields) <= {name for name, _, _ in bad} | set(shared)


@pytest.mark.parametrize("name", ["messages", "prompt", "suffix", "prediction", "user"])
@pytest.mark.parametrize("value", [SECRET, [SECRET], {"text": SECRET}, SECRET.encode(), 5.5])
def test_errors_do_not_repeat_what_users_wrote(name: str, value: Any) -> None:
    """No prompt is ever in an error (§6)."""
    is_sent, said = outcome(CHAT if name in CHAT.fields else TEXT, {name: value})
    assert is_sent or not (SECRET in said or "5.5" in said)


@pytest.mark.parametrize(
    ("endpoint", "fields", "message"),
    [
        (CHAT, {"messages": MESSAGES}, "model: is missing; a chat completion needs it"),
        (CHAT, {"model": "m"}, "messages: is missing; a chat completion needs it"),
        (CHAT, {"model": "m", "messages": None}, "messages: is missing"),
        (TEXT, {"model": "m"}, "prompt: is missing; a text completion needs it"),
    ],
)
def test_what_is_required_is_asked_for(
    endpoint: Endpoint, fields: dict[str, Any], message: str
) -> None:
    """A missing field is named."""
    with pytest.raises(ConfigError) as caught:
        build_call(endpoint, fields, is_stream=False)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"max_tokens": 1, "max_completion_tokens": 1},
            "max_tokens: is the old name of max_completion_tokens; give one of them",
        ),
        ({"tool_choice": "auto"}, "tool_choice: needs tools; leave it out or offer some"),
        ({"tool_choice": "auto", "tools": []}, "tool_choice: needs tools"),
    ],
)
def test_fields_that_exclude_each_other_are_refused(fields: dict[str, Any], message: str) -> None:
    """What the service refuses for any model is refused here (§2.1)."""
    with pytest.raises(ConfigError) as caught:
        chat(**fields)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("send", "name", "message"),
    [
        (
            chat,
            "temprature",
            "is not a field of a chat completion; did you mean 'temperature'?",
        ),
        (chat, "max_token", "did you mean 'max_tokens'?"),
        (chat, "message", "did you mean 'messages'?"),
        (chat, "prompt", "'prompt' is not a field of a chat completion"),
        (text, "messages", "'messages' is not a field of a text completion"),
        (
            text,
            "reasoning_effort",
            "field of a text completion; did you mean 'reasoning_format'",
        ),
        (chat, "xyzzy", "'xyzzy' is not a field of a chat completion; extra_body sends fields as"),
        (chat, "stream", "'stream' is set by the method that is called; use stream_chat or stream"),
    ],
)
def test_unknown_field_is_told_with_the_nearest_name(send: Any, name: str, message: str) -> None:
    """The service closes its schema, so a typo is told at once (§2.2); None does not hide it."""
    for value in (1, None):
        with pytest.raises(TypeError) as caught:
            send(**{name: value})
        assert message in str(caught.value)
