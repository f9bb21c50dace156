"""Chat streams written by hand, and what comes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cerebras_ext._assemble import ChatAssembler
from cerebras_ext.deltas import ContentDelta, Finish, ReasoningDelta, ToolCallDelta
from cerebras_ext.errors import ConnectionFailed
from cerebras_ext.reply import ResponseMeta
from cerebras_ext.stream import StreamReader

if TYPE_CHECKING:
    from cerebras_ext.deltas import ChatDelta
    from cerebras_ext.reply import ChatCompletion

DONE = b"data: [DONE]\n\n"
META = ResponseMeta(request_id="req-1", retries_taken=1)


def event(value: Any, name: str | None = None) -> bytes:
    """An event with JSON, or with text as it is."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + data + b"\n\n"


def chunk(choices: Any, **more: Any) -> bytes:
    """The event of a chunk."""
    return event({"id": "chatcmpl-a", "choices": choices, "model": "m", **more})


def delta(index: int = 0, **fields: Any) -> bytes:
    """The event of one choice's delta."""
    return chunk([{"index": index, "delta": fields}])


def finish(reason: str = "stop", index: int = 0) -> bytes:
    """The event of a finish."""
    return chunk([{"index": index, "delta": {}, "finish_reason": reason}])


def chat_reader(*, merges: bool = True, meta: ResponseMeta = META) -> StreamReader[ChatDelta]:
    """A reader of a chat stream."""
    return StreamReader(ChatAssembler(meta), merges=merges)


def read_chat(*events: bytes, merges: bool = True) -> tuple[list[ChatDelta], ChatCompletion]:
    """The deltas of a stream without its finish, and the reply."""
    reader = chat_reader(merges=merges)
    *deltas, last = [*reader.feed(b"".join(events)), *reader.end()]
    assert isinstance(last, Finish)
    return deltas, last.reply


def arguments_of(deltas: list[ChatDelta]) -> dict[int, str]:
    """The argument text of each call, as the deltas say."""
    calls = [one for one in deltas if isinstance(one, ToolCallDelta)]
    return {
        index: "".join(one.arguments for one in calls if one.index == index)
        for index in sorted({one.index for one in calls})
    }


def texts(deltas: list[ChatDelta]) -> str:
    """Reasoning and content, one after the other."""
    return "".join(one.text for one in deltas if isinstance(one, ReasoningDelta | ContentDelta))


START = delta(role="assistant")
BEFORE = START + delta(reasoning="Hm") + delta(content="He") + delta(content="llo")
RESET = ConnectionFailed("reset by peer", was_sent=True)
