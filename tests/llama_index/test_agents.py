"""Agents end to end, with what goes out in the second turn: LI-30, LI-52 to LI-55."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import (
    AgentStream,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.base.llms.types import ThinkingBlock, ToolCallBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from cerebras_ext import RateLimited
from llama_index_cerebras_ext import Cerebras, InvalidToolArguments
from tests.llama_index.support import CORE_WARNINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.server import RunningEmulator

pytestmark = [
    CORE_WARNINGS,
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]


def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


def silent(city: str) -> str:
    """Says nothing."""
    return ""


def final(answer: str) -> str:
    """The answer itself."""
    return f"Final: {answer}"


WEATHER = FunctionTool.from_defaults(weather)
TWO_CALLS = {
    "reasoning": "I need both.",
    "tool_calls": [
        {"name": "weather", "arguments": {"city": "Oslo"}},
        {"name": "weather", "arguments": {"city": "Rome"}},
    ],
}
ONE_CALL = {"reasoning": "I need it.", "tool_calls": TWO_CALLS["tool_calls"][:1]}
DONE = {"reasoning": "I know now.", "content": "Sunny everywhere.", "has_tool_result": True}


async def run(
    agent: Any, question: str = "And the weather?", **kwargs: Any
) -> tuple[Any, list[Any]]:
    """An agent's answer, and the events on the way."""
    handler = agent.run(user_msg=question, **kwargs)
    events = [event async for event in handler.stream_events()]
    return await handler, events


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_function_agent_calls_tools_and_answers(
    streaming: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-52, LI-53: the second turn holds reasoning, both calls with ids, and a result for each."""
    cerebras_emulator.script(TWO_CALLS, DONE)
    agent = FunctionAgent(tools=[WEATHER], llm=llm, streaming=streaming)
    answer, events = await run(agent)
    assert str(answer) == "Sunny everywhere."
    results = [event.tool_output.content for event in events if isinstance(event, ToolCallResult)]
    assert sorted(results) == ["Sunny in Oslo", "Sunny in Rome"]
    user, assistant, *results_sent = cerebras_emulator.requests[1].body["messages"]
    assert user["role"] == "user"
    assert assistant["reasoning"] == "I need both."
    assert "content" not in assistant
    ids = [call["id"] for call in assistant["tool_calls"]]
    assert sorted(message["tool_call_id"] for message in results_sent) == sorted(ids)
    assert {message["role"] for message in results_sent} == {"tool"}


async def test_an_agents_stream_shows_text_thinking_and_calls(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-52: deltas of both kinds, and calls whose arguments grow."""
    cerebras_emulator.script(ONE_CALL, DONE)
    _, events = await run(FunctionAgent(tools=[WEATHER], llm=llm))
    streamed = [event for event in events if isinstance(event, AgentStream)]
    assert "".join(event.delta for event in streamed) == "Sunny everywhere."
    assert "".join(event.thinking_delta or "" for event in streamed) == "I need it.I know now."
    selections = [event.tool_calls[0].tool_kwargs for event in streamed if event.tool_calls]
    assert selections[-1] == {"city": "Oslo"}
    json.dumps([event.model_dump() for event in streamed])


async def test_reasoning_is_not_replayed_when_told_not_to(
    make_llm: Callable[..., Cerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LI-30: one documented option."""
    cerebras_emulator.script(ONE_CALL, DONE)
    agent = FunctionAgent(tools=[WEATHER], llm=make_llm(replay_reasoning=False))
    await run(agent)
    assert "reasoning" not in cerebras_emulator.requests[1].body["messages"][1]


async def test_a_workflow_picks_function_calling(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-52: by the metadata's flag."""
    cerebras_emulator.script(ONE_CALL, DONE)
    workflow = AgentWorkflow.from_tools_or_functions([weather], llm=llm)
    answer, _ = await run(workflow)
    assert str(answer) == "Sunny everywhere."
    assert cerebras_emulator.requests[0].body["tools"][0]["function"]["name"] == "weather"


async def test_a_workflow_picks_react_without_function_calling(
    make_llm: Callable[..., Cerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LI-52: and the other way round."""
    cerebras_emulator.script({"content": "Thought: easy.\nAnswer: Sunny."})
    llm = make_llm(is_function_calling_model=False)
    answer, _ = await run(AgentWorkflow.from_tools_or_functions([weather], llm=llm))
    assert str(answer) == "Sunny."
    assert "tools" not in cerebras_emulator.requests[0].body


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_react_agent_reads_text_and_never_reasoning(
    streaming: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-55: what the model thinks stays out of the text that is parsed."""
    act = 'Thought: I need it.\nAction: weather\nAction Input: {"city": "Oslo"}\n'
    cerebras_emulator.script(
        {"reasoning": "Action: nonsense", "content": act},
        {"reasoning": "Action: nonsense", "content": "Thought: done.\nAnswer: Sunny."},
    )
    answer, events = await run(ReActAgent(tools=[WEATHER], llm=llm, streaming=streaming))
    assert str(answer) == "Sunny."
    results = [event.tool_output.content for event in events if isinstance(event, ToolCallResult)]
    assert results == ["Sunny in Oslo"]
    first, second = (request.body for request in cerebras_emulator.requests)
    assert "tools" not in first
    assert [each["role"] for each in second["messages"]] == ["system", "user", "assistant", "user"]
    assert "Action: weather" in second["messages"][2]["content"]
    assert "Observation: Sunny in Oslo" in second["messages"][3]["content"]


async def test_a_react_agent_gets_over_a_reply_of_reasoning_alone(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-31: core asks again, with an empty assistant message in between."""
    cerebras_emulator.script(
        {"reasoning": "hm", "content": ""},
        {"content": "Thought: done.\nAnswer: Sunny."},
    )
    answer, _ = await run(ReActAgent(tools=[WEATHER], llm=llm))
    assert str(answer) == "Sunny."


async def test_a_handoff_goes_through(llm: Cerebras, cerebras_emulator: RunningEmulator) -> None:
    """LI-53: one agent hands over to another, whose history is complete."""
    handoff = {"to_agent": "expert", "reason": "knows weather"}
    cerebras_emulator.script(
        {"tool_calls": [{"name": "handoff", "arguments": handoff}]}, ONE_CALL, DONE
    )
    first = FunctionAgent(
        name="front", description="Asks others.", tools=[], llm=llm, can_handoff_to=["expert"]
    )
    second = FunctionAgent(
        name="expert", description="Knows weather.", tools=[WEATHER], llm=llm, can_handoff_to=[]
    )
    answer, events = await run(AgentWorkflow(agents=[first, second], root_agent="front"))
    assert str(answer) == "Sunny everywhere."
    handed, asked, answered = (request.body for request in cerebras_emulator.requests)
    assert [tool["function"]["name"] for tool in handed["tools"]] == ["handoff"]
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["weather"]
    roles = [message["role"] for message in answered["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]
    for call, result in (answered["messages"][1:3], answered["messages"][3:5]):
        assert call["tool_calls"][0]["id"] == result["tool_call_id"]
    assert answered["messages"][3]["reasoning"] == "I need it."
    assert {event.current_agent_name for event in events if isinstance(event, AgentStream)} == {
        "front",
        "expert",
    }


async def test_a_code_agent_runs_what_the_text_says(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-52, LI-55: code in the text is run, code in the reasoning is not; results go back."""
    ran: list[str] = []

    def execute(code: str) -> str:
        ran.append(code)
        return "42"

    cerebras_emulator.script(
        {
            "reasoning": "<execute>nonsense()</execute>",
            "content": "Let me see.\n<execute>\nprint(6 * 7)\n</execute>",
        },
        {"content": "It is 42."},
    )
    agent = CodeActAgent(tools=[weather], llm=llm, code_execute_fn=execute)
    answer, _ = await run(agent, "What is 6 times 7?")
    assert str(answer) == "It is 42."
    assert ran == ["print(6 * 7)"]
    second = cerebras_emulator.requests[1].body
    assert [each["role"] for each in second["messages"]] == ["system", "user", "assistant", "user"]
    assert "print(6 * 7)" in second["messages"][2]["content"]
    assert "42" in second["messages"][3]["content"]
    assert "tools" not in second


async def test_a_code_agent_hands_over_by_function(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-01: the one function that core offers there; it needs a model that calls functions."""
    handoff = {"to_agent": "expert", "reason": "knows weather"}
    cerebras_emulator.script(
        {"tool_calls": [{"name": "handoff", "arguments": handoff}]}, ONE_CALL, DONE
    )
    coder = CodeActAgent(
        name="coder",
        description="Writes code.",
        llm=llm,
        code_execute_fn=lambda code: "",
        can_handoff_to=["expert"],
    )
    expert = FunctionAgent(name="expert", description="Knows weather.", tools=[WEATHER], llm=llm)
    answer, _ = await run(AgentWorkflow(agents=[coder, expert], root_agent="coder"))
    assert str(answer) == "Sunny everywhere."
    names = [tool["function"]["name"] for tool in cerebras_emulator.requests[0].body["tools"]]
    assert names == ["handoff"]


@pytest.mark.parametrize("others", [[], TWO_CALLS["tool_calls"]])
async def test_a_tool_that_returns_directly_ends_the_run(
    others: list[Any], llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-53: what core keeps of it can be sent back, though calls behind it have no results."""
    tool = FunctionTool.from_defaults(final, return_direct=True)
    call = {"name": "final", "arguments": {"answer": "42"}}
    cerebras_emulator.script({"tool_calls": [call, *others]}, {"content": "Again."})
    agent = FunctionAgent(tools=[tool, WEATHER], llm=llm)
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    answer, _ = await run(agent, memory=memory)
    assert str(answer) == "Final: 42"
    again, _ = await run(agent, "And again?", memory=memory)
    assert str(again) == "Again."
    roles = [message["role"] for message in cerebras_emulator.requests[1].body["messages"]]
    assert roles[-1] == "user"
    assert "assistant" in roles


async def test_an_empty_tool_result_is_sent_as_text(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-28: a tool that returned nothing has no blocks."""
    call = {"tool_calls": [{"name": "silent", "arguments": {"city": "Oslo"}}]}
    cerebras_emulator.script(call, DONE)
    await run(FunctionAgent(tools=[FunctionTool.from_defaults(silent)], llm=llm))
    assert cerebras_emulator.requests[1].body["messages"][-1]["content"] == ""


async def test_an_initial_choice_is_made_once(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-34: on the first turn only, by name."""
    cerebras_emulator.script(ONE_CALL, DONE)
    agent = FunctionAgent(tools=[WEATHER], llm=llm, initial_tool_choice="weather")
    await run(agent)
    first, second = (request.body for request in cerebras_emulator.requests)
    assert first["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert "tool_choice" not in second


async def test_tools_with_odd_names_are_found(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-36: as MCP servers name them; in both directions and in history."""
    tool = FunctionTool.from_defaults(weather, name="geo.weather/now")
    wire_name = "geo_weather_now"
    call = {"tool_calls": [{"name": wire_name, "arguments": {"city": "Oslo"}}]}
    cerebras_emulator.script(call, DONE)
    answer, events = await run(FunctionAgent(tools=[tool], llm=llm))
    assert str(answer) == "Sunny everywhere."
    assert [e.tool_name for e in events if isinstance(e, ToolCallResult)] == ["geo.weather/now"]
    again = cerebras_emulator.requests[1].body["messages"][1]["tool_calls"][0]
    assert again["function"]["name"] == wire_name


async def test_a_call_with_unusable_arguments_is_not_made(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-41: the tool must not run without the arguments that the model meant."""
    cerebras_emulator.script({"tool_calls": [{"name": "weather", "arguments": '{"city": "Os'}]})
    with pytest.raises(InvalidToolArguments, match="'weather'"):
        await run(FunctionAgent(tools=[WEATHER], llm=llm))


async def test_a_history_is_plain_json_and_comes_back(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-54: histories with thinking and calls survive, and the next turn sends them again."""
    cerebras_emulator.script(ONE_CALL, DONE, {"content": "Still sunny."})
    agent = FunctionAgent(tools=[WEATHER], llm=llm)
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    await run(agent, memory=memory)
    dumped = json.dumps([message.model_dump(mode="json") for message in memory.get_all()])
    history = [ChatMessage.model_validate(each) for each in json.loads(dumped)]
    assert history == memory.get_all()
    answer, _ = await run(agent, "Sure?", chat_history=history)
    assert str(answer) == "Still sunny."
    sent = cerebras_emulator.requests[2].body["messages"]
    assert [each["role"] for each in sent] == ["user", "assistant", "tool", "assistant", "user"]
    assert sent[1]["reasoning"] == "I need it."
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]


def test_message_kwargs_are_plain_json(llm: Cerebras, cerebras_emulator: RunningEmulator) -> None:
    """LI-25, §8: chat stores accept nothing else."""
    cerebras_emulator.script(ONE_CALL)
    message = llm.chat_with_tools([WEATHER], user_msg="?").message
    assert json.loads(json.dumps(message.additional_kwargs)) == message.additional_kwargs
    restored = ChatMessage.model_validate_json(message.model_dump_json())
    assert restored == message
    assert [type(block) for block in restored.blocks] == [ThinkingBlock, ToolCallBlock]


def test_a_memory_buffer_keeps_messages(llm: Cerebras, cerebras_emulator: RunningEmulator) -> None:
    """§8: memories count and keep messages with calls."""
    cerebras_emulator.script(ONE_CALL)
    message = llm.chat_with_tools([WEATHER], user_msg="?").message
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    memory.put_messages([ChatMessage(content="?"), message])
    assert memory.get()[-1] == message


class Report(BaseModel):
    """A weather report."""

    city: str


async def test_an_agent_may_answer_with_an_object(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§6.1: agents with `output_cls` use the structured model."""
    cerebras_emulator.script(ONE_CALL, DONE, {"content": '{"city": "Oslo"}'})
    agent = FunctionAgent(tools=[WEATHER], llm=llm, output_cls=Report)
    answer, _ = await run(agent)
    assert answer.get_pydantic_model(Report) == Report(city="Oslo")
    assert cerebras_emulator.requests[-1].body["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("agent_cls", [FunctionAgent, ReActAgent])
async def test_an_outage_ends_a_run_as_itself(
    agent_cls: Any, make_llm: Callable[..., Cerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LI-64: core tries a ReAct step again that it cannot parse; an outage is no such step."""
    cerebras_emulator.script({"status": 429, "times": 9})
    with pytest.raises(RateLimited):
        await run(agent_cls(tools=[WEATHER], llm=make_llm(max_retries=0)))
    assert len(cerebras_emulator.requests) == 1


async def test_agents_need_no_script(llm: Cerebras) -> None:
    """The emulator by itself is enough to develop an agent against."""
    agent = FunctionAgent(tools=[WEATHER], llm=llm)
    answer, events = await run(agent, "What is the weather in Oslo?")
    assert "Sunny in Oslo" in str(answer)
    assert any(isinstance(event, ToolCallResult) for event in events)
