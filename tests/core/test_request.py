"""Requests: what is checked before sending, and the bytes that go out (API §1.4, §2.1, §5.1)."""

from __future__ import annotations

import gzip
import json
import math
from types import MappingProxyType
from typing import Any, get_type_hints

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext import request
from cerebras_ext.errors import ConfigError
from cerebras_ext.request import CHAT, TEXT, ApiCall, Encoding, Endpoint, build_call, get_call
from cerebras_ext.wire import ChatRequest, TextRequest
from tests.captures import Capture, captures, needs_captures

MESSAGES = [{"role": "user", "content": "Hi"}]
SECRET = "the secret prompt"


def chat(*, is_stream: bool = False, **fields: Any) -> ApiCall:
    """A chat request with a model and messages unless given."""
    return build_call(CHAT, {"model": "m", "messages": MESSAGES, **fields}, is_stream=is_stream)


def text(**fields: Any) -> ApiCall:
    """A text request with a model and a prompt unless given."""
    return build_call(TEXT, {"model": "m", "prompt": "Hi", **fields}, is_stream=False)


def body_of(call: ApiCall) -> Any:
    """The parsed JSON body."""
    return json.loads(call.body or b"")


def outcome(endpoint: Endpoint, fields: dict[str, Any]) -> tuple[bool, str]:
    """Whether a request with these fields can be sent; its body, or the message of our error."""
    given: dict[str, Any] = {"model": "m", "messages": MESSAGES, "prompt": "Hi"}
    required = {name: given[name] for name in endpoint.required}
    try:
        call = build_call(endpoint, required | fields, is_stream=False)
    except (ConfigError, TypeError) as error:
        return False, str(error)
    return True, (call.body or b"").decode()


# ------------------------------------------------------------------ what goes out


def test_chat_request_is_compact_json_with_what_was_asked_for() -> None:
    """Nothing is added, and nothing is sent that was not asked for (§2.1)."""
    call = chat(temperature=0, stop=["a"])
    assert call.body == (
        b'{"model":"m","temperature":0,"stop":["a"],"messages":[{"role":"user","content":"Hi"}]}'
    )
    assert (call.method, call.path) == ("POST", "/v1/chat/completions")
    assert call.headers == (("content-type", "application/json"),)
    assert (call.doing, call.needs_key) == ("chat completion with model 'm'", True)


def test_text_request_goes_to_its_own_endpoint() -> None:
    """The text endpoint has its own path and fields (§5.1)."""
    call = text(max_tokens=5)
    assert call.path == "/v1/completions"
    assert body_of(call) == {"model": "m", "max_tokens": 5, "prompt": "Hi"}


def test_stream_is_asked_for_by_the_method() -> None:
    """`stream` is in streamed requests only."""
    assert body_of(chat(is_stream=True))["stream"] is True
    assert "stream" not in body_of(chat())


def test_none_is_not_sent() -> None:
    """None counts as not given: nulls are refused in places (§2.1)."""
    assert chat(temperature=None, tools=None, reasoning_format=None).body == chat().body


def test_fields_go_out_in_one_order() -> None:
    """The order of arguments changes no byte; prompts come last, for prompt caches (§13.5)."""
    fields = {"temperature": 1, "seed": 5, "tools": [{"type": "function"}], "user": "u"}
    backwards = dict(reversed(fields.items()))
    assert chat(**fields).body == chat(**backwards).body
    assert list(body_of(chat(**fields)))[-2:] == ["tools", "messages"]


def test_order_inside_values_is_kept() -> None:
    """Schemas and messages go out as they were written."""
    tool = {"type": "function", "function": {"z": 1, "a": 2}}
    assert b'{"z":1,"a":2}' in (chat(tools=[tool]).body or b"")


@pytest.mark.parametrize(("endpoint", "wire"), [(CHAT, ChatRequest), (TEXT, TextRequest)])
def test_every_typed_field_is_known(endpoint: Endpoint, wire: type[Any]) -> None:
    """What type checkers accept is accepted, and nothing else (§2.1, §5.1)."""
    assert set(endpoint.fields) == set(get_type_hints(wire))


GOOD: dict[str, list[Any]] = {
    "model": ["m"],
    "temperature": [0, 0.7, 2],
    "top_p": [0, 1, 0.5],
    "frequency_penalty": [-2, 2.0],
    "presence_penalty": [-2, 2.0],
    "logit_bias": [{}, {"5": -100}, {5: 1.5}],
    "seed": [-5, 0, 2**40],
    "stop": ["a", ["a", "b"], ("a",)],
    "n": [1, 2],
    "max_tokens": [-1, 0, 5],
    "min_tokens": [-1, 0, 5],
    "prompt_cache_key": ["", "x" * 1024],
    "stream_options": [{"include_usage": True}],
    "user": ["u"],
    "max_completion_tokens": [-1, 5],
    "min_completion_tokens": [-1, 5],
    "top_logprobs": [0, 20],
    "reasoning_effort": ["none", "low", "medium", "high"],
    "reasoning_format": ["none", "parsed", "text_parsed", "raw", "hidden"],
    "clear_thinking": [True, False],
    "disable_reasoning": [True, False],
    "service_tier": ["auto", "default", "flex", "priority"],
    "model_parameters": [{"a": 1}],
    "prediction": [{"type": "content", "content": "x"}],
    "response_format": [{"type": "text"}],
    "parallel_tool_calls": [True, False],
    "tools": [[], ({"type": "function"},)],
    "messages": [MESSAGES, tuple(MESSAGES)],
    "best_of": [0, 20],
    "echo": [True],
    "grammar_root": ["root"],
    "return_raw_tokens": [True],
    "suffix": ["x"],
    "prompt": ["", ["a"], [1, 2], [[1], [2]]],
}
FIELDS = [(endpoint, name) for endpoint in (CHAT, TEXT) for name in endpoint.fields]


@pytest.mark.parametrize(("endpoint", "name"), FIELDS, ids=lambda one: getattr(one, "name", one))
def test_every_good_value_goes_out(endpoint: Endpoint, name: str) -> None:
    """Values that the service documents are not refused (§2.1, §5.1)."""
    good = {"logprobs": [True], "tool_choice": ["auto"]}
    if endpoint is TEXT:
        good = {"logprobs": [0, 20]}
    for value in (GOOD | good)[name]:
        send = chat if endpoint is CHAT else text
        more = {"tools": [{"type": "function"}]} if name == "tool_choice" else {}
        sent = body_of(send(**{name: value}, **more))[name]
        assert sent == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    "choice", ["none", "auto", "required", {"type": "function", "function": {"name": "f"}}]
)
def test_every_tool_choice_goes_out(choice: Any) -> None:
    """A word or a named function (§9.1)."""
    assert body_of(chat(tool_choice=choice, tools=[{"type": "function"}]))["tool_choice"] == choice


# ------------------------------------------------------------------ what is refused


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


# ------------------------------------------------------------------ extra_body and encodings


def extra(extra_body: Any, **fields: Any) -> Any:
    """The body of a chat request with extra fields."""
    given = {"model": "m", "messages": MESSAGES, **fields}
    return body_of(build_call(CHAT, given, is_stream=True, extra_body=extra_body))


def test_extra_body_goes_out_as_it_is() -> None:
    """The one escape hatch: unknown fields, nulls, and other values for known ones (§14.1)."""
    body = extra({"brand_new": {"a": None}, "temperature": 9}, temperature=1)
    assert (body["brand_new"], body["temperature"], body["stream"]) == ({"a": None}, 9, True)
    assert list(body)[-1] == "brand_new"


@pytest.mark.parametrize(
    ("extra_body", "message"),
    [
        ({"stream": False}, "extra_body: 'stream' is set by the method that is called"),
        ([("a", 1)], "extra_body: is of type list; give a dict of request fields"),
        ("a", "extra_body: is of type str; give a dict of request fields"),
        ({"a": math.nan}, "a: nan is not a JSON number"),
        ({b"a": 1}, "the request: a key of type bytes is not JSON; use strings"),
    ],
)
def test_extra_body_that_cannot_work_is_refused(extra_body: Any, message: str) -> None:
    """The hatch is no hole."""
    with pytest.raises(ConfigError) as caught:
        extra(extra_body)
    assert caught.value.message.startswith(message)


def encoded(encoding: Encoding, content: str = "Hi") -> ApiCall:
    """A chat request under an encoding."""
    fields = {"model": "m", "messages": [{"role": "user", "content": content}]}
    return build_call(CHAT, fields, is_stream=False, encoding=encoding)


@pytest.mark.parametrize("above", [0, 50])
def test_large_body_is_compressed(above: int) -> None:
    """Above the threshold gzip pays; the same request gives the same bytes (§1.4, §2.7)."""
    call = encoded(Encoding(gzip_above_bytes=above))
    assert call.headers == (("content-type", "application/json"), ("content-encoding", "gzip"))
    assert gzip.decompress(call.body or b"") == encoded(Encoding()).body
    assert call.body == encoded(Encoding(gzip_above_bytes=above)).body


def test_small_body_is_not_compressed() -> None:
    """Up to the threshold a body goes out as it is."""
    plain = encoded(Encoding())
    assert encoded(Encoding(gzip_above_bytes=len(plain.body or b""))) == plain


@pytest.mark.parametrize("above", [None, 0])
def test_msgpack_body_says_the_same(above: int | None) -> None:
    """Msgpack is the JSON in another coat, with gzip over it where wanted (§1.4)."""
    call = encoded(Encoding(above, uses_msgpack=True), "ä\ud83d🙂")
    body = call.body or b""
    packed = body if above is None else gzip.decompress(body)
    assert msgpack.unpackb(packed) == body_of(encoded(Encoding(), "ä\ufffd🙂"))
    assert dict(call.headers)["content-type"] == "application/vnd.msgpack"


def test_missing_msgpack_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra that brings the package is named."""

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(request, "import_module", missing)
    with pytest.raises(ConfigError, match=r"uses_msgpack: .*'cerebras-ext\[msgpack\]'"):
        encoded(Encoding(uses_msgpack=True))


@pytest.mark.parametrize(
    ("call", "n_choices"),
    [
        (chat(), 1),
        (chat(n=3), 3),
        (text(prompt="abc"), 1),
        (text(prompt=""), 1),
        (text(prompt=[]), 1),
        (text(prompt=["a", "b"]), 2),
        (text(prompt=("a", "b"), n=2), 4),
        (text(prompt=[1, 2, 3]), 1),
        (text(prompt=[[1, 2], [3]]), 2),
    ],
)
def test_request_knows_how_many_choices_it_asks_for(call: ApiCall, n_choices: int) -> None:
    """A stream is not finished before all of them are (§3.2)."""
    assert call.n_choices == n_choices


def test_get_request_has_no_body() -> None:
    """Lists are asked for with GET; the public catalogue without a key (§6)."""
    call = get_call("/public/v1/models", "model list", needs_key=False)
    assert (call.method, call.body, call.headers, call.needs_key) == ("GET", None, (), False)


def test_request_does_not_show_its_body() -> None:
    """The repr of a request may end up in a log (§6)."""
    assert SECRET not in repr(encoded(Encoding(), SECRET))


@needs_captures
@pytest.mark.parametrize(
    "recorded",
    [one for one in captures() if one.kind != "models" and (one.request or {}).get("body")],
    ids=lambda one: one.id,
)
def test_recorded_request_can_be_made(recorded: Capture) -> None:
    """Every request that the service has answered can be built, and says the same (§2.1)."""
    assert recorded.request is not None
    fields = {"stream_options": None} | recorded.request["body"]
    is_stream = bool(fields.pop("stream", False))
    endpoint = TEXT if "prompt" in fields else CHAT
    unknown = {name: fields.pop(name) for name in list(fields) if name not in endpoint.fields}
    call = build_call(endpoint, fields, is_stream=is_stream, extra_body=unknown)
    expected = {name: value for name, value in fields.items() if value is not None}
    assert body_of(call) == expected | unknown | ({"stream": True} if is_stream else {})


@pytest.mark.parametrize(
    ("given_options", "sent"),
    [
        ({}, {"include_usage": True}),
        ({"stream_options": {"include_usage": False}}, {"include_usage": False}),
        ({"stream_options": None}, None),
    ],
)
def test_streams_ask_for_usage(given_options: dict[str, Any], sent: dict[str, Any] | None) -> None:
    """§4: the service sends it in any case, servers like it may not; the caller's word wins."""
    fields = {"model": "m", "messages": [{"role": "user", "content": "?"}], **given_options}
    assert body_of(build_call(CHAT, fields, is_stream=True)).get("stream_options") == sent


@given(
    st.dictionaries(
        st.sampled_from([*CHAT.fields, *TEXT.fields]) | st.text(max_size=5),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just([5])),
    ),
    st.sampled_from([CHAT, TEXT]),
)
def test_any_arguments_give_a_request_or_our_error(
    fields: dict[str, Any], endpoint: Endpoint
) -> None:
    """Whatever is passed, nothing but our errors comes of it."""
    _, said = outcome(endpoint, fields)
    assert said
