"""Reliability contract §7, §10: whatever a reply holds, callers get an answer or our errors."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cerebras_ext import CerebrasError
from tests.faults.callers import WAYS, Target, Way, calling
from tests.security.replies import (
    Answerer,
    copied,
    paths_in,
    stream_chunks,
    whole_reply,
    with_value_at,
)

ODD = st.sampled_from(
    [
        -1,
        2**31,
        2**63,
        2**70,
        1e308,
        -0.0,
        float("nan"),
        float("inf"),
        True,
        None,
        "",
        "\ud800",
        "\x00",
        "null",
        "NaN",
        "[" * 300,
        [],
        {},
        [None],
        [[]],
        {"lc": 1, "type": "secret", "id": ["CEREBRAS_API_KEY"]},
        {"": {"": {}}},
    ]
)
VALUES = st.recursive(
    ODD | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["content", "index", "id", "x", "text"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
CHANGES = st.lists(st.tuples(st.integers(0, 10_000), VALUES), min_size=1, max_size=3)


def _changed(value: Any, changes: list[tuple[int, Any]]) -> Any:
    for number, new in changes:
        paths = list(paths_in(value))
        value = with_value_at(value, paths[number % len(paths)], copied(new))
    return value


def _ask_on_every_example(way: Way, n_examples: int) -> None:
    answerer = Answerer()
    with calling(way, Target("https://api.cerebras.ai", https=answerer.https)) as caller:

        @settings(max_examples=n_examples, deadline=None, database=None)
        @given(CHANGES)
        def ask(changes: list[tuple[int, Any]]) -> None:
            answerer.whole = _changed(whole_reply(), changes)
            chunks = _changed(stream_chunks(), changes)
            answerer.chunks = chunks if isinstance(chunks, list) else [chunks]
            with contextlib.suppress(CerebrasError):
                caller.ask()

        ask()


each_way = pytest.mark.parametrize("way", WAYS, ids=str)


@each_way
def test_callers_get_answers_or_our_errors(way: Way) -> None:
    """§10: nothing that a reply holds makes an exception of somebody else's, or a warning."""
    _ask_on_every_example(way, 100)


@pytest.mark.long
@each_way
def test_callers_get_answers_or_our_errors_for_long(way: Way) -> None:
    """§10: as above, for 2,000 replies."""
    _ask_on_every_example(way, 2_000)
