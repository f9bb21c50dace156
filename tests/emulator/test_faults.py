"""Faults: what each does to a reply, and what is said about bad ones."""

from __future__ import annotations

import json
import zlib

import pytest

from cerebras_ext.emulator.fault_answers import STATUS_ANSWERS
from cerebras_ext.emulator.faults import FAULTS, FaultError, read_fault
from cerebras_ext.emulator.outgoing import Drop, Frame, Outgoing, Stall, Wait
from cerebras_ext.emulator.render import DONE_EVENT, sse_event
from cerebras_ext.emulator.replies import EVENT_STREAM, JSON

FINISH = {"choices": [{"delta": {}, "finish_reason": "stop", "index": 0}]}
EVENTS = [sse_event({"n": 0}), sse_event({"n": 1}), sse_event(FINISH), DONE_EVENT]
STREAM = Outgoing(200, (("content-type", EVENT_STREAM),), tuple(map(Frame, EVENTS)))
BODY = b'{"choices":[{"finish_reason":"stop","index":0}]}'
WHOLE = Outgoing(200, (("content-type", JSON),), (Frame(BODY),))


def damaged(text: str, outgoing: Outgoing = STREAM) -> Outgoing:
    """The reply with a fault in it."""
    return read_fault(text).damaged(outgoing)


def header(outgoing: Outgoing, name: str) -> str | None:
    """A header of a reply."""
    return dict(outgoing.headers).get(name)


@pytest.mark.parametrize("argument", sorted(STATUS_ANSWERS))
def test_status_has_a_body_that_says_what_is_wrong(argument: str):
    """Reliability contract F12 to F24: each status with the shape known for it."""
    answer = read_fault(f"status:{argument}").answer()
    assert answer.status == int(argument[:3])
    if header(answer, "content-type") == JSON:
        body = json.loads(answer.data)
        assert list(body)[:4] == ["message", "type", "param", "code"]
        assert body["message"]
    else:
        assert argument in {"403-front", "502", "504"}


def test_status_takes_advice_headers():
    """Reliability contract F23: 503 with advice."""
    answer = read_fault("status:503; Retry-After = 2;x-should-retry=true").answer()
    assert header(answer, "retry-after") == "2"
    assert header(answer, "x-should-retry") == "true"


def test_status_of_a_full_queue_says_not_to_retry():
    """API specification §11.3: `queue_exceeded` carries `x-should-retry: false`."""
    answer = read_fault("status:429-queue").answer()
    assert header(answer, "x-should-retry") == "false"
    assert json.loads(answer.data)["code"] == "queue_exceeded"


def test_status_without_a_known_body_has_none():
    """Any error status can be asked for."""
    answer = read_fault("status:418").answer()
    assert (answer.status, answer.data) == (418, b"")


def test_redirect_names_another_host():
    """Reliability contract F25: 307 with a location."""
    answer = read_fault("redirect:https://other.invalid/x").answer()
    assert (answer.status, header(answer, "location")) == (307, "https://other.invalid/x")


def test_error_body_comes_with_status_200():
    """Reliability contract F39: nested error and `status_code`."""
    answer = read_fault("error-body:429-queue").answer()
    body = json.loads(answer.data)
    assert (answer.status, body["status_code"]) == (200, 429)
    assert list(body["error"]) == ["message", "type", "param", "code", "id"]


@pytest.mark.parametrize(("text", "kept"), [("cut-length", len(BODY) // 2), ("cut-length:3", 3)])
def test_cut_length_promises_more_than_it_sends(text: str, kept: int):
    """Reliability contract F26: fewer bytes than `content-length`."""
    cut = damaged(text, WHOLE)
    assert header(cut, "content-length") == str(len(BODY))
    assert cut.steps == (Frame(BODY[:kept]), Drop())


def test_content_type_is_replaced():
    """Reliability contract F27: another content type around the same body."""
    changed = damaged("content-type:text/plain", WHOLE)
    assert (header(changed, "content-type"), changed.data) == ("text/plain", BODY)


def test_bad_gzip_cannot_be_unpacked():
    """Reliability contract F28: says gzip, is none."""
    bad = damaged("bad-gzip", WHOLE)
    assert header(bad, "content-encoding") == "gzip"
    with pytest.raises(zlib.error):
        zlib.decompress(bad.data, wbits=zlib.MAX_WBITS | 16)


def test_gzip_bomb_is_small_packed():
    """Reliability contract F29: megabytes in a few bytes."""
    bomb = damaged("gzip-bomb:3", WHOLE).data
    assert len(bomb) < 10_000
    assert len(zlib.decompress(bomb, wbits=zlib.MAX_WBITS | 16)) == 3 * 1024 * 1024


def test_bad_json_is_half_a_body():
    """Reliability contract F30: ends well as HTTP, not as JSON."""
    bad = damaged("bad-json", WHOLE)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(bad.data)


@pytest.mark.parametrize("outgoing", [WHOLE, STREAM])
def test_oversize_is_at_least_that_large(outgoing: Outgoing):
    """Reliability contract F31: a body beyond the client's limit."""
    large = damaged("oversize:2", outgoing)
    assert len(large.data) >= 2 * 1024 * 1024
    assert large.is_stream == outgoing.is_stream


@pytest.mark.parametrize(
    ("text", "kept"), [("cut:0", 0), ("cut", 1), ("cut:2", 2), ("cut:last", 3), ("cut:99", 4)]
)
def test_cut_drops_the_connection_after_n_events(text: str, kept: int):
    """Reliability contract F32: n = 0, 1, the last."""
    assert damaged(text).steps == (*map(Frame, EVENTS[:kept]), Drop())


@pytest.mark.parametrize(("text", "kept"), [("no-finish", 2), ("no-finish:1", 1)])
def test_no_finish_ends_cleanly_without_a_reason(text: str, kept: int):
    """Reliability contract F33: the end of the body, and no finish reason."""
    assert damaged(text).steps == tuple(map(Frame, EVENTS[:kept]))


def test_no_finish_of_a_body_takes_its_reason_away():
    """Reliability contract F33, for a whole reply."""
    assert json.loads(damaged("no-finish", WHOLE).data) == {"choices": [{"index": 0}]}


@pytest.mark.parametrize(
    ("text", "name", "status"),
    [("error-frame:1", b"data: ", 500), ("error-event:1", b"event: error\ndata: ", 429)],
)
def test_error_comes_in_both_framings(text: str, name: bytes, status: int):
    """Reliability contract F34: unnamed, and named by the event."""
    *before, last = damaged(text).frames
    assert [frame.data for frame in before] == EVENTS[:1]
    assert last.data.startswith(name)
    assert json.loads(last.data.removeprefix(name))["status_code"] == status


def test_bad_frame_is_followed_by_the_rest():
    """Reliability contract F35: one event that is no JSON, among good ones."""
    frames = [frame.data for frame in damaged("bad-frame:2").frames]
    assert (frames[:2], frames[3:]) == (EVENTS[:2], EVENTS[2:])
    with pytest.raises(ValueError, match=r"Invalid control|Unterminated"):
        json.loads(frames[2].removeprefix(b"data: "))


def test_stall_keeps_the_connection_open():
    """Reliability contract F36: silence after n events."""
    assert damaged("stall:1").steps == (Frame(EVENTS[0]), Stall())


def test_drip_sends_one_byte_at_a_time():
    """Reliability contract F37: a byte, then a wait."""
    steps = damaged("drip:5").steps
    assert steps[:4] == (Frame(b"d"), Wait(0.005), Frame(b"a"), Wait(0.005))


def test_giant_line_has_no_end_for_long():
    """Reliability contract F38: one line of megabytes."""
    longest = max(damaged("giant-line:2").data.split(b"\n"), key=len)
    assert len(longest) > 2 * 1024 * 1024


@pytest.mark.parametrize("text", ["error-frame", "error-event", "bad-frame", "giant-line:1"])
def test_stream_faults_have_a_meaning_for_whole_bodies(text: str):
    """No fault leaves a reply as it was."""
    assert damaged(text, WHOLE).data != BODY


def test_waits_do_not_count_as_events():
    """A paced stream is cut at the same event."""
    slow = Outgoing(200, STREAM.headers, (Wait(1), Frame(b"a"), Wait(1), Frame(b"b")))
    assert damaged("cut:1", slow).steps == (Wait(1), Frame(b"a"), Drop())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cutt:1", "there is no fault 'cutt': did you mean 'cut'?"),
        ("", "there is no fault '': the list is"),
        ("cut:-1", "'-1' must be a number of events"),
        ("cut:٣", "must be a number of events"),
        ("gzip-bomb:1e3", "'1e3' must be a number of MiB"),
        ("status:999", "fault 'status': '999' must be a status from 300 to 599 or one of"),
        ("status:200", "'200' must be a status from 300 to 599"),
        ("error-body:nope", "fault 'error-body': 'nope' must be one of"),
        ("cut:1;retry-after", "'retry-after' must be <header>=<value>"),
        ("cut:1;a b=1", "'a b: 1' is no header that HTTP can send"),
        ("gzip-bomb:2000", "'2000' must be 1024 MiB at most"),
    ],
)  # fmt: skip
def test_bad_fault_is_refused_with_a_remedy(text: str, complaint: str):
    """The text names the fault, its argument and what would do."""
    with pytest.raises(FaultError) as caught:
        read_fault(text)
    assert complaint in str(caught.value)


def test_every_fault_is_explained():
    """The list is what users read."""
    assert all(kind.summary and (kind.answer or kind.damage) for kind in FAULTS.values())
