"""Streams open late and let go at once: LI-20 to LI-22, LI-54, LI-72."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.instrumentation import root_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms import ChatMessage
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel, Field

from cerebras_ext import CerebrasError
from llama_index_cerebras_ext import Cerebras
from tests.llama_index.support import (
    HELLO,
    KEY,
    MODEL,
    call_delta,
    chunk,
    events,
    last_chunk,
    served,
    text_chunk,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator

    from llama_index.core.instrumentation.events import BaseEvent

QUESTION = [ChatMessage(role="user", content="?")]
SYNC = ["stream_chat", "stream_complete"]
ASYNC = ["astream_chat", "astream_complete"]


def given_to(method: str) -> Any:
    return QUESTION if "chat" in method else "?"


def sync_stream(llm: Any, method: str) -> Generator[Any, None, None]:
    stream: Generator[Any, None, None] = getattr(llm, method)(given_to(method))
    return stream


async def async_stream(llm: Any, method: str) -> AsyncGenerator[Any, None]:
    stream: AsyncGenerator[Any, None] = await getattr(llm, method)(given_to(method))
    return stream


class Hoarder(BaseEventHandler):
    """Keeps every event, and with an exception its traceback, as some tracers do."""

    kept: list[Any] = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "Hoarder"

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.kept.append(event)


@pytest.fixture(autouse=True, params=["heard", "unheard"])
def _hoarder(request: pytest.FixtureRequest) -> Iterator[None]:
    """Letting go must not depend on whether somebody listens, and keeps what was heard."""
    if request.param == "unheard":
        yield
        return
    handler = Hoarder()
    root_dispatcher.add_event_handler(handler)
    yield
    root_dispatcher.event_handlers.remove(handler)


@pytest.mark.parametrize("method", SYNC)
def test_nothing_is_sent_before_the_first_item(method: str) -> None:
    """LI-20: and a stream that nobody reads opens nothing."""
    llm, service = served(events(*HELLO))
    stream = sync_stream(llm, method)
    assert service.requests == []
    next(stream)
    assert len(service.requests) == 1


@pytest.mark.parametrize("method", ASYNC)
async def test_nothing_is_sent_before_the_first_async_item(method: str) -> None:
    """LI-20: the same for async."""
    llm, service = served(events(*HELLO))
    stream = await async_stream(llm, method)
    assert service.requests == []
    await anext(stream)
    assert len(service.requests) == 1
    await stream.aclose()


def test_core_may_refuse_after_making_a_stream() -> None:
    """LI-20: `LLM.stream` with an output parser raises, and nothing was opened."""

    class Answer(BaseModel):
        text: str

    llm, service = served(events(*HELLO), output_parser=PydanticOutputParser(Answer))
    with pytest.raises(NotImplementedError):
        llm.stream(PromptTemplate("?"))
    assert service.requests == []


@pytest.mark.parametrize("method", SYNC)
def test_closing_a_stream_closes_the_response(method: str) -> None:
    """LI-21: at once, whatever observers keep."""
    llm, service = served(events(*HELLO))
    stream = sync_stream(llm, method)
    next(stream)
    stream.close()
    assert service.bodies[0].is_closed
    assert service.bodies[0].n_taken < len(HELLO)


@pytest.mark.parametrize("method", ASYNC)
async def test_closing_an_async_stream_closes_the_response(method: str) -> None:
    """LI-21: when `aclose` returns, not on a later tick."""
    llm, service = served(events(*HELLO))
    stream = await async_stream(llm, method)
    await anext(stream)
    await stream.aclose()
    assert service.bodies[0].is_closed


def test_leaving_the_loop_and_forgetting_the_stream_closes_it() -> None:
    """LI-21: `break`, and the last reference goes."""
    llm, service = served(events(*HELLO))
    for _ in llm.stream_chat(QUESTION):
        break
    gc.collect()
    assert service.bodies[0].is_closed


@pytest.mark.parametrize("method", ASYNC)
async def test_forgetting_an_async_stream_closes_the_response(method: str) -> None:
    """LI-21: the loop does it, as soon as the last reference is gone."""
    llm, service = served(events(*HELLO))
    async for _ in await async_stream(llm, method):
        break
    async with asyncio.timeout(5):
        while not service.bodies[0].is_closed:
            gc.collect()
            await asyncio.sleep(0)


async def test_cancelling_the_consumer_closes_the_response() -> None:
    """LI-21: cancellation arrives and passes through."""
    llm, service = served(events(*HELLO))
    has_begun = asyncio.Event()

    async def consume() -> None:
        stream = await llm.astream_chat(QUESTION)
        try:
            async for _ in stream:
                has_begun.set()
                await asyncio.Event().wait()
        finally:
            await stream.aclose()

    task = asyncio.create_task(consume())
    await has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert service.bodies[0].is_closed


def test_an_error_of_the_consumer_closes_the_response() -> None:
    """LI-21: thrown into the stream, it comes back as it is."""
    llm, service = served(events(*HELLO))
    stream = llm.stream_chat(QUESTION)
    next(stream)
    with pytest.raises(KeyError, match="mine"):
        stream.throw(KeyError("mine"))
    assert service.bodies[0].is_closed


@pytest.mark.parametrize("method", SYNC)
def test_a_broken_stream_closes_the_response(method: str) -> None:
    """LI-21: after the error nothing is left open."""
    llm, service = served(events(*HELLO[:4], has_done=False))
    with pytest.raises(CerebrasError):
        list(sync_stream(llm, method))
    assert service.bodies[0].is_closed


def test_a_stream_can_be_resumed_after_a_break() -> None:
    """LI-21: the refine synthesizer stops in the middle and goes on."""
    llm, _ = served(events(*HELLO))
    stream = llm.stream_chat(QUESTION)
    for item in stream:
        if item.delta:
            break
    assert [item.delta for item in stream] == ["lo", ""]


def test_a_stream_may_be_read_in_another_thread() -> None:
    """LI-22: sync chat engines do."""
    llm, _ = served(events(*HELLO))
    stream = llm.stream_chat(QUESTION)
    texts: list[Any] = []
    thread = threading.Thread(target=lambda: texts.extend(item.delta for item in stream))
    thread.start()
    thread.join()
    assert "".join(texts) == "Hello"


async def test_a_stream_may_be_read_in_another_task() -> None:
    """LI-22: async chat engines do, even item by item."""
    llm, _ = served(events(*HELLO))
    stream = await llm.astream_chat(QUESTION)
    texts: list[Any] = []
    while True:
        try:
            item = await asyncio.create_task(anext(stream))  # type: ignore[arg-type]
        except StopAsyncIteration:
            break
        texts.append(item.delta)
    assert "".join(texts) == "Hello"


class Person(BaseModel):
    name: str
    age: int


PIECES = ['{"name": "A', 'nn", ', '"age": ', "3}"]
PERSON = events(*(chunk({"content": piece}) for piece in PIECES), last_chunk())
PERSON_CALL = events(
    chunk(call_delta("", 0, "a", "Person")),
    *(chunk(call_delta(piece)) for piece in PIECES),
    last_chunk("tool_calls"),
)
object_routes = pytest.mark.parametrize(
    ("mode", "pieces"), [("default", PERSON), ("function", PERSON_CALL)]
)


@object_routes
def test_closing_a_stream_of_objects_closes_the_response(mode: str, pieces: list[bytes]) -> None:
    """LI-21: through core's structured stream."""
    llm, service = served(pieces, pydantic_program_mode=mode)
    stream = llm.stream_structured_predict(Person, PromptTemplate("?"))
    next(stream)
    stream.close()
    assert service.bodies[0].is_closed


@object_routes
async def test_closing_an_async_stream_of_objects_closes_the_response(
    mode: str, pieces: list[bytes]
) -> None:
    """LI-21: when `aclose` returns, unlike core's own generator."""
    llm, service = served(pieces, pydantic_program_mode=mode)
    stream = await llm.astream_structured_predict(Person, PromptTemplate("?"))
    await anext(stream)
    await stream.aclose()
    assert service.bodies[0].is_closed


def test_an_item_costs_the_same_early_and_late() -> None:
    """LI-72: no item is made by going over what earlier items held."""
    llm, _ = served(events(*(chunk({"content": "x"}) for _ in range(200)), last_chunk()))
    n_calls = 0

    def count(*_: Any) -> None:
        nonlocal n_calls
        n_calls += 1

    marks: list[int] = []
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for _ in llm.stream_chat(QUESTION):
            marks.append(n_calls)  # noqa: PERF401 - the loop is what is measured
    finally:
        sys.setprofile(before)
    costs = [after - start for start, after in pairwise(marks)]
    assert len(costs) == 200
    assert min(costs[100:190]) <= min(costs[10:100])  # the collector may run in between


def test_text_streams_stop_too() -> None:
    """LI-21: on the text endpoint."""
    pieces = events(text_chunk("a"), text_chunk("b"), text_chunk("", "stop"))
    llm, service = served(pieces, is_chat_model=False)
    stream = llm.stream_complete("?")
    next(stream)
    stream.close()
    assert service.bodies[0].is_closed


class StreamingServer:
    """Sends the beginning of a stream to one client, and notes when that client hangs up."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.has_hung_up = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
        with self._listener, self._listener.accept()[0] as connection:
            connection.recv(65_536)
            connection.sendall(head + b"".join(events(*HELLO[:5], has_done=False)))
            while connection.recv(65_536):
                continue
            self.has_hung_up.set()


def test_the_server_sees_a_stream_being_left() -> None:
    """LI-21: the connection is closed, not only forgotten."""
    server = StreamingServer()
    with Cerebras(model=MODEL, api_key=KEY, base_url=server.url) as llm:
        for _ in llm.stream_chat(QUESTION):
            break
        gc.collect()
        assert server.has_hung_up.wait(5)


async def test_the_server_sees_an_async_stream_being_left() -> None:
    """LI-21: the same for async."""
    server = StreamingServer()
    async with Cerebras(model=MODEL, api_key=KEY, base_url=server.url) as llm:
        stream = await llm.astream_chat(QUESTION)
        await anext(stream)
        await stream.aclose()
        assert await asyncio.to_thread(server.has_hung_up.wait, 5)
