"""Streams with odd, foreign or half contents, and what is made of them."""

from __future__ import annotations

from typing import Any

import pytest

from cerebras_ext._assemble_text import TextAssembler
from cerebras_ext.deltas import ContentDelta, ReasoningDelta, StreamStart, TextDelta
from cerebras_ext.errors import (
    ProtocolError,
)
from cerebras_ext.stream import StreamReader
from tests.core.streams import (
    META,
    chat_reader,
    chunk,
    delta,
    event,
    finish,
    read_chat,
    texts,
)
from tests.transcripts import TRANSCRIPTS, Transcript, reader_of


@pytest.mark.parametrize(
    ("tokens", "message"),
    [(5, "tokens that are not an array"), (["a"], "tokens that are not integers")],
)
def test_odd_tokens_of_a_text_completion_are_a_protocol_error(tokens: Any, message: str) -> None:
    """Token ids are integers (API §5.2)."""
    reader = StreamReader(TextAssembler(META))
    deltas = list(reader.feed(chunk([{"text": "a"}]) + chunk([{"tokens": tokens}])))
    assert [type(one) for one in deltas] == [StreamStart, TextDelta]
    with pytest.raises(ProtocolError, match=message):
        reader.end()


# what came beside the texts cannot be read as a reply, but the texts can
ODD: dict[str, bytes] = {
    "id": event({"id": 5, "choices": [{"delta": {"content": "Hello"}}]}),
    "usage": chunk([{"delta": {"content": "Hello"}}], usage={"prompt_tokens": "many"}),
    "log probabilities": chunk(
        [{"delta": {"content": "Hello"}, "logprobs": {"content": [{"token": 1}]}}]
    ),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_partial_has_the_texts_whatever_came_beside_them(odd: bytes) -> None:
    """A finish that cannot be read is a protocol error that still has the answer's text."""
    reader = chat_reader()
    assert texts(reader.feed(odd + finish())) == "Hello"
    with pytest.raises(ProtocolError, match="the reply is not a ChatCompletion") as caught:
        reader.end()
    partial: Any = caught.value.partial
    assert partial.choices[0].message.content == "Hello"


def test_logprobs_of_half_characters_are_readable() -> None:
    """Tokens of log probabilities may be half a surrogate pair; they become U+FFFD (§3.6)."""
    entry = b'{"token":"\\ud83d","logprob":-1.0}'
    raw = b'{"choices":[{"delta":{"content":"a\\ud83d"},"logprobs":{"content":[' + entry + b"]}}]}"
    deltas, reply = read_chat(
        event(raw), event(b'{"choices":[{"delta":{"content":"\\ude00"}}]}'), finish()
    )
    assert texts(deltas) == "a😀"
    assert reply.choices[0].logprobs is not None
    assert reply.choices[0].logprobs.content is not None
    assert reply.choices[0].logprobs.content[0].token == "\ufffd"
    assert deltas[1].raw["choices"][0]["delta"] == {"content": "a😀"}


def test_broken_utf8_reads_as_replacement_characters() -> None:
    """The stream is UTF-8 always; broken bytes are U+FFFD and end nothing (§3.1)."""
    deltas, _ = read_chat(event(b'{"choices":[{"delta":{"content":"a\xff"}}]}'), finish())
    assert texts(deltas) == "a\ufffd"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"content": [{"type": "text", "text": "a"}, {"text": "b"}, {"x": 1}, 5]},
            {"content": "ab"},
        ),
        ({"reasoning_content": "a"}, {"reasoning": "a"}),
        ({"reasoning": "a", "reasoning_content": "b"}, {"reasoning": "a"}),
        ({"refusal": "no"}, {"refusal": "no"}),
        ({"content": ""}, {"content": ""}),
        ({"content": None}, {}),
        ({"role": "tool"}, {"role": "tool"}),
    ],
)
def test_other_spellings_are_understood(fields: dict[str, Any], message: dict[str, Any]) -> None:
    """What gateways in front of the service may send reads as the service's own (§10.3)."""
    _, reply = read_chat(delta(**fields), finish())
    assert reply.to_wire()["choices"][0]["message"] == {"role": "assistant", **message}


def test_pieces_of_a_refusal_are_joined() -> None:
    """A refusal in several deltas is one text."""
    _, reply = read_chat(delta(refusal="n"), delta(refusal="o"), finish())
    assert reply.choices[0].message.refusal == "no"


TEXT_KEYS = {ContentDelta: "content", ReasoningDelta: "reasoning", TextDelta: "text"}


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda one: one.name)
def test_partial_holds_what_was_delivered(transcript: Transcript) -> None:
    """Cut after any event, the partial has exactly the texts of the deltas (§3.2)."""
    for n_events in range(1, len(transcript.events)):
        reader = reader_of(transcript)
        deltas = list(reader.feed(b"".join(transcript.events[:n_events])))
        partial = reader.partial()
        assert partial is not None
        for choice in partial.to_wire()["choices"]:
            shown = choice.get("message", choice)
            mine = [one for one in deltas if getattr(one, "choice", None) == choice["index"]]
            for kind, key in TEXT_KEYS.items():
                text = "".join(one.text for one in mine if isinstance(one, kind))
                assert shown.get(key, "") == text
