"""Tools to the wire: LI-32 to LI-38."""

from __future__ import annotations

import logging
from typing import Any, Generic, TypeVar

import pytest
from llama_index.core.base.llms.types import ChatMessage, TextBlock
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.tools import FunctionTool
from llama_index.core.tools.types import ToolMetadata
from pydantic import BaseModel, Field

from cerebras_ext.catalog import facts_of
from cerebras_ext.errors import ConfigError
from llama_index_cerebras_ext._tools import (
    parameters_of,
    wire_tools_of,
)
from tests.llama_index.support import (
    reply,
    served,
)

FACTS = facts_of("gpt-oss-120b")
T = TypeVar("T")


class Node(BaseModel):
    """A node."""

    value: int
    children: list[Node] = Field(default_factory=list)


class Box(BaseModel, Generic[T]):
    content: T


class Silent(BaseModel):
    name: str


def weather(city: str, unit: str = "C") -> str:
    """The weather in a city."""
    return f"21 {unit} in {city}"


def ping() -> str:
    """Answers."""
    return "pong"


def anything(options: dict[str, Any]) -> str:
    """Takes what it is given."""
    return str(options)


WEATHER = FunctionTool.from_defaults(weather)
PING = FunctionTool.from_defaults(ping)
ANYTHING = FunctionTool.from_defaults(anything)


def sent_by(llm_kwargs: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """The request that `chat_with_tools` sends."""
    llm, service = served(reply({"content": "x"}), **settings)
    llm.chat_with_tools(**llm_kwargs)
    return service.sent[0]


def test_prepared_keywords_hold_the_messages() -> None:
    """LI-32: the history, then the user's message."""
    llm, _ = served({})
    history = [ChatMessage(content="before")]
    prepared = llm._prepare_chat_with_tools([WEATHER], user_msg="now", chat_history=history)
    assert [message.content for message in prepared["messages"]] == ["before", "now"]


def test_the_callers_history_stays_as_it_was() -> None:
    """LI-19, LI-32: the user's message goes to a copy."""
    llm, _ = served({})
    history = [ChatMessage(content="before")]
    llm._prepare_chat_with_tools([WEATHER], user_msg="now", chat_history=history)
    assert len(history) == 1


def test_a_message_object_is_taken_as_it_is() -> None:
    """LI-32: `user_msg` may be a message."""
    llm, _ = served({})
    message = ChatMessage(role="user", blocks=[TextBlock(text="now")])
    assert llm._prepare_chat_with_tools([], user_msg=message)["messages"] == [message]


@pytest.mark.parametrize(
    ("keywords", "choice"),
    [
        ({}, None),
        ({"tool_required": True}, "required"),
        ({"tool_required": False}, None),
        ({"tool_choice": None, "tool_required": True}, "required"),
        ({"tool_choice": "auto", "tool_required": True}, "auto"),
        ({"tool_choice": "none"}, "none"),
        ({"tool_choice": "any"}, "required"),
        ({"tool_choice": "weather"}, {"type": "function", "function": {"name": "weather"}}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
            {"type": "function", "function": {"name": "weather"}},
        ),
    ],
)
def test_tool_choice_on_the_wire(keywords: dict[str, Any], choice: Any) -> None:
    """LI-34: names, words and dicts; an explicit choice beats `tool_required`."""
    assert sent_by({"tools": [WEATHER], "user_msg": "?", **keywords}).get("tool_choice") == choice


@pytest.mark.parametrize("tools", [[], None])
def test_without_tools_not_a_word_about_them(tools: Any) -> None:
    """LI-33: neither tools nor a choice nor the parallel flag."""
    sent = sent_by({"tools": tools, "user_msg": "?", "tool_required": True, "tool_choice": "any"})
    assert sent.keys() == {"model", "messages"}


def test_a_choice_without_tools_is_not_sent_from_chat_either() -> None:
    """LI-33: also when a caller gives it to `chat` directly."""
    llm, service = served(reply({"content": "x"}))
    llm.chat(
        [ChatMessage(content="?")], tools=[], tool_choice="required", parallel_tool_calls=False
    )
    assert service.sent[0].keys() == {"model", "messages"}


@pytest.mark.parametrize(
    "tool", [{"name": "f"}, WEATHER, {"function": "f"}, {"function": {"name": ""}}]
)
def test_odd_tools_are_found_before_sending(tool: Any) -> None:
    """LI-64: an error that core does not swallow."""
    llm, service = served(reply({}))
    with pytest.raises(ConfigError, match="tools: "):
        llm.chat([ChatMessage(content="?")], tools=[tool])
    assert service.requests == []


def test_a_choice_is_not_sent_to_models_without_it() -> None:
    """LI-34: the catalogue knows which models take one."""
    overrides = {"supports_tool_choice": False}
    keywords = {"tools": [WEATHER], "user_msg": "?", "tool_required": True}
    assert "tool_choice" not in sent_by(keywords, catalog_overrides=overrides)


@pytest.mark.parametrize(("allowed", "sent_flag"), [(False, False), (True, None)])
def test_parallel_calls_are_refused_unless_allowed(allowed: bool, sent_flag: bool | None) -> None:
    """LI-43: the service is told; allowing them is its default."""
    sent = sent_by({"tools": [WEATHER], "user_msg": "?", "allow_parallel_tool_calls": allowed})
    assert sent.get("parallel_tool_calls") is sent_flag


def test_the_parallel_flag_is_not_sent_to_models_without_it() -> None:
    """LI-43: some models refuse the field; trimming the answer does the rest."""
    overrides = {"supports_parallel_tool_calls": False}
    sent = sent_by({"tools": [WEATHER], "user_msg": "?"}, catalog_overrides=overrides)
    assert "parallel_tool_calls" not in sent


def test_a_tool_goes_out_with_the_schema_of_its_model() -> None:
    """LI-35, LI-38: loose tools keep their schema untouched."""
    assert wire_tools_of([WEATHER], is_strict=False, facts=FACTS) == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": WEATHER.metadata.description,
                "parameters": WEATHER.metadata.fn_schema.model_json_schema(),  # type: ignore[union-attr]
            },
        }
    ]


def test_a_tool_without_schema_takes_one_text() -> None:
    """LI-35: `fn_schema=None` means one string parameter `input`."""
    schema = parameters_of(ToolMetadata(description="d", name="n", fn_schema=None))
    assert schema["required"] == ["input"]
    assert schema["properties"]["input"]["type"] == "string"


def test_a_tool_without_parameters_has_an_empty_object() -> None:
    """LI-35: a valid schema without properties."""
    schema = parameters_of(PING.metadata)
    assert (schema["type"], schema["properties"]) == ("object", {})


def test_a_recursive_root_keeps_its_properties() -> None:
    """LI-35: core's own helper would make it an empty schema."""
    schema = parameters_of(ToolMetadata(description="d", name="n", fn_schema=Node))
    assert schema["type"] == "object"
    assert schema["properties"].keys() == {"value", "children"}
    assert "Node" in schema["$defs"]


def test_long_descriptions_are_sent() -> None:
    """LI-35: core's limit of 1,024 characters is not the service's."""
    tool = FunctionTool.from_defaults(ping, description="x" * 5_000)
    function = wire_tools_of([tool], is_strict=False, facts=FACTS)[0]["function"]
    assert function.get("description") == "x" * 5_000


def test_a_tool_without_name_is_an_error() -> None:
    """LI-36: the model could not call it."""
    tool = FunctionTool(fn=ping, metadata=ToolMetadata(description="d", name=None))
    with pytest.raises(ConfigError, match="a tool has no name"):
        wire_tools_of([tool], is_strict=False, facts=FACTS)


@pytest.mark.parametrize(
    ("output_cls", "description"), [(Silent, "Give the answer as a Silent."), (Node, "A node.")]
)
def test_output_classes_are_described_usefully(
    output_cls: type[BaseModel], description: str
) -> None:
    """LI-37: without a docstring core describes its own helper function."""
    tool = get_function_tool(output_cls)
    function = wire_tools_of([tool], is_strict=False, facts=FACTS)[0]["function"]
    assert function.get("description") == description


def test_strict_tools_are_closed_and_say_so() -> None:
    """LI-38: with `strict`, schemas take the form that strict decoding needs."""
    function = sent_by({"tools": [WEATHER], "user_msg": "?", "strict": True})["tools"][0][
        "function"
    ]
    assert function["strict"] is True
    assert function["parameters"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("of_model", "of_call", "is_strict"),
    [(True, None, True), (True, False, False), (False, True, True), (False, None, False)],
)
def test_strict_per_call_beats_the_models(
    of_model: bool, of_call: bool | None, is_strict: bool
) -> None:
    """LI-38: constructor and call."""
    sent = sent_by({"tools": [PING], "user_msg": "?", "strict": of_call}, strict=of_model)
    assert sent["tools"][0]["function"].get("strict", False) is is_strict
    assert "strict" not in sent


def test_one_tool_without_strict_form_makes_all_loose(caplog: pytest.LogCaptureFixture) -> None:
    """LI-38: the service refuses a mix; the log says which tool it was."""
    caplog.set_level(logging.DEBUG, logger="llama_index_cerebras_ext")
    tools = wire_tools_of([PING, ANYTHING], is_strict=True, facts=FACTS)
    assert ["strict" in tool["function"] for tool in tools] == [False, False]
    assert tools[0]["function"].get("parameters") == parameters_of(PING.metadata)
    assert "'anything'" in caplog.text


def test_strict_is_not_sent_to_models_without_it() -> None:
    """LI-38: the catalogue knows which models refuse strict tools."""
    facts = facts_of("gpt-oss-120b", supports_strict_tools=False)
    assert "strict" not in wire_tools_of([PING], is_strict=True, facts=facts)[0]["function"]


def test_odd_names_are_sanitised_and_found_again() -> None:
    """LI-36: a generic class has a name the service takes, and is dispatched under its own."""
    tool = get_function_tool(Box[str])
    call = {
        "id": "a",
        "type": "function",
        "function": {"name": "Box_str", "arguments": '{"content":"x"}'},
    }
    llm, service = served(reply({"tool_calls": [call]}, "tool_calls"))
    response = llm.predict_and_call([tool], user_msg="?", tool_choice="Box[str]")
    assert service.sent[0]["tools"][0]["function"]["name"] == "Box_str"
    assert service.sent[0]["tool_choice"]["function"]["name"] == "Box_str"
    assert response.sources[0].raw_output == Box[str](content="x")


def test_names_that_sanitise_alike_stay_apart() -> None:
    """LI-36: each tool keeps a name of its own."""
    tools = [FunctionTool.from_defaults(ping, name=name) for name in ("a.b", "a_b", "a b")]
    sent = sent_by({"tools": tools, "user_msg": "?"})
    assert len({tool["function"]["name"] for tool in sent["tools"]}) == 3
