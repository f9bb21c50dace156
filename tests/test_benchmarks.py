"""The benchmarks' harness runs; its figures are nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("raw socket", "httpx", "client", "langchain", "llama-index")


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "rows",
    [
        "Streams of text, HTTP chunks of one event",
        "New connections",
        "One stream at 2,000",
        "Making",
    ],
)
def test_harness_runs(rows: str) -> None:
    """`make bench ARGS=--quick`, without the environments of others' packages."""
    only = [argument for name in OURS for argument in ("--of", name)]
    run = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "benchmarks", "--quick", "--only", rows, *only],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "| langchain |" in run.stdout
    assert "| langchain-cerebras |" not in run.stdout
