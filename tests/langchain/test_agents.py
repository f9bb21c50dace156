"""Agents and graphs: what LangChain and LangGraph do with the model (section 11)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    ModelFallbackMiddleware,
    SummarizationMiddleware,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from cerebras_ext.catalog import all_models
from langchain_cerebras_ext import ChatCerebras
from langchain_cerebras_ext.errors import ContextOverflow, UnsupportedInput
from tests.langchain.support import KEY, QUIET_BETA, Reply, chat, status_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator import RunningEmulator

pytestmark = QUIET_BETA

ROWS = [row for row in all_models() if row.supports_tools]
CALL = {"tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]}
SAYS = {"has_tool_result": True, "content": "It is sunny in Oslo."}
REPORT = {"tool_calls": [{"name": "Report", "arguments": {"city": "Oslo", "is_sunny": True}}]}
ASKED = {"messages": [HumanMessage("How is the weather in Oslo?")]}


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


class Report(BaseModel):
    """A weather report."""

    city: str
    is_sunny: bool


@pytest.fixture
def make_row_chat(whole_service: RunningEmulator) -> Callable[..., ChatCerebras]:
    """Makes models of any row."""
    whole_service.reset()

    def make(model: str, **settings: Any) -> ChatCerebras:
        return ChatCerebras(model=model, api_key=KEY, base_url=whole_service.base_url, **settings)

    return make


@pytest.mark.filterwarnings("ignore:Model .* was retired")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_agent_with_tools(
    row: Any, make_row_chat: Callable[..., ChatCerebras], whole_service: RunningEmulator
) -> None:
    """LC-66: call, tool, answer, for each row."""
    whole_service.script(CALL, SAYS)
    agent = create_agent(make_row_chat(row.id), [get_weather])
    *_, answer, last = agent.invoke(ASKED)["messages"]
    assert answer.content == "sunny in Oslo"
    assert last.text == "It is sunny in Oslo."


@pytest.mark.filterwarnings("ignore:Model .* was retired")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_agent_with_response_format(
    row: Any, make_row_chat: Callable[..., ChatCerebras], whole_service: RunningEmulator
) -> None:
    """LC-51, LC-66: no tools but a schema; the profile makes it a tool for rows that need it."""
    whole_service.script(REPORT)
    agent = create_agent(make_row_chat(row.id), response_format=Report)
    assert agent.invoke(ASKED)["structured_response"] == Report(city="Oslo", is_sunny=True)


@pytest.mark.filterwarnings("ignore:Model .* was retired")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_agent_with_tools_and_response_format(
    row: Any, make_row_chat: Callable[..., ChatCerebras], whole_service: RunningEmulator
) -> None:
    """LC-66: both at once never sends what the row refuses."""
    whole_service.script(CALL, REPORT)
    agent = create_agent(make_row_chat(row.id), [get_weather], response_format=Report)
    assert agent.invoke(ASKED)["structured_response"] == Report(city="Oslo", is_sunny=True)
    both = [{"tools", "response_format"} <= r.body.keys() for r in whole_service.requests]
    assert not any(both)


def test_agent_with_native_output_where_it_works(
    make_row_chat: Callable[..., ChatCerebras], whole_service: RunningEmulator
) -> None:
    """LC-66: `ProviderStrategy` without tools sends the schema and reads the text."""
    whole_service.script({"content": '{"city": "Oslo", "is_sunny": true}', "reasoning": "Hm."})
    agent = create_agent(make_row_chat("gpt-oss-120b"), response_format=ProviderStrategy(Report))
    assert agent.invoke(ASKED)["structured_response"] == Report(city="Oslo", is_sunny=True)
    assert whole_service.requests[0].body["response_format"]["type"] == "json_schema"


def test_agent_that_asks_for_the_impossible_is_told(
    make_row_chat: Callable[..., ChatCerebras],
) -> None:
    """LC-66: native output and tools on a model that refuses both: an error with the way out."""
    agent = create_agent(
        make_row_chat("gpt-oss-120b"), [get_weather], response_format=ProviderStrategy(Report)
    )
    with pytest.raises(UnsupportedInput, match="ToolStrategy"):
        agent.invoke(ASKED)


def test_agent_with_a_tool_strategy(
    make_row_chat: Callable[..., ChatCerebras], whole_service: RunningEmulator
) -> None:
    """Section 11: artificial tools and a forced choice."""
    whole_service.script(REPORT)
    agent = create_agent(make_row_chat("qwen-3.8-27b"), response_format=ToolStrategy(Report))
    assert agent.invoke(ASKED)["structured_response"].city == "Oslo"
    assert whole_service.requests[0].body["tool_choice"] == "required"


def test_agent_without_tools(
    make_row_chat: Callable[..., ChatCerebras], whole_service: RunningEmulator
) -> None:
    """Section 11: no tools at all binds nothing."""
    whole_service.script("Hello.")
    agent = create_agent(make_row_chat("gpt-oss-120b"), [])
    assert agent.invoke(ASKED)["messages"][-1].text == "Hello."
    assert "tools" not in whole_service.requests[0].body


@pytest.mark.parametrize("is_async", [False, True])
def test_agent_streams_messages(
    is_async: bool, make_row_chat: Callable[..., ChatCerebras], whole_service: RunningEmulator
) -> None:
    """Section 22.5: `stream_mode="messages"` gives the model's own chunks, calls included."""
    whole_service.script({**CALL, "reasoning": "A tool."}, SAYS)
    agent = create_agent(make_row_chat("gpt-oss-120b"), [get_weather])

    async def collect() -> list[Any]:
        return [part async for part in agent.astream(ASKED, stream_mode="messages")]

    parts = (
        asyncio.run(collect()) if is_async else list(agent.stream(ASKED, stream_mode="messages"))
    )
    chunks = [message for message, _ in parts if isinstance(message, AIMessageChunk)]
    assert len(chunks) > 4
    assert "".join(chunk.text for chunk in chunks) == "It is sunny in Oslo."
    arguments = "".join(call["args"] or "" for c in chunks for call in c.tool_call_chunks)
    assert arguments.replace(" ", "") == '{"city":"Oslo"}'
    assert [m.content for m, _ in parts if isinstance(m, ToolMessage)] == ["sunny in Oslo"]


@pytest.mark.parametrize("mode", ["values", "updates"])
def test_agent_streams_states(
    mode: Any, make_row_chat: Callable[..., ChatCerebras], whole_service: RunningEmulator
) -> None:
    """Section 22.5: the other streaming modes see whole messages."""
    whole_service.script(CALL, SAYS)
    agent = create_agent(make_row_chat("gpt-oss-120b"), [get_weather])
    states = list(agent.stream(ASKED, stream_mode=mode))
    last = states[-1]["messages"][-1] if mode == "values" else states[-1]["model"]["messages"][-1]
    assert last.text == "It is sunny in Oslo."


def test_truncated_call_runs_no_tool(
    make_row_chat: Callable[..., ChatCerebras], whole_service: RunningEmulator
) -> None:
    """LC-33: an agent that streams does not run a tool with half of its arguments."""
    ran: list[str] = []

    @tool
    def remove(path: str) -> str:
        """Removes a file."""
        ran.append(path)
        return "gone"

    cut = {"name": "remove", "arguments": '{"path": "data/'}
    whole_service.script({"tool_calls": [cut], "finish_reason": "length"}, "Sorry.")
    agent = create_agent(make_row_chat("gpt-oss-120b"), [remove])
    list(agent.stream(ASKED, stream_mode="messages"))
    assert ran == []


def test_summarisation_retries_after_an_overflow() -> None:
    """LC-67: the middleware knows `ContextOverflowError`, and summarises less."""
    overflow = status_reply(
        400,
        message="Please reduce the length of the messages or completion. Current length is 9 "
        "while limit is 5",
        code="context_length_exceeded",
    )
    summariser, summaries = chat(overflow, Reply(content="They spoke of the weather."))
    model, service = chat(Reply(content="Bye."))
    middleware = SummarizationMiddleware(summariser, trigger=("messages", 3), keep=("messages", 1))
    agent = create_agent(model, middleware=[middleware])
    history = [HumanMessage(f"The weather on day {i} " + "was fine. " * 50) for i in range(4)]
    agent.invoke({"messages": history})
    first, second = (len(str(request["messages"])) for request in summaries.requests)
    assert second < first
    assert "They spoke of the weather." in str(service.last["messages"])


def test_overflow_says_how_long_and_how_long_it_may_be() -> None:
    """LC-74: the numbers of the service's message are on the error."""
    model, _ = chat(
        status_reply(
            400,
            message="Current length is 9 while limit is 5",
            code="context_length_exceeded",
        )
    )
    with pytest.raises(ContextOverflow) as caught:
        model.invoke("Hi")
    assert (caught.value.current_tokens, caught.value.limit_tokens) == (9, 5)


def test_summarisation_by_fraction_of_the_window() -> None:
    """LC-67: the profile's window and the reply's token counts drive the middleware."""
    usage = {"prompt_tokens": 90, "completion_tokens": 5, "total_tokens": 95}
    settings = {"model_facts": {"context_window": 100}}
    summariser, summaries = chat(Reply(content="They spoke of the weather."), **settings)
    model, service = chat(Reply(content="Sunny.", extra={"usage": usage}), Reply(content="Bye."))
    middleware = SummarizationMiddleware(
        summariser, trigger=("fraction", 0.8), keep=("messages", 1)
    )
    agent = create_agent(model, middleware=[middleware])
    state = agent.invoke({"messages": [HumanMessage("How is the weather?")]})
    assert summaries.requests == []
    agent.invoke({"messages": [*state["messages"], HumanMessage("And now?")]})
    assert len(summaries.requests) == 1
    assert "They spoke of the weather." in str(service.last["messages"])


def test_context_editing_counts_offline() -> None:
    """LC-69: `get_num_tokens_from_messages(messages, tools)` without a tokenizer."""
    model, service = chat(Reply(content="Done."))
    edit = ClearToolUsesEdit(trigger=10, keep=0)
    middleware = ContextEditingMiddleware(edits=[edit], token_count_method="model")
    agent = create_agent(model, [get_weather], middleware=[middleware])
    history = [
        HumanMessage("Hi"),
        AIMessage("", tool_calls=[{"name": "get_weather", "args": {"city": "Oslo"}, "id": "c1"}]),
        ToolMessage("a very long answer " * 50, tool_call_id="c1"),
        HumanMessage("Thanks"),
    ]
    agent.invoke({"messages": history})
    assert "a very long answer" not in str(service.last["messages"])


def test_fallback_takes_over_a_foreign_history() -> None:
    """LC-70: another provider's messages are translated, whatever is in them."""
    first, _ = chat(status_reply(503, message="down"))
    second, service = chat(Reply(content="Here."))
    agent = create_agent(first, middleware=[ModelFallbackMiddleware(second)])
    foreign = AIMessage(
        [
            {"type": "thinking", "thinking": "secret", "signature": "x"},
            {"type": "text", "text": "Hello."},
        ],
        response_metadata={"model_provider": "anthropic"},
    )
    state = agent.invoke({"messages": [HumanMessage("Hi"), foreign, HumanMessage("Go on")]})
    assert state["messages"][-1].text == "Here."
    assert service.last["messages"][1] == {"role": "assistant", "content": "Hello."}
