"""Tool calls back from responses: LI-24, LI-41 to LI-44."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.agent.react.formatter import ReActChatFormatter
from llama_index.core.agent.react.output_parser import ReActOutputParser
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock, ToolCallBlock
from llama_index.core.tools import FunctionTool

from llama_index_cerebras_ext import InvalidToolArguments
from llama_index_cerebras_ext._tools import (
    tool_choice_of,
    tool_selections_of,
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


def weather(city: str, unit: str = "C") -> str:
    """The weather in a city."""
    return f"21 {unit} in {city}"


WEATHER = FunctionTool.from_defaults(weather)


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
