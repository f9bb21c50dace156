"""How a streamed call goes until its first deltas have come (contract §3.3)."""

from __future__ import annotations

import pytest

from cerebras_ext.deltas import ContentDelta, Finish, StreamStart
from cerebras_ext.errors import (
    BadRequest,
    CerebrasError,
    ConnectionFailed,
    ProtocolError,
    ServerError,
    StreamFailed,
    StreamIncomplete,
)
from cerebras_ext.flow import OpenedStream
from cerebras_ext.retry import RetryPolicy
from tests.core.flows import (
    BUSY,
    OK,
    SSE,
    Reply,
    reset,
    sse,
    streamed,
)
from tests.core.streams import DONE, delta, event, finish


def test_stream_is_opened_with_its_first_deltas() -> None:
    """The flow ends when something can be handed over; the rest is read by the driver (§3.3)."""
    played = streamed(sse(delta(content="a"), delta(content="b")))
    opened = played.result
    assert isinstance(opened, OpenedStream)
    assert [type(one) for one in opened.deltas] == [StreamStart, ContentDelta]
    assert (opened.source, opened.meta.request_id) == ("the rest", "r")
    assert [one.text for one in opened.reader.feed(delta(content="b"))] == ["b"]


def test_stream_that_comes_whole_is_opened_unfinished() -> None:
    """A whole stream in the first piece still ends in the driver's hands."""
    opened = streamed(sse(delta(content="a") + finish() + DONE)).result
    assert not any(isinstance(one, Finish) for one in opened.deltas)
    assert isinstance(opened.end(None)[-1], Finish)


def test_stream_needs_as_many_pieces_as_it_takes() -> None:
    """Comments and half events open nothing."""
    first = delta(content="a")
    opened = streamed(sse(b": ping\n\n", first[:9], first[9:-1], first[-1:])).result
    assert len(opened.deltas) == 2


FIRST_FAULTS: dict[str, tuple[Reply | CerebrasError, type[CerebrasError], bool]] = {
    "reset": (reset(), ConnectionFailed, True),
    "reset after the head": (sse(dies_of=reset()), ConnectionFailed, True),
    "reset after a comment": (sse(b": ping\n\n", dies_of=reset()), ConnectionFailed, True),
    "end after the head": (sse(), StreamIncomplete, True),
    "503": (BUSY, ServerError, True),
    "503 in an event": (
        sse(event({"error": {"message": "busy"}, "status_code": 503})),
        StreamFailed,
        True,
    ),
    "queue in an event": (
        sse(event({"error": {"code": "queue_exceeded"}, "status_code": 429}, "error")),
        StreamFailed,
        True,
    ),
    "400 in an event": (
        sse(event({"error": {"message": "bad"}, "status_code": 400})),
        StreamFailed,
        False,
    ),
    "400": (Reply(400), BadRequest, False),
    "no JSON": (sse(event(b"no")), ProtocolError, False),
    "done at once": (sse(DONE), ProtocolError, False),
    "no stream": (OK, ProtocolError, False),
    "HTML": (Reply(body=(b"<p>",), headers={"content-type": "text/html"}), ProtocolError, False),
    "other encoding": (
        Reply(body=(b"x",), headers={**SSE, "content-encoding": "br"}),
        ProtocolError,
        False,
    ),
}


@pytest.mark.parametrize(("fault", "kind", "is_retried"), FIRST_FAULTS.values(), ids=FIRST_FAULTS)
def test_failures_before_the_first_delta_are_like_any_other(
    fault: Reply | CerebrasError, kind: type[CerebrasError], is_retried: bool
) -> None:
    """Until something was handed over, a stream is retried as a reply is (§3.3)."""
    if is_retried:
        played = streamed(fault, sse(delta(content="a")))
        assert played.result.meta.retries_taken == 1
    played = streamed(fault, retry=RetryPolicy(max_retries=0))
    assert isinstance(played.error, kind)
    assert len(played.steps) == 1
    assert getattr(played.error, "partial", None) is None


def test_unreadable_opening_has_its_request_id() -> None:
    """Errors after a head carry the id of the exchange."""
    played = streamed(sse(event(b"no")))
    assert played.error is not None
    assert played.error.request_id == "r"


def test_no_stream_says_what_came_instead() -> None:
    """A reply that is no stream is named by its content type (F27)."""
    assert "content type 'application/json'" in str(streamed(OK).error)


@pytest.mark.parametrize("kind", ["text/event-stream", "Text/Event-Stream ; charset=x"])
def test_content_type_of_a_stream_is_read_leniently(kind: str) -> None:
    """Case and parameters do not matter."""
    reply = Reply(body=(delta(content="a"),), headers={"content-type": kind})
    assert streamed(reply).result is not None


def test_fault_after_the_opening_names_the_call() -> None:
    """Errors while reading on say what was asked of whom, and carry the partial (§3.2)."""
    opened = streamed(BUSY, sse(delta(content="a"))).result
    with pytest.raises(StreamIncomplete) as caught:
        opened.end(None)
    assert caught.value.message.startswith("chat completion with model 'm' at http://127.0.0.1:1")
    assert (caught.value.request_id, caught.value.retries_taken) == ("r", 1)
    assert caught.value.partial is not None
