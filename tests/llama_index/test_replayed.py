"""`Cerebras` in the tasks its users have, replayed from cassettes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llama_index_cerebras_ext import Cerebras
from tests.llama_index.support import CORE_WARNINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.cassettes import RecordedService

pytestmark = [pytest.mark.vcr, CORE_WARNINGS]

QUESTION = "The museum opens at 10:00 and closes at 17:30. When does the museum close?"


class Opening(BaseModel):
    """When something is open."""

    place: str
    closes_at: str


def weather(city: str) -> str:
    """The weather in a city."""
    return f"It is 4 degrees and raining in {city}."


@pytest.fixture(params=["gpt-oss-120b", "qwen-3.8-27b"])
async def llm(
    request: pytest.FixtureRequest, cassette_service: RecordedService
) -> AsyncIterator[Cerebras]:
    """A model of each family."""
    llm = Cerebras(
        model=request.param,
        base_url=cassette_service.base_url,
        api_key=cassette_service.api_key,
        max_tokens=2_000,
    )
    yield llm
    llm.close()
    await llm.aclose()


async def _all(items: Any) -> list[Any]:
    return [item async for item in await items]


def _is_whole(response: Any) -> bool:
    return "17:30" in response.message.content and response.raw["usage"]["completion_tokens"] > 0


async def test_chat_answers(llm: Cerebras) -> None:
    """LI-14, LI-24: whole and streamed, sync and async, an answer comes with its usage."""
    messages = [ChatMessage(role="user", content=QUESTION)]
    assert _is_whole(llm.chat(messages))
    assert _is_whole(await llm.achat(messages))
    assert _is_whole(list(llm.stream_chat(messages))[-1])
    assert _is_whole((await _all(llm.astream_chat(messages)))[-1])


async def test_complete_answers(llm: Cerebras) -> None:
    """LI-15: completions carry the chat's text, usage and finish reason."""
    answers = [
        llm.complete(QUESTION),
        await llm.acomplete(QUESTION),
        list(llm.stream_complete(QUESTION))[-1],
        (await _all(llm.astream_complete(QUESTION)))[-1],
    ]
    for answer in answers:
        assert "17:30" in answer.text
        assert answer.additional_kwargs["finish_reason"] == "stop"


def test_reasoning_is_a_block_and_goes_back(llm: Cerebras) -> None:
    """LI-23, LI-30: reasoning is a block of its own; the next turn takes the reply as it is."""
    history = [ChatMessage(role="user", content=QUESTION)]
    reply = llm.chat(history).message
    assert isinstance(reply.blocks[0], ThinkingBlock)
    follow_up = ChatMessage(role="user", content="And when does it open?")
    assert llm.chat([*history, reply, follow_up]).message.content


def test_tools_are_called_and_answered(llm: Cerebras) -> None:
    """LI-32, LI-41: a tool is called with its arguments, and its result is used."""
    tool = FunctionTool.from_defaults(weather)
    asked = ChatMessage(role="user", content="What is the weather in Oslo?")
    response = llm.chat_with_tools([tool], chat_history=[asked], tool_required=True)
    (call,) = llm.get_tool_calls_from_response(response)
    assert (call.tool_name, call.tool_kwargs) == ("weather", {"city": "Oslo"})
    result = ChatMessage(
        role="tool",
        content=str(tool(**call.tool_kwargs)),
        additional_kwargs={"tool_call_id": call.tool_id},
    )
    final = llm.chat_with_tools([tool], chat_history=[asked, response.message, result])
    assert "4" in (final.message.content or "")


async def test_structured_prediction(llm: Cerebras) -> None:
    """LI-45, LI-49: an object comes back from all four methods; streams end with the whole one."""
    prompt = PromptTemplate("Extract from this text: {text}")
    text = "The place Munch Museum closes at 17:30."
    streamed = list(llm.stream_structured_predict(Opening, prompt, text=text))
    found = [
        llm.structured_predict(Opening, prompt, text=text),
        await llm.astructured_predict(Opening, prompt, text=text),
        streamed[-1],
        (await _all(llm.astream_structured_predict(Opening, prompt, text=text)))[-1],
    ]
    assert all(isinstance(each, Opening) and each.place and each.closes_at for each in found)


async def test_function_agent(llm: Cerebras) -> None:
    """LI-52: an agent calls its tool and answers from the result."""
    agent = FunctionAgent(tools=[FunctionTool.from_defaults(weather)], llm=llm)
    answer = str(await agent.run(user_msg="What is the weather in Oslo?"))
    assert "4" in answer
