"""Sealed arguments and the parser that LangChain repairs unfinished JSON with (LC-33)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.utils.json import parse_partial_json

from cerebras_ext.partial_json import InvalidArguments, read_arguments, seal

pytestmark = pytest.mark.once

SAMPLES = [
    '{"path": "data/", "recursive": true, "depth": 10.5e3, "x": null}',
    '{"a": {"b": [1, {"c": "d}]"}], "e": []}, "f": "\\"quoted\\" \\\\ \\u00e9\\ud83d\\ude00"}',
    '{\n  "city": "Oslo \u00e9\U0001f600",\n  "list": ["a", "b", ["c"]]\n}',
]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def repaired(text: str) -> Any:
    """What core makes of the text while it merges chunks; None where it gives up."""
    with suppress(ValueError):
        return parse_partial_json(text)
    return None


@pytest.mark.parametrize("sample", SAMPLES)
def test_sealed_arguments_are_not_repaired(sample: str) -> None:
    """A call cut anywhere would run with half of its arguments; sealed, it cannot (LC-33)."""
    n_dangerous = 0
    for at in range(1, len(sample)):
        cut = sample[:at]
        n_dangerous += isinstance(repaired(cut), dict)
        assert not isinstance(repaired(cut + seal(cut)), dict)
    assert n_dangerous > 20


@given(JSON, st.integers(0, 200))
def test_no_cut_of_any_json_is_repaired(value: Any, at: int) -> None:
    """What is no whole object is none for core either, once sealed (LC-33, LC-45)."""
    text = json.dumps(value)
    cut = text[: at % (len(text) + 1)]
    if isinstance(read_arguments(cut), InvalidArguments):
        assert not isinstance(repaired(cut + seal(cut)), dict)
