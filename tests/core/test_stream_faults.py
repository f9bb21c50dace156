"""Streams that end badly: which error, what it carries, and what is delivered before it."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from cerebras_ext import stream
from cerebras_ext._assemble import ChatAssembler
from cerebras_ext.config import IgnoredEvent
from cerebras_ext.deltas import Finish, StreamStart
from cerebras_ext.errors import (
    ConnectionFailed,
    ProtocolError,
    StreamFailed,
    StreamIncomplete,
    StreamInterrupted,
    StreamTimedOut,
    TimedOut,
)
from cerebras_ext.reply import ResponseMeta
from cerebras_ext.stream import StreamReader
from tests.core.streams import (
    BEFORE,
    DONE,
    META,
    RESET,
    START,
    chat_reader,
    chunk,
    delta,
    event,
    finish,
    read_chat,
    texts,
)
from tests.transcripts import single_bytes

FAULTS: dict[str, tuple[bytes, type[Exception], str]] = {
    "clean end": (b"", StreamIncomplete, "ended without a finish reason"),
    "error frame": (
        event(
            {"error": {"message": "broke", "type": "server_error", "code": ""}, "status_code": 500}
        ),
        StreamFailed,
        "status 500: broke",
    ),
    "error event": (
        event(
            {
                "error": {
                    "message": "busy",
                    "type": "too_many_requests_error",
                    "param": "queue",
                    "code": "queue_exceeded",
                    "id": "",
                },
                "status_code": 429,
            },
            name="error",
        ),
        StreamFailed,
        r"status 429 \(queue_exceeded\)",
    ),
    "flat error event": (event({"message": "broke"}, name="error"), StreamFailed, "broke"),
    "error event of text": (event(b"it broke", name="error"), StreamFailed, "it broke"),
    "error frame of text": (event({"error": "broke"}), StreamFailed, "broke"),
    "frame cut short": (event(b'{"choices":[{"delta"'), ProtocolError, "is not JSON"),
    "empty frame": (event(b""), ProtocolError, "is not JSON"),
    "frame of NaN": (event(b'{"choices":NaN}'), ProtocolError, "is not JSON"),
    "deep frame": (event(b"[" * 300 + b"]" * 300), ProtocolError, "deeper than 200 levels"),
    "deep frame with halves": (
        event(b'["\\ud800",' + b"[" * 300 + b"]" * 301),
        ProtocolError,
        "deeper than 200 levels",
    ),
    "array": (event([1]), ProtocolError, "is not a JSON object"),
    "text": (event("a"), ProtocolError, "is not a JSON object"),
    "giant line": (b"data: " + b"x" * (1 << 20), ProtocolError, "line longer than 1048576 bytes"),
    "choices not an array": (chunk({"a": 1}), ProtocolError, "choices that are not an array"),
    "choice not an object": (chunk([1]), ProtocolError, "a choice that is not an object"),
    "index not a number": (chunk([{"index": "0"}]), ProtocolError, "index is not an integer"),
    "index a bool": (chunk([{"index": True}]), ProtocolError, "index is not an integer"),
    "index a list": (chunk([{"index": [0]}]), ProtocolError, "index is not an integer"),
    "delta not an object": (
        chunk([{"delta": "a"}]),
        ProtocolError,
        "delta that is not an object",
    ),
    "content a number": (
        delta(content=5),
        ProtocolError,
        "of type int where text belongs",
    ),
    "content an object": (
        delta(content={"a": 1}),
        ProtocolError,
        "of type dict where text belongs",
    ),
    "reasoning a number": (
        delta(reasoning=5),
        ProtocolError,
        "of type int where text belongs",
    ),
    "refusal a number": (
        delta(refusal=5),
        ProtocolError,
        "of type int where text belongs",
    ),
    "role a number": (delta(role=5), ProtocolError, "a role that is not a string"),
    "finish reason a number": (
        chunk([{"finish_reason": 5}]),
        ProtocolError,
        "a finish reason that is not a string",
    ),
    "log probabilities a list": (
        chunk([{"delta": {"content": "!"}, "logprobs": [1]}]),
        ProtocolError,
        "log probabilities that is not an object",
    ),
    "calls not an array": (delta(tool_calls=5), ProtocolError, "tool calls that are not an array"),
    "call not an object": (
        delta(tool_calls=[5]),
        ProtocolError,
        "call that is not an object",
    ),
    "call index a string": (
        delta(tool_calls=[{"index": "0"}]),
        ProtocolError,
        "a tool call whose index is not an integer",
    ),
    "call id a number": (
        delta(tool_calls=[{"id": 5}]),
        ProtocolError,
        "a tool call id that is not a string",
    ),
    "function a string": (
        delta(tool_calls=[{"function": "f"}]),
        ProtocolError,
        "a function that is not an object",
    ),
    "arguments an object": (
        delta(tool_calls=[{"function": {"arguments": {"a": 1}}}]),
        ProtocolError,
        "of type dict where text belongs",
    ),
}


@pytest.mark.parametrize(("fault", "kind", "message"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("merges", [True, False], ids=["merged", "unmerged"])
def test_what_came_before_a_fault_is_delivered(
    fault: bytes, kind: type[Exception], message: str, merges: bool
) -> None:
    """A fault in the same piece as good events takes none of them away (§3.2)."""
    reader = chat_reader(merges=merges)
    deltas = list(reader.feed(BEFORE + fault))
    assert isinstance(deltas[0], StreamStart)
    assert texts(deltas).startswith("HmHello")
    with pytest.raises(kind, match=message):
        reader.end()


@pytest.mark.parametrize(("fault", "kind", "message"), FAULTS.values(), ids=FAULTS)
def test_fault_carries_what_had_arrived(fault: bytes, kind: type[Exception], message: str) -> None:
    """Every error of a stream has `.partial`, request id and retries (§3.2)."""
    reader = chat_reader()
    list(reader.feed(BEFORE + fault))
    with pytest.raises(kind) as caught:
        reader.end()
    error: Any = caught.value
    assert error.partial.to_wire()["id"] == "chatcmpl-a"
    message_so_far = error.partial.choices[0].message
    assert (message_so_far.reasoning, message_so_far.content[:5]) == ("Hm", "Hello")
    assert error.partial.choices[0].finish_reason is None
    assert (error.request_id, error.retries_taken) == (META.request_id, META.retries_taken)


@pytest.mark.parametrize(("fault", "kind", "message"), FAULTS.values(), ids=FAULTS)
def test_fault_is_the_same_wherever_it_is_cut(
    fault: bytes, kind: type[Exception], message: str
) -> None:
    """Byte by byte, the same deltas and the same error come (§3.1)."""
    if len(fault) > 10_000:
        pieces = [BEFORE + fault[:5], fault[5:-7], fault[-7:]]
    else:
        pieces = single_bytes(BEFORE + fault)
    whole, cut = chat_reader(merges=False), chat_reader(merges=False)
    assert [one for piece in pieces for one in cut.feed(piece)] == list(whole.feed(BEFORE + fault))
    with pytest.raises(kind, match=message):
        cut.end()


@pytest.mark.parametrize("fault", ["error frame", "frame cut short", "giant line"])
def test_nothing_is_read_after_a_fault(fault: str) -> None:
    """A stream that failed is over; even a finish cannot save it."""
    reader = chat_reader()
    list(reader.feed(BEFORE + FAULTS[fault][0]))
    assert reader.is_over
    assert list(reader.feed(finish() + DONE)) == []
    with pytest.raises(FAULTS[fault][1]):
        reader.end()


def test_error_frame_gives_all_that_the_service_said() -> None:
    """Status, type, code and param of an error event are on the error (§3.2)."""
    reader = chat_reader()
    list(reader.feed(START + FAULTS["error event"][0]))
    with pytest.raises(StreamFailed) as caught:
        reader.end()
    error = caught.value
    assert (error.status, error.type) == (429, "too_many_requests_error")
    assert (error.code, error.param, error.detail) == ("queue_exceeded", "queue", "busy")


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (RESET, StreamInterrupted),
        (ProtocolError("the reply is not HTTP"), StreamInterrupted),
        (TimedOut("silence", phase="read"), StreamTimedOut),
        (TimedOut("too long", phase="total"), StreamTimedOut),
    ],
)
def test_death_of_the_transport_is_an_interrupted_stream(
    cause: ConnectionFailed | ProtocolError, kind: type[StreamInterrupted]
) -> None:
    """What killed the transport is told and kept as the cause (§3.2)."""
    reader = chat_reader()
    list(reader.feed(BEFORE))
    with pytest.raises(kind, match=cause.message) as caught:
        reader.end(cause)
    assert caught.value.__cause__ is cause
    assert caught.value.was_sent is True
    assert caught.value.partial is not None
    if isinstance(cause, TimedOut):
        assert isinstance(caught.value, TimedOut)
        assert caught.value.phase == cause.phase


@pytest.mark.parametrize(
    "unknown",
    [
        event({"type": "ping"}, name="ping"),
        event(b"not JSON", name="ping"),
        event({"choices": [{"delta": {"content": "no"}}]}, name="other"),
    ],
)
def test_unknown_events_are_counted_and_ignored(unknown: bytes) -> None:
    """Events of other names carry nothing that is known, and are never fatal (§3.5)."""
    reader = chat_reader()
    deltas = list(
        reader.feed(START + unknown + delta(content="a") + b": ping\n\n" + unknown + finish())
    )
    assert texts(deltas) == "a"
    assert reader.n_ignored == 2
    assert isinstance(reader.end()[-1], Finish)


def test_unknown_events_are_shown_to_a_hook() -> None:
    """Whoever looks for them sees each, with its text; its repr may be logged (§3.5, §6)."""
    seen: list[IgnoredEvent] = []
    reader = StreamReader(ChatAssembler(META), on_ignored=seen.append)
    list(reader.feed(START + event(b"1", name="ping") + delta(content="a") + finish()))
    assert seen == [IgnoredEvent("ping", "1")]
    assert repr(seen) == "[IgnoredEvent(name='ping')]"


def test_deltas_apart_are_made_as_they_are_asked_for() -> None:
    """Few are alive at a time: of all that one read brought, a collector would go over each."""
    reader = chat_reader(merges=False)
    ping = event(b"1", name="ping")
    deltas = reader.feed(START + delta(content="a") + ping + delta(content="b") + finish())
    seen = [(reader.n_ignored, one) for one in deltas]
    assert [n_ignored for n_ignored, _ in seen] == [0, 0, 1]
    assert texts([one for _, one in seen]) == "ab"
    assert reader.is_finished


def test_unknown_fields_are_kept_and_never_fatal() -> None:
    """Fields the service may add are in the raw chunk, top-level ones in the reply too (§3.5)."""
    new = chunk([{"index": 0, "delta": {"content": "a", "new": 1}, "new": 2}], new={"x": 3})
    deltas, reply = read_chat(new, finish())
    assert deltas[1].raw["choices"][0]["delta"]["new"] == 1
    assert reply.to_wire()["new"] == {"x": 3}


def test_stream_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit of a reply the stream fails; what fits is delivered, however cut (§7)."""
    many = START + delta(content="a") * 20
    monkeypatch.setattr(stream, "MAX_REPLY_BYTES", len(START) + 10 * len(delta(content="a")))
    for pieces in ([many], single_bytes(many)):
        reader = chat_reader()
        assert texts([one for piece in pieces for one in reader.feed(piece)]) == "a" * 10
        with pytest.raises(ProtocolError, match="the stream is longer than"):
            reader.end()


def test_done_at_the_limit_is_a_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows `[DONE]` does not count."""
    whole = BEFORE + finish() + DONE
    monkeypatch.setattr(stream, "MAX_REPLY_BYTES", len(whole))
    reader = chat_reader()
    list(reader.feed(whole + b"x" * 100))
    assert isinstance(reader.end()[-1], Finish)


@pytest.mark.parametrize(
    ("encoding", "body", "message"),
    [
        ("gzip", BEFORE, "is not valid gzip"),
        ("br", BEFORE, "content encoding 'br', which was not asked for"),
    ],
)
def test_stream_in_another_encoding_is_a_protocol_error(
    encoding: str, body: bytes, message: str
) -> None:
    """A body that is not what its encoding says, or in one not asked for, is named (§7)."""
    reader = chat_reader(meta=ResponseMeta(headers={"content-encoding": encoding}))
    assert list(reader.feed(body)) == []
    with pytest.raises(ProtocolError, match=message) as caught:
        reader.end()
    assert caught.value.where == "content-encoding"


def test_compressed_stream_cut_short_keeps_what_came() -> None:
    """The end of the gzip data is not needed once the finish is proved, nor before it."""
    meta = ResponseMeta(headers={"content-encoding": "gzip"})
    body = gzip.compress(BEFORE + finish(), mtime=0)[:-8]  # all but checksum and length
    reader = chat_reader(meta=meta)
    list(reader.feed(body))
    assert isinstance(reader.end()[-1], Finish)


def test_after_done_the_rest_of_a_compressed_piece_is_left() -> None:
    """Steps of decoding that follow `[DONE]` in one piece are not read."""
    meta = ResponseMeta(headers={"content-encoding": "gzip"})
    reader = chat_reader(meta=meta)
    list(reader.feed(gzip.compress(BEFORE + finish() + DONE + b"data: x\n\n" * 20_000, mtime=0)))
    assert isinstance(reader.end()[-1], Finish)
