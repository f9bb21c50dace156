"""LlamaIndex messages to the wire: LI-19, LI-26, LI-27, LI-30, LI-31."""

from __future__ import annotations

import base64
import io
import logging
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    VideoBlock,
)

from cerebras_ext.catalog import facts_of
from cerebras_ext.errors import ConfigError
from cerebras_ext.tool_names import ToolNames
from llama_index_cerebras_ext._messages import wire_messages_of
from tests.llama_index.histories import assistant, call, tool, translated

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SEEING_MODEL = "qwen-3.8-27b"
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


@pytest.mark.parametrize(
    ("role", "sent"),
    [
        (MessageRole.SYSTEM, "system"),
        (MessageRole.DEVELOPER, "developer"),
        (MessageRole.USER, "user"),
        (MessageRole.ASSISTANT, "assistant"),
        (MessageRole.CHATBOT, "assistant"),
        (MessageRole.MODEL, "assistant"),
    ],
)
def test_every_role_has_its_wire_role(role: MessageRole, sent: str) -> None:
    """LI-26: other frameworks' names for a role mean the API's."""
    assert translated(ChatMessage(role=role, content="x")) == [{"role": sent, "content": "x"}]


@pytest.mark.parametrize("role", [MessageRole.TOOL, MessageRole.FUNCTION])
def test_tool_results_travel_as_tool_messages(role: MessageRole) -> None:
    """LI-26: a function's result is a tool's result."""
    message = ChatMessage(role=role, content="x", additional_kwargs={"tool_call_id": "c1"})
    sent = translated(assistant(call("c1", {})), message)
    assert sent[1] == {"role": "tool", "content": "x", "tool_call_id": "c1"}


def test_developer_role_becomes_system_where_the_model_has_none() -> None:
    """LI-26: only gpt-oss has a developer role."""
    message = ChatMessage(role="developer", content="x")
    assert translated(message, model="qwen-3.8-27b")[0]["role"] == "system"


def test_system_messages_may_stand_anywhere() -> None:
    """LI-26: early stopping appends a system message at the end."""
    roles = ["user", "system", "user", "user"]
    sent = translated(*(ChatMessage(role=role, content="x") for role in roles))
    assert [message["role"] for message in sent] == roles


@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_one_text_block_is_a_string(role: str) -> None:
    """LI-27: a lone text is sent as a plain string."""
    assert translated(ChatMessage(role=role, content="x"))[0]["content"] == "x"


def test_user_texts_are_parts() -> None:
    """LI-27: several blocks of a user message keep their borders."""
    message = ChatMessage(role="user", blocks=[TextBlock(text="a"), TextBlock(text="b")])
    assert translated(message)[0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]


@pytest.mark.parametrize("role", ["system", "assistant"])
def test_other_texts_are_joined_as_core_joins_them(role: str) -> None:
    """LI-27: system and assistant texts are joined by line ends."""
    message = ChatMessage(role=role, blocks=[TextBlock(text="a"), TextBlock(text="b")])
    assert translated(message)[0]["content"] == message.content == "a\nb"


@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_a_message_without_blocks_has_empty_content(role: str) -> None:
    """LI-31: content is empty, never null."""
    assert translated(ChatMessage(role=role, blocks=[]))[0]["content"] == ""


@pytest.mark.parametrize(
    ("block", "url"),
    [
        (ImageBlock(image=PNG), PNG_URL),
        (ImageBlock(image=base64.b64encode(PNG)), PNG_URL),
        (ImageBlock(image=io.BytesIO(PNG), image_mimetype="image/png"), PNG_URL),
        (ImageBlock(image=io.BytesIO(PNG)), PNG_URL),
        (ImageBlock(url=PNG_URL), PNG_URL),
        (ImageBlock(url="https://example.com/cat.png"), "https://example.com/cat.png"),
    ],
    ids=["bytes", "base64", "file", "untyped file", "data URL", "URL"],
)
def test_images_travel_as_urls(block: ImageBlock, url: str) -> None:
    """LI-27: a URL stays as given and is not fetched; bytes become a data URL with a true type."""
    message = ChatMessage(role="user", blocks=[TextBlock(text="see"), block])
    sent = translated(message, model=SEEING_MODEL)[0]["content"]
    assert sent[1] == {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize("name", ["a.png", "no_suffix"])
def test_image_files_are_read(tmp_path: Path, name: str) -> None:
    """LI-27: an image on disk is sent inline, its type told by name or bytes."""
    (tmp_path / name).write_bytes(PNG)
    message = ChatMessage(role="user", blocks=[ImageBlock(path=tmp_path / name)])
    sent = translated(message, model=SEEING_MODEL)
    assert sent[0]["content"][0]["image_url"]["url"] == PNG_URL


def test_image_detail_stays_here(caplog: pytest.LogCaptureFixture) -> None:
    """LI-27: the service refuses a request that has `detail`; the debug log says so."""
    caplog.set_level(logging.DEBUG, logger="llama_index_cerebras_ext")
    message = ChatMessage(role="user", blocks=[ImageBlock(image=PNG, detail="low")])
    sent = translated(message, model=SEEING_MODEL)[0]["content"]
    assert sent[0]["image_url"] == {"url": PNG_URL}
    assert "messages.0: the service takes no detail" in caplog.text


@pytest.mark.parametrize(
    ("image", "claimed", "sent_type"),
    [
        (b"\xff\xd8\xff\xe0 a photo", "image/jpg", "image/jpeg"),
        (PNG, "image/jpeg", "image/png"),
        (PNG, "application/octet-stream", "image/png"),
        (b"unheard of", "image/new", "image/new"),
    ],
)
def test_the_bytes_of_an_image_tell_its_type(image: bytes, claimed: str, sent_type: str) -> None:
    """LI-27: the service looks at them, and knows no image/jpg."""
    block = ImageBlock(image=image, image_mimetype=claimed)
    sent = translated(ChatMessage(role="user", blocks=[block]), model=SEEING_MODEL)[0]["content"]
    assert sent[0]["image_url"]["url"].startswith(f"data:{sent_type};base64,")


@pytest.mark.parametrize("block", [ImageBlock(image=PNG), ImageBlock(url=PNG_URL)])
def test_a_model_that_sees_nothing_takes_no_images(block: ImageBlock) -> None:
    """LI-27: the catalogue knows it before the service says "Input should be 'text'"."""
    message = ChatMessage(role="user", blocks=[block])
    with pytest.raises(ConfigError, match=rf"messages\.1: .*'gpt-oss-120b'.*{SEEING_MODEL}"):
        translated(ChatMessage(content="x"), message)
    facts = facts_of("gpt-oss-120b", takes_images=True)
    assert wire_messages_of([message], facts=facts, names=ToolNames.of(()))
    assert translated(message, model="mine")


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (ImageBlock(image=b"\x00\x01neither"), "image's type cannot be told"),
        (ImageBlock(), "image block is empty"),
        (ImageBlock(image=io.BytesIO(b"")), "image is empty"),
        (DocumentBlock(data=b"\xff\xfe\x00binary"), "text documents only"),
        (DocumentBlock(data=b"%PDF-1.7\n%\xe2\xe3"), "application/pdf"),
        (DocumentBlock(data=b"%PDF-1.7 of letters alone"), "application/pdf"),
        (DocumentBlock(data=b"PK\x03\x04\x14\x00", document_mimetype="text/plain"), "UTF-8"),
        (DocumentBlock(data=PNG, document_mimetype="image/png"), "is image/png"),
        (DocumentBlock(data="é".encode("latin-1"), document_mimetype="text/plain"), "not UTF-8"),
        (DocumentBlock(url="https://example.com/a.txt"), "is not fetched"),
        (DocumentBlock(), "document block is empty"),
        (AudioBlock(audio=b"x"), "no audio block"),
        (VideoBlock(video=b"x"), "no video block"),
        (call("c", {}), "no tool_call block"),
    ],
)
def test_what_cannot_be_sent_is_named(block: Any, problem: str) -> None:
    """LI-27: an error before sending names the block; nothing is dropped silently."""
    with pytest.raises(ConfigError, match=problem):
        translated(ChatMessage(role="user", blocks=[block]), model=SEEING_MODEL)


@pytest.mark.parametrize("role", ["system", "assistant", "tool"])
def test_images_stand_in_user_messages_only(role: str) -> None:
    """LI-27: an image elsewhere is an error that names the message."""
    message = ChatMessage(
        role=role, blocks=[ImageBlock(image=PNG)], additional_kwargs={"tool_call_id": "c"}
    )
    with pytest.raises(ConfigError, match=rf"messages\.1: .*image block in {role} messages"):
        translated(ChatMessage(content="x"), message)


@pytest.mark.parametrize(
    "block",
    [
        DocumentBlock(data=b"words"),
        DocumentBlock(data=b"words", document_mimetype="text/markdown"),
        DocumentBlock(data=b"words", document_mimetype="application/json"),
        DocumentBlock(data=b"words", document_mimetype="application/json; charset=utf-8"),
        DocumentBlock(data=b"words", document_mimetype="application/jsonl"),
        DocumentBlock(data=b"words", document_mimetype="image/svg+xml"),
        DocumentBlock(data=b"words", document_mimetype="message/rfc822"),
        DocumentBlock(data=b"\xef\xbb\xbfwords"),
        DocumentBlock(data=io.BytesIO(b"words")),
    ],
)
def test_textual_documents_become_text(block: DocumentBlock) -> None:
    """LI-27: a document that is text is sent as its text."""
    assert translated(ChatMessage(role="user", blocks=[block]))[0]["content"] == "words"


@pytest.mark.parametrize("name", ["a.md", "a.rs", "a.svg", "a.eml"])
def test_document_files_are_read(tmp_path: Path, name: str) -> None:
    """LI-27: a text file is read by its path, whatever type its name stands for."""
    (tmp_path / name).write_text("words")
    message = ChatMessage(role="user", blocks=[DocumentBlock(path=tmp_path / name)])
    assert translated(message)[0]["content"] == "words"


def test_citations_are_their_content(caplog: pytest.LogCaptureFixture) -> None:
    """LI-27: citable and cited content is sent as what it holds; the debug log says so."""
    caplog.set_level(logging.DEBUG, logger="llama_index_cerebras_ext")
    citable = CitableBlock(title="t", source="s", content=[TextBlock(text="a")])
    cited = CitationBlock(
        cited_content=TextBlock(text="b"), source="s", title="t", additional_location_info={}
    )
    sent = translated(ChatMessage(role="user", blocks=[citable, cited]))[0]["content"]
    assert [part["text"] for part in sent] == ["a", "b"]
    assert "messages.0: Cerebras cites nothing" in caplog.text


def test_cache_points_and_foreign_thinking_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """LI-27: caching is automatic, as the debug log says, and a user's message has no reasoning."""
    caplog.set_level(logging.DEBUG, logger="llama_index_cerebras_ext")
    from llama_index.core.base.llms.types import CacheControl

    blocks = [
        TextBlock(text="a"),
        CachePoint(cache_control=CacheControl(type="ephemeral")),
        ThinkingBlock(content="hm"),
    ]
    assert translated(ChatMessage(role="user", blocks=blocks))[0]["content"] == "a"
    assert "messages.0: Cerebras caches by itself" in caplog.text


THOUGHT = assistant(ThinkingBlock(content="hm"), TextBlock(text="x"))


@pytest.mark.parametrize(
    ("replay", "expected"),
    [
        ("field", {"content": "x", "reasoning": "hm"}),
        ("think_tags", {"content": "<think>hm</think>x"}),
        ("none", {"content": "x"}),
    ],
)
def test_reasoning_goes_back_as_the_catalogue_says(replay: str, expected: dict[str, str]) -> None:
    """LI-30: in its field, in tags, or not at all; which one is a fact of the model."""
    facts = facts_of("gpt-oss-120b", reasoning_replay=replay)
    sent = wire_messages_of([THOUGHT], facts=facts, names=ToolNames.of(()))
    assert sent == [{"role": "assistant", **expected}]


@pytest.mark.parametrize(
    ("blocks", "kept", "sent"),
    [
        ([TextBlock(text="x")], "hm", "hm"),
        ([ThinkingBlock(content="hm"), TextBlock(text="x")], "older", "hm"),
        ([TextBlock(text="x")], {"odd": 1}, None),
    ],
)
def test_kept_reasoning_goes_back_where_the_block_is_gone(
    blocks: list[Any], kept: Any, sent: str | None
) -> None:
    """LI-30: blocks win, and other integrations' leftovers of that name are no text."""
    assert translated(assistant(*blocks, reasoning=kept))[0].get("reasoning") == sent


def test_reasoning_stays_here_when_replay_is_off() -> None:
    """LI-30: one option turns the replay off."""
    assert "reasoning" not in translated(THOUGHT, replays_reasoning=False)[0]


def test_empty_reasoning_is_left_out() -> None:
    """LI-30: an empty thinking block is no reasoning."""
    sent = translated(assistant(ThinkingBlock(content=None), TextBlock(text="x")))[0]
    assert "reasoning" not in sent


def test_reasoning_alone_goes_out_with_empty_content() -> None:
    """LI-31: a message that only thought keeps the conversation going."""
    assert translated(assistant(ThinkingBlock(content="hm"))) == [
        {"role": "assistant", "content": "", "reasoning": "hm"}
    ]


def test_nothing_that_comes_in_is_changed() -> None:
    """LI-19: neither messages nor their blocks."""
    history = [ChatMessage(content="q"), assistant(call(None, {"a": 1})), tool("r")]
    before = [message.model_dump_json() for message in history]
    translated(*history)
    assert [message.model_dump_json() for message in history] == before
