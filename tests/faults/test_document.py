"""`docs/reliability.md` says what the tests test."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from cerebras_ext import ClientConfig, RetryPolicy, Timeouts
from tests.faults.table import markdown

PAGE = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_page_shows_the_fault_matrix() -> None:
    """§4: the table in the document is the table that drives the tests."""
    assert "\n".join(markdown()) in PAGE


def test_page_shows_the_defaults() -> None:
    """§2.5: every time limit and pool size, with the value it has."""
    shown = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", PAGE, re.MULTILINE))
    limits, config = Timeouts(), ClientConfig()
    actual = {each.name: getattr(limits, each.name) for each in fields(limits)}
    actual |= {"max_retries": RetryPolicy().max_retries}
    actual |= {
        each.name: getattr(config, each.name)
        for each in fields(config)
        if each.name.startswith(("max_", "keepalive_"))
    }
    assert {name: float(value) for name, value in shown.items()} == actual
