"""The event stream decoder: the WHATWG format, independence of cuts, limits."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext.errors import ProtocolError
from cerebras_ext.sse import MAX_EVENT_BYTES, SseDecoder
from tests.transcripts import TRANSCRIPTS, Transcript, single_bytes

Event = tuple[str, bytes]
BOM = b"\xef\xbb\xbf"
LINE_ENDS = {"LF": b"\n", "CR": b"\r", "CRLF": b"\r\n"}


def decode(*pieces: bytes, limit_bytes: int = MAX_EVENT_BYTES) -> list[Event]:
    """The events of the pieces fed one after the other."""
    decoder = SseDecoder(max_event_bytes=limit_bytes)
    return [event for piece in pieces for event in decoder.feed(piece)]


def outcome(
    pieces: list[bytes], *, limit_bytes: int
) -> tuple[list[Event], ProtocolError | None, int | None]:
    """Events, the error after them, and `retry_ms`."""
    decoder = SseDecoder(max_event_bytes=limit_bytes)
    events: list[Event] = []
    try:
        for piece in pieces:
            events.extend(decoder.feed(piece))
    except ProtocolError as error:
        return events, error, decoder.retry_ms
    return events, None, decoder.retry_ms


def message(data: bytes) -> Event:
    """An unnamed event."""
    return ("message", data)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\n\n\n", [], id="blank lines only"),
        pytest.param(b"data: a\n\n", [message(b"a")], id="one event"),
        pytest.param(b"data:a\n\n", [message(b"a")], id="no space after the colon"),
        pytest.param(b"data:  a\n\n", [message(b" a")], id="only one space is dropped"),
        pytest.param(b"data: a: b\n\n", [message(b"a: b")], id="colon in the value"),
        pytest.param(b"data: a\ndata: b\n\n", [message(b"a\nb")], id="two data lines"),
        pytest.param(b"data: a\ndata:\n\n", [message(b"a\n")], id="empty second data line"),
        pytest.param(b"data\n\ndata\ndata\n\ndata:", [message(b""), message(b"\n")], id="WHATWG 2"),
        pytest.param(b"data:test\n\ndata: test\n\n", [message(b"test")] * 2, id="WHATWG 3"),
        pytest.param(
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
            b"data:  third event\n\n",
            [message(b"first event"), message(b"second event"), message(b" third event")],
            id="WHATWG 1",
        ),
        pytest.param(b"event: add\ndata: 7\n\n", [("add", b"7")], id="named event"),
        pytest.param(
            b"event: add\ndata: 7\n\ndata: 8\n\n",
            [("add", b"7"), message(b"8")],
            id="a name is for one event",
        ),
        pytest.param(b"event: add\n\ndata: 8\n\n", [message(b"8")], id="a name without data"),
        pytest.param(b"event: a\nevent: b\ndata: 7\n\n", [("b", b"7")], id="the last name counts"),
        pytest.param(b"event:\ndata: 7\n\n", [message(b"7")], id="an empty name"),
        pytest.param(b"event: \xff\ndata: 7\n\n", [("\ufffd", b"7")], id="broken UTF-8"),
        pytest.param(b":\n: ping\ndata: a\n:\n\n", [message(b"a")], id="comments"),
        pytest.param(b"id: 1\nfoo: b\nbar\ndata: a\n\n", [message(b"a")], id="unknown fields"),
        pytest.param(b"Data: a\n data: b\n\n", [], id="names are exact"),
        pytest.param(b"data: a\n", [], id="no blank line"),
        pytest.param(b"data: a\n\ndata: b", [message(b"a")], id="unended second event"),
        pytest.param(BOM + b"data: a\n\n", [message(b"a")], id="byte order mark"),
        pytest.param(BOM + BOM + b"data: a\n\ndata: b\n\n", [message(b"b")], id="two marks"),
        pytest.param(b"data: a\n\n" + BOM + b"data: b\n\n", [message(b"a")], id="a late mark"),
        pytest.param(BOM[:2] + b"data: a\n\ndata: b\n\n", [message(b"b")], id="half a mark"),
        pytest.param("data: ä🙂\n\n".encode(), [message("ä🙂".encode())], id="UTF-8"),
        pytest.param(b"data: a\x00b\n\n", [message(b"a\x00b")], id="NUL"),
    ],
)
@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_decoder_follows_the_event_stream_format(
    stream: bytes, events: list[Event], end: bytes
) -> None:
    """Each rule of WHATWG §9.2.6 holds with each line ending, whole and byte by byte (§3.1)."""
    stream = stream.replace(b"\n", end)
    assert decode(stream) == events
    assert decode(*single_bytes(stream)) == events


def test_decoder_takes_mixed_line_ends() -> None:
    """LF, CR and CRLF may follow each other; CR CRLF is two line ends."""
    assert decode(b"data: a\r\n\r\ndata: b\r\rdata: c\n\r\ndata: d\r\r\n") == [
        message(b"a"),
        message(b"b"),
        message(b"c"),
        message(b"d"),
    ]


@pytest.mark.parametrize(
    ("line", "retry_ms"),
    [
        (b"retry: 1500", 1500),
        (b"retry:0", 0),
        (b"retry: 999999999", 999_999_999),
        (b"retry: 1000000000", None),
        (b"retry: -1", None),
        (b"retry: 1.5", None),
        (b"retry: 15x", None),
        (b"retry:", None),
        (b"retry: \xc2\xb2", None),
    ],
)
def test_decoder_takes_retry_of_digits_only(line: bytes, retry_ms: int | None) -> None:
    """`retry` counts when it is a reasonable number of ASCII digits (§3.1)."""
    decoder = SseDecoder()
    assert list(decoder.feed(line + b"\n")) == []
    assert decoder.retry_ms == retry_ms


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda one: one.name)
@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_decoder_gives_the_same_events_wherever_a_stream_is_cut(
    transcript: Transcript, end: bytes
) -> None:
    """Every cut of every transcript, with each line ending, gives identical events (§10)."""
    events = decode(transcript.stream)
    stream = transcript.stream.replace(b"\n", end)
    for at in range(len(stream) + 1):
        assert decode(stream[:at], stream[at:]) == events, at


def test_decoder_drops_an_event_that_close_found_unended() -> None:
    """After `close` nothing is left of an unended event (§3.1)."""
    decoder = SseDecoder()
    assert list(decoder.feed(b"data: a\ndata: b")) == []
    decoder.close()
    assert list(decoder.feed(b"\n\n")) == []


@pytest.mark.parametrize(
    ("stream", "what"),
    [
        pytest.param(b"data: " + b"x" * 30, "line", id="a data line that does not end"),
        pytest.param(b"data: " + b"x" * 30 + b"\n\n", "line", id="a data line"),
        pytest.param(b": " + b"x" * 30 + b"\n\n", "line", id="a comment"),
        pytest.param(b"data: 12345\n" * 5, "event", id="many data lines"),
        pytest.param(b"data\n" * 30, "event", id="many empty data lines"),
        pytest.param(b"data: 12345678901234567890", "line", id="one byte too many"),
    ],
)
def test_decoder_refuses_what_is_longer_than_the_limit(stream: bytes, what: str) -> None:
    """Lines and events beyond the limit are errors that name it, however they are cut (§7)."""
    for pieces in ([b"data: before\n\n" + stream], single_bytes(b"data: before\n\n" + stream)):
        events, error, _ = outcome(pieces, limit_bytes=25)
        assert error is not None
        assert error.message == f"the event stream holds a {what} longer than 25 bytes"
        assert error.where == f"event stream {what}"
        assert events == [message(b"before")]


def test_decoder_takes_what_is_as_long_as_the_limit() -> None:
    """The limit itself is allowed, and counts for each event anew."""
    stream = b"data: 1234567890123456789\n\n"
    assert len(decode(stream * 3, limit_bytes=25)) == 3


LINES = st.sampled_from(
    [b"data: a", b"data:", b"data", b"event: x", b": c", b"id: 1", b"retry: 5", b"\xff", b"", BOM]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
STREAMS = st.one_of(
    st.binary(max_size=200), st.lists(st.tuples(LINES, ENDS).map(b"".join)).map(b"".join)
)


@given(STREAMS, st.lists(st.integers(0, 200)))
def test_decoder_outcome_does_not_depend_on_cuts(stream: bytes, cuts: list[int]) -> None:
    """Whatever the bytes, cutting changes neither events nor errors, and no other error comes."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    whole = told([stream])
    assert told(pieces) == whole
    assert told(single_bytes(stream)) == whole


def told(pieces: list[bytes]) -> tuple[object, ...]:
    """The outcome under a small limit, comparable."""
    events, error, retry_ms = outcome(pieces, limit_bytes=20)
    return events, error and error.message, retry_ms


def test_decoder_work_is_linear_in_the_bytes() -> None:
    """A line that comes in 262,144 pieces is done long before the timeout of a test (§7).

    Copying what has come with each piece would move 2 TB.
    """
    decoder = SseDecoder(max_event_bytes=16 * MAX_EVENT_BYTES)
    piece = b"x" * 64
    assert not list(decoder.feed(b"data: "))
    n_pieces = 16 * MAX_EVENT_BYTES // len(piece) - 1
    for _ in range(n_pieces):
        assert not list(decoder.feed(piece))
    assert list(decoder.feed(b"\n\n")) == [message(piece * n_pieces)]


def test_decoder_keeps_no_more_than_an_event() -> None:
    """What was handed out is gone: 64 MiB go through in less than four (§7)."""
    decoder = SseDecoder()
    piece = b"data: " + b"x" * (MAX_EVENT_BYTES // 2) + b"\n\n"
    tracemalloc.start()
    try:
        for _ in range(128):
            assert len(list(decoder.feed(piece))) == 1
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_EVENT_BYTES
    finally:
        tracemalloc.stop()
