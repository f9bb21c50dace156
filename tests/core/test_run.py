"""The short way through the assembler: it takes what the long way would, the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cerebras_ext._assemble import ChatAssembler
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


def assembled(chunks: list[JsonObject], *, apart: bool = False) -> list[object]:
    """All that comes of the chunks: deltas, merged or apart, the partial reply and the error."""
    assembler = ChatAssembler(META)
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


def assembled_at_length(chunks: list[JsonObject], *, apart: bool = False) -> list[object]:
    """The same without the short way."""
    with patch.object(Run, "goes_on_in", lambda *_: False):
        return assembled(chunks, apart=apart)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("plain", PLAIN)
@pytest.mark.parametrize("odd", ODD)
def test_odd_chunk_amid_plain_ones_is_read_in_full(
    plain: JsonObject, odd: JsonObject, apart: bool
) -> None:
    """Whatever stands between chunks of one text, the short way gives what the long one gives."""
    chunks = [plain, plain, odd, plain]
    assert assembled(chunks, apart=apart) == assembled_at_length(chunks, apart=apart)


@given(st.lists(st.sampled_from(PLAIN) | st.sampled_from(ODD), max_size=8), st.booleans())
@settings(max_examples=1_000)
def test_both_ways_agree_on_any_chunks(chunks: list[JsonObject], apart: bool) -> None:
    """Any chunks in any order, their deltas merged or handed over one by one."""
    assert assembled(chunks, apart=apart) == assembled_at_length(chunks, apart=apart)


@given(st.lists(st.sampled_from(PLAIN) | st.sampled_from(ODD), max_size=8))
@settings(max_examples=500)
def test_what_is_handed_over_leaves_no_trace(chunks: list[JsonObject]) -> None:
    """A run that stays behind empty changes nothing: a new one in its place gives the same."""

    class Forgetful(ChatAssembler):
        def flush(self) -> None:
            super().flush()
            self._run = None

    with patch(f"{__name__}.ChatAssembler", Forgetful):
        wanted = assembled(chunks, apart=True)
    assert assembled(chunks, apart=True) == wanted


@pytest.mark.parametrize("plain", PLAIN)
def test_plain_chunks_take_the_short_way(plain: JsonObject) -> None:
    """The shapes that the service sends do: a text's second chunk is never read in full."""
    assembler = ChatAssembler(META)
    assembler.take(plain)
    with patch.object(ChatAssembler, "_take_choice", side_effect=AssertionError):
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
