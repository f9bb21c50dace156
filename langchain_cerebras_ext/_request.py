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
from langchain_cerebras_ext._options import (
    CHAT_FIELDS,
    CHAT_KEYS,
    CHAT_REQUEST_KEYS,
    RULE_KEYS,
    TEXT_FIELDS,
    TEXT_KEYS,
    TEXT_REQUEST_KEYS,
    check_known,
    settled_options,
    timeouts_of,
)
from langchain_cerebras_ext._profile import warn_if_unknown
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
from langchain_cerebras_ext.errors import UnsupportedInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.config import RetryEvent
    from cerebras_ext.wire import ChatRequest, JsonObject, TextRequest

__all__ = ["ChatCall", "Defaults", "TextCall", "chat_call", "text_call"]


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
        if self.fact_overrides and model == self.request["model"]:
            return facts_of(model, **self.fact_overrides)
        warn_if_unknown(model)
        return facts_of(model)


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A call ready to be made."""

    request: ChatRequest
    options: CallOptions
    rules: RenderRules


@dataclass(frozen=True, slots=True)
class TextCall:
    """A call of the completion model ready to be made."""

    request: TextRequest
    options: CallOptions


def _overlaid(
    defaults: Mapping[str, Any],
    kwargs: Mapping[str, Any],
    stop: Sequence[str] | None,
    spelling: Mapping[str, str],
) -> JsonObject:
    """Request fields of one call: the call's values over the defaults, nothing unset.

    Raises:
        UnsupportedInput: The call gives one field under two names, or asks for several answers.
    """
    given = settled_options(kwargs)
    fields = {**defaults, **{spelling.get(name, name): value for name, value in given.items()}}
    if stop is not None:
        fields["stop"] = [stop] if isinstance(stop, str) else list(stop)
    if fields.pop("n", None) not in (None, 1):
        raise UnsupportedInput("n: a call gives one answer; call the model once for each you want")
    return {
        name: value
        for name, value in fields.items()
        if value is not None and not (name == "stop" and not value)
    }


def _call_options(
    kwargs: Mapping[str, Any],
    extra_body: Mapping[str, Any] | None,
    on_retry: Callable[[RetryEvent], None] | None = None,
) -> CallOptions:
    """How one call is sent."""
    extra = {**(extra_body or {}), **object_in(kwargs.get("extra_body"))}
    timeout = kwargs.get("timeout")
    return CallOptions(
        timeout=None if timeout is None else timeouts_of(timeout),
        max_retries=kwargs.get("max_retries"),
        extra_headers=kwargs.get("extra_headers"),
        extra_body=extra or None,
        merge_deltas=kwargs.get("merge_deltas"),
        on_retry=on_retry,
    )


def chat_call(
    defaults: Defaults,
    messages: Sequence[BaseMessage],
    stop: Sequence[str] | None,
    kwargs: Mapping[str, Any],
    *,
    on_retry: Callable[[RetryEvent], None] | None = None,
) -> ChatCall:
    """The call that a hook makes.

    Args:
        defaults: The model's fields.
        messages: The history.
        stop: The hook's own argument; wins over everything, and an empty list means none.
        kwargs: Everything that was bound or passed.
        on_retry: Told of each retry.

    Raises:
        UnknownParameter: A kwarg is no option.
        UnsupportedInput: Something has no form on the wire.
    """
    check_known(kwargs, CHAT_KEYS, where="a ChatCerebras call")
    given = {name: value for name, value in kwargs.items() if name in CHAT_REQUEST_KEYS}
    fields = _overlaid(defaults.request, given, stop, CHAT_FIELDS)
    chosen = {name: kwargs[name] for name in RULE_KEYS if kwargs.get(name) is not None}
    rules = {**defaults.rules, **chosen}
    facts = defaults.facts_for(fields["model"])
    fields["messages"] = wire_messages_from_langchain(
        messages,
        MessageRules(facts, rules["replay_reasoning"], rules["replay_foreign_reasoning"]),
    )
    names = _settle_tools(fields, facts)
    _settle_formats(fields, facts)
    return ChatCall(
        request=cast("ChatRequest", fields),
        options=_call_options(kwargs, defaults.extra_body, on_retry),
        rules=RenderRules(
            names=names,
            model=fields["model"],
            shows_usage=rules["stream_usage"],
            shows_headers=rules["include_response_headers"],
        ),
    )


def text_call(
    defaults: Defaults,
    prompt: str,
    stop: Sequence[str] | None,
    kwargs: Mapping[str, Any],
    *,
    on_retry: Callable[[RetryEvent], None] | None = None,
) -> TextCall:
    """The call that a hook of the completion model makes; as `chat_call`."""
    check_known(kwargs, TEXT_KEYS, where="a CerebrasLLM call")
    given = {name: value for name, value in kwargs.items() if name in TEXT_REQUEST_KEYS}
    fields = _overlaid(defaults.request, given, stop, TEXT_FIELDS)
    return TextCall(
        request=cast("TextRequest", {**fields, "prompt": prompt}),
        options=_call_options(kwargs, defaults.extra_body, on_retry),
    )


def _settle_tools(fields: JsonObject, facts: ModelFacts) -> ToolNames:
    """Puts tools, their choice and calls in the history into the wire's form; gives the names."""
    tools = bound_tools(fields.pop("tools")) if "tools" in fields else []
    own_names = tool_names_of(tools)
    choice = bound_tool_choice(fields.pop("tool_choice", None), own_names)
    try:
        names = ToolNames.of([*own_names, *call_names_in(fields["messages"])])
    except ValueError as error:
        raise UnsupportedInput(f"tools: {error}") from error
    rename_calls(fields["messages"], names)
    if not tools:
        fields.pop("parallel_tool_calls", None)
        return names
    fields["tools"] = tools_to_wire(tools, names, facts)
    if choice is not None:
        fields["tool_choice"] = tool_choice_to_wire(choice, names)
    return names


def _settle_formats(fields: JsonObject, facts: ModelFacts) -> None:
    """Puts the response format and the prediction into the wire's form."""
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
