"""Requests: what is checked before sending, and the bytes that go out (API §1.4, §2.1, §5.1)."""

from __future__ import annotations

import gzip
import json
import math
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
from tests.core.made_requests import MESSAGES, SECRET, body_of, chat, outcome, text


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
