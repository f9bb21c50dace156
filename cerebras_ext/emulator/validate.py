"""Which requests the service accepts, and what it says to the others.

The checks are in the modules this one puts in order: closed schema, model, fields, tools, response
format, conversation, size. The first that fails is the answer; the schema reports all its problems.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from cerebras_ext.emulator.accepted import ChatRequest, CompletionRequest, ResponseFormat
from cerebras_ext.emulator.buckets import tokens_to_reserve
from cerebras_ext.emulator.conversations import read_messages, text_of
from cerebras_ext.emulator.field_rules import CHAT_RULES, COMPLETION_RULES, check_fields
from cerebras_ext.emulator.problems import CONTEXT_LENGTH_EXCEEDED, invalid_request
from cerebras_ext.emulator.prompt_size import prompt_size
from cerebras_ext.emulator.reasoning import effort_in_force, format_in_force
from cerebras_ext.emulator.request_schema import CHAT, COMPLETION
from cerebras_ext.emulator.strict_rules import find_strict_problems
from cerebras_ext.emulator.tokens import count_tokens, decode
from cerebras_ext.emulator.tool_rules import read_tool_choice, read_tools

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.emulator.service import Service
    from cerebras_ext.emulator.shapes import Shape

__all__ = ["ChatRequest", "CompletionRequest", "validate_chat", "validate_completion"]


# A body of 16 MiB can have millions, and an answer of gigabytes helps nobody.
_MOST_PROBLEMS = 100


def validate_chat(body: object, service: Service) -> ChatRequest:
    """The chat completion that `body` asks for.

    Args:
        body: The decoded request body, as from `parse_body`.
        service: Which models are served, and for which tier.

    Raises:
        ApiProblem: The answer the service gives instead.
    """
    wire = _checked(CHAT, body)
    facts = service.facts(wire["model"])
    check_fields(CHAT_RULES, wire, facts)
    tools = read_tools(wire, facts)
    tool_choice = read_tool_choice(wire, tools, facts)
    response_format = _read_response_format(wire.get("response_format"))
    messages = read_messages(wire["messages"], facts, max_images=service.max_images(facts))
    size = prompt_size(
        messages,
        facts,
        tools=tools,
        response_format=response_format,
        clear_thinking=wire.get("clear_thinking"),
    )
    max_tokens = _max_tokens(wire, "max_completion_tokens", "max_tokens")
    prediction = wire.get("prediction")
    return ChatRequest(
        model=facts.id,
        facts=facts,
        messages=messages,
        prompt_tokens=size.total,
        quota_tokens=tokens_to_reserve(size.content, max_tokens),
        image_tokens=size.images,
        completion_limit=_completion_limit(size.total, max_tokens, facts, service),
        stream=bool(wire.get("stream")),
        tools=tools,
        tool_choice=tool_choice,
        parallel_tool_calls=wire.get("parallel_tool_calls") is not False,
        response_format=response_format,
        reasoning_effort=effort_in_force(wire, facts),
        reasoning_format=format_in_force(wire, facts, wants_json=response_format.is_json),
        stop=_stop(wire),
        logprobs=bool(wire.get("logprobs")),
        top_logprobs=_whole(wire.get("top_logprobs")) or 0,
        prediction=None if prediction is None else text_of(prediction["content"]),
        service_tier=wire.get("service_tier"),
        body=wire,
    )


def validate_completion(body: object, service: Service) -> CompletionRequest:
    """The text completion that `body` asks for.

    Args:
        body: The decoded request body, as from `parse_body`.
        service: Which models are served, and for which tier.

    Raises:
        ApiProblem: The answer the service gives instead.
    """
    wire = _checked(COMPLETION, body)
    facts = service.facts(wire["model"])
    check_fields(COMPLETION_RULES, wire, facts)
    prompts = _read_prompts(wire["prompt"])
    sizes = [count_tokens(prompt) for prompt in prompts]
    prompt_tokens = sum(sizes)
    max_tokens = _max_tokens(wire, "max_tokens")
    return CompletionRequest(
        model=facts.id,
        facts=facts,
        prompts=prompts,
        prompt_tokens=prompt_tokens,
        quota_tokens=tokens_to_reserve(prompt_tokens, max_tokens),
        completion_limit=_completion_limit(max(sizes), max_tokens, facts, service),
        stream=bool(wire.get("stream")),
        echo=bool(wire.get("echo")),
        logprobs=_whole(wire.get("logprobs")),
        return_raw_tokens=bool(wire.get("return_raw_tokens")),
        stop=_stop(wire),
        body=wire,
    )


def _checked(schema: Shape, body: object) -> dict[str, Any]:
    problems = list(islice(schema(body, ""), _MOST_PROBLEMS))
    if problems:
        raise invalid_request("\n".join(problems))
    return cast("dict[str, Any]", body)  # the schema admits objects only


def _read_response_format(wire: Mapping[str, Any] | None) -> ResponseFormat:
    if wire is None or wire["type"] != "json_schema":
        return ResponseFormat(wire["type"] if wire else "text")
    described = wire["json_schema"]
    schema: Mapping[str, Any] | None = described.get("schema")
    is_strict = described.get("strict") is True
    problems = find_strict_problems(schema or {}) if is_strict else []
    if problems:
        raise invalid_request(problems[0].message, param="response_format")
    return ResponseFormat("json_schema", described["name"], schema, is_strict)


def _completion_limit(
    prompt_tokens: int, max_tokens: int | None, facts: ModelFacts, service: Service
) -> int:
    """How many tokens the answer may have.

    A limit above the model's own was not refused in a production log (§2.1), so it is clamped;
    only a prompt that does not fit is an error.
    """
    window = service.context_window(facts)
    if prompt_tokens > window:
        raise CONTEXT_LENGTH_EXCEEDED.problem(current=prompt_tokens, limit=window)
    limits = (window - prompt_tokens, max_tokens, service.max_output_tokens(facts))
    return min(limit for limit in limits if limit is not None)


def _max_tokens(wire: Mapping[str, Any], *fields: str) -> int | None:
    """The caller's limit; none for -1, whose meaning is not documented."""
    values = [_whole(wire.get(field)) for field in fields]
    return next((value for value in values if value is not None and value >= 0), None)


def _stop(wire: Mapping[str, Any]) -> tuple[str, ...]:
    stop = wire.get("stop")
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else tuple(stop)


def _read_prompts(prompt: str | list[Any]) -> tuple[str, ...]:
    if isinstance(prompt, str):
        return (prompt,)
    if all(isinstance(element, str) for element in prompt):
        return tuple(prompt) or ("",)
    token_lists = prompt if isinstance(prompt[0], list) else [prompt]
    try:
        return tuple(decode([int(id) for id in ids]) for ids in token_lists)
    except ValueError as error:
        raise invalid_request(f"prompt: {error}", param="prompt") from None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
