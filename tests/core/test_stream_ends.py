"""When a stream is finished, and when it is not (contract §3.2)."""

from __future__ import annotations

import pytest

from cerebras_ext._assemble_text import TextAssembler
from cerebras_ext.deltas import Finish
from cerebras_ext.errors import (
    ConnectionFailed,
    ProtocolError,
    StreamError,
    StreamIncomplete,
)
from cerebras_ext.stream import StreamReader
from tests.core.streams import (
    BEFORE,
    DONE,
    META,
    RESET,
    chat_reader,
    chunk,
    delta,
    finish,
    texts,
)


@pytest.mark.parametrize("cause", [None, RESET], ids=["clean end", "reset"])
@pytest.mark.parametrize("end", [finish(), finish() + DONE], ids=["finish", "finish and DONE"])
def test_finish_is_proved_by_a_reason(end: bytes, cause: ConnectionFailed | None) -> None:
    """After a finish reason a missing `[DONE]` or a dead transport is normal (§3.2)."""
    reader = chat_reader()
    list(reader.feed(BEFORE + end))
    (last,) = reader.end(cause)
    assert isinstance(last, Finish)
    assert last.finish_reason == "stop"


def test_finish_is_proved_by_done_alone() -> None:
    """`[DONE]` without a reason is a finish whose reason stays None (§3.2)."""
    reader = chat_reader()
    list(reader.feed(BEFORE + DONE))
    (last,) = reader.end()
    assert isinstance(last, Finish)
    assert last.finish_reason is None
    assert last.reply.choices[0].message.content == "Hello"


def test_finish_needs_a_reason_for_every_choice() -> None:
    """One choice that ended does not end the other (§3.2)."""
    reader = chat_reader()
    list(reader.feed(delta(0, content="a") + delta(1, content="b") + finish(index=0)))
    assert not reader.is_finished
    with pytest.raises(StreamIncomplete):
        reader.end()


def test_finish_needs_every_choice_that_was_asked_for() -> None:
    """A second prompt whose text never began was not answered (§3.2)."""
    reader = StreamReader(TextAssembler(META, n_choices=2))
    list(reader.feed(chunk([{"index": 0, "text": "a", "finish_reason": "stop"}])))
    assert not reader.is_finished
    list(reader.feed(chunk([{"index": 1, "text": "b", "finish_reason": "stop"}])))
    assert reader.is_finished


def test_reply_is_there_once_the_finish_was_given() -> None:
    """Before the end there is only the partial reply."""
    reader = chat_reader()
    list(reader.feed(BEFORE + finish()))
    assert reader.reply is None
    (last,) = reader.end()
    assert isinstance(last, Finish)
    assert reader.reply is last.reply


def test_stream_of_no_choice_is_no_reply() -> None:
    """A finish is not assumed where no choice was seen."""
    reader = chat_reader()
    list(reader.feed(chunk([])))
    with pytest.raises(StreamIncomplete) as caught:
        reader.end()
    assert caught.value.partial is not None
    assert caught.value.partial.choices == []


def test_done_before_any_chunk_is_a_protocol_error() -> None:
    """`[DONE]` alone is no reply."""
    reader = chat_reader()
    assert list(reader.feed(DONE)) == []
    with pytest.raises(ProtocolError, match="ended before its first chunk") as caught:
        reader.end()
    assert caught.value.partial is None


@pytest.mark.parametrize("cause", [None, RESET], ids=["clean end", "reset"])
def test_nothing_at_all_has_no_partial(cause: ConnectionFailed | None) -> None:
    """Before the first chunk there is no partial reply."""
    with pytest.raises(StreamError) as caught:
        chat_reader().end(cause)
    assert caught.value.partial is None


@pytest.mark.parametrize("tail", [b"", b" trailing", b"x" * 5_000_000])
def test_nothing_is_read_after_done(tail: bytes) -> None:
    """`[DONE]` ends the stream, whatever follows it (API specification §4.1)."""
    reader = chat_reader()
    deltas = list(reader.feed(BEFORE + finish() + b"data: [DONE]" + tail[:9] + b"\n\n" + tail))
    assert reader.is_over
    assert list(reader.feed(delta(content="more"))) == []
    assert texts(deltas) == "HmHello"
    assert isinstance(reader.end()[-1], Finish)
