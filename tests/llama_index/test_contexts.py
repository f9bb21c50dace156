"""Chat stores, contexts and people between two runs of an agent: §8, LI-54."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pydantic
import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock, ToolCallBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.storage.chat_store import SimpleChatStore
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import (
    Context,
    HumanResponseEvent,
    InputRequiredEvent,
    JsonSerializer,
)
from pydantic_core import PydanticSerializationError

from tests.llama_index.support import CORE_WARNINGS

if TYPE_CHECKING:
    from cerebras_ext.emulator.server import RunningEmulator
    from llama_index_cerebras_ext import Cerebras

pytestmark = CORE_WARNINGS


def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


WEATHER = FunctionTool.from_defaults(weather)
ONE_CALL = {
    "reasoning": "I need it.",
    "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}],
}
DONE = {"reasoning": "I know now.", "content": "Sunny.", "has_tool_result": True}
AGAIN = {"content": "Still sunny."}


def can_dump_chats() -> bool:
    """Whether core can dump a chat store at all, be there but one plain message in it."""
    store = SimpleChatStore(store={"a": [ChatMessage(content="Hi")]})
    try:
        store.model_dump_json()
    except PydanticSerializationError as error:
        assert "index_key" in str(error)  # noqa: PT017 - why it cannot, see the documentation
        return False
    return True


needs_chat_dumps = pytest.mark.skipif(
    not can_dump_chats(), reason="this core cannot dump chats with this pydantic, whatever is said"
)


def test_the_page_is_right_about_dumps_of_chats() -> None:
    """Core's serializer of messages is at odds with pydantic 2.14; no message can help it."""
    version = tuple(map(int, pydantic.VERSION.split(".")[:2]))
    assert can_dump_chats() is (version < (2, 14))


@needs_chat_dumps
def test_a_chat_store_keeps_reasoning_and_calls(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§8: what is in our messages survives the store's own JSON."""
    cerebras_emulator.script(ONE_CALL)
    message = llm.chat_with_tools([WEATHER], user_msg="?").message
    store = SimpleChatStore(store={"a": [message]})
    back = SimpleChatStore.model_validate_json(store.model_dump_json())
    assert back.get_messages("a") == [message]
    assert [type(block) for block in message.blocks] == [ThinkingBlock, ToolCallBlock]


@needs_chat_dumps
@pytest.mark.parametrize("is_dumped", [False, True])
async def test_a_context_carries_the_conversation(
    is_dumped: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-54: core dumps the memory between runs; reasoning and calls go out again."""
    cerebras_emulator.script(ONE_CALL, DONE, AGAIN)
    agent: Any = FunctionAgent(tools=[WEATHER], llm=llm)
    context = Context(agent)
    await agent.run(user_msg="The weather in Oslo?", ctx=context)
    if is_dumped:
        dumped = json.dumps(context.to_dict(serializer=JsonSerializer()))
        context = Context.from_dict(agent, json.loads(dumped), serializer=JsonSerializer())
    assert str(await agent.run(user_msg="Sure?", ctx=context)) == "Still sunny."
    assert_whole_history(cerebras_emulator)


async def test_a_memory_carries_the_conversation(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-52: given to each run, with any pydantic."""
    cerebras_emulator.script(ONE_CALL, DONE, AGAIN)
    agent: Any = FunctionAgent(tools=[WEATHER], llm=llm)
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    await agent.run(user_msg="The weather in Oslo?", memory=memory)
    assert str(await agent.run(user_msg="Sure?", memory=memory)) == "Still sunny."
    assert_whole_history(cerebras_emulator)


def assert_whole_history(emulator: RunningEmulator) -> None:
    """The last request holds both turns, with reasoning, call and result of the first."""
    messages = emulator.requests[2].body["messages"]
    assert [each["role"] for each in messages] == ["user", "assistant", "tool", "assistant", "user"]
    assert messages[1]["reasoning"] == "I need it."
    assert messages[1]["tool_calls"][0]["id"] == messages[2]["tool_call_id"]


async def test_a_person_may_answer_within_a_tool(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§8: a tool that takes the context waits for somebody; the context can be dumped meanwhile."""

    async def erase(ctx: Context, name: str) -> str:
        """Erases a file."""
        asked = InputRequiredEvent(prefix=f"Erase {name}?")  # type: ignore[call-arg]
        said = await ctx.wait_for_event(HumanResponseEvent, waiter_event=asked, waiter_id="1")
        return f"Erased {name}" if said.response == "yes" else "Kept"

    erase.__annotations__["ctx"] = Context  # core does not look behind annotations that are text
    call = {"reasoning": "I ask.", "tool_calls": [{"name": "erase", "arguments": {"name": "a"}}]}
    cerebras_emulator.script(call, {"content": "It is gone."})
    workflow: Any = AgentWorkflow.from_tools_or_functions([erase], llm=llm)
    run = workflow.run(user_msg="Erase a.")
    async for event in run.stream_events():
        if isinstance(event, InputRequiredEvent):
            with nullcontext() if can_dump_chats() else pytest.warns(match="unserializable"):
                json.dumps(run.ctx.to_dict(serializer=JsonSerializer()))
            run.ctx.send_event(HumanResponseEvent(response="yes"))  # type: ignore[call-arg]
    assert str(await run) == "It is gone."
    offered, answered = (request.body for request in cerebras_emulator.requests)
    parameters = offered["tools"][0]["function"]["parameters"]
    assert list(parameters["properties"]) == ["name"]  # the context is core's business
    assert answered["messages"][-1]["content"] == "Erased a"
    assert answered["messages"][1]["reasoning"] == "I ask."
