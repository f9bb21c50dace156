"""`docs/reliability.md` says what the tests test."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from cerebras_ext import ClientConfig, RetryPolicy, Timeouts
from cerebras_ext._json import MAX_LEVELS
from cerebras_ext._sums import MAX_ARGUMENTS_CHARS
from cerebras_ext.errors import MAX_QUOTED_CHARS
from cerebras_ext.failures import MAX_ERROR_BODY_BYTES
from cerebras_ext.retry import RETRIED_STATUSES, RetryBudget
from cerebras_ext.sse import MAX_EVENT_BYTES
from cerebras_ext.stream import MAX_REPLY_BYTES
from tests.faults.table import markdown
from tests.faults.test_matrix import MEETINGS
from tests.security import hostile
from tests.security.exposure import SINKS, SPELLINGS
from tests.transcripts import TRANSCRIPTS

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


def test_page_shows_the_limits() -> None:
    """§7: every limit, with the value it has."""
    kib, mib = 1 << 10, 1 << 20
    assert _table_after("| what | limit |") == [
        ("a line or an event of a stream", f"{MAX_EVENT_BYTES // mib} MiB"),
        ("a reply, unpacked", f"{MAX_REPLY_BYTES // mib} MiB"),
        (
            "an error's body",
            f"{MAX_ERROR_BODY_BYTES // kib} KiB read, {MAX_QUOTED_CHARS} characters quoted",
        ),
        ("the arguments of one tool call", f"{MAX_ARGUMENTS_CHARS:,} characters"),
        ("nesting of JSON", f"{MAX_LEVELS} levels"),
    ]


def test_page_shows_the_hostile_replies() -> None:
    """§7: the table in the document is the table that drives the tests."""
    assert "\n".join(hostile.markdown()) in PAGE


def test_page_shows_what_is_retried() -> None:
    """§2.1, §2.6: the statuses, and what a budget of retries costs."""
    (statuses,) = re.findall(r"the statuses ([\d, and]+)\.", PAGE)
    assert {int(each) for each in re.findall(r"\d+", statuses)} == RETRIED_STATUSES
    costs = f"A retry takes {RetryBudget.RETRY_COST}, after a 429 {RetryBudget.RATE_LIMITED_COST},"
    assert f"a budget of {RetryBudget.SIZE}. {costs}" in " ".join(PAGE.split())
    most = RetryBudget.SIZE // RetryBudget.RATE_LIMITED_COST
    assert f"at most {most} retries" in " ".join(PAGE.split())


def test_page_counts_what_is_tested() -> None:
    """§10: figures of the suite are those it has."""
    assert f"{len(MEETINGS)} meetings" in PAGE
    assert f"| {len(TRANSCRIPTS)} transcripts" in PAGE
    assert f"| {len(SINKS)} places where a key might show, {len(SPELLINGS)} spellings |" in PAGE


def _table_after(head: str) -> list[tuple[str, ...]]:
    """The rows of the table with this head."""
    rows = PAGE.split(head)[1].split("\n\n")[0].splitlines()[2:]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows]
