"""Loops, threads, early ends: what a model leaves behind (LC-29, LC-35, LC-44, LC-81)."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext._http import http_library
from langchain_cerebras_ext import CerebrasLLM, ChatCerebras
from tests.langchain.support import KEY, MODEL, QUIET_BETA, Reply, Service, sse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from cerebras_ext.emulator.server import RunningEmulator

pytestmark = QUIET_BETA


class Body:
    """A reply's body that notes whether it was closed; `httpx` calls either pair of methods."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.n_given = 0
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.n_given += 1
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.n_given += 1
            yield piece

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True


def watched() -> tuple[ChatCerebras, Body]:
    """A model whose stream arrives piece by piece, and that stream's body."""
    chunks = Reply(content="one two three four five six").chunks(piece=4)
    body = Body([sse([chunk], done=False) for chunk in chunks])
    httpx = http_library()
    bases = (Body, httpx.SyncByteStream, httpx.AsyncByteStream)
    stream = type("Stream", bases, {})(body.pieces)
    headers = {"content-type": "text/event-stream"}
    service = Service([lambda _request, lib: lib.Response(200, headers=headers, stream=stream)])
    return ChatCerebras(model=MODEL, api_key=KEY, max_retries=0, **service.clients()), stream


def test_early_break_closes_the_response() -> None:
    """LC-29: a consumer that stops leaves no open response."""
    model, body = watched()
    for _chunk in model.stream("Hi"):
        break
    gc.collect()
    assert body.is_closed
    assert body.n_given < len(body.pieces)


async def test_early_break_closes_the_response_async() -> None:
    """LC-29: likewise with `aclose`."""
    model, body = watched()
    chunks = model.astream("Hi")
    await anext(chunks)
    await chunks.aclose()  # type: ignore[attr-defined]
    assert body.is_closed
    assert body.n_given < len(body.pieces)


def test_exception_of_the_consumer_closes_the_response() -> None:
    """LC-29: and when the consumer fails."""
    model, body = watched()
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the loop is the consumer
        for _chunk in model.stream("Hi"):
            raise ZeroDivisionError
    gc.collect()
    assert body.is_closed


async def test_cancelled_stream_closes_the_response() -> None:
    """LC-29: cancellation in the middle."""
    model, body = watched()
    first, never = asyncio.Event(), asyncio.Event()

    async def consume() -> None:
        async for _chunk in model.astream("Hi"):
            first.set()
            await never.wait()

    task = asyncio.create_task(consume())
    await first.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gc.collect()
    for _ in range(20):  # the loop closes what was abandoned, one generator a turn
        await asyncio.sleep(0)
    assert body.is_closed


def test_response_is_closed_before_the_last_event() -> None:
    """LC-44: the driver stops pulling at `message-finish`, so nothing may be left to do."""
    model, body = watched()
    events = model._stream_chat_model_events([])
    for event in model.stream_events("Hi", version="v3"):
        if event["event"] == "message-finish":
            assert body.is_closed
    events.close()  # type: ignore[attr-defined]


def test_abandoned_event_stream_gives_the_connection_up() -> None:
    """LC-44: the sync stream object has no `close`; forgetting it is enough."""
    model, body = watched()
    running = model.stream_events("Hi", version="v3")
    next(iter(running))
    del running
    gc.collect()
    assert body.is_closed


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_one_model_works_under_several_event_loops(
    make_chat: Callable[..., ChatCerebras],
) -> None:
    """LC-35: several `asyncio.run` in a row, and no connection of a dead loop is left open."""
    model = make_chat()

    async def both() -> str:
        chunks = [chunk async for chunk in model.astream("Hi")]
        return (await model.ainvoke("Hi")).text + chunks[0].text

    assert len({asyncio.run(both()) for _ in range(3)}) == 1
    gc.collect()


async def test_async_calls_make_no_thread(
    make_chat: Callable[..., ChatCerebras], monkeypatch: pytest.MonkeyPatch
) -> None:
    """LC-35: native async, without a hop to an executor."""
    loop = asyncio.get_running_loop()

    def refuse(*_args: Any) -> Any:
        raise AssertionError("a thread was used")

    model = make_chat()
    await model.ainvoke("warm up")  # core imports what it needs
    monkeypatch.setattr(loop, "run_in_executor", refuse)
    await model.ainvoke("Hi")
    async for _chunk in model.astream("Hi"):
        pass
    await (await model.astream_events("Hi", version="v3")).output


def test_threads_share_a_model(make_chat: Callable[..., ChatCerebras]) -> None:
    """LC-81: hooks are thread-safe and re-entrant."""
    model = make_chat()
    prompts = [f"What is {i} plus {i}?" for i in range(32)]
    expected = [model.invoke(prompt).text for prompt in prompts]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda prompt: model.invoke(prompt).text, prompts)) == expected
    assert [message.text for message in model.batch(prompts)] == expected


async def test_tasks_share_a_model(make_chat: Callable[..., ChatCerebras]) -> None:
    """LC-81: `abatch` gathers."""
    model = make_chat()
    prompts = [f"What is {i} plus {i}?" for i in range(16)]
    expected = [(await model.ainvoke(prompt)).text for prompt in prompts]
    assert [message.text for message in await model.abatch(prompts)] == expected


def test_models_with_equal_settings_share_a_client(
    make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LC-04: a model per request opens no connection of its own."""
    first, second = make_chat(temperature=0), make_chat(temperature=1)
    assert first._client() is second._client()
    assert first._async_client() is second._async_client()
    llm = CerebrasLLM(model=MODEL, api_key=KEY, base_url=cerebras_emulator.base_url)
    assert llm._client() is first._client()
    assert make_chat(timeout=5)._client() is not first._client()


def test_clients_outlive_the_model(make_chat: Callable[..., ChatCerebras]) -> None:
    """LC-04: connections are still open for the next request's model."""
    client = make_chat()._client()
    gc.collect()
    assert make_chat()._client() is client


def test_construction_makes_no_client() -> None:
    """LC-04: no I/O, no thread, no HTTP client before the first use."""
    model = ChatCerebras(model=MODEL, api_key=KEY)
    assert "_clients" not in vars(model)


async def test_warm_up_opens_a_connection(
    make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """Design section 7: opt-in, sync and async."""
    model = make_chat()
    model.warm_up()
    await model.awarm_up()
    assert [request.path for request in cerebras_emulator.requests] == ["/v1/tcp_warming"] * 2
