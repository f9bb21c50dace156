"""Tools to the wire, and calls back: LI-32 to LI-38, LI-41 to LI-43."""

from __future__ import annotations

import json
import logging
from typing import Any, Generic, TypeVar

import pytest
from llama_index.core.agent.react.formatter import ReActChatFormatter
from llama_index.core.agent.react.output_parser import ReActOutputParser
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock, ToolCallBlock
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.tools import FunctionTool
from llama_index.core.tools.types import ToolMetadata
from pydantic import BaseModel, Field

from cerebras_ext.catalog import facts_of
from cerebras_ext.errors import ConfigError
from llama_index_cerebras_ext import InvalidToolArguments
from llama_index_cerebras_ext._tools import (
    parameters_of,
    tool_choice_of,
    tool_selections_of,
    wire_tools_of,
    with_first_call_only,
)
from tests.llama_index.support import (
    CORE_WARNINGS,
    TIME_INFO,
    call_delta,
    chunk,
    events,
    last_chunk,
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


def response_with(
    *calls: tuple[str, dict[str, Any] | str], finish_reason: str | None = None, text: str = ""
) -> ChatResponse:
    """A response with calls; complete if it has a finish reason."""
    blocks: list[Any] = [TextBlock(text=text)] if text else []
    blocks += [
        ToolCallBlock(tool_call_id=f"c{n}", tool_name=name, tool_kwargs=kwargs)
        for n, (name, kwargs) in enumerate(calls)
    ]
    kept = [{"id": f"c{n}"} for n, _ in enumerate(calls)]
    return ChatResponse(
        message=ChatMessage(
            role="assistant", blocks=blocks, additional_kwargs={"tool_calls": kept} if kept else {}
        ),
        additional_kwargs={} if finish_reason is None else {"finish_reason": finish_reason},
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("", {}),
        ("null", {}),
        ("{}", {}),
    ],
)
def test_selections_have_parsed_arguments(arguments: Any, expected: dict[str, Any]) -> None:
    """LI-41: consumers get dicts."""
    selection = tool_selections_of(response_with(("f", arguments), finish_reason="tool_calls"))[0]
    assert (selection.tool_id, selection.tool_name) == ("c0", "f")
    assert selection.tool_kwargs == expected


@pytest.mark.parametrize(
    ("so_far", "expected"),
    [
        ("", {}),
        ("{", {}),
        ('{"a', {}),
        ('{"a"', {}),
        ('{"a":', {}),
        ('{"a": "Os', {"a": "Os"}),
        ('{"a": "Oslo", "b": tru', {"a": "Oslo"}),
        ('{"a": [1, 2', {"a": [1, 2]}),
        ("no json", {}),
    ],
)
def test_partial_arguments_are_read_as_far_as_they_go(
    so_far: str, expected: dict[str, Any]
) -> None:
    """LI-41, LI-42: on every item of a stream, without ever raising; open strings are kept."""
    assert tool_selections_of(response_with(("f", so_far)))[0].tool_kwargs == expected


@pytest.mark.parametrize("arguments", ['{"a": "Os', "[1]", '"text"', "3", "no json"])
def test_complete_but_unusable_arguments_are_an_error(arguments: str) -> None:
    """LI-41: never silently an empty dict; the error names the tool and the finish reason."""
    with pytest.raises(InvalidToolArguments, match=r"'f' .*\(finish reason 'length'\)"):
        tool_selections_of(response_with(("f", arguments), finish_reason="length"))


def test_unusable_arguments_are_a_value_error() -> None:
    """LI-48: core expects output that cannot be used as ValueError."""
    assert issubclass(InvalidToolArguments, ValueError)


def test_no_call_is_an_error_that_shows_the_answer() -> None:
    """LI-41: the message has the model's text and the finish reason."""
    with pytest.raises(ValueError, match=r"'I would rather not' .*'stop'"):
        tool_selections_of(response_with(text="I would rather not", finish_reason="stop"))


def test_no_call_is_fine_when_the_caller_says_so() -> None:
    """LI-41: `error_on_no_tool_call=False`."""
    llm, _ = served({})
    assert (
        llm.get_tool_calls_from_response(response_with(text="x"), error_on_no_tool_call=False) == []
    )


def test_kept_calls_count_where_there_are_no_blocks() -> None:
    """LI-41: the older place is read too."""
    kept = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]
    message = ChatMessage(role="assistant", additional_kwargs={"tool_calls": kept})
    assert tool_selections_of(ChatResponse(message=message))[0].tool_kwargs == {"a": 1}


def test_trimming_leaves_one_call_in_both_places() -> None:
    """LI-43: blocks and kwargs agree, text stays, and the original message is untouched."""
    message = response_with(("f", "{}"), ("g", "{}"), text="t").message
    trimmed = with_first_call_only(message)
    assert [type(block) for block in trimmed.blocks] == [TextBlock, ToolCallBlock]
    assert trimmed.additional_kwargs["tool_calls"] == [{"id": "c0"}]
    assert len(message.blocks) == 3
    assert len(message.additional_kwargs["tool_calls"]) == 2


def test_trimming_keeps_the_first_of_two_equal_calls() -> None:
    """LI-43: equal calls are still two calls."""
    twin = ToolCallBlock(tool_call_id=None, tool_name="f", tool_kwargs="{}")
    message = ChatMessage(role="assistant", blocks=[twin, twin.model_copy()])
    assert with_first_call_only(message).blocks == [twin]


@pytest.mark.parametrize(("allowed", "n_calls"), [(False, 1), (True, 2)])
def test_validation_trims_unless_parallel_calls_are_allowed(allowed: bool, n_calls: int) -> None:
    """LI-43: `predict_and_call` could not handle more than one."""
    llm, _ = served({})
    response = llm._validate_chat_with_tools_response(
        response_with(("f", "{}"), ("g", "{}")), [], allow_parallel_tool_calls=allowed
    )
    assert len(response.message.blocks) == n_calls


CALLS = [
    {
        "id": "a",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
    },
    {
        "id": "b",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
    },
]


@pytest.mark.parametrize(
    ("allowed", "answer"), [(False, "21 C in Oslo"), (True, "21 C in Oslo\n\n21 C in Rome")]
)
async def test_predict_and_call_runs_the_tools(allowed: bool, answer: str) -> None:
    """LI-44: core's own method works, sync and async."""
    llm, _ = served(reply({"tool_calls": CALLS}, "tool_calls"))
    keywords: dict[str, Any] = {"user_msg": "?", "allow_parallel_tool_calls": allowed}
    assert llm.predict_and_call([WEATHER], **keywords).response == answer
    assert (await llm.apredict_and_call([WEATHER], **keywords)).response == answer


async def test_streams_are_trimmed_too() -> None:
    """LI-43: core validates no stream, so the stream itself holds one call."""
    pieces = events(
        chunk({"role": "assistant"}),
        chunk(call_delta("{}", 0, "a", "weather")),
        chunk(call_delta("{}", 1, "b", "weather")),
        last_chunk("tool_calls"),
    )
    llm, _ = served(pieces)
    *_, last = llm.stream_chat_with_tools([WEATHER], user_msg="?")
    assert [each.tool_id for each in llm.get_tool_calls_from_response(last)] == ["a"]
    stream = await llm.astream_chat_with_tools(
        [WEATHER], user_msg="?", allow_parallel_tool_calls=True
    )
    parallel = [item async for item in stream][-1]
    assert [each.tool_id for each in llm.get_tool_calls_from_response(parallel)] == ["a", "b"]


@CORE_WARNINGS
def test_without_function_calling_core_prompts_with_text() -> None:
    """LI-44: with `is_function_calling_model=False`, `predict_and_call` goes the way of ReAct."""
    answer = 'Thought: I need it.\nAction: weather\nAction Input: {"city": "Oslo"}\n'
    pieces = events(chunk({"content": answer}), last_chunk())
    llm, service = served(pieces, is_function_calling_model=False)
    response = llm.predict_and_call(
        [WEATHER],
        user_msg="?",
        # core 0.14.25 passes None on for these, which its own agent then refuses
        react_chat_formatter=ReActChatFormatter(),
        output_parser=ReActOutputParser(),
    )
    assert response.response == "21 C in Oslo"
    assert "tools" not in service.sent[0]


def test_choices_are_translated() -> None:
    """LI-34: the pure table behind the wire test."""
    assert tool_choice_of(None) is None
    assert tool_choice_of(None, is_required=True) == "required"


def test_the_answers_facts_survive_the_trimming() -> None:
    """LI-24: trimming keeps raw and facts."""
    llm, _ = served(reply({"tool_calls": CALLS}, "tool_calls"))
    response = llm.chat_with_tools([WEATHER], user_msg="?")
    assert response.additional_kwargs["time_info"] == TIME_INFO
    assert json.loads(json.dumps(response.raw)) == response.raw
