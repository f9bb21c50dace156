"""Tool arguments as text: finished, unfinished, and sealed against repair."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext.partial_json import (
    InvalidArguments,
    parse_partial_object,
    read_arguments,
    seal,
)

SAMPLES = [
    '{"path": "data/", "recursive": true, "depth": 10.5e3, "x": null}',
    '{"a": {"b": [1, {"c": "d}]"}], "e": []}, "f": "\\"quoted\\" \\\\ \\u00e9\\ud83d\\ude00"}',
    '{\n  "city": "Oslo \u00e9\U0001f600",\n  "list": ["a", "b", ["c"]]\n}',
    "{}",
]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def cuts(text: str) -> list[str]:
    """Every beginning of a text but the empty one and the whole."""
    return [text[:at] for at in range(1, len(text))]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", {}),
        (" \n", {}),
        ("null", {}),
        (" null ", {}),
        ("{}", {}),
        ('{"a": 1}', {"a": 1}),
        ('{\n "a": [1]\n}', {"a": [1]}),
        ('{"a": "\\ud83d\\ude00\\ud83d"}', {"a": "😀\ufffd"}),
        ('{"a": "\ud83d"}', {"a": "\ufffd"}),
        ('{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_finished_arguments_are_an_object(text: str, arguments: dict[str, Any]) -> None:
    """Whole objects, and the ways models write "no arguments" (§3.6)."""
    assert read_arguments(text) == arguments


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "a JSON array where an object belongs"),
        ('"a"', "a JSON string where an object belongs"),
        ("5", "a JSON number where an object belongs"),
        ("1.5", "a JSON number where an object belongs"),
        ("true", "a JSON boolean where an object belongs"),
        ("{'a': 1}", "not valid JSON: "),
        ('{"a": NaN}', "not valid JSON: "),
        ('{"a": 1}}', "not valid JSON: "),
        ('{"a": 1e400}', "JSON with a number that is too large"),
        ('{"a": [{"b": -1e400}]}', "JSON with a number that is too large"),
        ("[" * 300, "not valid JSON: "),
    ],
)
def test_other_text_says_why_it_is_none(text: str, reason: str) -> None:
    """Text that is no object, or not all of one, is told and never raised (§3.6)."""
    read = read_arguments(text)
    assert isinstance(read, InvalidArguments)
    assert read.reason.startswith(reason)


@given(st.text(st.characters(exclude_categories=())))
def test_reading_arguments_never_raises(text: str) -> None:
    """Whatever the model wrote."""
    assert isinstance(read_arguments(text), dict | InvalidArguments)
    assert isinstance(parse_partial_object(text), dict)
    assert isinstance(seal(text), str)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", {}),
        ("{", {}),
        ('{"a', {}),
        ('{"a"', {}),
        ('{"a":', {}),
        ('{"a": "b', {"a": "b"}),
        ('{"a": "b",', {"a": "b"}),
        ('{"a": "b", "c": {"d": [1, 2', {"a": "b", "c": {"d": [1, 2]}}),
        ('{"a": tru', {}),
        ('{"a": "\ud83d', {"a": "\ufffd"}),
        ('{"a": 1} trailing', {"a": 1}),
        ("[1, 2", {}),
        ('"a', {}),
        ("not JSON", {}),
        ("null", {}),
    ],
)
def test_unfinished_object_shows_what_it_holds(text: str, arguments: dict[str, Any]) -> None:
    """Open strings are kept, unfinished keys and words left out, anything else is empty."""
    assert parse_partial_object(text) == arguments


@pytest.mark.parametrize("sample", SAMPLES)
def test_unfinished_object_grows_into_the_finished_one(sample: str) -> None:
    """No cut shows a key that the whole object does not have."""
    whole = json.loads(sample)
    for at in range(len(sample) + 1):
        shown = parse_partial_object(sample[:at])
        assert list(shown) == list(whole)[: len(shown)]
    assert parse_partial_object(sample) == whole


@pytest.mark.parametrize("text", ["", " ", "null", "{}", '{"a": [1]}', *SAMPLES])
def test_whole_object_needs_no_seal(text: str) -> None:
    """What can be run stays as it is."""
    assert seal(text) == ""


@pytest.mark.parametrize("sample", SAMPLES)
def test_sealed_text_is_no_object(sample: str) -> None:
    """Cut anywhere, sealed arguments are invalid (LC-33); adapters test it with core's parser."""
    for cut in cuts(sample):
        assert isinstance(read_arguments(cut), InvalidArguments)
        assert isinstance(read_arguments(cut + seal(cut)), InvalidArguments)
        assert seal(cut)[-1] in "]}"


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("{", "]"),
        ('{"a": [', "}"),
        ('{"a": [1, {', "]"),
        ('{"a": "b', '"]'),
        ('{"a": ["b', '"}'),
        ('{"a": "b\\', '\\"]'),
        ('{"a": "b\\u', '0000"]'),
        ('{"a": "b\\u00e', '0"]'),
        ('{"a": "b\\"', '"]'),
        ('{"a": "{[', '"]'),
        ("[1]", "]"),
        ("5", "]"),
        ('"a"', "]"),
        ('"a', '"]'),
        ('{"a": 1}}', "]"),
    ],
)
def test_seal_ends_the_string_and_closes_the_wrong_bracket(text: str, suffix: str) -> None:
    """A dangling escape is finished first; the bracket never matches the innermost (LC-33)."""
    assert seal(text) == suffix


@given(JSON, st.integers(0, 200))
def test_any_cut_is_sealed(value: Any, at: int) -> None:
    """No beginning of any JSON text, sealed, is an object (LC-33)."""
    text = json.dumps(value)
    cut = text[: at % (len(text) + 1)]
    sealed = cut + seal(cut)
    assert (sealed == cut) is not isinstance(read_arguments(cut), InvalidArguments)
    assert (sealed == cut) or isinstance(read_arguments(sealed), InvalidArguments)
