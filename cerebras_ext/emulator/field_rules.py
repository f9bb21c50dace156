"""Refusals that depend on the model, or on two fields together, as tables.

The request's schema has been checked before. Rules are tried in order; the first that is broken is
the answer. Texts that were recorded are used as they are; the others say what the specification
says, in the same style.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cerebras_ext.emulator.problems import invalid_request
from cerebras_ext.emulator.reasoning import RAW_GIVES_WAY_TO_JSON

if TYPE_CHECKING:
    from cerebras_ext.catalog import Family, ModelFacts

__all__ = ["CHAT_RULES", "COMPLETION_RULES", "FieldRule", "check_fields"]

Body: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One refusal: which field it is about, what the service says, and when.

    `message` may use `{param}` and `{value}`, the field's value in Python's notation.
    """

    source: str
    param: str
    message: str
    is_broken: Callable[[Body, ModelFacts], bool]


def check_fields(rules: tuple[FieldRule, ...], body: Body, facts: ModelFacts) -> None:
    """Applies a table of rules to a request.

    Raises:
        ApiProblem: The answer of the first broken rule.
    """
    for rule in rules:
        if rule.is_broken(body, facts):
            value = repr(body.get(rule.param))
            message = rule.message.format(param=rule.param, value=value)
            raise invalid_request(message, param=rule.param)


# The form of capture 042, used for every value a model does not take.
_NOT_BY_THIS_MODEL: Final = "{param}={value} is not supported by this model."

# Accepted there, although what comes back is of little use (§8.3).
_TAKE_TOOLS_WITH_JSON: Final[frozenset[Family]] = frozenset({"glm-4"})


def _is_given(body: Body, field: str) -> bool:
    return body.get(field) is not None


def _format_type(body: Body) -> str:
    response_format: Mapping[str, str] = body.get("response_format") or {}
    return response_format.get("type", "text")


def _asks_for_json(body: Body) -> bool:
    return _format_type(body) != "text"


def _is_refused_format(body: Body, facts: ModelFacts) -> bool:
    wanted = body.get("reasoning_format", "none")
    return wanted != "none" and wanted not in facts.reasoning_formats


def _not_for_text(field: str) -> FieldRule:
    return FieldRule(
        "§5.1",
        field,
        "'{param}' is not supported for text completions.",
        lambda body, _: _is_given(body, field),
    )


_ONE_CHOICE: Final = FieldRule(
    "§2.1, §5.1, capture 043",
    "n",
    '"n" > 1 is not currently supported',
    lambda body, _: (body.get("n") or 1) > 1,
)

CHAT_RULES: Final = (
    FieldRule(
        "§6.2",
        "model",
        "Chat completions are not supported by this model.",
        lambda _, facts: "chat" not in facts.endpoints,
    ),
    FieldRule(
        "§2.1",
        "max_completion_tokens",
        "'max_tokens' and 'max_completion_tokens' must not be used together.",
        lambda body, _: _is_given(body, "max_tokens") and _is_given(body, "max_completion_tokens"),
    ),
    _ONE_CHOICE,
    FieldRule(
        "§10.1",
        "reasoning_effort",
        _NOT_BY_THIS_MODEL,
        lambda body, facts: body.get("reasoning_effort") not in (None, *facts.reasoning_efforts),
    ),
    FieldRule(
        "§10.1",
        "disable_reasoning",
        _NOT_BY_THIS_MODEL,
        lambda body, facts: (
            body.get("disable_reasoning") is True and "none" not in facts.reasoning_efforts
        ),
    ),
    FieldRule("§10.2", "reasoning_format", _NOT_BY_THIS_MODEL, _is_refused_format),
    FieldRule(
        "§8.3",
        "reasoning_format",
        "reasoning_format={value} is incompatible with JSON response formats.",
        lambda body, facts: (
            body.get("reasoning_format") == "raw"
            and _asks_for_json(body)
            and facts.family not in RAW_GIVES_WAY_TO_JSON
        ),
    ),
    FieldRule(
        "§2.1, §10.4",
        "clear_thinking",
        _NOT_BY_THIS_MODEL,
        lambda body, facts: _is_given(body, "clear_thinking") and not facts.clear_thinking,
    ),
    FieldRule(
        "§2.1",
        "model_parameters",
        "model_parameters is not supported by this model.",
        lambda body, _: _is_given(body, "model_parameters"),
    ),
    FieldRule(
        "§2.1",
        "top_logprobs",
        "'top_logprobs' requires 'logprobs' to be true.",
        lambda body, _: _is_given(body, "top_logprobs") and not body.get("logprobs"),
    ),
    FieldRule(
        "§13.6",
        "prediction",
        "prediction is not supported by this model.",
        lambda body, facts: _is_given(body, "prediction") and not facts.supports_predicted_outputs,
    ),
    FieldRule(
        "§13.6",
        "prediction",
        '"prediction" is incompatible with "tools"',
        lambda body, _: _is_given(body, "prediction") and bool(body.get("tools")),
    ),
    FieldRule(
        "§13.6",
        "prediction",
        '"prediction" is incompatible with "logprobs"',
        lambda body, _: _is_given(body, "prediction") and bool(body.get("logprobs")),
    ),
    FieldRule(
        "§2.1, capture 042",
        "parallel_tool_calls",
        _NOT_BY_THIS_MODEL,
        lambda body, facts: (
            body.get("parallel_tool_calls") is False and not facts.supports_parallel_tool_calls
        ),
    ),
    FieldRule(
        "§8.3",
        "tools",
        '"tools" is incompatible with "response_format"',
        lambda body, facts: (
            bool(body.get("tools"))
            and _asks_for_json(body)
            and not facts.takes_tools_with_response_format
            and facts.family not in _TAKE_TOOLS_WITH_JSON
        ),
    ),
    FieldRule(
        "§8",
        "response_format",
        "response_format 'json_schema' is not supported by this model.",
        lambda body, facts: _format_type(body) == "json_schema" and not facts.supports_json_schema,
    ),
)
"""What a chat completion is refused for."""

COMPLETION_RULES: Final = (
    FieldRule(
        "§5.1",
        "model",
        "Text completions are not supported by this model.",
        lambda _, facts: "completions" not in facts.endpoints,
    ),
    _ONE_CHOICE,
    FieldRule(
        "§5.1",
        "best_of",
        "'best_of' greater than 1 cannot be streamed.",
        lambda body, _: (body.get("best_of") or 1) > 1 and bool(body.get("stream")),
    ),
    _not_for_text("frequency_penalty"),
    _not_for_text("presence_penalty"),
    _not_for_text("logit_bias"),
    _not_for_text("suffix"),
)
"""What a text completion is refused for."""
