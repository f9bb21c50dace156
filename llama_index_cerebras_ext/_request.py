"""Settings and keywords of a call in, a request and its options out.

A layer is a mapping of request fields. Later layers win, and a field that ends as None is not sent.
Fields that this package does not know are sent all the same, so that new ones work on day one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any, cast

from cerebras_ext.config import CallOptions
from cerebras_ext.errors import ConfigError
from cerebras_ext.request import CHAT, TEXT, Endpoint
from cerebras_ext.tool_names import ToolNames
from llama_index_cerebras_ext._messages import called_names, wire_messages_of

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.wire import ChatRequest, JsonObject, TextRequest

__all__ = ["chat_request_of", "merged", "options_of", "text_request_of", "tool_names_of"]

_OPTIONS = frozenset(field.name for field in dataclass_fields(CallOptions))
_TOOL_FIELDS = ("tools", "tool_choice", "parallel_tool_calls")
_OTHER_NAMES = {
    CHAT.path: ("max_tokens", "max_completion_tokens"),
    TEXT.path: ("max_completion_tokens", "max_tokens"),
}
"""Per endpoint, the maximum's other name, which is turned into the endpoint's own."""


def merged(endpoint: Endpoint, *layers: Mapping[str, Any]) -> JsonObject:
    """The request fields of all layers; the maximum under the endpoint's own name."""
    other, own = _OTHER_NAMES[endpoint.path]
    fields: JsonObject = {}
    for layer in layers:
        fields.update((own if name == other else name, value) for name, value in layer.items())
    if endpoint is TEXT and isinstance(fields.get("logprobs"), bool):
        # a flag and a number in chat, one number here
        n_alternatives = fields.pop("top_logprobs", None) or 0
        fields["logprobs"] = n_alternatives if fields["logprobs"] else None
    return {name: value for name, value in fields.items() if value is not None}


def options_of(endpoint: Endpoint, fields: JsonObject) -> tuple[JsonObject, CallOptions]:
    """The fields the endpoint knows, and the options that carry the rest."""
    known = {name: value for name, value in fields.items() if name in endpoint.fields}
    unknown = {n: v for n, v in fields.items() if n not in endpoint.fields and n not in _OPTIONS}
    options = {name: value for name, value in fields.items() if name in _OPTIONS}
    extra_body = {**unknown, **options.pop("extra_body", {})}
    return known, CallOptions(**options, extra_body=extra_body or None)


def tool_names_of(fields: JsonObject, messages: Sequence[ChatMessage]) -> ToolNames:
    """How the tools of a request, and those its history calls, are named on the wire.

    Raises:
        ConfigError: A tool is not described as the API has it, or has no name.
    """
    try:
        offered = [tool["function"]["name"] for tool in fields.get("tools", ())]
    except (KeyError, TypeError):
        raise ConfigError(
            "tools: each is to be {'type': 'function', 'function': {'name': ..., ...}}; "
            "BaseTool objects go to chat_with_tools"
        ) from None
    if not all(offered):
        raise ConfigError("tools: a tool has no name; give it one, so that the model can call it")
    return ToolNames.of([*offered, *called_names(messages)])


def chat_request_of(
    fields: JsonObject,
    messages: Sequence[ChatMessage],
    *,
    facts: ModelFacts,
    names: ToolNames,
    replays_reasoning: bool,
) -> ChatRequest:
    """The request of a chat completion."""
    if not messages:
        raise ConfigError("messages: is empty; give at least one message")
    if not facts.supports_parallel_tool_calls:
        fields = {name: value for name, value in fields.items() if name != "parallel_tool_calls"}
    request = {
        **_with_wire_names(fields, names),
        "messages": wire_messages_of(
            messages, facts=facts, names=names, replays_reasoning=replays_reasoning
        ),
    }
    return cast("ChatRequest", request)  # the client checks each field before sending


def text_request_of(fields: JsonObject, prompt: str) -> TextRequest:
    """The request of a text completion."""
    return cast("TextRequest", {**fields, "prompt": prompt})  # likewise


def _with_wire_names(fields: JsonObject, names: ToolNames) -> JsonObject:
    """The fields with tools under their wire names; without tools, not a word about them."""
    tools = fields.get("tools")
    if not tools:
        return {name: value for name, value in fields.items() if name not in _TOOL_FIELDS}
    fields = {**fields, "tools": [_renamed(tool, names) for tool in tools]}
    choice = fields.get("tool_choice")
    if isinstance(choice, Mapping) and "function" in choice:
        fields["tool_choice"] = _renamed(cast("Mapping[str, Any]", choice), names)
    return fields


def _renamed(holder: Mapping[str, Any], names: ToolNames) -> JsonObject:
    function = holder["function"]
    return {**holder, "function": {**function, "name": names.to_wire(function["name"])}}
