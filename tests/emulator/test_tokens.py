"""Token counts: what recorded requests cost, API specification §2.4, §10.4 and §13.2."""

from __future__ import annotations

import json
import sys

import pytest

from cerebras_ext.catalog import facts_of
from cerebras_ext.emulator.accepted import Message, ResponseFormat, Tool, ToolCall
from cerebras_ext.emulator.prompt_size import prompt_size
from cerebras_ext.emulator.service import Service
from cerebras_ext.emulator.tokens import count_tokens, decode, encode, find_tokenizer, pieces_of
from cerebras_ext.emulator.validate import validate_chat
from tests.captures import captures, needs_captures

TEXTS = [
    "",
    "Hello world!",
    "  indented\n\n\tcode()  ",
    "日本語テキスト 😀👩‍👩‍👧",
    "<|end|><|endoftext|>",
    "x" * 120_001,
    "é🎉" * 40_000,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_text_survives_encoding(text):
    """Ids lead back to the text, markup and long runs included."""
    assert decode(encode(text)) == text


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_pieces_join_to_the_text(text):
    """No piece ends inside a character, and none is lost."""
    cut = pieces_of(text)

    assert "".join(cut) == text
    assert len(cut) <= count_tokens(text)
    assert all(cut)


def test_pieces_are_tokens_for_plain_text():
    """Plain text is cut where the tokenizer cuts it."""
    assert pieces_of("Hello world!") == ("Hello", " world", "!")


def test_million_characters_are_counted():
    """The library's own limits on one call are no limits here."""
    assert count_tokens(" " * 1_000_001) > 0
    assert count_tokens("🎉" * 100_000) >= 100_000


@pytest.mark.parametrize("id", [199_998, 10**9])
def test_unknown_id_is_named(id):
    """§5.1: token prompts come from outside."""
    with pytest.raises(ValueError, match=str(id)):
        decode([id])


def test_missing_tokenizer_names_the_extra(monkeypatch):
    """An emulator without its extra says what to install, before it listens."""
    monkeypatch.setitem(sys.modules, "bpe_openai", None)
    with pytest.raises(ImportError, match=r"cerebras-ext\[emulator\]"):
        find_tokenizer()


# --- prompts

ASKED = Message("user", "What is 2 + 2?")
REASONED = Message("assistant", "4", reasoning="Two and two are four, as everyone knows.")


def total(*messages, model="gpt-oss-120b", **options):
    """Tokens of a conversation."""
    return prompt_size(messages, facts_of(model), **options).total


def test_prompt_is_the_sum_of_text_and_template():
    """`content` is what the caller wrote, `total` what the model reads."""
    size = prompt_size([ASKED], facts_of("gpt-oss-120b"))

    assert size.content == count_tokens(ASKED.text)
    assert size.total == size.content + 67


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [Tool("f", "d", {"type": "object"}, is_strict=False)]},
        {"response_format": ResponseFormat("json_schema", "n", {"type": "object"})},
    ],
)
def test_schemas_are_part_of_the_prompt(more):
    """Recorded requests with tools or a schema cost more than without."""
    assert total(ASKED, **more) > total(ASKED)


def test_calls_are_part_of_the_prompt():
    """Name and arguments of earlier calls are read again."""
    call = ToolCall("id", "look_up", '{"city": "Oslo"}')

    assert total(ASKED, Message("assistant", "", tool_calls=(call,))) > total(
        ASKED, Message("assistant", "")
    )


@pytest.mark.parametrize(
    ("model", "clear_thinking", "is_kept"),
    [
        ("qwen-3.8-27b", None, True),
        ("qwen-3.8-27b", False, True),
        ("qwen-3.8-27b", True, False),
        ("zai-glm-4.7", None, False),
        ("zai-glm-4.7", False, True),
        ("gpt-oss-120b", None, False),
    ],
)
def test_earlier_reasoning_stays_by_the_model_s_habit(model, clear_thinking, is_kept):
    """§10.4: reasoning before the last user message counts where it is kept."""
    with_it = total(ASKED, REASONED, ASKED, model=model, clear_thinking=clear_thinking)
    without = total(ASKED, Message("assistant", "4"), ASKED, model=model)

    assert (with_it > without) is is_kept


@pytest.mark.parametrize("clear_thinking", [None, True])
def test_reasoning_of_the_running_turn_always_stays(clear_thinking):
    """§10.4: only what precedes the latest user message is removed."""
    with_it = total(ASKED, REASONED, clear_thinking=clear_thinking)

    assert with_it > total(ASKED, Message("assistant", "4"))


# --- recordings


def recorded_prompt_tokens(capture):
    """`usage.prompt_tokens` of a recorded reply, wherever it stands."""
    if "body" in capture.response:
        return capture.response["body"]["usage"]["prompt_tokens"]
    events = capture.response.get("events") or [
        json.loads(line.removeprefix("data: "))
        for line in capture.response["sse"].splitlines()
        if line.startswith("data: {")
    ]
    return next(event["usage"] for event in events if event.get("usage"))["prompt_tokens"]


# The recordings of these came through a router, under an id of its own.
ROUTED = {
    "038-chatlas-llama31-turns-stream": "llama3.1-8b",
    "039-chatlas-llama31-jsonschema": "llama3.1-8b",
}
STRICT_AS_BEFORE_VERSION_2 = {
    "007-reqllm-gptoss-tools-202510",
    "009-reqllm-gptoss-object-tool-stream-202510",
}


# qwen-3-coder spells tools out longer than its siblings, and llama a schema with instructions.
ROUGH = {"018": 0.4, "021": 0.4, "022": 0.4, "023": 0.4, "024": 0.4, "039": 0.5}


def computed(capture):
    """The recorded request as validated, by the model's own id."""
    model = ROUTED.get(capture.id, capture.request["body"]["model"])
    return validate_chat({**capture.request["body"], "model": model}, Service.of([model]))


@needs_captures
@pytest.mark.parametrize(
    "capture",
    [
        one
        for one in captures("chat", "chat-stream")
        if one.request is not None and one.id not in STRICT_AS_BEFORE_VERSION_2
    ],
    ids=lambda capture: capture.id,
)
def test_prompt_tokens_are_plausible(capture):
    """Recorded counts are met within some percent, and in order of magnitude where noted."""
    recorded = recorded_prompt_tokens(capture)

    assert computed(capture).prompt_tokens == pytest.approx(
        recorded, rel=ROUGH.get(capture.id[:3], 0.13)
    )


@needs_captures
@pytest.mark.parametrize(
    "capture",
    [
        one
        for one in captures("chat", "chat-stream")
        if one.request is not None
        and one.request["body"]["model"] == "gpt-oss-120b"
        and [message["role"] for message in one.request["body"]["messages"]] == ["user"]
        and "tools" not in one.request["body"]
    ],
    ids=lambda capture: capture.id,
)
def test_prompt_tokens_of_one_message_to_gpt_oss_are_exact(capture):
    """The vocabulary is the model's own."""
    assert computed(capture).prompt_tokens == recorded_prompt_tokens(capture)


@needs_captures
def test_reservation_is_that_of_the_recorded_headers():
    """§13.2: 1,000,000 - 997,997 tokens for `max_tokens: 2000` and a prompt of three words."""
    (capture,) = (one for one in captures() if one.id == "006-reqllm-gptoss-chat-202605")
    headers = capture.response["headers"]

    assert computed(capture).quota_tokens == int(headers["x-ratelimit-limit-tokens-minute"]) - int(
        headers["x-ratelimit-remaining-tokens-minute"]
    )
