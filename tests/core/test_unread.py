"""Events that differ in their text alone are not parsed: they give what parsing them would give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cerebras_ext import stream
from cerebras_ext._assemble import ChatAssembler
from cerebras_ext._run import Run
from cerebras_ext.errors import ProtocolError, StreamError
from cerebras_ext.stream import StreamReader
from tests.core.test_run import EACH_PLAIN, KINDS, META, MIXTURES, chunk, fragment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cerebras_ext.wire import JsonObject

DONE = b"data: [DONE]\n\n"
SPELLINGS: list[dict[str, Any]] = [
    {"separators": (",", ":"), "ensure_ascii": False},
    {"separators": (",", ":")},
    {"sort_keys": True},
]


def event(value: object, spelling: dict[str, Any] | None = None) -> bytes:
    """An event as a server might spell it."""
    text = json.dumps(value, **(spelling or SPELLINGS[0]))
    return b"data: " + text.encode("utf-8", "surrogatepass") + b"\n\n"


def outcome(kind: Any, events: Sequence[bytes], *, merges: bool) -> list[object]:
    """All that comes of the events, in one piece: deltas, error, partial reply."""
    reader: StreamReader[Any] = StreamReader(kind(META), merges=merges)
    seen: list[object] = list(reader.feed(b"".join(events)))
    try:
        return [*seen, *reader.end()]
    except (StreamError, ProtocolError) as error:
        return [*seen, type(error), error.message, error.partial]


def outcome_when_parsed(kind: Any, events: Sequence[bytes], *, merges: bool) -> list[object]:
    """The same with every event parsed."""
    with patch.object(Run, "goes_on_unread", lambda *_: False):
        return outcome(kind, events, merges=merges)


@pytest.mark.parametrize("merges", [True, False])
@pytest.mark.parametrize(("kind", "plain", "odd"), MIXTURES)
def test_odd_event_amid_plain_ones_is_parsed(
    kind: Any, plain: JsonObject, odd: JsonObject, merges: bool
) -> None:
    """Deltas, their raw chunks and the finish are equal, whatever stands between."""
    events = [*[event(plain)] * 4, event(odd), *[event(plain)] * 2, DONE]
    assert outcome(kind, events, merges=merges) == outcome_when_parsed(kind, events, merges=merges)


TEXTS = st.text() | st.sampled_from(
    ["id", "c", "content", '"', "\\", '\\"', "\ud83d", "\ude00", "\U0001f642", "\n", "}", '","', ""]
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[Any, list[bytes]]:
    """An assembler, and events of a few kinds with any texts, some of them damaged."""
    spelling = draw(st.sampled_from(SPELLINGS))
    kind, plains, odds = draw(st.sampled_from(KINDS))
    shapes = draw(st.lists(st.sampled_from([*plains, *odds]), min_size=1, max_size=2))
    events: list[bytes] = []
    for text in draw(st.lists(TEXTS, max_size=10)):
        shown = _with_text(draw(st.sampled_from(shapes)), text)
        one = event(shown, draw(st.sampled_from([spelling, spelling, *SPELLINGS])))
        if draw(st.integers(0, 9)) == 0:
            at = draw(st.integers(0, len(one) - 1))
            one = one[:at] + draw(st.binary(max_size=2)) + one[at + draw(st.integers(0, 2)) :]
        events.append(one)
    return kind, events


def _with_text(plain: Any, text: str) -> Any:
    """A chunk with each of its one-letter texts exchanged."""
    if isinstance(plain, dict):
        return {
            key: value if key == "id" else _with_text(value, text) for key, value in plain.items()
        }
    if isinstance(plain, list):
        return [_with_text(value, text) for value in plain]
    return text if isinstance(plain, str) and len(plain) == 1 else plain


@given(streams(), st.booleans())
@settings(max_examples=1_000)
def test_both_ways_agree_on_any_events(given: tuple[Any, list[bytes]], merges: bool) -> None:
    """Any texts in any spelling, whole or damaged."""
    assert outcome(*given, merges=merges) == outcome_when_parsed(*given, merges=merges)


@pytest.mark.parametrize("spelling", SPELLINGS)
@EACH_PLAIN
def test_plain_events_are_not_parsed(
    kind: Any, plain: JsonObject, spelling: dict[str, Any]
) -> None:
    """A text's third event and those after it are not, whatever its text."""
    reader: StreamReader[Any] = StreamReader(kind(META))
    list(reader.feed(event(_with_text(plain, "begun"), spelling) * 2))
    with patch.object(stream, "load_json_keeping_halves", side_effect=AssertionError):
        for text in ("a", " b", '"', "\\n", "\n", "\u00e9", "\U0001f642", '{"a":'):
            (delta,) = reader.feed(event(_with_text(plain, text), spelling))
            assert text in (getattr(delta, "text", None), getattr(delta, "arguments", None))


def test_events_that_differ_beside_the_text_cost_a_few_tries() -> None:
    """A service that numbers its events has each parsed once, not twice."""
    reader = StreamReader(ChatAssembler(META))
    events = [event({**chunk({"content": "a"}), "number": number}) for number in range(50)]
    with patch.object(Run, "_text_alone_in", autospec=True, side_effect=Run._text_alone_in) as read:
        list(reader.feed(b"".join(events)))
    assert len(events) <= read.call_count <= len(events) + 3


def test_raw_chunks_are_like_the_event_that_was_parsed() -> None:
    """Not like another one that came in between."""
    plain, other = chunk({"content": "a"}), {**chunk({"content": "b"}), "model": "b"}
    events = [*[event(plain)] * 3, event(other), event(plain)]
    whole = outcome_when_parsed(ChatAssembler, events, merges=False)
    assert outcome(ChatAssembler, events, merges=False) == whole


def test_place_that_only_looks_like_the_texts_is_not_taken() -> None:
    """The text also stands elsewhere in the event, behind its own place."""
    twins = [{**chunk({"content": text}), "model": text} for text in "abc"]
    events = [event(one) for one in [*twins, {**twins[0], "model": "d"}]]
    whole = outcome_when_parsed(ChatAssembler, events, merges=True)
    assert outcome(ChatAssembler, events, merges=True) == whole


def test_arguments_beyond_the_limit_are_refused_unread() -> None:
    """One tool call's arguments end at 1 MiB (§7)."""
    reader = StreamReader(ChatAssembler(META))
    list(reader.feed(event(chunk(fragment("a"))) * 3))
    list(reader.feed(event(chunk(fragment("a" * 1_000_000)))))
    list(reader.feed(event(chunk(fragment("a" * 48_573)))))
    assert not reader.is_over
    list(reader.feed(event(chunk(fragment("a")))))
    with pytest.raises(ProtocolError, match="longer than 1048576 characters"):
        reader.end()
