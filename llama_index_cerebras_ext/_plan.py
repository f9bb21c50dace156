"""A call, planned: what goes to which endpoint, and how the answer is rendered.

LlamaIndex's eight endpoints are two plans, a chat's and a completion's, each carried out in four
ways: whole or as a stream, sync or async. The four functions below are all in which those differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from cerebras_ext.aclient import AsyncCerebrasClient, AsyncStream
    from cerebras_ext.client import CerebrasClient, Stream
    from cerebras_ext.config import CallOptions
    from cerebras_ext.wire import ChatRequest, TextRequest

__all__ = ["Plan", "arun", "astream", "run", "stream"]

Response = TypeVar("Response")
Shaped = TypeVar("Shaped")


@dataclass(frozen=True, slots=True)
class Plan(Generic[Response]):
    """One call.

    Attributes:
        chat: The request, if it goes to the chat endpoint.
        text: The request, if it goes to the text endpoint.
        options: What the call does differently from its client.
        whole: Renders a whole reply.
        feed: Renders one delta of a stream; None when there is nothing to show.
    """

    options: CallOptions
    whole: Callable[[Any], Response]
    feed: Callable[[Any], Response | None]
    chat: ChatRequest | None = None
    text: TextRequest | None = None

    def shaped(self, shape: Callable[[Response], Shaped]) -> Plan[Shaped]:
        """The same call, its responses turned into another kind."""

        def feed(delta: Any) -> Shaped | None:
            item = self.feed(delta)
            return None if item is None else shape(item)

        return Plan(
            self.options, lambda reply: shape(self.whole(reply)), feed, self.chat, self.text
        )


def run(client: CerebrasClient, plan: Plan[Response]) -> Response:
    """The response of a call."""
    if plan.chat is not None:
        return plan.whole(client.chat(options=plan.options, **plan.chat))
    assert plan.text is not None
    return plan.whole(client.complete(options=plan.options, **plan.text))


async def arun(client: AsyncCerebrasClient, plan: Plan[Response]) -> Response:
    """The response of a call."""
    if plan.chat is not None:
        return plan.whole(await client.chat(options=plan.options, **plan.chat))
    assert plan.text is not None
    return plan.whole(await client.complete(options=plan.options, **plan.text))


def stream(client: CerebrasClient, plan: Plan[Response]) -> Generator[Response, None, None]:
    """The items of a streamed call; nothing is sent before the first one is asked for."""
    deltas: Stream[Any]
    if plan.chat is not None:
        deltas = client.stream_chat(options=plan.options, **plan.chat)
    else:
        assert plan.text is not None
        deltas = client.stream_complete(options=plan.options, **plan.text)
    with deltas:
        for delta in deltas:
            item = plan.feed(delta)
            if item is not None:
                yield item


async def astream(
    client: AsyncCerebrasClient, plan: Plan[Response]
) -> AsyncGenerator[Response, None]:
    """The items of a streamed call; nothing is sent before the first one is asked for."""
    deltas: AsyncStream[Any]
    if plan.chat is not None:
        deltas = await client.stream_chat(options=plan.options, **plan.chat)
    else:
        assert plan.text is not None
        deltas = await client.stream_complete(options=plan.options, **plan.text)
    async with deltas:
        async for delta in deltas:
            item = plan.feed(delta)
            if item is not None:
                yield item
