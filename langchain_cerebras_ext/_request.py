"""Fields of a model and kwargs of a call in, one request out; the same for every path.

A call's value wins over the model's field; None in a call means "unset for this call". Names are
those of the wire, where `max_tokens` and `min_tokens` stand for what the chat endpoint calls
`max_completion_tokens` and `min_completion_tokens`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from cerebras_ext.catalog import facts_of
from cerebras_ext.config import CallOptions
from cerebras_ext.tool_names import ToolNames
from langchain_cerebras_ext._messages import (
    MessageRules,
    call_names_in,
    rename_calls,
    wire_messages_from_langchain,
)
from langchain_cerebras_ext._reply import RenderRules
from langchain_cerebras_ext._shapes import object_in
from langchain_cerebras_ext._tools import (
    bound_tool_choice,
    bound_tools,
    response_format_to_wire,
    tool_choice_to_wire,
    tool_names_of,
    tools_to_wire,
)
from langchain_cerebras_ext.errors import UnknownParameter, UnsupportedInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.wire import ChatRequest, JsonObject

__all__ = [
    "CALL_KEYS",
    "CHAT_FIELDS",
    "RULE_KEYS",
    "ChatCall",
    "Defaults",
    "call_options",
    "chat_call",
    "check_known",
    "overlaid",
]

CHAT_KEYS = frozenset(
    {
        "clear_thinking",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "min_completion_tokens",
        "min_tokens",
        "model",
        "model_parameters",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning_effort",
        "reasoning_format",
        "response_format",
        "seed",
        "service_tier",
        "stop",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
    }
)
"""Request fields a call may set."""

OPTION_KEYS = frozenset({"extra_body", "extra_headers", "max_retries", "merge_deltas", "timeout"})
"""How a call is sent."""

RULE_KEYS = frozenset(
    {"include_response_headers", "replay_foreign_reasoning", "replay_reasoning", "stream_usage"}
)
"""How a call is translated and rendered."""

_IGNORED_KEYS = frozenset({"ls_structured_output_format", "stream", "structured_output_format"})
"""What core leaves in the kwargs for its own purposes."""

CALL_KEYS = CHAT_KEYS | OPTION_KEYS | RULE_KEYS
"""Everything a call may set."""

CHAT_FIELDS = {
    "model": "model",
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_completion_tokens",
    "min_tokens": "min_completion_tokens",
    "stop": "stop",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "logit_bias": "logit_bias",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
    "parallel_tool_calls": "parallel_tool_calls",
    "reasoning_effort": "reasoning_effort",
    "reasoning_format": "reasoning_format",
    "clear_thinking": "clear_thinking",
    "service_tier": "service_tier",
    "prediction": "prediction",
    "prompt_cache_key": "prompt_cache_key",
    "user": "user",
}
"""Fields of `ChatCerebras` that shape the request, and what the wire calls them."""

_CHAT_SPELLING = {"max_tokens": "max_completion_tokens", "min_tokens": "min_completion_tokens"}
_REMEDIES = {
    "disable_reasoning": "; the field is deprecated, use reasoning_effort='none'",
    "function_call": "; use tool_choice",
    "functions": "; use tools",
    "reasoning": "; use reasoning_effort and reasoning_format",
}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a model's fields say, for calls to overlay.

    Attributes:
        request: Request fields that are set, by their wire names.
        rules: `RULE_KEYS` and their values.
        extra_body: Request fields this package does not know.
        fact_overrides: The user's corrections to the catalogue row of the model.
    """

    request: Mapping[str, Any]
    rules: Mapping[str, Any]
    extra_body: Mapping[str, Any] | None = None
    fact_overrides: Mapping[str, Any] | None = None

    def facts_for(self, model: str) -> ModelFacts:
        """The row of a model; the user's corrections hold for the model's own id."""
        overrides = self.fact_overrides or {}
        return facts_of(model, **overrides) if model == self.request["model"] else facts_of(model)


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A call ready to be made."""

    request: ChatRequest
    options: CallOptions
    rules: RenderRules


def check_known(kwargs: Mapping[str, Any], known: frozenset[str], *, where: str) -> None:
    """Makes sure that every name is one a call takes.

    Raises:
        UnknownParameter: One is not; names the nearest.
    """
    for name in kwargs:
        if name not in known and name not in _IGNORED_KEYS:
            remedy = _REMEDIES.get(name, "; extra_body sends fields this package does not know")
            raise UnknownParameter.among(name, known, where=where, remedy=remedy)


def overlaid(
    defaults: Mapping[str, Any], kwargs: Mapping[str, Any], spelling: Mapping[str, str]
) -> JsonObject:
    """Request fields of one call: the call's values over the defaults, nothing unset.

    Raises:
        UnsupportedInput: The call gives one field under two names.
    """
    fields = dict(defaults)
    given: dict[str, str] = {}
    for name, value in kwargs.items():
        wire_name = spelling.get(name, name)
        if value is not None and given.setdefault(wire_name, name) != name:
            raise UnsupportedInput(f"{name} and {given[wire_name]} are one field; give one of them")
        if value is not None or name not in given.values():
            fields[wire_name] = value
    if fields.get("n") not in (None, 1):
        raise UnsupportedInput("n: a call gives one answer; call the model once for each you want")
    fields.pop("n", None)
    return {name: value for name, value in fields.items() if value is not None}


def call_options(kwargs: Mapping[str, Any], extra_body: Mapping[str, Any] | None) -> CallOptions:
    """How one call is sent."""
    extra = {**(extra_body or {}), **object_in(kwargs.get("extra_body"))}
    return CallOptions(
        timeout=kwargs.get("timeout"),
        max_retries=kwargs.get("max_retries"),
        extra_headers=kwargs.get("extra_headers"),
        extra_body=extra or None,
        merge_deltas=kwargs.get("merge_deltas"),
    )


def chat_call(
    defaults: Defaults,
    messages: Sequence[BaseMessage],
    stop: Sequence[str] | None,
    kwargs: Mapping[str, Any],
) -> ChatCall:
    """The call that a hook makes.

    Args:
        defaults: The model's fields.
        messages: The history.
        stop: The hook's own argument; wins over everything, and an empty list means none.
        kwargs: Everything that was bound or passed.

    Raises:
        UnknownParameter: A kwarg is no option.
        UnsupportedInput: Something has no form on the wire.
    """
    check_known(kwargs, CALL_KEYS, where="a ChatCerebras call")
    given = {name: value for name, value in kwargs.items() if name in CHAT_KEYS}
    if stop is not None:
        given["stop"] = stop
    fields = overlaid(defaults.request, given, _CHAT_SPELLING)
    if not fields.get("stop"):
        fields.pop("stop", None)
    chosen = {name: kwargs[name] for name in RULE_KEYS if kwargs.get(name) is not None}
    rules = {**defaults.rules, **chosen}
    facts = defaults.facts_for(fields["model"])
    wire_messages = wire_messages_from_langchain(
        messages,
        MessageRules(facts, rules["replay_reasoning"], rules["replay_foreign_reasoning"]),
    )
    tools = bound_tools(fields.pop("tools", ()))
    choice = bound_tool_choice(fields.pop("tool_choice", None), tool_names_of(tools))
    names = _tool_names([*tool_names_of(tools), *call_names_in(wire_messages)])
    rename_calls(wire_messages, names)
    fields["messages"] = wire_messages
    if tools:
        fields["tools"] = tools_to_wire(tools, names, facts)
        if choice is not None:
            fields["tool_choice"] = tool_choice_to_wire(choice, names)
    else:
        fields.pop("parallel_tool_calls", None)
    _shape(fields, facts)
    return ChatCall(
        request=cast("ChatRequest", fields),
        options=call_options(kwargs, defaults.extra_body),
        rules=RenderRules(
            names=names,
            model=fields["model"],
            shows_usage=rules["stream_usage"],
            shows_headers=rules["include_response_headers"],
        ),
    )


def _tool_names(names: list[str]) -> ToolNames:
    try:
        return ToolNames.of(names)
    except ValueError as error:
        raise UnsupportedInput(f"tools: {error}") from error


def _shape(fields: JsonObject, facts: ModelFacts) -> None:
    """Turns what is left of LangChain's spelling into the wire's."""
    if "response_format" in fields:
        fields["response_format"] = response_format_to_wire(fields["response_format"])
        wants_json = fields["response_format"]["type"] != "text"
        if wants_json and "tools" in fields and not _takes_both(facts):
            raise UnsupportedInput(
                f"model {facts.id!r} does not take tools and a response format in one request; ask "
                "for the answer through a tool (ToolStrategy in agents, method='function_calling' "
                "elsewhere), or say model_facts={'takes_tools_with_response_format': True} if it "
                "does"
            )
    if isinstance(fields.get("prediction"), str):
        fields["prediction"] = {"type": "content", "content": fields["prediction"]}


def _takes_both(facts: ModelFacts) -> bool:
    return facts.takes_tools_with_response_format or not facts.is_known
