"""Whatever bytes a server sends: our errors only, and cutting changes nothing."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext._assemble import ChatAssembler
from cerebras_ext._assemble_text import TextAssembler
from cerebras_ext.deltas import Finish, StreamStart, TextFinish
from cerebras_ext.errors import ProtocolError, StreamError
from cerebras_ext.reply import ResponseMeta
from cerebras_ext.stream import StreamReader
from tests.transcripts import TRANSCRIPTS, single_bytes

KEYS = [
    *("arguments", "bytes", "choices", "content", "delta", "error", "finish_reason", "function"),
    *("id", "index", "logprob", "logprobs", "model", "name", "reasoning", "refusal", "role"),
    *("status_code", "text", "token", "tokens", "tool_calls", "type", "usage"),
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.just(10**30),
    st.floats(allow_nan=False),
    st.sampled_from(["", "a", "b", "\ud83d", "\ude00", "🙂", "{", "stop"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4)
CALLS = st.fixed_dictionaries(
    {"function": st.fixed_dictionaries({}, optional={"name": JSON, "arguments": JSON}) | JSON},
    optional={"index": st.integers(0, 2) | JSON, "id": SCALARS, "type": SCALARS},
)
DELTAS = st.fixed_dictionaries(
    {},
    optional={
        "content": SCALARS | JSON,
        "reasoning": SCALARS | JSON,
        "tool_calls": st.lists(CALLS | JSON, max_size=3) | JSON,
        "role": SCALARS,
    },
)
CHOICES = st.fixed_dictionaries(
    {"delta": DELTAS | JSON},
    optional={
        "index": st.integers(0, 1) | JSON,
        "finish_reason": st.sampled_from(["stop", None]) | JSON,
        "logprobs": OBJECTS | JSON,
        "text": SCALARS | JSON,
        "tokens": st.lists(st.integers(0, 9)) | JSON,
    },
)
CHUNKS = st.fixed_dictionaries(
    {"choices": st.lists(CHOICES | JSON, max_size=3) | JSON},
    optional={"usage": OBJECTS | JSON, "id": SCALARS, "error": JSON},
)
FRAMES = st.one_of(
    (CHUNKS | JSON).map(lambda value: b"data: " + json.dumps(value).encode() + b"\n\n"),
    st.sampled_from([event for one in TRANSCRIPTS for event in one.events]),
    st.sampled_from([b"event: error\n", b"event: x\n", b": c\n", b"data: [DONE]\n\n", b"\n"]),
    st.binary(max_size=12),
)
STREAMS = st.lists(FRAMES, max_size=6)
READERS = st.sampled_from([ChatAssembler, TextAssembler])


def outcome(assembler: type[Any], pieces: list[bytes], *, merges: bool) -> tuple[Any, ...]:
    """Deltas, error and partial of the pieces, comparable."""
    reader: StreamReader[Any] = StreamReader(assembler(ResponseMeta()), merges=merges)
    deltas = [one for piece in pieces for one in reader.feed(piece)]
    try:
        deltas += reader.end()
    except (StreamError, ProtocolError) as error:
        return deltas, type(error), error.message, error.partial
    return deltas, None, None, deltas[-1].reply


@given(READERS, STREAMS, st.booleans())
def test_reader_raises_our_errors_only(
    assembler: type[Any], frames: list[bytes], merges: bool
) -> None:
    """Nothing but a stream or protocol error ever comes of a stream (§10)."""
    deltas, error, _, _ = outcome(assembler, frames, merges=merges)
    assert error is not None or isinstance(deltas[-1], Finish | TextFinish)
    assert all(isinstance(one, StreamStart) == (at == 0) for at, one in enumerate(deltas))


@given(READERS, STREAMS, st.lists(st.integers(0, 2000), max_size=5))
def test_reader_outcome_does_not_depend_on_cuts(
    assembler: type[Any], frames: list[bytes], cuts: list[int]
) -> None:
    """Unmerged deltas, the error and the partial are the same for any cut (§3.1)."""
    data = b"".join(frames)
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    whole = outcome(assembler, [data], merges=False)
    assert outcome(assembler, pieces, merges=False) == whole
    assert outcome(assembler, single_bytes(data), merges=False) == whole


@given(READERS, STREAMS)
def test_merging_changes_neither_error_nor_partial(
    assembler: type[Any], frames: list[bytes]
) -> None:
    """Merged or not, a stream ends in the same way with the same reply (§3.7)."""
    data = b"".join(frames)
    merged, unmerged = (outcome(assembler, [data], merges=merges) for merges in (True, False))
    assert merged[1:] == unmerged[1:]
