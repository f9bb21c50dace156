"""Histories that make no sense are refused in words of ours, by us or by the service."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from cerebras_ext import CerebrasError
from llama_index_cerebras_ext import Cerebras
from tests.fuzz.conversations import PNG, TEXTS
from tests.fuzz.judge import MODELS, Judge

if TYPE_CHECKING:
    from collections.abc import Callable

ODD: tuple[Any, ...] = (None, "", "x", "{", "[1]", "\ud800", 5, True, [], {}, [{}], {"a": {"b": 1}})
IDS = (None, "", "c1", "c2", "\ud800")
NAMES = ("", "add", "a b", "x" * 99, "größe")
KEPT_KEYS = ("tool_calls", "tool_call_id", "function_call", "name", "refusal", "reasoning", "x")


def _call(rng: Random) -> ToolCallBlock:
    kwargs = rng.choice(({}, {"a": 1}, {"a": "\ud800"}, "", "{", "null", "[1]", '{"a": 1}'))
    return ToolCallBlock(
        tool_call_id=rng.choice(IDS), tool_name=rng.choice(NAMES), tool_kwargs=kwargs
    )


BLOCKS: tuple[Callable[[Random], Any], ...] = (
    lambda rng: TextBlock(text=rng.choice(TEXTS)),
    lambda _: ImageBlock(image=PNG),
    lambda _: ImageBlock(image=b"no image", image_mimetype="image/png"),
    lambda _: ImageBlock(url="https://elsewhere.test/a.png"),
    lambda _: ImageBlock(url="file:///etc/passwd"),
    lambda _: AudioBlock(audio=b"x"),
    lambda _: VideoBlock(video=b"x"),
    lambda _: DocumentBlock(data=b"some text", document_mimetype="text/plain"),
    lambda _: DocumentBlock(data=b"\xff\xfe\x00", title="x"),
    lambda rng: ThinkingBlock(content=rng.choice((None, "", "Hm.", "\ud800"))),
    lambda _: CachePoint(cache_control=CacheControl(type="ephemeral")),
    lambda _: CitableBlock(title="x", source="y", content=[TextBlock(text="z")]),
    lambda _: CitationBlock(
        cited_content=TextBlock(text="z"), source="y", title="x", additional_location_info={}
    ),
    _call,
)


def _strange_message(rng: Random) -> ChatMessage:
    kept = {key: rng.choice(ODD) for key in rng.sample(KEPT_KEYS, rng.randrange(3))}
    blocks = [rng.choice(BLOCKS)(rng) for _ in range(rng.randrange(4))]
    return ChatMessage(role=rng.choice(list(MessageRole)), blocks=blocks, additional_kwargs=kept)


def _check(n_histories: int) -> None:
    judge = Judge()
    for seed in range(n_histories):
        rng = Random(seed)
        llm = Cerebras(model=rng.choice(MODELS).id, api_key="csk-test-1", http_client=judge.sync)
        history = [_strange_message(rng) for _ in range(rng.randrange(4))]
        with suppress(CerebrasError):
            llm.chat(history)
        for problem, body in judge.refusals:
            assert "unsupported" not in str(problem), f"seed {seed}: {problem} in {body}"
    assert judge.n_accepted


def test_strange_histories_are_answered_or_refused() -> None:
    """LI-64: no exception of somebody else's, and never a field that the API does not have."""
    _check(200)


@pytest.mark.long
def test_strange_histories_are_answered_or_refused_for_long() -> None:
    """As above, 5,000 times."""
    _check(5_000)
