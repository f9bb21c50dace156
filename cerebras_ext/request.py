"""Arguments in, a request ready to send out; what is seen to be wrong is an error before sending.

Fields go out in one fixed order and with nothing that was not asked for. What the service alone can
judge (which model takes which field) is left to it.

Source: API specification sections 1.4, 2.1 and 5.1.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cerebras_ext._json import dump_json, is_object, load_json
from cerebras_ext.errors import ConfigError
from cerebras_ext.pacing import Demand

if TYPE_CHECKING:
    from cerebras_ext.wire import JsonObject

__all__ = ["CHAT", "TEXT", "ApiCall", "Encoding", "Endpoint", "build_call", "get_call"]

ROLES = ("system", "developer", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What a request field may hold.

    Attributes:
        kinds: Types of its value; a bool counts as a number nowhere.
        low: Smallest number.
        high: Largest number; for text and lists the longest length.
        choices: The only values, when they are few.
        is_private: Whether it holds users' text, which no error repeats.
    """

    kinds: tuple[type, ...]
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    is_private: bool = False

    def problem(self, value: object) -> str | None:
        """What is wrong with a value, and the remedy; None when nothing is."""
        if isinstance(value, bool) and bool not in self.kinds:
            return f"{value!r} is of type bool; give {self._wanted()}"
        if not isinstance(value, self.kinds):
            return f"{self._shown(value)} is of type {type(value).__name__}; give {self._wanted()}"
        if self.choices and isinstance(value, str) and value not in self.choices:
            return f"{value!r} is not known; give one of {', '.join(map(repr, self.choices))}"
        size = len(value) if isinstance(value, Sized) else value
        if isinstance(size, int | float) and not isinstance(size, bool):
            if self.low is not None and size < self.low:
                return f"{self._shown(value)} is too small; give {self.low:g} or more"
            if self.high is not None and size > self.high:
                return f"{self._shown(value)} is too large; give {self.high:g} or less"
        return None

    def _shown(self, value: object) -> str:
        return f"the given {type(value).__name__}" if self.is_private else _shown(value)

    def _wanted(self) -> str:
        return " or ".join(_KIND_NAMES[kind] for kind in self.kinds if kind in _KIND_NAMES)


_KIND_NAMES: dict[type, str] = {
    bool: "True or False",
    dict: "a dict",
    float: "a number",
    int: "an integer",
    list: "a list",
    str: "a string",
}
_NUMBER = (float, int)
_LIST = (list, tuple)
_COUNT = FieldRule((int,), low=-1)
_PENALTY = FieldRule(_NUMBER, -2, 2)
_FLAG = FieldRule((bool,))
_ANY_OBJECT = FieldRule((dict,))

_SHARED_FIELDS: dict[str, FieldRule] = {
    "temperature": FieldRule(_NUMBER, 0, 2),
    "top_p": FieldRule(_NUMBER, 0, 1),
    "frequency_penalty": _PENALTY,
    "presence_penalty": _PENALTY,
    "logit_bias": _ANY_OBJECT,
    "seed": FieldRule((int,)),
    "stop": FieldRule((str, *_LIST)),
    "n": FieldRule((int,), low=1),
    "max_tokens": _COUNT,
    "min_tokens": _COUNT,
    "prompt_cache_key": FieldRule((str,), high=1024),
    "stream_options": _ANY_OBJECT,
    "user": FieldRule((str,), is_private=True),
}
_REASONING_FORMAT = FieldRule((str,), choices=("none", "parsed", "text_parsed", "raw", "hidden"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A completion endpoint and the fields its closed schema knows, in the order they are sent."""

    path: str
    name: str
    required: tuple[str, ...]
    fields: dict[str, FieldRule]


CHAT = Endpoint(
    path="/v1/chat/completions",
    name="chat completion",
    required=("model", "messages"),
    fields={
        "model": FieldRule((str,), low=1),
        **_SHARED_FIELDS,
        "max_completion_tokens": _COUNT,
        "min_completion_tokens": _COUNT,
        "logprobs": _FLAG,
        "top_logprobs": FieldRule((int,), 0, 20),
        "reasoning_effort": FieldRule((str,), choices=("none", "low", "medium", "high")),
        "reasoning_format": _REASONING_FORMAT,
        "clear_thinking": _FLAG,
        "disable_reasoning": _FLAG,
        "service_tier": FieldRule((str,), choices=("auto", "default", "flex", "priority")),
        "model_parameters": _ANY_OBJECT,
        "prediction": FieldRule((dict,), is_private=True),
        "response_format": _ANY_OBJECT,
        "parallel_tool_calls": _FLAG,
        "tool_choice": FieldRule((str, dict), choices=("none", "auto", "required")),
        "tools": FieldRule(_LIST),
        "messages": FieldRule(_LIST, low=1, is_private=True),
    },
)
TEXT = Endpoint(
    path="/v1/completions",
    name="text completion",
    required=("model", "prompt"),
    fields={
        "model": FieldRule((str,), low=1),
        **_SHARED_FIELDS,
        "best_of": FieldRule((int,), 0, 20),
        "echo": _FLAG,
        "grammar_root": FieldRule((str,)),
        "logprobs": FieldRule((int,), 0, 20),
        "reasoning_format": _REASONING_FORMAT,
        "return_raw_tokens": _FLAG,
        "suffix": FieldRule((str,), is_private=True),
        "prompt": FieldRule((str, *_LIST), is_private=True),
    },
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How request bodies travel.

    Attributes:
        gzip_above_bytes: Compress what is larger; None for never. Pays on slow links from about
            32 KiB.
        uses_msgpack: msgpack instead of JSON.
    """

    gzip_above_bytes: int | None = None
    uses_msgpack: bool = False


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request ready to be sent, any number of times with the same bytes.

    Attributes:
        method: HTTP method.
        path: Path below the base URL, with its query.
        body: Encoded body; None for a GET.
        headers: Headers that the body needs.
        doing: What the call does, for error messages.
        needs_key: Whether the request carries the API key.
        n_choices: How many choices a complete reply has.
        demand: What it takes from its model's quota; None for nothing.
    """

    method: str
    path: str
    doing: str
    body: bytes | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    needs_key: bool = True
    n_choices: int = 1
    demand: Demand | None = None


def get_call(path: str, doing: str, *, needs_key: bool = True) -> ApiCall:
    """A GET request."""
    return ApiCall("GET", path, doing, needs_key=needs_key)


def build_call(
    endpoint: Endpoint,
    fields: Mapping[str, Any],
    *,
    is_stream: bool,
    extra_body: Mapping[str, Any] | None = None,
    encoding: Encoding | None = None,
) -> ApiCall:
    """The request of a completion.

    Args:
        endpoint: Which kind.
        fields: Request fields; None counts as not given.
        is_stream: Whether the reply is to be streamed; its usage is asked for, unless
            `stream_options` says something else, be it None.
        extra_body: Fields sent as they are, after all others.
        encoding: How the body travels.

    Raises:
        TypeError: A field is unknown; the message names the nearest one.
        ConfigError: A value cannot be right.
    """
    given = _checked(endpoint, fields)
    ordered = {name: given[name] for name in endpoint.fields if name in given}
    if is_stream:
        ordered["stream"] = True
        if "stream_options" not in fields:
            # the service sends usage in any case; others that speak its language want to be asked
            ordered["stream_options"] = {"include_usage": True}
    if extra_body is not None:
        ordered.update(_checked_extra(extra_body))
    json = dump_json(ordered)
    body, headers = _encoded(json, encoding or Encoding())
    doing = f"{endpoint.name} with model {given['model']!r}"
    n_choices = given.get("n", 1) * _n_prompts(given.get("prompt"))
    max_tokens = ordered.get("max_completion_tokens", ordered.get("max_tokens"))
    demand = Demand.of(given["model"], len(json), max_tokens)
    return ApiCall("POST", endpoint.path, doing, body, headers, n_choices=n_choices, demand=demand)


def _n_prompts(prompt: Any) -> int:
    """How many prompts a text completion continues; a list of integers is one, in tokens."""
    if not prompt or isinstance(prompt, str) or isinstance(prompt[0], int):
        return 1
    return len(prompt)


def _checked(endpoint: Endpoint, fields: Mapping[str, Any]) -> JsonObject:
    for name in fields:
        if name not in endpoint.fields:
            raise _unknown_field(endpoint, name)
    given = {name: value for name, value in fields.items() if value is not None}
    for name in endpoint.required:
        if name not in given:
            raise ConfigError(f"{name}: is missing; a {endpoint.name} needs it")
    for name, value in given.items():
        problem = endpoint.fields[name].problem(value)
        if problem:
            raise ConfigError(f"{name}: {problem}")
    if "max_tokens" in given and "max_completion_tokens" in given:
        raise ConfigError("max_tokens: is the old name of max_completion_tokens; give one of them")
    if given.get("tool_choice") is not None and not given.get("tools"):
        raise ConfigError("tool_choice: needs tools; leave it out or offer some")
    if endpoint is CHAT:
        _check_messages(given["messages"])
    return given


def _check_messages(messages: list[Any]) -> None:
    for number, message in enumerate(messages):
        if not is_object(message):
            raise ConfigError(
                f"messages.{number}: is of type {type(message).__name__}; "
                "give a dict with 'role' and 'content'"
            )
        if message.get("role") not in ROLES:
            raise ConfigError(
                f"messages.{number}.role: {_shown(message.get('role'))} is not known; "
                f"give one of {', '.join(map(repr, ROLES))}"
            )


def _checked_extra(extra_body: object) -> JsonObject:
    if not is_object(extra_body):
        raise ConfigError(
            f"extra_body: is of type {type(extra_body).__name__}; give a dict of request fields"
        )
    if "stream" in extra_body:
        raise ConfigError("extra_body: 'stream' is set by the method that is called")
    return extra_body


def _unknown_field(endpoint: Endpoint, name: str) -> TypeError:
    if name == "stream":
        return TypeError(
            "'stream' is set by the method that is called; use stream_chat or stream_complete"
        )
    near = get_close_matches(name, endpoint.fields, 1)
    hint = f"; did you mean {near[0]!r}?" if near else "; extra_body sends fields as they are"
    return TypeError(f"{name!r} is not a field of a {endpoint.name}{hint}")


def _encoded(json: bytes, encoding: Encoding) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    body, content_type = json, "application/json"
    if encoding.uses_msgpack:
        body, content_type = _packed(load_json(json)), "application/vnd.msgpack"
    headers = (("content-type", content_type),)
    if encoding.gzip_above_bytes is not None and len(body) > encoding.gzip_above_bytes:
        return gzip.compress(body, 1, mtime=0), (*headers, ("content-encoding", "gzip"))
    return body, headers


def _packed(value: Any) -> bytes:
    try:
        msgpack: Any = import_module("msgpack")
    except ImportError:
        raise ConfigError(
            "uses_msgpack: the package msgpack is missing; pip install 'cerebras-ext[msgpack]'"
        ) from None
    packed: bytes = msgpack.packb(value)
    return packed


def _shown(value: object) -> str:
    """A value for an error message; long ones and objects are only named."""
    text = repr(value) if isinstance(value, str | int | float | None) else ""
    return text if 0 < len(text) <= 60 else f"the given {type(value).__name__}"
