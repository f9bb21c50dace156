"""Blocks of content, whoever's they are, on the wire (LC-15, LC-18)."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from cerebras_ext.catalog import facts_of
from langchain_cerebras_ext._messages import (
    MessageRules,
    wire_messages_from_langchain,
)
from langchain_cerebras_ext.errors import UnsupportedInput

pytestmark = pytest.mark.once

GPT_OSS = facts_of("gpt-oss-120b")
QWEN = facts_of("qwen-3.8-27b")
GLM = facts_of("zai-glm-4.7")
PNG = "iVBORw0KGgo="
DATA_URI = f"data:image/png;base64,{PNG}"
GIF = "data:image/gif;base64,R0lG"
URL = "https://x/y.png"
CALL = {"name": "add", "args": {"a": 1}, "id": "c1", "type": "tool_call"}
WIRE_ANSWER = {"role": "tool", "content": "2", "tool_call_id": "c1"}


def wire(*messages: BaseMessage, facts: Any = GPT_OSS, **rules: Any) -> list[Any]:
    """The messages on the wire."""
    return wire_messages_from_langchain(messages, MessageRules(facts, **rules))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}], "a"),
        (["a"], "a"),
        ([{"type": "input_text", "text": "a"}], "a"),
        ([{"type": "text-plain", "text": "a", "mime_type": "text/plain"}], "a"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": ""}], "a"),
        (
            ["a", {"type": "text", "text": "b"}],
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        ),
        ([], ""),
        ([{"type": "non_standard", "value": {"type": "text", "text": "a"}}], "a"),
        ([{"type": "reasoning", "reasoning": "dropped"}, "a"], "a"),
        ([{"text": "a"}, {"cachePoint": {"type": "default"}}], "a"),  # as Bedrock has them
        (["a", {"type": "non_standard", "value": {"cachePoint": {"type": "default"}}}], "a"),
    ],
)
def test_text_of_user_content(content: Any, expected: Any) -> None:
    """LC-15: text travels as text; a single part as one string."""
    assert wire(HumanMessage(content)) == [{"role": "user", "content": expected}]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": PNG, "mime_type": "image/png"},
        {"type": "image", "url": DATA_URI},
        {"type": "image_url", "image_url": {"url": DATA_URI, "detail": "high"}},
        {"type": "image_url", "image_url": DATA_URI},
        {"type": "input_image", "image_url": DATA_URI},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    ],
)
def test_image_in_any_form_becomes_a_data_uri(block: dict[str, Any]) -> None:
    """LC-15: v1, OpenAI's and Anthropic's images; `detail` is dropped."""
    expected = [{"type": "image_url", "image_url": {"url": DATA_URI}}]
    assert wire(HumanMessage([block]), facts=QWEN) == [{"role": "user", "content": expected}]


@pytest.mark.parametrize(
    ("message", "facts", "words"),
    [
        (HumanMessage([{"type": "image", "url": URL}]), QWEN, "fetch it first"),
        (HumanMessage([{"type": "image", "file_id": "f1"}]), QWEN, "fetch it first"),
        (HumanMessage([{"type": "image_url", "image_url": {"url": URL}}]), QWEN, "fetch it first"),
        (HumanMessage([{"type": "input_image", "image_url": URL}]), QWEN, "fetch it first"),
        (HumanMessage([{"type": "image_url", "image_url": GIF}]), QWEN, "PNG or JPEG"),
        (
            HumanMessage([{"type": "image", "base64": "R0lG", "mime_type": "image/gif"}]),
            QWEN,
            "PNG or JPEG",
        ),
        (HumanMessage([{"type": "image", "base64": PNG}]), QWEN, "mime_type"),
        (HumanMessage([{"type": "image_url", "image_url": {}}]), QWEN, "base64"),
        (HumanMessage([{"type": "image_url", "image_url": DATA_URI}]), GPT_OSS, "gpt-oss-120b"),
        (SystemMessage([{"type": "image_url", "image_url": DATA_URI}]), QWEN, "user messages"),
        (HumanMessage([{"type": "audio", "base64": "x"}]), QWEN, "'audio'"),
        (HumanMessage([{"type": "video", "url": "x"}]), QWEN, "'video'"),
        (HumanMessage([{"type": "file", "base64": "x"}]), QWEN, "'file'"),
        (HumanMessage([{"type": "input_file", "file_data": "x"}]), QWEN, "'input_file'"),
        (HumanMessage([{"type": "text-plain", "url": "x"}]), QWEN, "text-plain"),
        (HumanMessage([{"type": "text", "text": b"x"}]), QWEN, "is a bytes"),
        (HumanMessage([{"type": "hologram"}]), QWEN, "'hologram'"),
        (HumanMessage([{"type": "non_standard", "value": {"type": "x"}}]), QWEN, "'x'"),
        (HumanMessage([{"toolUse": {}}]), QWEN, "'toolUse'"),
        (HumanMessage([{}]), QWEN, "None"),
        (AIMessage([{"type": "tool_result", "tool_use_id": "c1"}]), QWEN, "ToolMessage"),
    ],
)
def test_block_without_a_form_on_the_wire_says_so(
    message: BaseMessage, facts: Any, words: str
) -> None:
    """LC-15: an error names the block's type and what helps."""
    with pytest.raises(UnsupportedInput, match="message 0"):
        wire(message, facts=facts)
    with pytest.raises(UnsupportedInput) as caught:
        wire(message, facts=facts)
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [3, [3], [None]])
def test_what_is_no_content_says_so(content: Any) -> None:
    """LC-15: hand-made messages that skipped validation."""
    message = HumanMessage("x")
    message.content = content
    with pytest.raises(UnsupportedInput, match="message 0"):
        wire(message)


def test_no_content_is_no_content() -> None:
    """LC-15: None next to tool calls is legal."""
    message = AIMessage("", tool_calls=[CALL])
    message.content = None  # type: ignore[assignment]
    assert "content" not in wire(message, ToolMessage("2", tool_call_id="c1"))[0]


def test_image_in_a_tool_message_says_so() -> None:
    """LC-15: tool results are text."""
    answer = ToolMessage([{"type": "image_url", "image_url": DATA_URI}], tool_call_id="c1")
    with pytest.raises(UnsupportedInput, match=r"message 1 \(tool\): images"):
        wire(AIMessage("", tool_calls=[CALL]), answer, facts=QWEN)


def test_text_blocks_of_a_tool_message_are_joined_parts() -> None:
    """LC-15: list content of tool messages (MCP tools) is normal."""
    answer = ToolMessage([{"type": "text", "text": "2"}], tool_call_id="c1")
    assert wire(AIMessage("", tool_calls=[CALL]), answer)[1] == WIRE_ANSWER


@pytest.mark.parametrize(
    "block",
    [
        {"type": "reasoning", "reasoning": "r"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "r"}]},
        {"type": "thinking", "thinking": "r", "signature": "s"},
        {"type": "reasoning_content", "reasoning_content": "r"},
        {"type": "reasoning_content", "reasoning_content": {"text": "r"}},
    ],
)
def test_reasoning_block_in_any_form_goes_back_as_reasoning(block: dict[str, Any]) -> None:
    """LC-15, LC-18: whatever the block is called, the wire's key is `reasoning`."""
    assert wire(AIMessage([block, "t"])) == [
        {"role": "assistant", "content": "t", "reasoning": "r"}
    ]


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_reasoning_kept_beside_the_content_goes_back(key: str) -> None:
    """LC-18: v0 messages and those of langchain-cerebras keep it in `additional_kwargs`."""
    message = AIMessage("t", additional_kwargs={key: "r"})
    assert wire(message) == [{"role": "assistant", "content": "t", "reasoning": "r"}]


def test_reasoning_goes_back_the_way_the_model_wants() -> None:
    """LC-18: GLM takes earlier reasoning in tags inside the content."""
    message = AIMessage("t", additional_kwargs={"reasoning_content": "r"})
    parts = [{"type": "text", "text": "<think>r</think>"}, {"type": "text", "text": "t"}]
    assert wire(message, facts=GLM) == [{"role": "assistant", "content": parts}]


@pytest.mark.parametrize(
    ("provider", "rules", "is_sent"),
    [
        ("cerebras", {}, True),
        (None, {}, True),
        ("anthropic", {}, False),
        ("anthropic", {"replays_foreign_reasoning": True}, True),
        ("cerebras", {"replays_reasoning": False}, False),
    ],
)
def test_whose_reasoning_goes_back(
    provider: str | None, rules: dict[str, Any], is_sent: bool
) -> None:
    """LC-18: ours and untagged reasoning is replayed, another provider's only on request."""
    message = AIMessage(
        "t",
        additional_kwargs={"reasoning_content": "r"},
        response_metadata={"model_provider": provider} if provider else {},
    )
    assert ("reasoning" in wire(message, **rules)[0]) is is_sent


@pytest.mark.parametrize(
    ("message", "is_sent"),
    [
        (AIMessage("t", additional_kwargs={"reasoning": "r"}), True),
        (AIMessage([{"type": "reasoning_content", "reasoning_content": {"text": "r"}}, "t"]), True),
        (AIMessage("t", additional_kwargs={"reasoning_content": "r"}), False),
        (AIMessage("t", additional_kwargs={"reasoning": {"id": "rs_1", "summary": []}}), False),
        (AIMessage([{"type": "reasoning", "summary": [{"text": "r"}]}, "t"]), False),
    ],
)
def test_reasoning_of_langchain_cerebras_is_ours(message: AIMessage, is_sent: bool) -> None:
    """LC-18: it says "openai" in some messages; OpenAI's own reasoning stays away."""
    message.response_metadata = {"model_provider": "openai"}
    assert (wire(message)[0].get("reasoning") == "r") is is_sent


@pytest.mark.parametrize(
    "block",
    [
        {"type": "redacted_thinking", "data": "opaque"},
        {"type": "server_tool_call", "id": "s1", "name": "web_search", "args": {}},
        {"type": "server_tool_result", "tool_call_id": "s1", "output": "x"},
        {"type": "web_search_call", "id": "s1", "status": "completed"},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        {"type": "executable_code", "executable_code": "1"},
    ],
)
def test_other_providers_internals_are_left_out(block: dict[str, Any]) -> None:
    """LC-15, LC-70: a handed-over history never fails on what only its provider understands."""
    assert wire(AIMessage([block, "t"])) == [{"role": "assistant", "content": "t"}]
