"""`python -m benchmarks`: all figures, side by side."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.environments import python_of

_ENVIRONMENT_OF = {
    "langchain-cerebras": "langchain-cerebras",
    "llama-index-llms-cerebras": "llama-index-llms-cerebras",
    "httpx-aiohttp": "httpx-aiohttp",
}


class _Process:
    def __init__(self, python: str, *arguments: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            [python, "-m", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def read(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a process of the benchmark ended; its message is above")
        return line

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.read())
        return answer

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()


@dataclass(frozen=True, slots=True)
class _Row:
    title: str
    measure: str
    arguments: dict[str, Any]
    contenders: tuple[str, ...]


_ALL = (
    "raw socket",
    "httpx",
    "client",
    "client, apart",
    "langchain-core",
    "langchain",
    "langchain, apart",
    "langchain-cerebras",
    "llama-index-core",
    "llama-index",
    "llama-index, apart",
    "llama-index-llms-cerebras",
)

_ROWS = [
    _Row(
        f"{kind} {framing} {'async' if is_async else 'sync'}",
        "stream_cost",
        {
            "kind": kind,
            "framing": framing,
            "is_async": is_async,
            "n_tokens": 5000 if kind == "text" else 1000,
        },
        _ALL,
    )
    for kind, framing in (
        ("text", "event"),
        ("text", "16k"),
        ("reasoning", "event"),
        ("tools", "event"),
    )
    for is_async in (False, True)
]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--contenders", default="")
    arguments = parser.parse_args()
    server = _Process(sys.executable, "benchmarks.server")
    port = int(server.read())
    chosen = [n for n in _ALL if not arguments.contenders or n in arguments.contenders.split(";")]
    workers = {
        name: _Process(python_of(_ENVIRONMENT_OF.get(name)), "benchmarks.worker") for name in chosen
    }
    for row in _ROWS:
        if arguments.only not in row.title:
            continue
        print(f"\n{row.title}")
        figures: dict[str, list[dict[str, Any]]] = {}
        for _ in range(1 if arguments.quick else arguments.rounds):
            for name in row.contenders:
                if name not in workers:
                    continue
                bench = {"name": name, "port": port, "is_quick": arguments.quick}
                job = {"measure": row.measure, "arguments": row.arguments, "bench": bench}
                figures.setdefault(name, []).append(workers[name].ask(job))
        for name, results in figures.items():
            if "error" in results[0]:
                print(f"  {name:28} {results[0]['error']}")
            else:
                shown = {key: round(median(r[key] for r in results), 2) for key in results[0]}
                print(f"  {name:28} {shown}")
    for process in (*workers.values(), server):
        process.end()


if __name__ == "__main__":
    main()
