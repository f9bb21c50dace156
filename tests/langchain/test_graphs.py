"""Graphs and middleware as applications build them, against the emulator (sections 11, 22.5)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    LLMToolSelectorMiddleware,
    ModelCallLimitMiddleware,
    ModelRetryMiddleware,
    TodoListMiddleware,
    ToolCallLimitMiddleware,
)
from langchain.agents.structured_output import ToolStrategy
from langchain.tools import ToolRuntime  # noqa: TC002 - read from the signature of a tool
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command
from pydantic import BaseModel

from tests.langchain.support import QUIET_BETA

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator import RunningEmulator
    from langchain_cerebras_ext import ChatCerebras

pytestmark = [QUIET_BETA, pytest.mark.once]

ASKED: Any = {"messages": [HumanMessage("How is the weather in Oslo?")]}
THREAD: Any = {"configurable": {"thread_id": "1"}}


def calling(*cities: str, **more: Any) -> dict[str, Any]:
    """A reply that asks for the weather in these cities."""
    calls = [{"name": "get_weather", "arguments": {"city": city}} for city in cities]
    return {"tool_calls": calls, **more}


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


@tool
def get_time(city: str) -> str:
    """The time in a city."""
    return f"noon in {city}"


class Report(BaseModel):
    """A weather report."""

    city: str


@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_thread_goes_on_with_all_that_was_said(
    output_version: Any, make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LC-18, LC-41: a checkpointer's second turn replays reasoning, calls and answers."""
    cerebras_emulator.script(
        calling("Oslo", content="Let me look.", reasoning="A tool."), "Sunny.", "You are welcome."
    )
    model = make_chat(output_version=output_version)
    agent: Any = create_agent(model, [get_weather], checkpointer=InMemorySaver())
    agent.invoke(ASKED, THREAD)
    state = agent.invoke({"messages": [HumanMessage("Thanks.")]}, THREAD)
    assert state["messages"][-1].text == "You are welcome."
    asked, called, answer, said, thanks = cerebras_emulator.requests[-1].body["messages"]
    assert called["content"] == "Let me look."
    assert called["reasoning"] == "A tool."
    assert called["tool_calls"][0]["id"] == answer["tool_call_id"]
    assert (said["content"], thanks["content"]) == ("Sunny.", "Thanks.")
    assert asked["role"] == "user"


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("merge_deltas", [False, True])
def test_streamed_messages_add_up(
    output_version: Any,
    merge_deltas: bool,
    make_chat: Callable[..., ChatCerebras],
    cerebras_emulator: RunningEmulator,
) -> None:
    """LC-38: what `stream_mode="messages"` gives of one message is that message."""
    cerebras_emulator.script(
        calling("Oslo", "Bergen", content="Let me look.", reasoning="A tool."), "Sunny in both."
    )
    model = make_chat(output_version=output_version, merge_deltas=merge_deltas)
    agent = create_agent(model, [get_weather])
    per_id: dict[str | None, AIMessageChunk] = {}
    for chunk, _about in agent.stream(ASKED, stream_mode="messages"):
        if isinstance(chunk, AIMessageChunk):
            per_id[chunk.id] = per_id[chunk.id] + chunk if chunk.id in per_id else chunk
    called, said = per_id.values()
    kinds = ["reasoning", "text", "tool_call", "tool_call"]
    assert [block["type"] for block in called.content_blocks] == kinds
    assert [call["args"]["city"] for call in called.tool_calls] == ["Oslo", "Bergen"]
    assert said.text == "Sunny in both."


def test_several_stream_modes_through_a_subgraph(
    make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """Section 22.5: an agent inside a graph streams from its own depth."""
    cerebras_emulator.script(calling("Oslo"), "Sunny.", "In short: sunny.")
    model = make_chat()
    graph: Any = StateGraph(MessagesState)
    graph.add_node("inner", create_agent(model, [get_weather], name="inner"))
    graph.add_node("outer", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_edge(START, "inner")
    graph.add_edge("inner", "outer")
    graph.add_edge("outer", END)
    seen: dict[tuple[int, str], list[Any]] = {}
    modes = ["messages", "updates"]
    for where, mode, part in graph.compile().stream(ASKED, stream_mode=modes, subgraphs=True):
        seen.setdefault((len(where), mode), []).append(part)
    assert seen.keys() == {(depth, mode) for depth in (0, 1) for mode in modes}
    outer = [message for message, _about in seen[0, "messages"]]
    assert "".join(message.text for message in outer) == "In short: sunny."
    assert seen[0, "updates"][-1]["outer"]["messages"][0].text == "In short: sunny."


def test_agent_streams_events_of_the_newer_protocol(
    make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """Section 8: a graph consumed with v3 gives each message as a stream of its own."""
    cerebras_emulator.script(calling("Oslo", content="Let me look."), "Sunny.")
    agent: Any = create_agent(make_chat(), [get_weather])
    run = agent.stream_events(ASKED, version="v3")
    said = [(str(message.text), len(message.tool_calls.get())) for message in run.messages]
    assert said == [("Let me look.", 1), ("Sunny.", 0)]
    assert run.output["messages"][-1].text == "Sunny."


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ({"type": "approve"}, "sunny in Oslo"),
        ({"type": "reject", "message": "Not now."}, "Not now."),
        (
            {"type": "edit", "edited_action": {"name": "get_weather", "args": {"city": "Bergen"}}},
            "sunny in Bergen",
        ),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_human_in_the_loop(
    decision: dict[str, Any],
    said: str,
    make_chat: Callable[..., ChatCerebras],
    cerebras_emulator: RunningEmulator,
) -> None:
    """Section 11: calls that wait for a person keep their ids, whatever is decided."""
    cerebras_emulator.script(calling("Oslo"), "Done.")
    middleware: Any = HumanInTheLoopMiddleware(interrupt_on={"get_weather": True})
    agent: Any = create_agent(
        make_chat(), [get_weather], middleware=[middleware], checkpointer=InMemorySaver()
    )
    assert "__interrupt__" in agent.invoke(ASKED, THREAD)
    state = agent.invoke(Command(resume={"decisions": [decision]}), THREAD)
    assert state["messages"][-1].text == "Done."
    assert said in cerebras_emulator.requests[-1].body["messages"][-1]["content"]


def test_what_is_injected_is_not_shown_to_the_model(
    make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LC-49: a tool's runtime, state and call id are LangGraph's to fill in."""

    @tool
    async def note(
        text: str, runtime: ToolRuntime, call_id: Annotated[str, InjectedToolCallId]
    ) -> str:
        """Notes a text."""
        return f"{text} {len(runtime.state['messages'])} {call_id == runtime.tool_call_id}"

    cerebras_emulator.script(
        {"tool_calls": [{"name": "note", "arguments": {"text": "milk"}}]}, "Noted."
    )
    agent: Any = create_agent(make_chat(), [note])
    state = asyncio.run(agent.ainvoke(ASKED))
    (answer,) = (message for message in state["messages"] if isinstance(message, ToolMessage))
    assert answer.content == "milk 2 True"
    (sent,) = cerebras_emulator.requests[0].body["tools"]
    assert list(sent["function"]["parameters"]["properties"]) == ["text"]


def test_wrong_structured_answer_is_asked_for_again(
    make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """Section 11: `ToolStrategy` tells the model what was wrong; two answers count as wrong."""
    wrong = {"tool_calls": [{"name": "Report", "arguments": {"town": "Oslo"}}]}
    right = {"name": "Report", "arguments": {"city": "Oslo"}}
    cerebras_emulator.script(
        wrong, {"tool_calls": [right, {**right, "id": "b2c3d4e5f"}]}, {"tool_calls": [right]}
    )
    agent: Any = create_agent(make_chat(), response_format=ToolStrategy(Report))
    assert agent.invoke(ASKED)["structured_response"] == Report(city="Oslo")
    assert len(cerebras_emulator.requests) == 3


def test_retry_middleware_around_a_failing_service(
    make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LC-68: what can pass is tried again, what cannot ends the run at once."""
    middleware: Any = ModelRetryMiddleware(max_retries=2, initial_delay=0, on_failure="error")
    agent: Any = create_agent(make_chat(max_retries=0), [], middleware=[middleware])
    cerebras_emulator.script({"status": 503}, {"status": 429}, "Here.")
    assert agent.invoke(ASKED)["messages"][-1].text == "Here."
    assert len(cerebras_emulator.requests) == 3


@pytest.mark.parametrize(
    "middleware",
    [
        ToolCallLimitMiddleware(run_limit=1, exit_behavior="continue"),
        ModelCallLimitMiddleware(run_limit=2, exit_behavior="end"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_limits_leave_a_history_the_service_takes(
    middleware: Any, make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """Section 11: whatever limits put into the messages, a later call may send them."""
    cerebras_emulator.script(calling("Oslo"), calling("Bergen"), "Done.")
    model = make_chat()
    state: Any = create_agent(model, [get_weather], middleware=[middleware]).invoke(ASKED)
    assert model.invoke([*state["messages"], HumanMessage("And now?")]).text


def test_model_selects_tools_for_itself(
    make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """Section 10: middleware that asks for structured output on its own account."""
    cerebras_emulator.script('{"tools": ["get_time"]}', "Noon.")
    selector: Any = LLMToolSelectorMiddleware(model=make_chat(), max_tools=1)
    agent: Any = create_agent(
        make_chat(), [get_weather, get_time], middleware=[selector, TodoListMiddleware()]
    )
    assert agent.invoke(ASKED)["messages"][-1].text == "Noon."
    offered = [t["function"]["name"] for t in cerebras_emulator.requests[-1].body["tools"]]
    assert "get_time" in offered
    assert "get_weather" not in offered
