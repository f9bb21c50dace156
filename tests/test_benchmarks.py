"""The benchmarks' harness runs; its figures are nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bars import BARS, Bar, Cell
from benchmarks.rows import ROWS

ROOT = Path(__file__).parent.parent
OURS = ("raw socket", "httpx", "client", "langchain", "llama-index")


@pytest.mark.timeout(180)
def test_harness_runs() -> None:
    """`make bench ARGS=--quick`: every row, without the environments of others' packages."""
    only = [argument for name in OURS for argument in ("--of", name)]
    run = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "benchmarks", "--quick", *only],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    for section in dict.fromkeys(row.section for row in ROWS):
        assert f"### {section}\n\n| |" in run.stdout
    assert "| langchain |" in run.stdout
    assert "| langchain-cerebras |" not in run.stdout


def test_every_bar_speaks_of_rows_that_are_measured() -> None:
    """A figure that a bar needs is measured of that contender, under that name."""
    measured = {
        Cell(row.section, row.title, contender, figure)
        for row in ROWS
        for contender in row.contenders
        for figure in row.figures
    }
    assert {cell for bar in BARS for cell in (bar.ours, *bar.theirs)} <= measured


def test_a_bar_compares_our_median_with_theirs_added_up() -> None:
    """What stands in the way of a figure counts together, and a missing one gives no verdict."""
    ours, loop, wire = (Cell("S", "t", name, "us") for name in ("ours", "loop", "wire"))
    rounds = {
        ("S", "t", "ours"): [{"us": 1.0}, {"us": 3.0}, {"us": 2.0}],
        ("S", "t", "loop"): [{"us": 1.0}],
        ("S", "t", "wire"): [{"us": 3.0}],
    }
    assert Bar("a token", ours, 1, (loop, wire)).reached(rounds) == 0.5
    assert Bar("a rate", ours, 1, (loop, wire), is_rate=True).reached(rounds) == 2
    assert Bar("ms", ours, 1).reached(rounds) == 2
    assert Bar("a token", ours, 1, (loop, Cell("S", "t", "wire", "ms"))).reached(rounds) is None
