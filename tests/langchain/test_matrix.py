"""One canonical message, whichever way a reply is asked for (contract section 22.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from langchain_cerebras_ext._names import UNSEALED_ARGUMENTS
from tests.langchain.paths import PATHS
from tests.langchain.replies import ADD, REPLIES
from tests.langchain.support import MODEL, QUIET_BETA, TIME_INFO, USAGE, Reply, chat, sse

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

pytestmark = QUIET_BETA


def canonical(message: AIMessage) -> dict[str, Any]:
    """A message without the documented differences between paths.

    Those are: indices of blocks, the error text of invalid calls, and what marks them as invalid in
    a stream of chunks (LC-33, LC-39).
    """
    metadata = dict(message.response_metadata)
    unsealed = metadata.pop(UNSEALED_ARGUMENTS, {})
    metadata.pop("output_version", None)
    blocks = []
    for block in message.content_blocks:
        shown = {key: value for key, value in block.items() if key not in ("index", "error")}
        if shown["type"] == "tool_call_chunk":
            shown["type"] = "invalid_tool_call"
        if shown["type"] == "invalid_tool_call":
            shown["args"] = unsealed.get(shown["id"], shown["args"])
        blocks.append(shown)
    invalid = [
        (bad["id"], bad["name"], unsealed.get(bad["id"], bad["args"]))
        for bad in message.invalid_tool_calls
    ]
    return {
        "text": str(message.text),
        "blocks": blocks,
        "tool_calls": message.tool_calls,
        "invalid_tool_calls": invalid,
        "usage_metadata": message.usage_metadata,
        "response_metadata": metadata,
        "additional_kwargs": message.additional_kwargs,
        "id": message.id,
    }


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", REPLIES)
def test_every_path_gives_the_same_message(kind: str, path: str, output_version: str) -> None:
    """LC-46, LC-48: the same reply is the same message, field by field."""
    model, _ = chat(REPLIES[kind], output_version=output_version)
    plain, _ = chat(REPLIES[kind])
    assert canonical(PATHS[path](model, "Hi")) == canonical(plain.invoke("Hi"))


@pytest.mark.parametrize("path", ["stream", "astream", "invoke_under_chunk_listener"])
@pytest.mark.parametrize("kind", REPLIES)
def test_merged_deltas_give_the_same_message(kind: str, path: str) -> None:
    """LC-34: cutting or merging the stream differently changes nothing in the sum."""
    unmerged, _ = chat(REPLIES[kind], merge_deltas=False)
    merged, _ = chat(REPLIES[kind], merge_deltas=True)
    assert canonical(PATHS[path](unmerged, "Hi")) == canonical(PATHS[path](merged, "Hi"))


def test_reply_says_what_the_service_said() -> None:
    """Section 5: each fact of a reply has its place on the message, and none twice."""
    model, _ = chat(Reply(content="Hi", reasoning="Hm", calls=(ADD,), finish_reason="tool_calls"))
    message = model.invoke("Hi")
    assert message.content == "Hi"
    assert message.additional_kwargs == {"reasoning_content": "Hm"}
    assert message.tool_calls == [
        {"name": "add", "args": {"a": 3, "b": [4, "x"]}, "id": "a1b2c3d4e", "type": "tool_call"}
    ]
    assert message.usage_metadata == {
        "input_tokens": 20,
        "output_tokens": 12,
        "total_tokens": 32,
        "input_token_details": {"cache_read": 5},
        "output_token_details": {"reasoning": 4},
    }
    assert message.id == "chatcmpl-1"
    assert message.response_metadata == {
        "model_provider": "cerebras",
        "model_name": MODEL,
        "id": "chatcmpl-1",
        "created": 1_764_000_000,
        "system_fingerprint": "fp_0123456789",
        "token_usage": USAGE,
        "time_info": TIME_INFO,
        "request_id": "req-1",
        "finish_reason": "tool_calls",
    }


@pytest.mark.parametrize("path", ["invoke", "stream", "events"])
def test_rate_limits_of_the_reply_are_numbers_in_the_metadata(path: str) -> None:
    """Reliability contract 8.1: what the headers said about quotas, flat and plain."""
    headers = {
        "content-type": "text/event-stream",
        "x-ratelimit-remaining-tokens-minute": "997",
        "x-ratelimit-limit-requests-day": "2400",
    }

    def answer(request: Any, httpx: Any) -> Any:
        reply = Reply(content="Hi")
        if b'"stream"' in request.read():
            return httpx.Response(200, headers=headers, content=sse(reply.chunks()))
        return httpx.Response(
            200, headers={**headers, "content-type": "application/json"}, json=reply.body()
        )

    message = PATHS[path](chat(answer)[0], "Hi")
    expected = {"remaining_tokens_minute": 997, "limit_requests_day": 2400}
    assert message.response_metadata["rate_limit"] == expected


def test_blocks_stand_in_the_order_of_the_contract() -> None:
    """LC-37: reasoning, text, calls, invalid calls, without indices."""
    reply = Reply(
        content="Hi", reasoning="Hm", calls=(ADD, ("c2", "rm", "{")), finish_reason="length"
    )
    model, _ = chat(reply)
    blocks = model.invoke("Hi").content_blocks
    kinds = ["reasoning", "text", "tool_call", "invalid_tool_call"]
    assert [block["type"] for block in blocks] == kinds
    assert not any("index" in block for block in blocks)
