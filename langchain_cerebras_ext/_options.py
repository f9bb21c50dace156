"""Which options there are: fields of models, keywords of calls, and what the wire calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_cerebras_ext._shapes import is_object
from langchain_cerebras_ext.errors import ConfigError, UnknownParameter, UnsupportedInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cerebras_ext.config import Timeouts

__all__ = [
    "CHAT_FIELDS",
    "CHAT_KEYS",
    "CHAT_REQUEST_KEYS",
    "OTHER_SPELLINGS",
    "RULE_KEYS",
    "TEXT_FIELDS",
    "TEXT_KEYS",
    "TEXT_REQUEST_KEYS",
    "check_known",
    "settled_options",
    "timeouts_of",
    "unknown_option",
]

_WIRE_SPELLINGS = {
    "max_completion_tokens": "max_tokens",
    "min_completion_tokens": "min_tokens",
}
"""What the chat endpoint calls fields of ours; taken by every call."""

OTHER_SPELLINGS = {
    **_WIRE_SPELLINGS,
    "cerebras_api_base": "base_url",
    "cerebras_api_key": "api_key",
    "cerebras_proxy": "proxy",
    "model_name": "model",
    "request_timeout": "timeout",
    "stop_sequences": "stop",
}
"""Names of `langchain-cerebras` and of the wire, taken as ours."""

OPTION_KEYS = frozenset({"extra_body", "extra_headers", "max_retries", "merge_deltas", "timeout"})
"""How a call is sent."""

RULE_KEYS = frozenset(
    {"include_response_headers", "replay_foreign_reasoning", "replay_reasoning", "stream_usage"}
)
"""How a call is translated and rendered."""


def _alike(*names: str) -> dict[str, str]:
    """Fields that the wire calls by the same name."""
    return {name: name for name in names}


_SHARED_FIELDS = _alike(
    "model",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "prompt_cache_key",
    "user",
)

CHAT_FIELDS = {
    **_SHARED_FIELDS,
    **{field: name for name, field in _WIRE_SPELLINGS.items()},
    **_alike(
        "logprobs",
        "top_logprobs",
        "parallel_tool_calls",
        "reasoning_effort",
        "reasoning_format",
        "clear_thinking",
        "service_tier",
        "prediction",
    ),
}
"""Fields of `ChatCerebras` that shape the request, and what the wire calls them."""

TEXT_FIELDS = {
    **_SHARED_FIELDS,
    **_alike(
        "max_tokens",
        "min_tokens",
        "logprobs",
        "echo",
        "best_of",
        "suffix",
        "grammar_root",
        "return_raw_tokens",
    ),
}
"""Fields of `CerebrasLLM` that shape the request, and what the wire calls them."""

CHAT_REQUEST_KEYS = frozenset(
    {
        *CHAT_FIELDS,
        *_WIRE_SPELLINGS,
        "model_parameters",
        "n",
        "response_format",
        "stream_options",
        "tool_choice",
        "tools",
    }
)
"""Request fields that a call of `ChatCerebras` may set."""

TEXT_REQUEST_KEYS = frozenset({*TEXT_FIELDS, *_WIRE_SPELLINGS, "n", "stream_options"})
"""Request fields that a call of `CerebrasLLM` may set."""

CHAT_KEYS = CHAT_REQUEST_KEYS | OPTION_KEYS | RULE_KEYS
"""Everything that a call of `ChatCerebras` may set."""

TEXT_KEYS = TEXT_REQUEST_KEYS | OPTION_KEYS
"""Everything that a call of `CerebrasLLM` may set."""

_IGNORED_KEYS = frozenset({"ls_structured_output_format", "stream", "structured_output_format"})
"""What core leaves in the kwargs for its own purposes."""

_REMEDIES = {
    "disable_reasoning": "; the field is deprecated, use reasoning_effort='none'",
    "function_call": "; use tool_choice",
    "functions": "; use tools",
    "model_kwargs": "; its entries are options of their own here, and extra_body takes new ones",
    "n": "; a call gives one answer, call the model once for each you want",
    "reasoning": "; use reasoning_effort and reasoning_format",
}
_ESCAPE = "; extra_body sends request fields this package does not know"


def check_known(kwargs: Mapping[str, object], known: frozenset[str], *, where: str) -> None:
    """Makes sure that every name is one a call takes.

    Raises:
        UnknownParameter: One is not; names the nearest.
    """
    for name in kwargs:
        if name not in known and name not in _IGNORED_KEYS:
            raise unknown_option(name, known, where=where)


def settled_options(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a call under the names of the fields; a model that is None is the model's own.

    Raises:
        UnsupportedInput: The call gives one option under two names.
    """
    given: dict[str, tuple[str, Any]] = {}
    for name, value in kwargs.items():
        own_name = _WIRE_SPELLINGS.get(name, name)
        other = given.get(own_name)
        if other is not None and value is not None and other[1] is not None:
            raise UnsupportedInput(f"{name} and {other[0]} are one field; give one of them")
        if other is None or value is not None:
            given[own_name] = (name, value)
    return {
        name: value for name, (_, value) in given.items() if not (name == "model" and value is None)
    }


def unknown_option(name: str, known: Iterable[str], *, where: str) -> UnknownParameter:
    """The error for an option that is not there: what took its place, or the nearest name."""
    if name in _REMEDIES:
        return UnknownParameter(f"{where} has no option {name!r}{_REMEDIES[name]}")
    return UnknownParameter.among(name, known, where=where, remedy=_ESCAPE)


def timeouts_of(limits: object) -> Timeouts:
    """Time limits from a number of seconds, a dict of parts, or whatever `Timeouts.of` takes.

    Raises:
        ConfigError: It is none of these.
    """
    from cerebras_ext.config import Timeouts

    if not is_object(limits):
        return Timeouts.of(limits)
    try:
        return Timeouts(**limits)
    except TypeError as error:
        raise ConfigError(
            f"timeout: {error}; give connect_s, read_s, write_s, pool_s or total_s"
        ) from None
