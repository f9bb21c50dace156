"""Every way to call a chat model, as functions from model and input to the final message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.tracers._streaming import _StreamingCallbackHandler, _V2StreamingCallbackHandler

Run = Callable[[Any, Any], AIMessage]


class ChunkListener(BaseCallbackHandler, _StreamingCallbackHandler[Any]):
    """Makes `invoke` stream inside, as LangGraph does for `stream_mode="messages"`."""

    def tap_output_aiter(self, run_id: Any, output: AsyncIterator[Any]) -> AsyncIterator[Any]:
        return output

    def tap_output_iter(self, run_id: Any, output: Iterator[Any]) -> Iterator[Any]:
        return output


class EventListener(BaseCallbackHandler, _V2StreamingCallbackHandler):
    """Makes `invoke` go through content-block events, as LangGraph's newer protocol does."""


def summed(chunks: list[AIMessageChunk]) -> AIMessage:
    """What a stream's chunks add up to."""
    first, *others = chunks
    return first + others if others else first


def invoke(model: Any, given: Any) -> AIMessage:
    return model.invoke(given)


def ainvoke(model: Any, given: Any) -> AIMessage:
    return asyncio.run(model.ainvoke(given))


def stream(model: Any, given: Any) -> AIMessage:
    return summed(list(model.stream(given)))


def astream(model: Any, given: Any) -> AIMessage:
    async def collect() -> list[AIMessageChunk]:
        return [chunk async for chunk in model.astream(given)]

    return summed(asyncio.run(collect()))


def events(model: Any, given: Any) -> AIMessage:
    return model.stream_events(given, version="v3").output


def aevents(model: Any, given: Any) -> AIMessage:
    async def collect() -> AIMessage:
        running = await model.astream_events(given, version="v3")
        try:
            return await running.output
        finally:  # core's last callback comes after the output
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others, return_exceptions=True)

    return asyncio.run(collect())


def invoke_under_chunk_listener(model: Any, given: Any) -> AIMessage:
    return model.invoke(given, config={"callbacks": [ChunkListener()]})


def ainvoke_under_chunk_listener(model: Any, given: Any) -> AIMessage:
    return asyncio.run(model.ainvoke(given, config={"callbacks": [ChunkListener()]}))


def invoke_under_event_listener(model: Any, given: Any) -> AIMessage:
    return model.invoke(given, config={"callbacks": [EventListener()]})


def ainvoke_under_event_listener(model: Any, given: Any) -> AIMessage:
    return asyncio.run(model.ainvoke(given, config={"callbacks": [EventListener()]}))


PATHS: dict[str, Run] = {
    run.__name__: run
    for run in (
        invoke,
        ainvoke,
        stream,
        astream,
        events,
        aevents,
        invoke_under_chunk_listener,
        ainvoke_under_chunk_listener,
        invoke_under_event_listener,
        ainvoke_under_event_listener,
    )
}
