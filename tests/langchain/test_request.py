"""From fields and call kwargs to the request (contract sections 2, 4 and 9)."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import ConfigurableField, RunnableBinding
from langchain_core.tools import BaseTool, tool
from pydantic import BaseModel, Field
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import TypedDict

from cerebras_ext import errors as client
from cerebras_ext.config import Timeouts
from langchain_cerebras_ext import ChatCerebras
from langchain_cerebras_ext.errors import (
    ConfigError,
    MissingKey,
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


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@tool
def adder(a: int) -> int:
    """Adds one."""
    return a + 1


class Add(BaseModel):
    """Adds two numbers."""

    a: int = Field(description="first")


class AddV1(BaseModelV1):
    """Adds two numbers."""

    a: int


class AddDict(TypedDict):
    """Adds two numbers."""

    a: int


PARAMETERS = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


# ---- fields and kwargs


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


# ---- key and address


def test_key_comes_from_its_own_variable_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """LC-11: never another provider's key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-other")
    with pytest.raises(MissingKey, match="CEREBRAS_API_KEY"):
        ChatCerebras(model=MODEL)
    monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test-env")
    key = ChatCerebras(model=MODEL).api_key
    assert not callable(key)
    assert key is not None
    assert key.get_secret_value() == "csk-test-env"


def test_key_may_be_a_function() -> None:
    """Reliability contract 1.1: a function gives the current key at each call."""
    keys = iter(["csk-test-a", "csk-test-b"])
    model, service = chat(HI, api_key=lambda: next(keys))
    model.invoke("Hi")
    model.invoke("Hi")
    sent = [headers["authorization"] for headers in service.headers]
    assert sent == ["Bearer csk-test-a", "Bearer csk-test-b"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", "Bearer csk-test-1"),
        ("api_key", ""),
        ("base_url", "ftp://x"),
        ("base_url", "http://example.com"),
        ("base_url", "https://user:pw@example.com"),
        ("default_headers", {"authorization": "x"}),
    ],
)
def test_setting_that_cannot_work_is_an_error_at_construction(name: str, value: Any) -> None:
    """Reliability contract 1: keys, addresses and headers are checked before any call."""
    with pytest.raises(ConfigError, match=name if name != "default_headers" else "authorization"):
        ChatCerebras(**{"model": MODEL, "api_key": KEY, name: value})


def test_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Design section 7: `CEREBRAS_BASE_URL`, with or without `/v1`."""
    monkeypatch.setenv("CEREBRAS_BASE_URL", "http://127.0.0.1:9/v1/")
    assert ChatCerebras(model=MODEL, api_key=KEY).base_url == "http://127.0.0.1:9"


# ---- tools


@pytest.mark.parametrize(
    "given",
    [
        add,
        adder,
        Add,
        AddV1,
        AddDict,
        {"type": "function", "function": {"name": "x", "parameters": PARAMETERS}},
        {"name": "x", "parameters": PARAMETERS},
        {"title": "x", **PARAMETERS},
        {"name": "x", "input_schema": PARAMETERS, "cache_control": {"type": "ephemeral"}},
    ],
    ids=lambda given: str(getattr(given, "__name__", type(given).__name__)),
)
def test_tool_in_any_form_is_a_function_on_the_wire(given: Any) -> None:
    """LC-49: everything `convert_to_openai_tool` takes, reduced to the wire's closed schema."""
    model, service = chat(HI)
    bound = model.bind_tools([given])
    assert isinstance(bound, RunnableBinding)
    bound.invoke("Hi")
    (sent,) = service.last["tools"]
    assert sent["type"] == "function"
    assert sent["function"].keys() <= {"name", "description", "parameters", "strict"}
    assert "a" in sent["function"]["parameters"]["properties"]


def test_runnable_as_a_tool() -> None:
    """LC-49: chains turned into tools."""
    inner: BaseTool = chat(HI)[0].as_tool(name="ask", description="Asks.", arg_types={"input": str})
    model, service = chat(HI)
    model.bind_tools([inner]).invoke("Hi")
    assert service.last["tools"][0]["function"]["name"] == "ask"


@pytest.mark.parametrize(
    "given", [{"type": "web_search"}, {"type": "mcp", "server": "x"}, {"a": 1}, 3]
)
def test_what_is_no_function_tool_says_so(given: Any) -> None:
    """LC-49: other providers' built-in tools raise at bind time."""
    with pytest.raises(UnsupportedInput, match="tools: "):
        chat(HI)[0].bind_tools([given])


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, None),
        (False, None),
        ("auto", "auto"),
        ("none", "none"),
        ("any", "required"),
        ("required", "required"),
        (True, "required"),
        ("add", {"type": "function", "function": {"name": "add"}}),
        (
            {"type": "function", "function": {"name": "add"}},
            {"type": "function", "function": {"name": "add"}},
        ),
        ({"type": "tool", "name": "add"}, {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_tool_choice_in_any_form(choice: Any, sent: Any) -> None:
    """LC-50: LangChain's words become the wire's."""
    model, service = chat(HI)
    model.bind_tools([add, adder], tool_choice=choice).invoke("Hi")
    assert service.last.get("tool_choice") == sent


@pytest.mark.parametrize("choice", ["ad", {"function": {}}, 3, {"type": "function"}])
def test_tool_choice_of_no_tool_says_so(choice: Any) -> None:
    """LC-50: a name is checked against the bound ones."""
    with pytest.raises(UnsupportedInput, match="tool_choice"):
        chat(HI)[0].bind_tools([add], tool_choice=choice)


@pytest.mark.parametrize("choice", [None, "any", "auto"])
def test_no_tools_means_no_tool_fields(choice: Any) -> None:
    """LC-50, LC-51: an empty list is legal; the wire refuses a choice without tools."""
    model, service = chat(HI, parallel_tool_calls=True)
    model.bind_tools([], tool_choice=choice).invoke("Hi")
    assert service.last.keys() == {"model", "messages"}


@pytest.mark.parametrize(
    ("strict", "dicts", "sent"),
    [
        (None, [None, None], [None, None]),
        (True, [None, None], [True, True]),
        (True, [False, None], [True, True]),
        (False, [True, True], [None, None]),
        (None, [True, True], [True, True]),
        (None, [True, None], [None, None]),
        (None, [True, False], [None, None]),
    ],
)
def test_strict_is_one_value_for_all_tools(
    strict: bool | None, dicts: list[bool | None], sent: list[bool | None]
) -> None:
    """LC-52: uniform, never null; a mixture travels as not strict."""
    tools = [
        {
            "type": "function",
            "function": {"name": f"t{i}", "parameters": PARAMETERS}
            | ({} if flag is None else {"strict": flag}),
        }
        for i, flag in enumerate(dicts)
    ]
    model, service = chat(HI)
    model.bind_tools(tools, strict=strict).invoke("Hi")
    assert [each["function"].get("strict") for each in service.last["tools"]] == sent


def test_strict_schemas_are_fixed_on_a_copy() -> None:
    """LC-52: what is sent is inside the strict subset; what was given is untouched."""
    given = {"name": "x", "parameters": {**PARAMETERS}}
    model, service = chat(HI)
    model.bind_tools([given], strict=True).invoke("Hi")
    assert service.last["tools"][0]["function"]["parameters"]["additionalProperties"] is False
    assert given["parameters"] == PARAMETERS


def test_schema_that_cannot_be_strict_says_so() -> None:
    """LC-52: a strict tool the service would refuse is an error of ours that names the reason."""
    endless = {
        "type": "object",
        "properties": {"next": {"$ref": "#/$defs/node"}},
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
    }
    model, _ = chat(HI)
    bound = model.bind_tools([{"name": "x", "parameters": endless}], strict=True)
    with pytest.raises(UnsupportedInput, match="strict=False"):
        bound.invoke("Hi")


def test_odd_tool_names_are_mapped_there_and_back() -> None:
    """LC-53: names of MCP servers, in tools, choice, history and replies, streamed or not."""
    name = "files.read all"
    reply = Reply(calls=(("c9", "files_read_all", "{}"),), finish_reason="tool_calls")
    history = [
        HumanMessage("Hi"),
        AIMessage("", tool_calls=[{"name": name, "args": {}, "id": "c1"}]),
        ToolMessage("x", tool_call_id="c1", name=name),
    ]
    for path in CALL_PATHS:
        model, service = chat(reply)
        bound = model.bind_tools([{"name": name, "parameters": PARAMETERS}], tool_choice=name)
        assert PATHS[path](bound, history).tool_calls[0]["name"] == name
        sent = service.last
        assert sent["tools"][0]["function"]["name"] == "files_read_all"
        assert sent["tool_choice"]["function"]["name"] == "files_read_all"
        assert sent["messages"][1]["tool_calls"][0]["function"]["name"] == "files_read_all"
        assert sent["messages"][2]["name"] == "files_read_all"


def test_call_of_a_tool_that_was_never_bound_is_shown() -> None:
    """LC-55: an unknown name is surfaced unchanged."""
    reply = Reply(calls=(("c1", "made_up", "{}"),), finish_reason="tool_calls")
    message = chat(reply)[0].bind_tools([add]).invoke("Hi")
    assert message.tool_calls[0]["name"] == "made_up"


def test_unknown_option_of_bind_tools_raises_at_bind_time() -> None:
    """LC-54: kwargs of `bind_tools` are call options."""
    model, service = chat(HI)
    with pytest.raises(UnknownParameter, match="temperature"):
        model.bind_tools([add], temprature=1)
    model.bind_tools([add], temperature=0.5).invoke("Hi")
    assert service.last["temperature"] == 0.5


def test_tools_bound_without_bind_tools_work_too() -> None:
    """LC-20: `.bind(tools=…)` with plain tools is a call kwarg like any other."""
    model, service = chat(HI)
    model.bind(tools=[add], tool_choice="any").invoke("Hi")
    assert service.last["tools"][0]["function"]["name"] == "add"
    assert service.last["tool_choice"] == "required"


def test_parameters_of_a_tool_without_arguments() -> None:
    """API specification 9.1: an empty, closed object where a tool has no parameters."""
    model, service = chat(HI)
    model.bind_tools([{"name": "now"}, {"name": "then", "parameters": {"type": "object"}}]).invoke(
        "Hi"
    )
    first, second = (each["function"]["parameters"] for each in service.last["tools"])
    assert first == {"type": "object", "properties": {}, "additionalProperties": False}
    assert second == {"type": "object", "properties": {}}


def test_response_format_with_tools_only_where_the_model_takes_both() -> None:
    """LC-66: what a model is known to refuse is an error that names the alternative."""
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": PARAMETERS}}
    model, _ = chat(HI)
    with pytest.raises(UnsupportedInput, match="ToolStrategy"):
        model.bind_tools([add], response_format=wanted).invoke("Hi")
    able, service = chat(HI, model_facts={"takes_tools_with_response_format": True})
    able.bind_tools([add], response_format=wanted).invoke("Hi")
    assert service.last["response_format"] == wanted


@pytest.mark.parametrize("wrong", ["json", {"type": "xml"}, {"type": "json_schema"}])
def test_unknown_response_format_says_so(wrong: Any) -> None:
    """Bad input: the error shows what the service takes."""
    with pytest.raises(UnsupportedInput, match="response_format"):
        chat(HI)[0].invoke("Hi", response_format=wrong)


# ---- configuration at run time


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
