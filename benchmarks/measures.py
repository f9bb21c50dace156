"""The figures: each takes a way to make a contender and returns named numbers.

CPU is the client's alone, user and system; the server is a process of its own. What runs cost is
averaged: every third stream of 1,000 tokens or so pays for a garbage collection that the others led
to, and a median would leave that out.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import time
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.script import Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

__all__ = ["MEASURES", "Bench"]

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Bench:
    """Where one contender is measured.

    Attributes:
        name: The contender's.
        port: The server's.
        paced_port: Of the server that keeps time exactly.
        is_quick: Whether only the harness is tried out: least work, figures worth nothing.
    """

    name: str
    port: int
    paced_port: int
    is_quick: bool

    def contender(self, script: Script) -> Contender:
        """A new one for this script."""
        port = self.paced_port if script.tokens_per_s else self.port
        return CONTENDERS[self.name](script.base_url(port))

    def some(self, n: int, quick: int = 2) -> int:
        """How often, or how many."""
        return quick if self.is_quick else n

    def server_stats(self, *, is_paced: bool = False) -> dict[str, Any]:
        """What the server counted."""
        port = self.paced_port if is_paced else self.port
        with urlopen(f"http://127.0.0.1:{port}/stats") as reply:
            stats: dict[str, Any] = json.load(reply)
            return stats


async def _drained(items: AsyncIterator[Any]) -> int:
    return sum([1 async for _ in items])


def _way(contender: Contender, name: str, *, is_async: bool) -> Callable[[], Any]:
    """A function that makes a contender's stream, consumes it and counts its items."""
    method = getattr(contender, f"a{name}" if is_async else name)
    if is_async:
        return lambda: _drained(method())
    return lambda: sum(1 for _ in method())


def _costs(run: Callable[[], Any], n_most: int) -> Iterator[float]:
    """CPU seconds of each of several sync runs."""
    spent_s = 0.0
    for number in range(n_most):
        before_s = time.process_time()
        run()
        cost_s = time.process_time() - before_s
        yield cost_s
        spent_s += cost_s
        if (number >= 2 and spent_s > 0.5) or spent_s > 2:
            return


async def _acosts(run: Callable[[], Any], n_most: int) -> list[float]:
    costs: list[float] = []
    while len(costs) < n_most and (len(costs) < 3 or sum(costs) < 0.5) and sum(costs) < 2:
        before_s = time.process_time()
        await run()
        costs.append(time.process_time() - before_s)
    return costs


def stream_cost(
    bench: Bench, *, is_async: bool = False, way: str = "stream", **script: Any
) -> Figures:
    """CPU of a streamed token, all included, and how many items the consumer saw."""
    if bench.is_quick:
        script["n_tokens"] = 50
    played = Script(**script)
    warm_up = _way(bench.contender(replace(played, n_tokens=50)), way, is_async=is_async)
    count = _way(bench.contender(played), way, is_async=is_async)
    n_items = 0

    def run() -> None:
        nonlocal n_items
        n_items = count()

    async def arun() -> None:
        nonlocal n_items
        n_items = await count()

    async def measured() -> list[float]:
        await warm_up()
        gc.collect()
        return await _acosts(arun, bench.some(50))

    if is_async:
        costs = asyncio.run(measured())
    else:
        warm_up()
        gc.collect()
        costs = list(_costs(run, bench.some(50)))
    return {"us_per_token": 1e6 * mean(costs) / played.n_tokens, "n_items": n_items}


def kept_memory(bench: Bench, *, n_tokens: int) -> Figures:
    """Memory that the items of one stream hold, of a consumer who keeps every one."""
    script = Script(n_tokens=bench.some(n_tokens, 50))
    contender = bench.contender(script)
    list(contender.stream())
    tracemalloc.start()
    try:
        items = list(contender.stream())
        gc.collect()
        held_kib = tracemalloc.get_traced_memory()[0] / 2**10
    finally:
        tracemalloc.stop()
    return {"kib_per_token": held_kib / script.n_tokens, "n_items": len(items)}


def paced(bench: Bench, *, tokens_per_s: int, is_async: bool, n_streams: int = 1) -> Figures:
    """Streams of one second each: how late they end, and the CPU of a token."""
    rate = bench.some(tokens_per_s, 1_000)
    script = Script(n_tokens=rate if not bench.is_quick else 20, tokens_per_s=rate)
    contender = bench.contender(script)
    warm = bench.contender(Script(n_tokens=20, tokens_per_s=1_000))

    async def aran() -> tuple[float, list[int]]:
        await _drained(warm.astream())
        cpu_s = time.process_time()
        counts = await asyncio.gather(*[_drained(contender.astream()) for _ in range(n_streams)])
        return time.process_time() - cpu_s, list(counts)

    def ran() -> tuple[float, list[int]]:
        sum(1 for _ in warm.stream())
        cpu_s = time.process_time()
        n_items = sum(1 for _ in contender.stream())
        return time.process_time() - cpu_s, [n_items]

    cpu_s, counts = asyncio.run(aran()) if is_async else ran()
    ended_s = time.monotonic()
    late_s = ended_s - bench.server_stats(is_paced=True)["last_due_s"]
    return {
        "late_ms": 1e3 * late_s,
        "us_per_token": 1e6 * cpu_s / script.n_tokens / n_streams,
        "n_items": sum(counts) / len(counts),
    }


def connections(bench: Bench, *, is_async: bool) -> Figures:
    """New connections in 20 streams one after the other, after the first."""
    run = _way(bench.contender(Script(n_tokens=5)), "stream", is_async=is_async)

    async def aran() -> int:
        await run()
        before = bench.server_stats()["n_connections"]
        for _ in range(20):
            await run()
        return int(bench.server_stats()["n_connections"] - before - 1)

    def ran() -> int:
        run()
        before = bench.server_stats()["n_connections"]
        for _ in range(20):
            run()
        return int(bench.server_stats()["n_connections"] - before - 1)  # asking took one

    return {"n_new": asyncio.run(aran()) if is_async else ran()}


def first_delta(bench: Bench, *, is_async: bool) -> Figures:
    """Wall and CPU from the call to the first item, on a warm connection."""
    contender = bench.contender(Script(n_tokens=20))

    async def aonce() -> tuple[float, float]:
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        items = contender.astream()
        await anext(items)
        spent = time.perf_counter() - wall_s, time.process_time() - cpu_s
        await _drained(items)
        return spent

    def once() -> tuple[float, float]:
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        items = iter(contender.stream())
        next(items)
        spent = time.perf_counter() - wall_s, time.process_time() - cpu_s
        sum(1 for _ in items)
        return spent

    async def all_of_them() -> list[tuple[float, float]]:
        return [await aonce() for _ in range(bench.some(60))]

    spent = asyncio.run(all_of_them()) if is_async else [once() for _ in range(bench.some(60))]
    walls, cpus = zip(*spent[1:], strict=True)
    return {"wall_ms": 1e3 * median(walls), "cpu_ms": 1e3 * median(cpus)}


def request_cost(bench: Bench, *, n_tokens: int, is_async: bool) -> Figures:
    """CPU of a whole request that is not streamed."""
    contender = bench.contender(Script(n_tokens=n_tokens))
    n = bench.some(20)

    async def ten() -> None:
        for _ in range(10):
            await contender.areply()

    def ten_sync() -> None:
        for _ in range(10):
            contender.reply()

    async def measured() -> list[float]:
        await ten()
        gc.collect()
        return await _acosts(ten, n)

    if is_async:
        costs = asyncio.run(measured())
    else:
        ten_sync()
        gc.collect()
        costs = list(_costs(ten_sync, n))
    return {"cpu_ms": 1e3 * mean(costs) / 10}


def in_flight(bench: Bench, *, n_at_once: int) -> Figures:
    """Async requests kept in flight against a server that answers after 50 ± 25 ms."""
    contender = bench.contender(Script(n_tokens=20, delay_ms=50, jitter_ms=25))
    seconds = 3.0 if not bench.is_quick else 0.1

    async def ran() -> Figures:
        n_done = n_failed = 0
        n_tasks = bench.some(n_at_once)
        all_connected = asyncio.Event()

        async def keep_asking() -> None:
            nonlocal n_done, n_failed
            while True:
                try:
                    await contender.areply()
                    n_done += 1
                except Exception:  # noqa: BLE001 - counted
                    n_failed += 1
                    await asyncio.sleep(0.1)
                if n_done + n_failed > n_tasks:
                    all_connected.set()

        await contender.areply()
        tasks = [asyncio.create_task(keep_asking()) for _ in range(n_tasks)]
        await all_connected.wait()
        n_before, cpu_s, begun_s = n_done, time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        wall_s, cpu_s = time.monotonic() - begun_s, time.process_time() - cpu_s
        n = n_done - n_before
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return {"per_s": n / wall_s, "cpu_ms": 1e3 * cpu_s / max(n, 1), "n_failed": n_failed}

    return asyncio.run(ran())


def memory(bench: Bench, *, n_requests: int) -> Figures:
    """Resident memory that requests leave behind, after a warm-up."""
    contender = bench.contender(Script(n_tokens=20))
    for _ in range(bench.some(1_000)):
        contender.reply()
    gc.collect()
    before = _resident_mib()
    for _ in range(bench.some(n_requests)):
        contender.reply()
    gc.collect()
    return {"mib": _resident_mib() - before}


def construction(bench: Bench) -> Figures:
    """CPU of making a model object: the first one in the process, and later ones."""
    script = Script()
    spent: list[float] = []
    for _ in range(bench.some(50)):
        before_s = time.process_time()
        bench.contender(script)
        spent.append(time.process_time() - before_s)
    return {"first_ms": 1e3 * spent[0], "next_ms": 1e3 * median(spent[1:])}


_IMPORTS = """
import sys, time
{floor}
before_s, n_before = time.process_time(), len(sys.modules)
{package}
print(1e3 * (time.process_time() - before_s), len(sys.modules) - n_before)
"""


def imports(bench: Bench, *, floor: str, package: str) -> Figures:
    """CPU and modules of an import, beyond what another one brings; modules are compiled before."""
    code = _IMPORTS.format(floor=floor, package=package)
    keeps_bytecode = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}

    def run() -> list[str]:
        command = [sys.executable, "-c", code]
        done = subprocess.run(  # noqa: S603 - our own arguments
            command, env=keeps_bytecode, capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    if not bench.is_quick:
        run()
    times, counts = zip(*[run() for _ in range(bench.some(5, 1))], strict=True)
    return {"cpu_ms": median(map(float, times)), "n_modules": float(counts[0])}


def _resident_mib() -> float:
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10  # the most there ever was


MEASURES: dict[str, Callable[..., Figures]] = {
    measure.__name__: measure
    for measure in (
        connections,
        construction,
        first_delta,
        imports,
        in_flight,
        kept_memory,
        memory,
        paced,
        request_cost,
        stream_cost,
    )
}
"""By name."""
