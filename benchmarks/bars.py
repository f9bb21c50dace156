"""How fast is fast enough: ratios between figures of one run, each with its bar."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.report import Results

__all__ = ["BARS", "Bar", "Cell"]


class Cell(NamedTuple):
    """Where a figure stands."""

    section: str
    title: str
    contender: str
    figure: str

    def value(self, results: Results) -> float | None:
        """The median of the rounds; None where it was not measured."""
        rounds = results.get((self.section, self.title, self.contender), [])
        known = [figures[self.figure] for figures in rounds if self.figure in figures]
        return median(known) if known else None


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure of ours against others.

    Attributes:
        what: In words.
        ours: The figure.
        most: The most that it may be, as a multiple of `theirs`.
        theirs: What it is measured by, added up; nothing for a figure that stands for itself.
        is_rate: Whether more is better: `most` is the most that *theirs* may be of ours.
    """

    what: str
    ours: Cell
    most: float
    theirs: tuple[Cell, ...] = ()
    is_rate: bool = False

    def reached(self, results: Results) -> float | None:
        """What was measured, to be compared with `most`; None where something is missing."""
        ours = self.ours.value(results)
        theirs = [cell.value(results) for cell in self.theirs]
        whole = sum(value for value in theirs if value is not None) if theirs else 1.0
        if ours is None or None in theirs:
            return None
        above, below = (whole, ours) if self.is_rate else (ours, whole)
        return above / below if below else None


OURS = ("langchain", "llama-index")
_CORES = {"langchain": "langchain-core", "llama-index": "llama-index-core"}
_INCUMBENTS = {"langchain": "langchain-cerebras", "llama-index": "llama-index-llms-cerebras"}
_WAYS = ("sync", "async")
_TEXT = "Streams of text, HTTP chunks of one event"
_KINDS = "Streams of 1,000 deltas of each kind"


def _streams() -> Iterator[Bar]:
    for way in _WAYS:
        for name in OURS:

            def cost(contender: str, title: str = way, section: str = _TEXT) -> Cell:
                return Cell(section, title, contender, "us_per_token")

            old = (cost(_INCUMBENTS[name]),)
            yield Bar("a merged token, by the incumbent's", cost(name), 1 / 25, old)
            yield Bar("a merged token, by the raw socket's", cost(name), 2, (cost("raw socket"),))
            apart = cost(f"{name}, apart")
            floors = (cost(_CORES[name]), cost("httpx"))
            yield Bar("a token apart, by the incumbent's", apart, 1 / 10, old)
            yield Bar("a token apart, by the core's loop and httpx", apart, 1, floors)
            for contender in (name, f"{name}, apart"):
                text = (cost(contender, f"text {way}", _KINDS),)
                for kind in ("reasoning", "tools"):
                    ours = cost(contender, f"{kind} {way}", _KINDS)
                    yield Bar(f"a delta of {kind}, by one of text", ours, 1.5, text)
    summed = "Tool arguments added up by +="
    ours, old = (
        Cell(summed, "sync", name, "us_per_token") for name in ("langchain", "langchain-cerebras")
    )
    yield Bar("tool arguments added up, by the incumbent's", ours, 1 / 3, (old,))


def _paces() -> Iterator[Bar]:
    for name in OURS:
        for way in _WAYS:
            for rate in (2_000, 5_000, 10_000):
                section = f"One stream at {rate:,} tokens/s"
                busy = (Cell(section, way, _INCUMBENTS[name], "us_per_token"),)
                ours = Cell(section, way, name, "us_per_token")
                yield Bar("CPU of a paced stream, by the incumbent's", ours, 1 / 2, busy)
            late = Cell("One stream at 10,000 tokens/s", way, name, "late_ms")
            yield Bar("ms late at the end", late, 20)
            fresh = Cell("New connections in 20 streams", way, name, "n_new")
            yield Bar("new connections", fresh, 0)
            for figure, what in (("wall_ms", "time"), ("cpu_ms", "CPU")):
                first = "First delta, warm"
                old = (Cell(first, way, _INCUMBENTS[name], figure),)
                ours = Cell(first, way, name, figure)
                yield Bar(f"{what} to the first delta, by the incumbent's", ours, 1 / 2, old)
        late = Cell("16 streams at 1,000 tokens/s", "async", name, "late_ms")
        yield Bar("ms late at the end", late, 100)


def _requests() -> Iterator[Bar]:
    flight = "Requests in flight, 50 ± 25 ms server"
    stacks = ("httpx", "httpx2", "httpx-aiohttp")
    for name, times in (("langchain", (4, 5)), ("llama-index", (15, 7))):
        for n_tokens in (20, 8_000):
            for way, most in zip(_WAYS, (1 / 2.2, 1 / 2.7), strict=True):
                section = f"Whole request of {n_tokens:,} tokens"
                old = (Cell(section, way, _INCUMBENTS[name], "cpu_ms"),)
                ours = Cell(section, way, name, "cpu_ms")
                yield Bar("a whole request, by the incumbent's", ours, most, old)
        for title, least in zip(("128", "1,000"), times, strict=True):
            ours = Cell(flight, title, name, "per_s")
            old = (Cell(flight, title, _INCUMBENTS[name], "per_s"),)
            yield Bar("requests/s, by the incumbent's", ours, 1 / least, old, is_rate=True)
            yield Bar("requests that failed", Cell(flight, title, name, "n_failed"), 0)
            for stack in stacks:
                bare = (Cell(flight, title, stack, "per_s"),)
                yield Bar(f"requests/s, by bare {stack}'s", ours, 1 / 0.6, bare, is_rate=True)


def _growth() -> Iterator[Bar]:
    for way in ("stream", "+=", "invoke", "astream_events"):
        for name in OURS if way == "stream" else OURS[:1]:
            for contender in (name, f"{name}, apart"):
                short, long = (
                    Cell(f"Growth: {way}", n, contender, "us_per_token")
                    for n in ("1,000", "80,000")
                )
                yield Bar("a token of 80,000, by one of 1,000", long, 1.3, (short,))
    for name in OURS:
        kept = "Memory of a stream whose items are all kept"
        short, long = (Cell(kept, n, name, "kib_per_token") for n in ("1,000", "20,000"))
        yield Bar("memory of a kept token of 20,000, by one of 1,000", long, 1.3, (short,))


def _standing() -> Iterator[Bar]:
    for name in OURS:
        imports = "Import, beyond the framework's own"
        yield Bar("ms of an import", Cell(imports, "", name, "cpu_ms"), 30)
        yield Bar("modules of an import", Cell(imports, "", name, "n_modules"), 20)
        yield Bar("ms to make a model", Cell("Making a model", "", name, "next_ms"), 0.1)
        left = Cell("Memory left behind by 10,000 requests", "", name, "mib")
        yield Bar("MiB left behind", left, 2)


BARS: tuple[Bar, ...] = (*_streams(), *_paces(), *_requests(), *_growth(), *_standing())
"""In the order of the tables they speak of."""
