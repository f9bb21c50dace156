"""Tool names the service takes, and back again."""

from __future__ import annotations

import re
from random import Random  # noqa: TC003 - Hypothesis reads the annotation

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext.tool_names import MAX_NAME_CHARS, ToolNames, is_wire_name

WIRE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
ODD_NAMES = st.text(st.characters(exclude_categories=()), min_size=1)
NEAR_NAMES = st.lists(st.sampled_from([*"ab._- ", "ä", "tool"]), min_size=1).map("".join)
LONG_NAMES = st.text("ab.", min_size=60, max_size=80)
NAMES = st.lists(ODD_NAMES | NEAR_NAMES | LONG_NAMES)


@pytest.mark.parametrize(
    ("name", "is_wire"),
    [
        ("get_weather", True),
        ("Get-Weather-2", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("a.b", False),
        ("a b", False),
        ("ä", False),
        ("a\n", False),
    ],
)
def test_wire_name_is_what_the_service_takes(name: str, is_wire: bool) -> None:
    """Letters, digits, underscore and hyphen, at most 64 (API §9.1)."""
    assert is_wire_name(name) is is_wire


@pytest.mark.parametrize(
    ("names", "wire_names"),
    [
        (["get_weather"], ["get_weather"]),
        (["mcp.files.read"], ["mcp_files_read"]),
        (["Box[int]"], ["Box_int"]),
        (["  spaced  out "], ["spaced_out"]),
        (["..."], ["tool"]),
        (["日本"], ["tool"]),
    ],
)
def test_names_are_made_to_fit(names: list[str], wire_names: list[str]) -> None:
    """Fitting names stay, other characters become underscores."""
    mapping = ToolNames.of(names)
    assert [mapping.to_wire(name) for name in names] == wire_names


@given(NAMES)
def test_names_and_wire_names_are_one_to_one(names: list[str]) -> None:
    """Every name has a wire name of its own, of the wire's alphabet, and comes back."""
    mapping = ToolNames.of(names)
    wire_names = [mapping.to_wire(name) for name in dict.fromkeys(names)]
    assert all(WIRE_NAME.match(name) for name in wire_names)
    assert len(set(wire_names)) == len(wire_names)
    assert [mapping.from_wire(name) for name in wire_names] == list(dict.fromkeys(names))


@given(NAMES)
def test_fitting_names_are_never_changed(names: list[str]) -> None:
    """A tool whose name the service takes is called by it, whatever stands beside it."""
    mapping = ToolNames.of(names)
    assert all(mapping.to_wire(name) == name for name in names if is_wire_name(name))


@given(NAMES, st.randoms(use_true_random=False))
def test_same_names_give_the_same_mapping(names: list[str], rng: Random) -> None:
    """Histories and prompt caches stay valid over requests, in whatever order tools come."""
    shuffled = list(names)
    rng.shuffle(shuffled)
    one, other = ToolNames.of(names), ToolNames.of(iter(shuffled))
    assert [one.to_wire(name) for name in names] == [other.to_wire(name) for name in names]


@pytest.mark.parametrize(
    "names", [["a.b", "a_b"], ["a_b", "a.b"], ["a.b", "a b", "a_b"], ["x" * 65, "x" * 66]]
)
def test_names_that_would_meet_are_told_apart(names: list[str]) -> None:
    """Two tools never share a wire name."""
    mapping = ToolNames.of(names)
    wire_names = [mapping.to_wire(name) for name in names]
    assert len(set(wire_names)) == len(names)
    assert all(len(name) <= MAX_NAME_CHARS for name in wire_names)


def test_taken_made_up_names_are_told_apart_too() -> None:
    """Even a tool that is called like another's made-up name keeps its own."""
    names = ["a_b", "a.b"]
    for _ in range(3):
        names.insert(0, ToolNames.of(names).to_wire("a.b"))
    mapping = ToolNames.of(names)
    assert len({mapping.to_wire(name) for name in names}) == 5
    assert [mapping.from_wire(mapping.to_wire(name)) for name in names] == names


@given(ODD_NAMES)
def test_names_of_older_histories_fit(name: str) -> None:
    """A name outside the mapping is made to fit too, the same way each time."""
    mapping = ToolNames.of([])
    assert WIRE_NAME.match(mapping.to_wire(name))
    assert mapping.to_wire(name) == mapping.to_wire(name)


def test_names_the_model_made_up_stay() -> None:
    """What is not in the mapping comes back as it is."""
    assert ToolNames.of(["a.b"]).from_wire("hallucinated") == "hallucinated"


def test_empty_name_is_refused() -> None:
    """A tool must be called something."""
    with pytest.raises(ValueError, match="a tool has an empty name; give it one"):
        ToolNames.of(["a", ""])
