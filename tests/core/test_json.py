"""JSON in and out: halves of surrogate pairs, limits, and errors that name the place."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext._json import (
    dump_json,
    load_json,
    load_json_keeping_halves,
    replace_lone_surrogates,
)
from cerebras_ext._surrogates import SurrogateJoiner
from cerebras_ext.errors import ConfigError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(JSON)
def test_what_goes_out_comes_in_again(value: Any) -> None:
    """Our JSON is JSON, compact and UTF-8."""
    text = dump_json(value)
    assert load_json(text) == value
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def test_keys_keep_their_order() -> None:
    """The order of keys is the caller's: prompt caches depend on it (API specification §13.5)."""
    assert dump_json({"b": 1, "a": {"d": 1, "c": 2}}) == b'{"b":1,"a":{"d":1,"c":2}}'


@given(ANY_TEXT)
def test_text_goes_out_without_lone_surrogates(text: str) -> None:
    """The service refuses lone surrogates, so U+FFFD goes out; pairs are joined (§1.4)."""
    assert load_json(dump_json([text])) == [replace_lone_surrogates(text)]


@given(ANY_TEXT)
def test_replacing_lone_surrogates_keeps_everything_else(text: str) -> None:
    """One U+FFFD for each lone half, every other character as it was."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    expected = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in whole)
    assert replace_lone_surrogates(text) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"temperature": math.nan}, "temperature: nan is not a JSON number; give a finite one"),
        ({"a": [1, {"b": -math.inf}]}, "a.1.b: -inf is not a JSON number"),
        (math.inf, "the request: inf is not a JSON number"),
        (
            {"x": 1.5, "y": "z", "a": object()},
            "a: a value of type object is not JSON; convert it first",
        ),
        ({"a": (1, {2})}, "a.1: a value of type set is not JSON; convert it first"),
        ({"a": {b"k": 1}}, "a: a key of type bytes is not JSON; use strings"),
        ({"a": b"x"}, "a: a value of type bytes is not JSON"),
        ({math.nan: 1}, "the request is not JSON: Out of range float values"),
    ],
)
def test_what_has_no_json_form_is_named_by_path(value: Any, message: str) -> None:
    """The message says where, what, and what to do, never the content beside it."""
    with pytest.raises(ConfigError) as caught:
        dump_json(value)
    assert caught.value.message.startswith(message)
    assert caught.value.__cause__ is None


def test_value_that_contains_itself_is_named_by_path() -> None:
    """A loop is told as such, not by a crash."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ConfigError, match="nests deeper than 200 levels, or contains itself"):
        dump_json({"a": loop})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'"\ud83d\ude00"', "😀"),
        (rb'"\uD83D"', "\ufffd"),
        (rb'{"\ude00": ["\ud83dx"]}', {"\ufffd": ["\ufffdx"]}),
        (b'"a\xffb"', "a\ufffdb"),
        (rb'["\ud83d", 1.5, true, null]', ["\ufffd", 1.5, True, None]),
        (rb'"\\ud83d"', r"\ud83d"),
    ],
)
def test_halves_and_broken_utf8_read_as_replacement_characters(text: bytes, value: Any) -> None:
    """Strings that come in are always valid text."""
    assert load_json(text) == value


@pytest.mark.parametrize(
    ("text", "value", "has_halves"),
    [
        (rb'"\ud83d"', "\ud83d", True),
        (rb'"\ud83d\ude00"', "😀", False),
        (b'"\xff"', "\ufffd", False),
        (b'"a"', "a", False),
    ],
)
def test_halves_are_kept_where_they_are_wanted(text: bytes, value: str, has_halves: bool) -> None:
    """A stream joins halves of two chunks, so it must see them (§3.6)."""
    assert load_json_keeping_halves(text) == (value, has_halves)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"[1,]", b"NaN", b"[Infinity]", b"-Infinity", b"{'a': 1}", b'"\x01"', b"1 2",
        rb'["\ud83d",]', rb'["\ud83d", NaN]', b'["\xff', b"[" * 210 + b"]" * 210,
        rb'["\ud83d",' + b"[" * 5000 + b"]" * 5000 + b"]",
    ],
)  # fmt: skip
def test_what_is_not_json_is_a_value_error(text: bytes) -> None:
    """Also beyond the parser's 200 levels, and also where halves need the slower parser (§7)."""
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own text
        load_json(text)


@given(st.binary())
def test_reading_raises_value_errors_only(text: bytes) -> None:
    """No other error comes of foreign bytes."""
    with suppress(ValueError):
        load_json(text)


@given(st.lists(st.text(st.sampled_from("a😀\ud83d\ude00"))))
def test_joined_pieces_are_the_joined_text(pieces: list[str]) -> None:
    """However a text is cut, halves of a pair find each other, lone ones become U+FFFD (§3.6)."""
    joiner: SurrogateJoiner[str] = SurrogateJoiner()
    joined = "".join(joiner.join("text", piece) for piece in pieces)
    assert joined + "\ufffd" * len(joiner.remains()) == replace_lone_surrogates("".join(pieces))
    assert joiner.remains() == []


def test_texts_are_joined_apart() -> None:
    """A half waits for its own text only."""
    joiner: SurrogateJoiner[str] = SurrogateJoiner()
    assert joiner.join("a", "\ud83d") == ""
    assert joiner.join("b", "\ude00") == "\ufffd"
    assert joiner.join("a", "\ude00") == "😀"
