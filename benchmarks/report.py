"""The figures as Markdown tables, and the main ones as a plot."""

from __future__ import annotations

import math
import os
import platform
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from benchmarks.bars import BARS
from benchmarks.environments import pinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.bars import Bar
    from benchmarks.rows import Row

_PACKAGES = ("httpx", "httpx2", "langchain-core", "llama-index-core")

__all__ = ["Results", "machine", "plot", "tables"]

Results = dict[tuple[str, str, str], list[dict[str, float]]]
"""Figures of each round, by section, title and contender."""


def machine() -> str:
    """What was measured on, without the machine's name, and what was measured."""
    cores = f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()})"
    ours = [f"{name} {version(name)}" for name in _PACKAGES]
    return ", ".join([cores, f"Python {platform.python_version()}", *ours, *pinned()])


def tables(rows: Sequence[Row], results: Results) -> str:
    """All tables."""
    parts: list[str] = []
    for section in dict.fromkeys(row.section for row in rows):
        if any(key[0] == section for key in results):
            table = _table([row for row in rows if row.section == section], results)
            parts += [f"### {section}", table, _verdicts(section, results)]
    return "\n\n".join(filter(None, parts))


def _verdicts(section: str, results: Results) -> str:
    """The section's bars that could be measured, and whether they hold."""
    lines: list[str] = []
    for bar in BARS:
        reached = bar.reached(results) if bar.ours.section == section else None
        if reached is not None:
            where = ", ".join(filter(None, (bar.ours.contender, bar.ours.title)))
            verdict = "yes" if reached <= bar.most else "**no**"
            limit, found = (_multiple(value, bar) for value in (bar.most, reached))
            lines.append(f"| {bar.what} | {where} | {limit} | {found} | {verdict} |")
    head = ["| bar | of | at most | reached | holds |", "|---|---|---:|---:|---|"]
    return "\n".join([*head, *lines]) if lines else ""


def _multiple(value: float, bar: Bar) -> str:
    is_part = bool(bar.theirs) and 0 < value < 0.6
    return f"1/{1 / value:.3g}" if is_part else f"{value:.3g}"


def _table(rows: Sequence[Row], results: Results) -> str:
    columns = _columns(rows)
    names = dict.fromkeys(name for row in rows for name in row.contenders)
    lines = [
        "| | "
        + " | ".join(" ".join(filter(None, (title, unit))) for title, _, unit in columns)
        + " |",
        "|---|" + "---:|" * len(columns),
    ]
    for name in names:
        cells = [
            _shown(
                [figures.get(figure) for figures in results.get((rows[0].section, title, name), [])]
            )
            for title, figure, _ in columns
        ]
        if any(cell != "-" for cell in cells):
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _columns(rows: Iterable[Row]) -> list[tuple[str, str, str]]:
    """Title, figure and unit of each column."""
    columns = [(row.title, figure, unit) for row in rows for figure, unit in row.figures.items()]
    return list(dict.fromkeys(columns))


def _shown(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    value = median(known)
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


_BARS = (
    ("raw socket", "#9aa5b1"),
    ("httpx", "#9aa5b1"),
    ("client", "#f15a29"),
    ("langchain", "#f15a29"),
    ("langchain, apart", "#f7a58a"),
    ("langchain-cerebras", "#4a5568"),
    ("llama-index", "#f15a29"),
    ("llama-index, apart", "#f7a58a"),
    ("llama-index-llms-cerebras", "#4a5568"),
)


def plot(results: Results, section: str, title: str = "sync") -> str:
    """The cost of a streamed token as an SVG, on a logarithmic scale."""
    bars = [
        (name, color, median(figures["us_per_token"] for figures in found))
        for name, color in _BARS
        if (found := results.get((section, title, name)))
    ]
    height = 28 * len(bars) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="720" height="{height}" fill="#ffffff"/>',
        '<text x="12" y="24" font-size="15" font-weight="600" fill="#1a202c">'
        "Client CPU of one streamed token, µs (logarithmic)</text>",
    ]
    for number, (name, color, value) in enumerate(bars):
        y = 44 + 28 * number
        width = 430 * math.log10(max(value, 1.05)) / math.log10(200)
        parts.append(
            f'<text x="12" y="{y + 15}" fill="#1a202c">{escape(name)}</text>'
            f'<rect x="215" y="{y}" width="{width:.1f}" height="20" rx="2" fill="{color}"/>'
            f'<text x="{221 + width:.1f}" y="{y + 15}" fill="#1a202c">{value:.1f}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
