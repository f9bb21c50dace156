"""One canonical message, whichever way a reply is asked for (contract section 22.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import HumanMessage

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


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("served", ["served-model", None])
def test_model_is_the_one_that_served(served: str | None, path: str) -> None:
    """LC-23: what the reply says, and only where it says nothing what was asked for."""
    body = {**Reply(content="Hi").body(), "model": served}
    chunks = [{**chunk, "model": served} for chunk in Reply(content="Hi").chunks()]

    def answer(request: Any, httpx: Any) -> Any:
        if b'"stream"' in request.read():
            headers = {"content-type": "text/event-stream"}
            return httpx.Response(200, headers=headers, content=sse(chunks))
        return httpx.Response(200, json=body)

    message = PATHS[path](chat(answer)[0], "Hi")
    assert message.response_metadata["model_name"] == (served or MODEL)


@pytest.mark.parametrize("path", PATHS)
def test_service_tiers_are_in_the_metadata(path: str) -> None:
    """Section 5: the tier that was asked for and the one that served, on every path."""
    tiers = {"service_tier": "auto", "service_tier_used": "flex"}
    message = PATHS[path](chat(Reply(content="Hi", extra=tiers))[0], "Hi")
    assert tiers.items() <= message.response_metadata.items()


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


@pytest.mark.parametrize("text", ['["x"]', "3", '"x"', "true", "three", '{"a": '])
def test_arguments_that_are_no_object_keep_their_text_and_get_a_reason(text: str) -> None:
    """LC-24, LC-25: core's helper would lose the whole reply over them."""
    reply = Reply(content="Hm.", calls=(("c1", "add", text), ADD), finish_reason="tool_calls")
    message = chat(reply)[0].invoke("Hi")
    assert [call["id"] for call in message.tool_calls] == [ADD[0]]
    (bad,) = message.invalid_tool_calls
    assert (bad["id"], bad["name"], bad["args"]) == ("c1", "add", text)
    assert bad["error"]


@pytest.mark.parametrize("text", ["", "null", " {} "])
def test_no_arguments_are_an_empty_object(text: str) -> None:
    """LC-24: however the model says that there are none."""
    message = chat(Reply(calls=(("c1", "now", text),), finish_reason="tool_calls"))[0].invoke("Hi")
    assert [call["args"] for call in message.tool_calls] == [{}]


def test_finish_reason_stands_once_in_each_place() -> None:
    """LC-26, LC-27: one generation; core merges its info into the message."""
    result = chat(Reply(content="Hi"))[0].generate([[HumanMessage("Hi")]])
    ((generation,),) = result.generations
    assert generation.generation_info == {"finish_reason": "stop"}
    assert generation.message.response_metadata["finish_reason"] == "stop"  # type: ignore[attr-defined]
    total = PATHS["stream"](chat(Reply(content="Hi"))[0], "Hi")
    assert total.response_metadata["finish_reason"] == "stop"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", REPLIES)
def test_blocks_are_of_the_known_types(kind: str, path: str) -> None:
    """LC-40: with the standard keys and nothing beside them."""
    known = {
        "text": {"text"},
        "reasoning": {"reasoning"},
        "refusal": {"refusal"},
        "non_standard": {"value"},  # a refusal, for a core that has no block for it
        "tool_call": {"id", "name", "args"},
        "tool_call_chunk": {"id", "name", "args"},
        "invalid_tool_call": {"id", "name", "args", "error"},
    }
    for block in PATHS[path](chat(REPLIES[kind], output_version="v1")[0], "Hi").content_blocks:
        assert block.keys() - {"type", "index", "extras"} == known[block["type"]]
