"""Sync and async, streamed and whole: one table of answers, the same requests and items: LI-71."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from cerebras_ext import CerebrasError
from tests.captures import Capture, captures, needs_captures
from tests.llama_index.support import (
    HELLO,
    HELLO_REPLY,
    TIME_INFO,
    USAGE,
    call_delta,
    chunk,
    events,
    last_chunk,
    reply,
    served,
    text_chunk,
    text_reply,
)
from tests.llama_index.test_endpoints import results_of

if TYPE_CHECKING:
    from llama_index_cerebras_ext import Cerebras
    from tests.llama_index.support import Service


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def weather(city: str) -> str:
    """The weather in a city."""
    return city


WEATHER = FunctionTool.from_defaults(weather)
HISTORY = [
    ChatMessage(role="system", content="Be brief."),
    ChatMessage(role="user", content="The weather in Oslo?"),
    ChatMessage(
        role="assistant",
        blocks=[ToolCallBlock(tool_call_id=None, tool_name="a.b", tool_kwargs={"x": "ä"})],
    ),
    ChatMessage(role="tool", content="Sunny"),
]
PERSON = '{"name": "Ann", "age": 3}'
KEYWORDS: dict[str, Any] = {"temperature": 0.5, "max_tokens": 9, "unknown": 1}


@dataclass(frozen=True)
class Case:
    """What the service sends, and the settings of the model that asks."""

    sent: Any
    settings: dict[str, Any] = field(default_factory=dict)

    def answer(self) -> Any:
        """What is sent to one model; a refusal can be read but once."""
        return refusal() if self.sent is REFUSAL else self.sent


REFUSAL = object()


def refusal() -> httpx.Response:
    return httpx.Response(400, json={"message": "no", "code": "wrong_api_format"})


def bytewise(pieces: list[bytes]) -> list[bytes]:
    return [bytes([byte]) for byte in b"".join(pieces)]


TOKEN = {"content": [{"token": "Hi", "logprob": -0.5, "top_logprobs": []}]}
TWO_AT_ONCE = {
    "tool_calls": [
        call_delta("{}", 0, "a", "weather")["tool_calls"][0],
        call_delta('{"city": "Oslo"}', 1, "b", "weather")["tool_calls"][0],
    ]
}
ERROR_FRAME = b'data: {"error": {"message": "no", "code": "x"}, "status_code": 503}\n\n'

STREAMS = {
    "reasoning and text": Case(events(*HELLO)),
    "without [DONE]": Case(events(*HELLO, has_done=False)),
    "in one piece": Case([b"".join(events(*HELLO))]),
    "in one piece, unmerged": Case([b"".join(events(*HELLO))], {"merge_deltas": False}),
    "byte by byte": Case(bytewise(events(*HELLO))),
    "calls in fragments": Case(
        events(
            chunk({"role": "assistant"}),
            chunk({"reasoning": "Hm."}),
            chunk(call_delta("", 0, "a", "weather")),
            chunk(call_delta('{"ci', 0)),
            chunk(call_delta('ty": "Os', 0)),
            chunk(call_delta('lo"}', 0)),
            chunk(call_delta('{"city": "Rome"}', 1, "b", "weather")),
            last_chunk("tool_calls"),
        )
    ),
    "calls in one chunk": Case(events(chunk(TWO_AT_ONCE), last_chunk("tool_calls"))),
    "cut arguments": Case(
        events(chunk(call_delta('{"city": "Os', 0, "a", "weather")), last_chunk("length"))
    ),
    "an object": Case(
        events(chunk({"content": '{"name": "A'}), chunk({"content": PERSON[11:]}), last_chunk())
    ),
    "log probabilities": Case(
        events(
            {**chunk(), "choices": [{"index": 0, "delta": {"content": "Hi"}, "logprobs": TOKEN}]},
            last_chunk(),
        )
    ),
    "usage at the end": Case(
        events(
            chunk({"content": "Hi"}),
            chunk(finish_reason="stop"),
            {**chunk(), "choices": [], "usage": USAGE, "time_info": TIME_INFO},
        )
    ),
    "nothing but reasoning": Case(events(chunk({"reasoning": "Hm."}), last_chunk("length"))),
    "nothing at all": Case(events(last_chunk())),
    "no finish": Case(events(*HELLO[:4], has_done=False)),
    "an error within": Case([*events(*HELLO[:4], has_done=False), ERROR_FRAME]),
    "no JSON within": Case([*events(*HELLO[:4], has_done=False), b"data: {nonsense\n\n"]),
    "a refusal": Case(REFUSAL),
    "no connection": Case(httpx.ConnectError("gone")),
    "text endpoint": Case(
        events(text_chunk("Hel"), text_chunk("lo"), text_chunk("", "stop", usage=USAGE)),
        {"is_chat_model": False},
    ),
}
"""Streams, faults included."""

CALL = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"x"}'}}
WHOLE = {
    "reasoning and text": Case(HELLO_REPLY),
    "calls": Case(reply({"tool_calls": [CALL, {**CALL, "id": "b"}]}, "tool_calls")),
    "an object": Case(reply({"content": PERSON})),
    "no object": Case(reply({"content": "I would rather not"}, "length")),
    "text endpoint": Case(text_reply("Hello"), {"is_chat_model": False}),
    "no choice": Case({**HELLO_REPLY, "choices": []}),
    "a refusal": Case(REFUSAL),
    "no connection": Case(httpx.ConnectError("gone")),
}
"""Whole replies, faults included."""


def shown(result: Any) -> Any:
    """All of a result; by name, for each stream makes the class of its partial objects anew."""
    values = result.model_dump() if isinstance(result, BaseModel) else str(result)
    return type(result).__name__, values


async def outcome_of(llm: Cerebras, route: str, *, is_streamed: bool) -> tuple[list[Any], Any]:
    """What came along a route, and the error that ended it, if one did.

    The route's name is a method's; it may be that of an async one.
    """
    seen: list[Any] = []
    try:
        if route.endswith("structured_predict"):
            given: Any = (Person, PromptTemplate("Someone from {place}."))
            result: Any = getattr(llm, route)(*given, place="Oslo")
        elif route.endswith("with_tools"):
            result = getattr(llm, route)([WEATHER], user_msg="?", chat_history=HISTORY, **KEYWORDS)
        else:
            seen += await results_of(llm, route, **KEYWORDS)
            return seen, None
        if hasattr(result, "__await__"):
            result = await result
        if not is_streamed:
            seen.append(result)
        elif hasattr(result, "__aiter__"):
            async for item in result:
                seen.append(item)
        else:
            for item in result:
                seen.append(item)
    except (CerebrasError, ValueError) as error:
        return seen, (type(error), str(error))
    return seen, None


def requests_of(service: Service) -> list[tuple[Any, ...]]:
    """What went out, but for the ids that each call draws anew."""
    return [
        (request.method, request.url, request.content, sorted(request.headers.keys()))
        for request in service.requests
    ]


STREAM_ROUTES = ["stream_chat", "stream_complete", "stream_chat_with_tools"]
STREAM_ROUTES += ["stream_structured_predict"]
WHOLE_ROUTES = ["chat", "complete", "chat_with_tools", "structured_predict"]


async def both_ways(case: Case, route: str, *, is_streamed: bool) -> None:
    """Asks sync and async, and compares all that can be seen."""
    llm, service = served(case.answer(), **case.settings)
    sync_items, sync_error = await outcome_of(llm, route, is_streamed=is_streamed)
    async_llm, async_service = served(case.answer(), **case.settings)
    items, error = await outcome_of(async_llm, f"a{route}", is_streamed=is_streamed)
    assert list(map(shown, items)) == list(map(shown, sync_items))
    assert error == sync_error
    assert requests_of(async_service) == requests_of(service) != []
    assert items or error


@pytest.mark.parametrize("route", STREAM_ROUTES)
@pytest.mark.parametrize("name", STREAMS)
async def test_sync_and_async_streams_are_the_same(name: str, route: str) -> None:
    """LI-71: equal requests, equal items, and equal errors, for the same bytes."""
    await both_ways(STREAMS[name], route, is_streamed=True)


@pytest.mark.parametrize("route", WHOLE_ROUTES)
@pytest.mark.parametrize("name", WHOLE)
async def test_sync_and_async_replies_are_the_same(name: str, route: str) -> None:
    """LI-71: equal requests, equal responses, and equal errors, for the same bytes."""
    await both_ways(WHOLE[name], route, is_streamed=False)


@pytest.mark.parametrize("route", ["chat", "complete", "chat_with_tools", "structured_predict"])
async def test_a_stream_asks_as_a_whole_call_does(route: str) -> None:
    """LI-71: but for the two fields that make it a stream."""
    llm, service = served(
        reply({"content": PERSON}), events(chunk({"content": PERSON}), last_chunk())
    )
    await outcome_of(llm, route, is_streamed=False)
    await outcome_of(llm, f"stream_{route}", is_streamed=True)
    whole, streamed = (json.loads(request.content) for request in service.requests)
    assert {**whole, "stream": True, "stream_options": {"include_usage": True}} == streamed


RECORDED_STREAMS = [one for one in captures("chat-stream") if "sse" in one.response]
RECORDED_REPLIES = [one for one in captures("chat") if not one.partial]


@needs_captures
@pytest.mark.parametrize("route", ["stream_chat", "stream_complete", "stream_chat_with_tools"])
@pytest.mark.parametrize("recorded", RECORDED_STREAMS, ids=lambda one: one.id)
async def test_real_streams_are_the_same_both_ways(recorded: Capture, route: str) -> None:
    """LI-71: what the service really sent, in the pieces in which it came."""
    sent = recorded.response["sse"].encode()
    sizes = recorded.response.get("network_chunk_bytes") or [len(sent)]
    ends = list(accumulate(sizes))
    pieces = [sent[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    await both_ways(Case(pieces), route, is_streamed=True)


@needs_captures
@pytest.mark.parametrize("recorded", RECORDED_REPLIES, ids=lambda one: one.id)
async def test_real_replies_are_the_same_both_ways(recorded: Capture) -> None:
    """LI-71: and what it answered unstreamed."""
    await both_ways(Case(recorded.response["body"]), "chat", is_streamed=False)
