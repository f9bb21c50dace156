"""Fields, options of a call, and the request they make (sections 2 and 4)."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import ConfigurableField

from cerebras_ext import errors as client
from cerebras_ext.config import Timeouts
from cerebras_ext.retry import RetryPolicy
from langchain_cerebras_ext import ChatCerebras
from langchain_cerebras_ext.errors import (
    ConfigError,
    UnknownParameter,
    UnsupportedInput,
)
from tests.langchain.paths import PATHS
from tests.langchain.support import KEY, MODEL, OTHER_MODEL, QUIET_BETA, Reply, chat

pytestmark = QUIET_BETA

HI = Reply(content="Hi")
FIELDS: dict[str, tuple[Any, str, Any]] = {
    "temperature": (0.5, "temperature", 0.25),
    "top_p": (0.5, "top_p", 0.25),
    "max_tokens": (50, "max_completion_tokens", 60),
    "min_tokens": (5, "min_completion_tokens", 6),
    "stop": (["a"], "stop", ["b"]),
    "seed": (1, "seed", 2),
    "frequency_penalty": (0.5, "frequency_penalty", 0.25),
    "presence_penalty": (0.5, "presence_penalty", 0.25),
    "logit_bias": ({"1": 2.0}, "logit_bias", {"3": 4.0}),
    "logprobs": (True, "logprobs", False),
    "top_logprobs": (3, "top_logprobs", 4),
    "reasoning_effort": ("low", "reasoning_effort", "high"),
    "reasoning_format": ("parsed", "reasoning_format", "hidden"),
    "clear_thinking": (True, "clear_thinking", False),
    "service_tier": ("auto", "service_tier", "flex"),
    "prompt_cache_key": ("a", "prompt_cache_key", "b"),
    "user": ("ann", "user", "bob"),
}
CALL_PATHS = [path for path in PATHS if "listener" not in path]


@pytest.mark.parametrize("name", FIELDS)
def test_field_reaches_the_wire_under_its_name(name: str) -> None:
    """LC-07: each field is a request field; unset ones are not sent."""
    value, wire_name, _ = FIELDS[name]
    model, service = chat(HI, **{name: value})
    model.invoke("Hi")
    expected = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], wire_name: value}
    assert service.last == expected


@pytest.mark.parametrize("path", CALL_PATHS)
@pytest.mark.parametrize("name", FIELDS)
def test_call_wins_over_field_on_every_path(name: str, path: str) -> None:
    """LC-21, LC-22: a bound value works alike in every path, and wins over the field."""
    value, wire_name, other = FIELDS[name]
    model, service = chat(HI, **{name: value})
    PATHS[path](model.bind(**{name: other}), "Hi")
    assert service.last[wire_name] == other


@pytest.mark.parametrize("path", CALL_PATHS)
@pytest.mark.parametrize("name", [name for name in FIELDS if name != "stop"])
def test_none_in_a_call_unsets_a_field(name: str, path: str) -> None:
    """LC-21: None means unset for this call."""
    value, wire_name, _ = FIELDS[name]
    model, service = chat(HI, **{name: value})
    PATHS[path](model.bind(**{name: None}), "Hi")
    assert wire_name not in service.last


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_either_spelling_of_the_token_limit_is_taken(name: str) -> None:
    """LC-08, LC-21: `max_tokens` and the wire's name are one option everywhere."""
    model, service = chat(HI)
    model.invoke("Hi", **{name: 7})
    assert service.last["max_completion_tokens"] == 7
    assert ChatCerebras(model=MODEL, api_key=KEY, **{name: 7}).max_tokens == 7


@pytest.mark.parametrize("path", CALL_PATHS)
def test_model_that_is_none_is_the_models_own(path: str) -> None:
    """LC-21: a request has a model, so unsetting it can mean no other."""
    model, service = chat(HI)
    PATHS[path](model.bind(model=None), "Hi")
    assert service.last["model"] == MODEL


def test_token_biases_are_taken_by_number() -> None:
    """LC-07, LC-21: token ids are numbers; JSON's keys are strings."""
    model, service = chat(HI, logit_bias={5: -100})
    assert model.logit_bias == {"5": -100}
    model.invoke("Hi")
    assert service.last["logit_bias"] == {"5": -100}
    model.invoke("Hi", logit_bias={6: 1.5})
    assert service.last["logit_bias"] == {"6": 1.5}


def test_one_option_under_two_names_is_an_error() -> None:
    """LC-21: which of two values was meant is not guessed."""
    model, _ = chat(HI)
    with pytest.raises(UnsupportedInput, match="max_tokens"):
        model.invoke("Hi", max_tokens=1, max_completion_tokens=2)
    with pytest.raises(ConfigError, match="max_tokens"):
        ChatCerebras(model=MODEL, api_key=KEY, max_tokens=1, max_completion_tokens=2)


@pytest.mark.parametrize(
    ("field", "argument", "sent"),
    [
        (["a"], None, ["a"]),
        (["a"], ["b"], ["b"]),
        (["a"], [], None),
        ([], None, None),
        ("a", None, ["a"]),
        (None, None, None),
    ],
)
def test_stop_argument_wins_and_empty_means_none(field: Any, argument: Any, sent: Any) -> None:
    """LC-21: the `stop` argument wins over the field; `[]` means none."""
    model, service = chat(HI, stop=field)
    model.invoke("Hi", stop=argument)
    assert service.last.get("stop") == sent


@pytest.mark.parametrize("path", CALL_PATHS)
def test_unknown_call_option_names_the_nearest(path: str) -> None:
    """LC-21: a typo is an error before anything is sent, and it is a TypeError."""
    model, service = chat(HI)
    with pytest.raises(UnknownParameter, match="temperature") as caught:
        PATHS[path](model.bind(temprature=1), "Hi")
    assert isinstance(caught.value, TypeError)
    assert service.requests == []


def test_known_dead_option_names_its_successor() -> None:
    """LC-21: deprecated fields say what replaced them."""
    with pytest.raises(UnknownParameter, match="reasoning_effort='none'"):
        chat(HI)[0].invoke("Hi", disable_reasoning=True)


@pytest.mark.parametrize(
    "path", ["invoke", "ainvoke", "stream", "astream"]
)  # events: core's own name
@pytest.mark.parametrize("flag", [True, False])
def test_stream_kwarg_of_core_is_tolerated(path: str, flag: bool) -> None:
    """LC-20: core leaves `stream` in the kwargs of the hooks."""
    model, _ = chat(HI)
    assert PATHS[path](model.bind(stream=flag), "Hi").text == "Hi"


def test_unknown_constructor_keyword_names_the_nearest() -> None:
    """LC-09: nothing is silently ignored at construction."""
    with pytest.raises(UnknownParameter, match="did you mean 'temperature'"):
        ChatCerebras(model=MODEL, api_key=KEY, temprature=1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("disable_reasoning", "reasoning_effort='none'"),
        ("model_kwargs", "extra_body"),
        ("n", "one answer"),
    ],
)
def test_option_of_langchain_cerebras_names_its_successor(name: str, words: str) -> None:
    """Design section 7: the nearest spelling would mislead who comes from there."""
    with pytest.raises(UnknownParameter, match=words) as caught:
        ChatCerebras(model=MODEL, api_key=KEY, **{name: 1})
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("theirs", "ours", "value"),
    [
        ("cerebras_api_key", "api_key", KEY),
        ("cerebras_api_base", "base_url", "http://127.0.0.1:9/v1"),
        ("cerebras_proxy", "proxy", "http://127.0.0.1:8"),
        ("model_name", "model", OTHER_MODEL),
        ("request_timeout", "timeout", 3.0),
        ("stop_sequences", "stop", ["a"]),
    ],
)
def test_names_of_langchain_cerebras_are_taken(theirs: str, ours: str, value: Any) -> None:
    """Design section 7: a migration starts with the import."""
    given = {"model": MODEL, "api_key": KEY}
    given.pop(ours, None)
    model = ChatCerebras(**{**given, theirs: value})
    expected = value.removesuffix("/v1") if ours == "base_url" else value
    got = getattr(model, ours)
    assert (got.get_secret_value() if ours == "api_key" else got) == expected


def test_extra_body_is_sent_as_it_is() -> None:
    """LC-09: the escape hatch, from field and call together."""
    model, service = chat(HI, extra_body={"new": 1, "other": 2})
    model.invoke("Hi", extra_body={"new": 3})
    assert service.last["new"] == 3
    assert service.last["other"] == 2


def test_extra_headers_go_with_the_call() -> None:
    """LC-21: transport options of a call."""
    model, service = chat(HI, default_headers={"x-team": "blue"})
    model.invoke("Hi", extra_headers={"x-call": "1"})
    assert service.headers[-1]["x-team"] == "blue"
    assert service.headers[-1]["x-call"] == "1"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (30, Timeouts.of(30)),
        (None, Timeouts()),
        ({"read_s": 5.0, "total_s": None}, Timeouts(read_s=5.0, total_s=None)),
        (Timeouts(connect_s=1.0), Timeouts(connect_s=1.0)),
    ],
)
def test_timeout_is_taken_in_any_form(given: Any, expected: Timeouts) -> None:
    """LC-07: a number is the whole call; parts can be given apart."""
    assert ChatCerebras(model=MODEL, api_key=KEY, timeout=given)._config().timeout == expected


@pytest.mark.parametrize("given", [30, {"read_s": 5.0}, Timeouts(total_s=1.0)])
def test_timeout_of_a_call_is_taken_in_any_form(given: Any) -> None:
    """LC-21: as the field; a limit that is unknown is an error."""
    model, _ = chat(HI)
    assert model.invoke("Hi", timeout=given).text == "Hi"
    with pytest.raises(ConfigError, match="timeout"):
        model.invoke("Hi", timeout={"reed_s": 1})


@pytest.mark.parametrize("timeout", [{"reed_s": 1}, 0, -1, "soon"])
def test_impossible_timeout_is_an_error_at_construction(timeout: Any) -> None:
    """A time limit that cannot work is named before any call."""
    with pytest.raises(ConfigError, match="timeout"):
        ChatCerebras(model=MODEL, api_key=KEY, timeout=timeout)


@pytest.mark.parametrize("path", PATHS)
def test_one_stop_text_is_one(path: str) -> None:
    """LC-21: a text in place of a list is not taken apart, in the call as in the field."""
    model, service = chat(HI)
    PATHS[path](model.bind(stop="END"), "Hi")
    assert service.last["stop"] == ["END"]
    assert ChatCerebras(model=MODEL, api_key=KEY, stop="END").stop == ["END"]  # type: ignore[arg-type]


def test_several_answers_are_not_offered() -> None:
    """LC-27: one generation; n > 1 says what to do."""
    model, service = chat(HI)
    model.invoke("Hi", n=1)
    assert "n" not in service.last
    with pytest.raises(UnsupportedInput, match="n: "):
        model.invoke("Hi", n=2)


def test_prediction_may_be_a_text() -> None:
    """The wire's object is made from a plain text."""
    model, service = chat(HI)
    model.invoke("Hi", prediction="Hello")
    assert service.last["prediction"] == {"type": "content", "content": "Hello"}


def test_bad_value_is_an_error_before_sending() -> None:
    """Bad input: the error names field, value and remedy, in both trees."""
    model, service = chat(HI)
    with pytest.raises(client.ConfigError, match="temperature") as caught:
        model.invoke("Hi", temperature=9)
    assert isinstance(caught.value, ConfigError)
    assert service.requests == []


def test_model_of_a_call_is_asked_and_named() -> None:
    """LC-94, section 20.1: `model` can be overridden per call."""
    model, service = chat(HI)
    model.invoke("Hi", model=OTHER_MODEL)
    assert service.last["model"] == OTHER_MODEL


def test_rules_of_a_call_follow_its_model() -> None:
    """LC-22: another model in the call means that model's rules for messages."""
    image = HumanMessage([{"type": "image_url", "image_url": "data:image/png;base64,AA=="}])
    model, service = chat(HI)
    with pytest.raises(UnsupportedInput, match=MODEL):
        model.invoke([image])
    model.invoke([image], model=OTHER_MODEL)
    assert service.last["messages"][0]["content"][0]["type"] == "image_url"


def test_facts_can_be_corrected() -> None:
    """Design section 4: the user's word is the topmost layer of a model's row."""
    image = HumanMessage([{"type": "image_url", "image_url": "data:image/png;base64,AA=="}])
    model, _ = chat(HI, model_facts={"takes_images": True})
    assert model.invoke([image]).text == "Hi"
    with pytest.raises(ConfigError, match="takes_images"):
        ChatCerebras(model=MODEL, api_key=KEY, model_facts={"take_images": True})


def test_corrected_facts_hold_for_the_models_own_id() -> None:
    """LC-22: what the user says of one model is not said of another that a call names."""
    image = HumanMessage([{"type": "image_url", "image_url": "data:image/png;base64,AA=="}])
    model, service = chat(HI, model_facts={"takes_images": True})
    with pytest.raises(UnsupportedInput, match=r"llama3\.1-8b"):
        model.invoke([image], model="llama3.1-8b")
    assert service.requests == []


def test_configurable_fields_keep_streaming_unset() -> None:
    """LC-08, LC-10: a rebuilt model passes every field by name, and still streams as asked."""
    model, service = chat(HI)
    flexible = model.configurable_fields(temperature=ConfigurableField(id="t"))
    list(flexible.with_config(configurable={"t": 0.5}).stream("Hi"))
    assert service.last["temperature"] == 0.5
    assert service.last["stream"] is True


def test_configurable_model_gets_its_own_profile() -> None:
    """LC-94: a model chosen at run time does not keep the other's profile."""
    model, _ = chat(HI)
    flexible: Any = model.configurable_fields(model=ConfigurableField(id="m"))
    chosen, _config = flexible.prepare({"configurable": {"m": OTHER_MODEL}})
    assert chosen.profile["name"] == ChatCerebras(model=OTHER_MODEL, api_key=KEY).profile["name"]


def test_configurable_alternatives() -> None:
    """LC-08: alternatives by configuration."""
    first, _ = chat(Reply(content="first"))
    second, _ = chat(Reply(content="second"))
    either = first.configurable_alternatives(ConfigurableField(id="which"), other=second)
    assert either.invoke("Hi").content == "first"
    assert either.with_config(configurable={"which": "other"}).invoke("Hi").content == "second"


def test_retries_are_as_many_as_the_clients() -> None:
    """The default stands in the class too, which is imported without the client."""
    assert ChatCerebras(model=MODEL, api_key=KEY).max_retries == RetryPolicy().max_retries
