"""The short way through the assembler: it takes what the long way would, the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cerebras_ext._assemble import ChatAssembler
from cerebras_ext._assemble_text import TextAssembler
from cerebras_ext._run import Run
from cerebras_ext.errors import ProtocolError
from cerebras_ext.limits import read_rate_limits
from cerebras_ext.reply import ResponseMeta

if TYPE_CHECKING:
    from cerebras_ext.wire import JsonObject

META = ResponseMeta(
    status=200,
    request_id=None,
    inference_id=None,
    rate_limits=read_rate_limits({}),
    headers={},
    retries_taken=0,
    client_request_id="a",
)


def chunk(delta: Any, index: Any = 0, **more: Any) -> JsonObject:
    """A chunk with one choice."""
    return {"id": "c", "choices": [{"delta": delta, "index": index, **more}]}


def fragment(arguments: Any, index: Any = 0, **more: Any) -> JsonObject:
    """A delta with one fragment of a tool call."""
    call = {"function": {"arguments": arguments}, "type": "function", "index": index, **more}
    return {"tool_calls": [call]}


PLAIN = [
    chunk({"content": "a"}),
    chunk({"reasoning": "b"}),
    chunk({"content": "c"}, 1),
    chunk(fragment("d")),
    chunk(fragment("e", 1)),
]
ODD = [
    chunk({"content": ""}),
    chunk({"content": None}),
    chunk({"content": ["f"]}),
    chunk({"content": [{"type": "text", "text": "g"}]}),
    chunk({"content": 1}),
    chunk({"content": "h", "role": "assistant"}),
    chunk({"content": "i", "reasoning": "j"}),
    chunk({"content": "k"}, finish_reason="stop"),
    chunk({"content": "l"}, finish_reason=None),
    chunk({"content": "m"}, logprobs={"content": [{"token": "m"}]}),
    chunk({"content": "n"}, False),
    chunk({"content": "n"}, 0.0),
    chunk({"content": "n"}, "0"),
    chunk({"content": "n"}, None),
    chunk({"refusal": "o"}),
    chunk({}),
    chunk([]),
    chunk("content"),
    chunk(fragment("p", id="call_1")),
    chunk(fragment("q", id="call_2")),
    chunk(fragment("r", function={"name": "f", "arguments": "r"})),
    chunk(fragment("s", function={"name": "f"})),
    chunk(fragment("t", type="custom")),
    chunk(fragment("u", False)),
    chunk(fragment("v", None)),
    chunk(fragment("")),
    chunk(fragment({"w": 1})),
    chunk({"tool_calls": []}),
    chunk({"tool_calls": [None]}),
    chunk({"tool_calls": {"x": 1}}),
    {**chunk({"content": "y"}), "usage": {"total_tokens": 3}},
    {**chunk({"content": "z"}), "time_info": {"total_time": 0.1}},
    {"id": "c", "choices": []},
    {"id": "c", "usage": {"total_tokens": 4}},
    {"id": "c", "choices": [*chunk({"content": "1"})["choices"], *chunk({}, 1)["choices"]]},
    {"id": "c", "choices": {"delta": {"content": "2"}, "index": 0}},
    {"id": "c", "choices": [None]},
]

PLAIN_TEXT: list[JsonObject] = [
    {"id": "c", "choices": [{"text": "a", "index": 0}]},
    {"id": "c", "choices": [{"text": "b", "index": 1}]},
]
ODD_TEXT: list[JsonObject] = [
    {"id": "c", "choices": [{"text": "", "index": 0}]},
    {"id": "c", "choices": [{"text": None, "index": 0}]},
    {"id": "c", "choices": [{"text": ["f"], "index": 0}]},
    {"id": "c", "choices": [{"text": "g", "index": 0.0}]},
    {"id": "c", "choices": [{"text": "h"}]},
    {"id": "c", "choices": [{"index": 0, "delta": {"text": "i"}}]},
    {"id": "c", "choices": [{"text": "k", "index": 0, "finish_reason": "stop"}]},
    {"id": "c", "choices": [{"text": "l", "index": 0, "tokens": [7]}]},
    {"id": "c", "choices": [{"text": "m", "index": 0, "logprobs": {"tokens": ["m"]}}]},
    {"id": "c", "choices": [{"text": "n", "index": 0}], "usage": {"total_tokens": 3}},
    {"id": "c", "choices": []},
]
KINDS = [(ChatAssembler, PLAIN, ODD), (TextAssembler, PLAIN_TEXT, ODD_TEXT)]
MIXTURES = [
    pytest.param(kind, plain, odd, id=f"{kind.__name__}-{at}-{number}")
    for kind, plains, odds in KINDS
    for at, plain in enumerate(plains)
    for number, odd in enumerate(odds)
]
"""An assembler, a chunk for its short way, and one for the long way."""
EACH_PLAIN = pytest.mark.parametrize(
    ("kind", "plain"), [(kind, plain) for kind, plains, _ in KINDS for plain in plains]
)


CHUNKS = st.sampled_from(KINDS).flatmap(
    lambda kind: st.tuples(
        st.just(kind[0]), st.lists(st.sampled_from(kind[1] + kind[2]), max_size=8)
    )
)


def assembled(kind: Any, chunks: list[JsonObject], *, apart: bool = False) -> list[object]:
    """All that comes of the chunks: deltas, merged or apart, the partial reply and the error."""
    assembler = kind(META)
    seen: list[object] = []
    try:
        for one in chunks:
            assembler.take(one)
            if apart:
                seen += assembler.drain()
        seen += assembler.drain()
        assembler.finish()
    except ProtocolError as error:
        seen.append((error.message, error.where))
    seen += assembler.drain()
    return [*seen, assembler.partial(), assembler.is_finished]


def assembled_at_length(
    kind: Any, chunks: list[JsonObject], *, apart: bool = False
) -> list[object]:
    """The same without the short way."""
    with patch.object(Run, "goes_on_in", lambda *_: False):
        return assembled(kind, chunks, apart=apart)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(("kind", "plain", "odd"), MIXTURES)
def test_odd_chunk_amid_plain_ones_is_read_in_full(
    kind: Any, plain: JsonObject, odd: JsonObject, apart: bool
) -> None:
    """Whatever stands between chunks of one text, the short way gives what the long one gives."""
    chunks = [plain, plain, odd, plain]
    assert assembled(kind, chunks, apart=apart) == assembled_at_length(kind, chunks, apart=apart)


@given(CHUNKS, st.booleans())
@settings(max_examples=1_000)
def test_both_ways_agree_on_any_chunks(given: tuple[Any, list[JsonObject]], apart: bool) -> None:
    """Any chunks in any order, their deltas merged or handed over one by one."""
    assert assembled(*given, apart=apart) == assembled_at_length(*given, apart=apart)


@given(CHUNKS)
@settings(max_examples=500)
def test_what_is_handed_over_leaves_no_trace(given: tuple[Any, list[JsonObject]]) -> None:
    """A run that stays behind empty changes nothing: a new one in its place gives the same."""
    kind, chunks = given

    class Forgetful(kind):  # type: ignore[misc]
        def flush(self) -> None:
            super().flush()
            self._run = None

    assert assembled(kind, chunks, apart=True) == assembled(Forgetful, chunks, apart=True)


@EACH_PLAIN
def test_plain_chunks_take_the_short_way(kind: Any, plain: JsonObject) -> None:
    """The shapes that the service sends do: a text's second chunk is never read in full."""
    assembler = kind(META)
    assembler.take(plain)
    with patch.object(kind, "_take_choice", side_effect=AssertionError):
        assembler.take(plain)
        assembler.drain()
        assembler.take(plain)


def test_arguments_beyond_the_limit_are_refused_on_the_short_way() -> None:
    """One tool call's arguments end at 1 MiB (§7)."""
    assembler = ChatAssembler(META)
    assembler.take(chunk(fragment("a" * 1_000_000)))
    assembler.take(chunk(fragment("a" * 48_576)))
    with pytest.raises(ProtocolError, match="longer than 1048576 characters"):
        assembler.take(chunk(fragment("a")))
