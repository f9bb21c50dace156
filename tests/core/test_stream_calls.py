"""Tool calls in streams: which fragment belongs to which call (reliability contract §3.6)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext._sums import MAX_ARGUMENTS_CHARS
from cerebras_ext.deltas import ToolCallDelta
from cerebras_ext.errors import ProtocolError
from tests.core.streams import arguments_of, chat_reader, delta, finish, read_chat

MERGING = pytest.mark.parametrize("merges", [True, False], ids=["merged", "unmerged"])


def call(
    index: int | None = None, id: str | None = None, name: str | None = None, text: str = ""
) -> bytes:
    """A fragment of a tool call; what is None is left out."""
    fields = {"id": id, "index": index, "type": "function"}
    function = {"name": name, "arguments": text}
    fragment = {key: value for key, value in fields.items() if value is not None}
    fragment["function"] = {key: value for key, value in function.items() if value is not None}
    return delta(tool_calls=[fragment])


TWO_OPENED = (call(0, "a", "f"), call(1, "b", "g"))
TWO_UNNUMBERED = (call(None, "a", "f"), call(None, "b", "g"))
STREAMS: dict[str, tuple[list[bytes], list[tuple[str, str, str]]]] = {
    "by index": (
        [call(0, "a", "f"), call(0, text="1"), call(1, "b", "g"), call(1, text="2")],
        [("a", "f", "1"), ("b", "g", "2")],
    ),
    "interleaved": (
        [*TWO_OPENED, call(0, text="1"), call(1, text="2"), call(0, text="3")],
        [("a", "f", "13"), ("b", "g", "2")],
    ),
    "first index above the second": (
        [call(1, "b", "g", "2"), call(0, "a", "f", "1")],
        [("a", "f", "1"), ("b", "g", "2")],
    ),
    "indices with a gap": (
        [call(3, "a", "f", "1"), call(7, "b", "g", "2")],
        [("a", "f", "1"), ("b", "g", "2")],
    ),
    "no index, ids open calls": (
        [call(None, "a", "f"), call(text="1"), call(None, "b", "g"), call(text="2")],
        [("a", "f", "1"), ("b", "g", "2")],
    ),
    "no index, ids everywhere": (
        [*TWO_UNNUMBERED, call(None, "a", text="1"), call(None, "b", text="2")],
        [("a", "f", "1"), ("b", "g", "2")],
    ),
    "no index after a known id": (
        [*TWO_UNNUMBERED, call(None, "a", text="1"), call(text="2")],
        [("a", "f", "12"), ("b", "g", "")],
    ),
    "index at the opening only": (
        [call(0, "a", "f"), call(text="1"), call(1, "b", "g"), call(text="2")],
        [("a", "f", "1"), ("b", "g", "2")],
    ),
    "every call numbered 0": (
        [call(0, "a", "f"), call(0, text="1"), call(0, "b", "g"), call(0, text="2")],
        [("a", "f", "1"), ("b", "g", "2")],
    ),
    "every call numbered 0, ids everywhere": (
        [call(0, "a", "f"), call(0, "b", "g"), call(0, "a", text="1"), call(0, "b", text="2")],
        [("a", "f", "1"), ("b", "g", "2")],
    ),
    "numbered 0, then rightly": (
        [call(0, "a", "f", "1"), call(0, "b", "g", "2"), call(1, "c", "h", "3"), call(1, text="4")],
        [("a", "f", "1"), ("b", "g", "2"), ("c", "h", "34")],
    ),
    "one id for two indices": (
        [call(0, "a", "f", "1"), call(1, "a", "g", "2"), call(1, text="3")],
        [("a", "f", "1"), ("a", "g", "23")],
    ),
    "id and name repeated": (
        [call(0, "a", "f", "1"), call(0, "a", "f", "2"), call(0, "a", "f", "3")],
        [("a", "f", "123")],
    ),
    "id after the name": (
        [call(0, None, "f", "1"), call(0, "a", None, "2"), call(0, text="3")],
        [("a", "f", "123")],
    ),
    "name in pieces": (
        [call(0, "a", "get_"), call(0, None, "weather", "1"), call(0, text="2")],
        [("a", "get_weather", "12")],
    ),
    "empty id and name": (
        [call(0, "a", "f"), call(0, "", "", "1")],
        [("a", "f", "1")],
    ),
    "several in one delta": (
        [
            delta(
                tool_calls=[
                    {"index": 0, "id": "a", "function": {"name": "f", "arguments": "1"}},
                    {"index": 1, "id": "b", "function": {"name": "g", "arguments": "2"}},
                    {"index": 0, "function": {"arguments": "3"}},
                ]
            )
        ],
        [("a", "f", "13"), ("b", "g", "2")],
    ),
}


@MERGING
@pytest.mark.parametrize(("events", "calls"), STREAMS.values(), ids=STREAMS)
def test_fragments_join_the_call_they_belong_to(
    events: list[bytes], calls: list[tuple[str, str, str]], merges: bool
) -> None:
    """By index, else by id, else the last call; ids and names are taken once (§3.6)."""
    _, reply = read_chat(*events, finish("tool_calls"), merges=merges)
    told = reply.choices[0].message.tool_calls or []
    assert [(one.id, one.function.name, one.function.arguments) for one in told] == calls


@MERGING
@pytest.mark.parametrize(("events", "calls"), STREAMS.values(), ids=STREAMS)
def test_deltas_of_calls_add_up_by_index(
    events: list[bytes], calls: list[tuple[str, str, str]], merges: bool
) -> None:
    """Whoever joins deltas by `index` gets the calls of the reply, ids and names once each."""
    deltas, _ = read_chat(*events, finish("tool_calls"), merges=merges)
    pieces = [one for one in deltas if isinstance(one, ToolCallDelta)]
    indices = sorted({one.index for one in pieces})
    assert list(arguments_of(deltas).values()) == [arguments for _, _, arguments in calls]
    for index, (call_id, name, _) in zip(indices, calls, strict=True):
        mine = [one for one in pieces if one.index == index]
        assert [one.id for one in mine if one.id] == [call_id]
        assert "".join(one.name for one in mine if one.name) == name


def test_call_of_another_type_keeps_it() -> None:
    """A type the service may add travels as it is."""
    opening = {"index": 0, "id": "a", "type": "custom", "function": {"name": "f"}}
    _, reply = read_chat(delta(tool_calls=[opening]), finish())
    assert reply.choices[0].to_wire()["message"]["tool_calls"][0]["type"] == "custom"


def test_calls_of_two_choices_do_not_mix() -> None:
    """Each choice counts its calls for itself."""
    events = [
        delta(choice, tool_calls=[{"index": 0, "id": name, "function": {"name": name}}])
        for choice, name in enumerate("ab")
    ]
    _, reply = read_chat(*events, finish(index=0), finish(index=1))
    assert [choice.message.tool_calls[0].id for choice in reply.choices] == ["a", "b"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("opening", "missing"),
    [
        ({"index": 0, "function": {"name": "f"}}, "id"),
        ({"index": 0, "id": "", "function": {"name": "f"}}, "id"),
        ({"index": 0, "id": "a", "function": {"arguments": "{}"}}, "name"),
        ({"index": 0, "id": "a"}, "name"),
    ],
)
def test_call_without_id_or_name_is_an_error_at_the_end(
    opening: dict[str, Any], missing: str
) -> None:
    """What never came is not made up; the call as far as it came is in the partial (§3.6)."""
    reader = chat_reader()
    deltas = list(reader.feed(delta(tool_calls=[opening]) + finish("tool_calls")))
    assert [one.index for one in deltas if isinstance(one, ToolCallDelta)] == [0]
    with pytest.raises(ProtocolError, match=f"call 0 of the stream never got a {missing}") as e:
        reader.end()
    assert e.value.where == f"choices.0.tool_calls.0.{missing}"
    assert e.value.partial is not None
    (partial,) = e.value.partial.to_wire()["choices"][0]["message"]["tool_calls"]
    assert partial["id"] == opening.get("id", "")


def test_arguments_stay_text() -> None:
    """Invalid JSON in arguments is no error here (§3.6)."""
    _, reply = read_chat(call(0, "a", "f", '{"x": '), finish("tool_calls"))
    (made,) = reply.choices[0].message.tool_calls or ()
    assert made.function.arguments == '{"x": '


def test_arguments_are_limited() -> None:
    """Arguments beyond 1 MiB are refused by name; those of other calls do not count (§7)."""
    half = "x" * (MAX_ARGUMENTS_CHARS // 2)
    reader = chat_reader()
    pieces = [call(0, "a", "f", half), call(1, "b", "f", half), call(0, text=half)]
    assert sum(len(list(reader.feed(piece))) for piece in pieces) == 4
    assert list(reader.feed(delta(content="before") + call(0, text="x"))) != []
    with pytest.raises(ProtocolError, match="a tool call's arguments are longer than 1048576") as e:
        reader.end()
    assert e.value.where == "tool call arguments"


@given(
    st.lists(st.tuples(st.sampled_from([None, 0, 1, 2]), st.sampled_from(["", "a", "b", "c"]))),
    st.booleans(),
)
def test_no_argument_text_is_lost(fragments: list[tuple[int | None, str]], merges: bool) -> None:
    """Whatever indices and ids fragments have, each one's text is in exactly one call."""
    texts = [f"<{number}>" for number in range(len(fragments))]
    events = [
        call(index, call_id or None, "f", text)
        for (index, call_id), text in zip(fragments, texts, strict=True)
    ]
    reader = chat_reader(merges=merges)
    deltas = list(reader.feed(b"".join(events)))
    joined = "".join(arguments_of(deltas).values())
    assert sorted(joined.split("<")) == sorted("".join(texts).split("<"))
    partial = reader.partial()
    if partial is not None:
        shown = partial.to_wire()["choices"][0]["message"]["tool_calls"]
        arguments = [one["function"]["arguments"] for one in shown]
        assert arguments == list(arguments_of(deltas).values())
