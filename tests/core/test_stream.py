"""Streams read as a whole: what they add up to, however they are cut and merged."""

from __future__ import annotations

import zlib
from dataclasses import replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext._json import load_json
from cerebras_ext.body import ContentDecoder
from cerebras_ext.deltas import (
    ContentDelta,
    Finish,
    ReasoningDelta,
    StreamStart,
    TextDelta,
    TextFinish,
    ToolCallDelta,
)
from cerebras_ext.reply import ResponseMeta, read_reply
from tests.captures import Capture, captures, needs_captures
from tests.transcripts import TRANSCRIPTS, Transcript, read_stream, reader_of, single_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

EACH_TRANSCRIPT = pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda one: one.name)


def unmerged(transcript: Transcript, pieces: Iterable[bytes]) -> list[Any]:
    """Every delta of the pieces, one for each that the wire has."""
    return read_stream(reader_of(transcript, merges=False), pieces)


def merged(transcript: Transcript, pieces: Iterable[bytes]) -> list[Any]:
    """The deltas of the pieces, neighbours of one piece merged."""
    return read_stream(reader_of(transcript, merges=True), pieces)


def summary(deltas: list[Any]) -> list[Any]:
    """What deltas say, with neighbours of one kind joined: merging must not change it."""
    return [
        _joined(list(run)) if isinstance(key, tuple) else next(run)
        for key, run in groupby(deltas, _run_key)
    ]


def _run_key(delta: Any) -> Any:
    match delta:
        case ToolCallDelta():
            return (ToolCallDelta, delta.choice, delta.index)
        case ContentDelta() | ReasoningDelta() | TextDelta():
            return (type(delta), delta.choice)
        case _:
            return type(delta).__name__


def _joined(run: list[Any]) -> dict[str, Any]:
    logprobs = [delta.logprobs for delta in run if getattr(delta, "logprobs", None)]
    return {
        "kind": _run_key(run[0]),
        "opened as": [(delta.id, delta.name) for delta in run if getattr(delta, "id", None)],
        "text": "".join(getattr(delta, "text", "") for delta in run),
        "arguments": "".join(getattr(delta, "arguments", "") for delta in run),
        "tokens": [token for delta in run for token in getattr(delta, "tokens", ())],
        "logprobs": {
            key: [entry for each in logprobs for entry in each[key] or ()]
            for key in (logprobs[0] if logprobs else ())
        },
    }


@EACH_TRANSCRIPT
@pytest.mark.parametrize("merges", [True, False], ids=["merged", "unmerged"])
def test_stream_adds_up_to_the_unstreamed_reply(transcript: Transcript, merges: bool) -> None:
    """Streamed and unstreamed, a reply is the same (reliability contract §3.7)."""
    *_, finish = read_stream(reader_of(transcript, merges=merges), [transcript.stream])
    assert isinstance(finish, Finish | TextFinish)
    assert finish.reply == read_reply(transcript.kind, transcript.reply, ResponseMeta())
    assert finish.reply.to_wire() == transcript.reply


@EACH_TRANSCRIPT
def test_stream_deltas_are_the_same_wherever_it_is_cut(transcript: Transcript) -> None:
    """Unmerged, every cut gives identical deltas, raw chunks and all (§3.1)."""
    whole = unmerged(transcript, [transcript.stream])
    assert unmerged(transcript, single_bytes(transcript.stream)) == whole
    for at in range(len(transcript.stream)):
        assert unmerged(transcript, [transcript.stream[:at], transcript.stream[at:]]) == whole, at


@EACH_TRANSCRIPT
def test_stream_merging_loses_nothing(transcript: Transcript) -> None:
    """Merged at any cut: texts, arguments, log probabilities, order and the reply stay (§3.7)."""
    whole = unmerged(transcript, [transcript.stream])
    told = summary(whole)
    for at in range(0, len(transcript.stream), 7):
        deltas = merged(transcript, [transcript.stream[:at], transcript.stream[at:]])
        assert summary(deltas) == told, at


@EACH_TRANSCRIPT
def test_stream_merges_what_one_piece_brings(transcript: Transcript) -> None:
    """In one piece, no two neighbouring deltas continue the same text."""
    for first, second in pairwise(reader_of(transcript).feed(transcript.stream)):
        continues = _run_key(first) == _run_key(second)
        opens = isinstance(second, ToolCallDelta) and (second.id or second.name)
        assert opens or not continues, second


@EACH_TRANSCRIPT
def test_stream_merges_nothing_across_pieces(transcript: Transcript) -> None:
    """A consumer that keeps up gets every delta: pieces of one event merge like no merging."""
    kept_up = merged(transcript, transcript.events)
    assert summary(kept_up) == summary(unmerged(transcript, transcript.events))
    assert len(kept_up) == len(unmerged(transcript, transcript.events))


@EACH_TRANSCRIPT
@pytest.mark.parametrize("merges", [True, False], ids=["merged", "unmerged"])
def test_raw_chunk_shows_its_delta(transcript: Transcript, merges: bool) -> None:
    """The chunk a delta came from, or the sum of several, reads as that delta again."""
    for delta in read_stream(reader_of(transcript, merges=merges), [transcript.stream])[1:-1]:
        assembler = reader_of(transcript)._assembler
        assembler.take(delta.raw)
        assert replace(delta, raw={}) in [replace(again, raw={}) for again in assembler.drain()]


@EACH_TRANSCRIPT
def test_stream_starts_once_and_finishes_once(transcript: Transcript) -> None:
    """A stream is a start, deltas, and one finish."""
    deltas = unmerged(transcript, [transcript.stream])
    assert isinstance(deltas[0], StreamStart)
    assert [type(delta) for delta in deltas].count(StreamStart) == 1
    assert [isinstance(delta, Finish | TextFinish) for delta in deltas] == [
        *[False] * (len(deltas) - 1),
        True,
    ]


@EACH_TRANSCRIPT
def test_finish_shows_the_last_chunk(transcript: Transcript) -> None:
    """The finish has the reason, and its raw chunk usage and timings (API specification §4.3)."""
    finish = merged(transcript, [transcript.stream])[-1]
    assert finish.finish_reason == transcript.reply["choices"][0]["finish_reason"]
    assert finish.raw["usage"] == transcript.reply["usage"]
    assert finish.raw["time_info"] == transcript.reply["time_info"]
    assert finish.raw["choices"]


@EACH_TRANSCRIPT
def test_stream_reads_gzip(transcript: Transcript) -> None:
    """A compressed stream gives the same deltas, byte by byte too (§7)."""
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(transcript.stream) + packer.flush()
    reader = reader_of(transcript, merges=False)
    reader._decoder = ContentDecoder("gzip")
    assert read_stream(reader, single_bytes(packed)) == unmerged(transcript, [transcript.stream])


RECORDED = [one for one in captures("chat-stream") if "sse" in one.response]
EACH_RECORDED = pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: one.id)
N_END_EVENTS = 3


def transcript_of(recorded: Capture, *, is_short: bool = False) -> Transcript:
    """A recording with the reply its chunks add up to, told naively; perhaps its two ends only."""
    data = recorded.response["sse"].encode()
    events = [event for event in data.split(b"\n\n") if event]
    if is_short:
        middle = events[N_END_EVENTS:-N_END_EVENTS]
        opened = [event for event in middle if b'"name"' in event]
        events = [*events[:N_END_EVENTS], *opened, *events[-N_END_EVENTS:]]
        data = b"\n\n".join(events) + b"\n\n"
    chunks = [load_json(event[6:]) for event in events if b"{" in event]
    return Transcript(recorded.id, data, naive_reply(chunks))


def naive_reply(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The unstreamed reply that chunks of one choice add up to."""
    message: dict[str, Any] = {}
    calls: list[dict[str, Any]] = []
    reply: dict[str, Any] = {"object": "chat.completion"}
    choice: dict[str, Any] = {"index": 0, "message": message}
    for chunk in chunks:
        reply = {**chunk, **reply}
        (shown,) = chunk["choices"]
        if "finish_reason" in shown:
            choice["finish_reason"] = shown["finish_reason"]
        for key, value in shown["delta"].items():
            if key == "role":
                message[key] = value
            elif key == "tool_calls":
                (fragment,) = value
                function = fragment["function"]
                if "id" in fragment:
                    call = {"id": fragment["id"], "type": "function", "function": {**function}}
                    calls.append(call)
                else:
                    calls[-1]["function"]["arguments"] += function["arguments"]
            else:
                message[key] = message.get(key, "") + value
    if calls:
        message["tool_calls"] = calls
    return {**reply, "choices": [choice]}


@needs_captures
@EACH_RECORDED
def test_recorded_stream_adds_up_to_its_reply(recorded: Capture) -> None:
    """Real streams, in one piece and byte by byte, merged or not, give one and the same reply."""
    transcript = transcript_of(recorded)
    for read in (merged, unmerged):
        for pieces in ([transcript.stream], single_bytes(transcript.stream)):
            finish = read(transcript, pieces)[-1]
            assert finish.reply.to_wire() == transcript.reply


@needs_captures
@EACH_RECORDED
def test_recorded_stream_is_the_same_wherever_it_is_cut(recorded: Capture) -> None:
    """Real streams (of long ones both ends), cut at every byte, give identical deltas (§10)."""
    transcript = transcript_of(recorded, is_short=True)
    test_stream_deltas_are_the_same_wherever_it_is_cut(transcript)


@needs_captures
@EACH_RECORDED
def test_recorded_stream_loses_nothing_by_merging(recorded: Capture) -> None:
    """Real streams, merged at any cut, keep texts, arguments and order (§3.7)."""
    test_stream_merging_loses_nothing(transcript_of(recorded, is_short=True))


@needs_captures
@EACH_RECORDED
@pytest.mark.long
def test_whole_recorded_stream_is_the_same_wherever_it_is_cut(recorded: Capture) -> None:
    """Real streams in their full length, cut at every byte, give identical deltas (§10)."""
    test_stream_deltas_are_the_same_wherever_it_is_cut(transcript_of(recorded))


@needs_captures
@pytest.mark.parametrize(
    "recorded",
    [one for one in RECORDED if "network_chunk_bytes" in one.response],
    ids=lambda one: one.id,
)
def test_recorded_stream_reads_as_it_arrived(recorded: Capture) -> None:
    """In the network pieces of the recording, a consumer gets deltas from each piece."""
    data = recorded.response["sse"].encode()
    sizes = recorded.response["network_chunk_bytes"]
    ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    pieces = [data[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    transcript = transcript_of(recorded)
    assert merged(transcript, pieces)[-1].reply.to_wire() == transcript.reply
