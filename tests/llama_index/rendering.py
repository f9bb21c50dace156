"""Replies and streams of a made-up service, rendered; for tests of the renderers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from cerebras_ext.client import CerebrasClient
from cerebras_ext.limits import read_rate_limits
from cerebras_ext.reply import ChatCompletion, ResponseMeta, read_reply
from cerebras_ext.tool_names import ToolNames
from llama_index_cerebras_ext._render import (
    ChatRenderer,
    CompletionRenderer,
)
from tests.llama_index.support import (
    FACT_HEADERS,
    KEY,
    MODEL,
    Service,
    call_delta,
    chunk,
    events,
    last_chunk,
    reply,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llama_index.core.base.llms.types import (
        ChatResponse,
        CompletionResponse,
    )

    from cerebras_ext.deltas import ChatDelta
    from cerebras_ext.wire import Message

META = ResponseMeta(request_id="req-1", rate_limits=read_rate_limits(FACT_HEADERS))
NO_NAMES = ToolNames.of(())


def whole(body: dict[str, Any], names: ToolNames = NO_NAMES, **options: Any) -> ChatResponse:
    """The response for a whole reply."""
    return ChatRenderer(names, **options).whole(read_reply(ChatCompletion, body, META))


def client_of(chunks: Iterable[dict[str, Any]]) -> CerebrasClient:
    """A client whose next stream has these chunks, one in each piece of the body."""
    http = httpx.Client(transport=Service([events(*chunks)]))
    return CerebrasClient(api_key=KEY, http_client=http)


def chat_deltas(*chunks: dict[str, Any]) -> Iterator[ChatDelta]:
    """The deltas of a chat stream."""
    question: Message = {"role": "user", "content": "?"}
    return client_of(chunks).stream_chat(model=MODEL, messages=[question])


def items(
    *chunks: dict[str, Any], names: ToolNames = NO_NAMES, **options: Any
) -> list[ChatResponse]:
    """The items of a chat stream."""
    renderer = ChatRenderer(names, **options)
    return [item for delta in chat_deltas(*chunks) if (item := renderer.feed(delta))]


def completion_items(*chunks: dict[str, Any]) -> list[CompletionResponse]:
    """The items of a text completion's stream."""
    renderer = CompletionRenderer()
    deltas = client_of(chunks).stream_complete(model=MODEL, prompt="?")
    return [item for delta in deltas if (item := renderer.feed(delta))]


TWO_CALLS = [
    chunk({"role": "assistant"}),
    chunk({"content": "Both."}),
    chunk(call_delta("", 0, "a", "f")),
    chunk(call_delta('{"x"', 0)),
    chunk(call_delta(": 1}", 0)),
    chunk(call_delta("", 1, "b", "g")),
    chunk(call_delta("{}", 1)),
    last_chunk("tool_calls"),
]
TWO_CALLS_REPLY = reply(
    {
        "content": "Both.",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    },
    "tool_calls",
)
