"""The figures: each takes a way to make a contender and returns named numbers."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.script import Script

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MEASURES", "Bench"]

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Bench:
    """Where one contender is measured.

    Attributes:
        name: The contender's.
        port: The server's.
        is_quick: Whether only the harness is tried out: least work, figures worth nothing.
    """

    name: str
    port: int
    is_quick: bool

    def contender(self, script: Script) -> Contender:
        """A new one for this script."""
        return CONTENDERS[self.name](script.base_url(self.port))

    def least(self, n: int, quick: int = 2) -> int:
        """How often, or how many."""
        return quick if self.is_quick else n

    def server_stats(self) -> dict[str, Any]:
        """What the server counted."""
        with urlopen(f"http://127.0.0.1:{self.port}/stats") as reply:
            stats: dict[str, Any] = json.load(reply)
            return stats


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


async def _acount(contender: Contender) -> int:
    return sum([1 async for _ in contender.astream()])


def _count(contender: Contender) -> int:
    return sum(1 for _ in contender.stream())


def _repeated(run: Callable[[], Any], n_most: int, enough_s: float = 0.4) -> list[float]:
    """CPU seconds of each of several runs; the first warms up and is not counted."""
    run()
    gc.collect()
    costs: list[float] = []
    while len(costs) < n_most and (len(costs) < 3 or sum(costs) < enough_s):
        before_s = time.process_time()
        run()
        costs.append(time.process_time() - before_s)
    return costs


def stream_cost(bench: Bench, *, is_async: bool, **script: Any) -> Figures:
    """CPU of a streamed token, everything included, and how many items the consumer saw."""
    played = Script(**script)
    contender = bench.contender(played)
    n_items = 0

    def once() -> None:
        nonlocal n_items
        n_items = _count(contender)

    async def all_of_them() -> list[float]:
        nonlocal n_items
        n_items = await _acount(contender)
        gc.collect()
        costs: list[float] = []
        while len(costs) < bench.least(15) and (len(costs) < 3 or sum(costs) < 0.4):
            before_s = time.process_time()
            await _acount(contender)
            costs.append(time.process_time() - before_s)
        return costs

    costs = asyncio.run(all_of_them()) if is_async else _repeated(once, bench.least(15))
    return {"us_per_token": 1e6 * _median(costs) / played.n_tokens, "n_items": n_items}


MEASURES: dict[str, Callable[..., Figures]] = {"stream_cost": stream_cost}
"""By name."""
