"""Fields against models and each other, and sizes.

Source: API specification §2.1, §5.1, §8.3, §10, §11.3, §12, §13.6.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from cerebras_ext.catalog import facts_of
from cerebras_ext.emulator.field_rules import CHAT_RULES, COMPLETION_RULES
from cerebras_ext.emulator.problems import ApiProblem
from cerebras_ext.emulator.service import Service
from cerebras_ext.emulator.validate import validate_chat, validate_completion
from tests.emulator.requests import (
    accepted,
    accepted_completion,
    chat_body,
    completion_body,
    named_tool,
    refused,
    refused_completion,
    user,
)

GPT_OSS, QWEN, GEMMA, KIMI, GLM = (
    "gpt-oss-120b",
    "qwen-3.8-27b",
    "gemma-4-31b",
    "kimi-k2.7-code",
    "zai-glm-4.7",
)
LLAMA = "llama-3.3-70b"
JSON_OBJECT = {"type": "json_object"}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
PREDICTION = {"type": "content", "content": "x"}

REFUSED = {
    "two limits": (
        GPT_OSS,
        {"max_tokens": 5, "max_completion_tokens": 5},
        "max_completion_tokens",
        "must not be used together",
    ),
    "n": (GPT_OSS, {"n": 2}, "n", '"n" > 1 is not currently supported'),
    "gpt-oss cannot be off": (
        GPT_OSS,
        {"reasoning_effort": "none"},
        "reasoning_effort",
        "reasoning_effort='none' is not supported by this model.",
    ),
    "glm has no levels": (GLM, {"reasoning_effort": "low"}, "reasoning_effort", "'low'"),
    "llama does not reason": (LLAMA, {"reasoning_effort": "low"}, "reasoning_effort", "'low'"),
    "gpt-oss stays on": (GPT_OSS, {"disable_reasoning": True}, "disable_reasoning", "=True"),
    "qwen does not hide": (QWEN, {"reasoning_format": "hidden"}, "reasoning_format", "'hidden'"),
    "gemma has no raw": (GEMMA, {"reasoning_format": "raw"}, "reasoning_format", "'raw'"),
    "raw with JSON": (
        GPT_OSS,
        {"reasoning_format": "raw", "response_format": JSON_OBJECT},
        "reasoning_format",
        "incompatible with JSON",
    ),
    "gpt-oss clears nothing": (GPT_OSS, {"clear_thinking": False}, "clear_thinking", "=False"),
    "model_parameters": (GPT_OSS, {"model_parameters": {}}, "model_parameters", "not supported"),
    "top_logprobs alone": (GPT_OSS, {"top_logprobs": 0}, "top_logprobs", "requires 'logprobs'"),
    "top_logprobs without": (
        GPT_OSS,
        {"top_logprobs": 5, "logprobs": False},
        "top_logprobs",
        "requires 'logprobs'",
    ),
    "prediction elsewhere": (QWEN, {"prediction": PREDICTION}, "prediction", "not supported"),
    "prediction and tools": (
        GPT_OSS,
        {"prediction": PREDICTION, "tools": [named_tool()]},
        "prediction",
        '"prediction" is incompatible with "tools"',
    ),
    "prediction and logprobs": (
        GPT_OSS,
        {"prediction": PREDICTION, "logprobs": True},
        "prediction",
        '"prediction" is incompatible with "logprobs"',
    ),
    "no parallel calls": (
        LLAMA,
        {"parallel_tool_calls": False},
        "parallel_tool_calls",
        "parallel_tool_calls=False is not supported by this model.",
    ),
    "tools and JSON": (
        GPT_OSS,
        {"tools": [named_tool()], "response_format": JSON_OBJECT},
        "tools",
        '"tools" is incompatible with "response_format"',
    ),
    "tools and a schema": (
        QWEN,
        {"tools": [named_tool()], "response_format": JSON_SCHEMA},
        "tools",
        '"tools" is incompatible with "response_format"',
    ),
}


@pytest.mark.parametrize(("model", "fields", "param", "message"), REFUSED.values(), ids=REFUSED)
def test_field_is_refused(model, fields, param, message):
    """§2.1, §8.3, §10, §13.6: values a model does not take and fields that exclude each other."""
    problem = refused(chat_body(model=model, **fields))

    assert message in problem.message
    assert (problem.status, problem.param, problem.code) == (400, param, "wrong_api_format")


ACCEPTED = {
    "limit and null": (GPT_OSS, {"max_tokens": None, "max_completion_tokens": 5}),
    "deprecated limit": (GPT_OSS, {"max_tokens": 5}),
    "n of one": (GPT_OSS, {"n": 1}),
    "kimi ignores none": (KIMI, {"reasoning_effort": "none"}),
    "gemma is switchable": (GEMMA, {"reasoning_effort": "high"}),
    "gemma parsed without reasoning": (
        GEMMA,
        {"reasoning_effort": "none", "reasoning_format": "parsed"},
    ),
    "qwen off by the old switch": (QWEN, {"disable_reasoning": True}),
    "gpt-oss old switch unused": (GPT_OSS, {"disable_reasoning": False}),
    "no format of its own": (LLAMA, {"reasoning_format": "none"}),
    "gpt-oss hides": (GPT_OSS, {"reasoning_format": "hidden"}),
    "qwen ignores raw with JSON": (
        QWEN,
        {"reasoning_format": "raw", "response_format": JSON_OBJECT},
    ),
    "qwen clears": (QWEN, {"clear_thinking": True}),
    "glm keeps": (GLM, {"clear_thinking": False}),
    "null anywhere": (GPT_OSS, {"clear_thinking": None, "model_parameters": None}),
    "logprobs": (GPT_OSS, {"logprobs": True, "top_logprobs": 5}),
    "prediction": (GPT_OSS, {"prediction": PREDICTION, "tools": []}),
    "parallel calls wanted": (LLAMA, {"parallel_tool_calls": True}),
    "parallel calls unwanted": (GPT_OSS, {"parallel_tool_calls": False}),
    "tools and text": (GPT_OSS, {"tools": [named_tool()], "response_format": {"type": "text"}}),
    "glm with both": (GLM, {"tools": [named_tool()], "response_format": JSON_OBJECT}),
    "JSON and streaming": (GPT_OSS, {"response_format": JSON_OBJECT, "stream": True}),
    "service tier": (GPT_OSS, {"service_tier": "priority"}),
}


@pytest.mark.parametrize(("model", "fields"), ACCEPTED.values(), ids=ACCEPTED)
def test_field_is_accepted(model, fields):
    """§2.1, §8.3, §10, §13.6: the same fields where they are fine."""
    assert accepted(chat_body(model=model, **fields)).model == model


REFUSED_COMPLETIONS = {
    "n": ({"n": 2}, "n", '"n" > 1 is not currently supported'),
    "best_of": ({"best_of": 2, "stream": True}, "best_of", "cannot be streamed"),
    "frequency_penalty": ({"frequency_penalty": 0}, "frequency_penalty", "not supported"),
    "presence_penalty": ({"presence_penalty": 1}, "presence_penalty", "not supported"),
    "logit_bias": ({"logit_bias": {}}, "logit_bias", "not supported"),
    "suffix": ({"suffix": ""}, "suffix", "not supported"),
    "unknown token": ({"prompt": [10**9]}, "prompt", "not in the vocabulary"),
}


@pytest.mark.parametrize(
    ("fields", "param", "message"), REFUSED_COMPLETIONS.values(), ids=REFUSED_COMPLETIONS
)
def test_text_completion_field_is_refused(fields, param, message):
    """§5.1: in the schema, but not served."""
    problem = refused_completion(completion_body(**fields))

    assert message in problem.message
    assert (problem.status, problem.param) == (400, param)


@pytest.mark.parametrize(
    ("validate", "body", "endpoint"),
    [
        (validate_chat, chat_body(), "completions"),
        (validate_completion, completion_body(), "chat"),
    ],
)
def test_model_must_have_the_endpoint(validate, body, endpoint):
    """§12.1: which endpoints a model has is a fact of the catalogue."""
    facts = replace(facts_of(GPT_OSS), endpoints=frozenset({endpoint}))

    with pytest.raises(ApiProblem, match="not supported by this model") as caught:
        validate(body, Service({GPT_OSS: facts}))

    assert caught.value.param == "model"


def test_model_without_a_capability_refuses_it():
    """§9.2, §8: tools, tool choice and JSON schemas are facts of the catalogue."""
    facts = replace(facts_of(GPT_OSS), supports_tools=False, supports_json_schema=False)
    service = Service({GPT_OSS: facts})

    with pytest.raises(ApiProblem, match="Tools are not supported by this model"):
        validate_chat(chat_body(tools=[named_tool()]), service)
    with pytest.raises(ApiProblem, match="'json_schema' is not supported by this model"):
        validate_chat(chat_body(response_format=JSON_SCHEMA), service)


def test_model_without_tool_choice_names_what_it_takes():
    """§9.1: the message of August 2025."""
    service = Service({GPT_OSS: replace(facts_of(GPT_OSS), supports_tool_choice=False)})
    body = chat_body(tools=[named_tool()], tool_choice="required")

    with pytest.raises(ApiProblem, match=r"Unsupported tool_choice .* Expected 'auto' or 'none'"):
        validate_chat(body, service)


@pytest.mark.parametrize("rule", [*CHAT_RULES, *COMPLETION_RULES], ids=lambda rule: rule.message)
def test_rule_names_its_section(rule):
    """Every rule can be looked up in the specification."""
    assert rule.source.startswith("§")


# --- which models there are


def test_unknown_model_is_a_404():
    """§11.3: `model_not_found`, with the id as it was sent."""
    with pytest.raises(ApiProblem) as caught:
        validate_chat(chat_body(model="nope"), Service.of())

    assert (caught.value.status, caught.value.code) == (404, "model_not_found")
    assert caught.value.message.startswith("Model nope does not exist")


@pytest.mark.parametrize("model", [LLAMA, GLM, GEMMA])
def test_model_that_left_is_a_404_of_its_own(model):
    """§11.3, §12.3: `model_archived`, dedicated models that left the shared service included."""
    with pytest.raises(ApiProblem) as caught:
        validate_chat(chat_body(model=model), Service.of())

    assert (caught.value.status, caught.value.code) == (404, "model_archived")


def test_default_models_are_the_shared_service_s():
    """§12.1: without a choice, what any key can use."""
    assert set(Service.of().models) == {GPT_OSS, QWEN}


def test_alias_is_answered_with_the_canonical_id():
    """§2.1: `llama3.3-70b` came back as `llama-3.3-70b`."""
    request = validate_chat(chat_body(model="llama3.3-70b"), Service.of([LLAMA]))

    assert request.model == LLAMA


def test_unknown_id_can_be_served():
    """A dedicated endpoint's own id is served with the fallback facts."""
    request = validate_chat(chat_body(model="my-model"), Service.of(["my-model"]))

    assert (request.model, request.facts.is_known) == ("my-model", False)


def test_schema_is_checked_before_the_model():
    """A request with a wrong form and a wrong model is told about its form."""
    with pytest.raises(ApiProblem) as caught:
        validate_chat(chat_body(model="nope", store=True), Service.of())

    assert caught.value.code == "wrong_api_format"


# --- what is in force


@pytest.mark.parametrize(
    ("model", "fields", "effort"),
    [
        (GPT_OSS, {}, "medium"),
        (GPT_OSS, {"reasoning_effort": "high"}, "high"),
        (QWEN, {}, "high"),
        (QWEN, {"reasoning_effort": "none"}, "none"),
        (QWEN, {"disable_reasoning": True}, "none"),
        (GEMMA, {}, "none"),
        (GEMMA, {"reasoning_effort": "low"}, "low"),
        (KIMI, {"reasoning_effort": "none"}, "medium"),
        (GLM, {}, "medium"),
        (GLM, {"reasoning_effort": "none"}, "none"),
        (LLAMA, {}, "none"),
    ],
)
def test_effort_in_force(model, fields, effort):
    """§10.1: the default of each model, and what switches it off."""
    assert accepted(chat_body(model=model, **fields)).reasoning_effort == effort


@pytest.mark.parametrize(
    ("model", "fields", "format"),
    [
        (GPT_OSS, {}, "none"),
        (GPT_OSS, {"reasoning_format": "raw"}, "raw"),
        (GPT_OSS, {"reasoning_format": "parsed"}, "parsed"),
        (QWEN, {"reasoning_format": "raw"}, "none"),
        ("qwen-3-32b", {}, "raw"),
        ("qwen-3-32b", {"response_format": JSON_OBJECT}, "hidden"),
        ("qwen-3-32b", {"reasoning_format": "parsed"}, "parsed"),
    ],
)
def test_format_in_force(model, fields, format):
    """§10.2: the habits of each model."""
    assert accepted(chat_body(model=model, **fields)).reasoning_format == format


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, 32_768),
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 7}, 7),
        ({"max_completion_tokens": -1}, 32_768),
        ({"max_completion_tokens": 0}, 0),
    ],
)
def test_token_limit_is_read(fields, limit):
    """§2.1: either name; -1 sets no limit."""
    assert accepted(chat_body(**fields)).completion_limit == limit


@pytest.mark.parametrize(
    ("tier", "asked", "limit"),
    [("free", None, 32_768), ("paid", None, 40_960), ("paid", 65_536, 40_960), ("free", 100, 100)],
)
def test_answer_is_limited_by_model_and_tier(tier, asked, limit):
    """§2.1, §12.1: a limit above the model's own is clamped."""
    request = accepted(chat_body(max_completion_tokens=asked), tier=tier)

    assert request.completion_limit == limit


def test_answer_is_limited_by_what_is_left_of_the_window():
    """§11.3: prompt and answer share the window."""
    service = Service({GPT_OSS: replace(facts_of(GPT_OSS), context_window=100)})

    request = validate_chat(chat_body(), service)

    assert request.completion_limit == 100 - request.prompt_tokens


def test_prompt_beyond_the_window_is_refused_with_both_numbers():
    """§11.3, capture 045: current length and limit."""
    service = Service({GPT_OSS: replace(facts_of(GPT_OSS), context_window=1_000)})
    body = chat_body(messages=[user("word " * 2_000)])

    with pytest.raises(ApiProblem) as caught:
        validate_chat(body, service)

    problem = caught.value
    assert (problem.status, problem.code, problem.id) == (400, "context_length_exceeded", "")
    assert problem.message.endswith("Current length is 2068 while limit is 1000")


@pytest.mark.parametrize(
    ("fields", "stop"), [({}, ()), ({"stop": "x"}, ("x",)), ({"stop": ["a", "b"]}, ("a", "b"))]
)
def test_stop_is_read(fields, stop):
    """§2.1: one string or several."""
    assert accepted(chat_body(**fields)).stop == stop


def test_prediction_is_read_as_text():
    """§13.6: a string, or text parts."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    body = chat_body(prediction={"type": "content", "content": parts})

    assert accepted(body).prediction == "a\nb"


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("Hello", ("Hello",)),
        (["a", "b"], ("a", "b")),
        ([], ("",)),
        ([13225, 2375], ("Hello world",)),
        ([[13225], [2375]], ("Hello", " world")),
    ],
)
def test_prompt_is_read_in_its_four_forms(prompt, prompts):
    """§5.1: text, texts, tokens, lists of tokens."""
    assert accepted_completion(completion_body(prompt=prompt)).prompts == prompts


def test_each_prompt_has_the_window_to_itself():
    """§5.1, §11.3: prompts are answered apart, so they need not fit together."""
    service = Service({GPT_OSS: replace(facts_of(GPT_OSS), context_window=100)})
    prompts = ["word " * 60, "word " * 70]

    request = validate_completion(completion_body(prompt=prompts), service)

    assert request.prompt_tokens == 132
    assert request.completion_limit == 100 - 71


def test_text_completion_is_read():
    """§5.1: what the answer needs to know."""
    request = accepted_completion(
        completion_body(max_tokens=9, echo=True, logprobs=2, stream=True, return_raw_tokens=True)
    )

    assert (request.completion_limit, request.logprobs) == (9, 2)
    assert request.echo
    assert request.stream
    assert request.return_raw_tokens
    assert request.prompt_tokens == 1
