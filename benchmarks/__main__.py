"""`python -m benchmarks`: all figures, side by side, in turn.

Each contender works in a process of its own, a new one for each section, in its own virtual
environment, which the command makes when it is missing. A round asks everyone for a figure, one
after the other; what is shown is the median of the rounds. `--quick` tries the harness out,
`--write` puts the figures into `docs/performance.md`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benchmarks.environments import python_of
from benchmarks.report import Results, machine, plot, tables
from benchmarks.rows import ROWS, Row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_DOCS = Path(__file__).parent.parent / "docs"
_MARKS = "<!-- figures -->", "<!-- end of figures -->"
_ENVIRONMENT_OF = {
    "langchain-cerebras": "langchain-cerebras",
    "llama-index-llms-cerebras": "llama-index-llms-cerebras",
    "httpx-aiohttp": "httpx-aiohttp",
}


class _Process:
    """A process that is spoken with line by line, and ended at the end."""

    def __init__(self, python: str, *arguments: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            [python, "-m", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def read(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a process of the benchmarks ended; its last words are above")
        return line

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.read())
        return answer


class _Bench:
    """The servers, and a worker for each contender, begun when it is first asked in a section."""

    def __init__(self, stack: ExitStack, *, is_quick: bool) -> None:
        self._stack = stack
        self._working = stack.enter_context(ExitStack())
        self._workers: dict[str, _Process] = {}
        self._where = {
            "port": int(self._begun(sys.executable, "benchmarks.server").read()),
            "paced_port": int(self._begun(sys.executable, "benchmarks.server", "--paced").read()),
            "is_quick": is_quick,
        }

    def figures(self, row: Row, name: str) -> dict[str, Any]:
        worker = self._workers.get(name)
        if worker is None:
            python = python_of(_ENVIRONMENT_OF.get(name))
            process = _Process(python, "benchmarks.worker")
            worker = self._workers[name] = self._working.enter_context(process)
        bench = {"name": name, **self._where}
        return worker.ask({"measure": row.measure, "arguments": row.arguments, "bench": bench})

    def end_section(self) -> None:
        """Ends the workers: what one section leaves in their memory is not to burden the next."""
        if not self._where["is_quick"]:
            self._working.close()
            self._workers.clear()

    def _begun(self, *arguments: str) -> _Process:
        return self._stack.enter_context(_Process(*arguments))


def _measured(bench: _Bench, rows: Sequence[Row], names: Sequence[str], n_rounds: int) -> Results:
    results: Results = {}
    for row in rows:
        for _ in range(min(n_rounds, row.n_most_rounds)):
            for name in row.contenders:
                if names and name not in names:
                    continue
                figures = bench.figures(row, name)
                if "error" in figures:
                    print(
                        f"{row.section}, {row.title}, {name}: {figures['error']}", file=sys.stderr
                    )
                results.setdefault((row.section, row.title, name), []).append(figures)
        print(f"  {row.section} {row.title}", file=sys.stderr, flush=True)
        if row is rows[-1] or rows[rows.index(row) + 1].section != row.section:
            section = [each for each in rows if each.section == row.section]
            print(tables(section, results), end="\n\n", flush=True)
            bench.end_section()
    return results


def _write(rows: Sequence[Row], results: Results) -> None:
    page = _DOCS / "performance.md"
    text = page.read_text()
    before, after = text.split(_MARKS[0])[0], text.split(_MARKS[1])[1]
    said = f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine()}."
    shown = "![Client CPU of one streamed token](performance.svg)"
    figures = "\n\n".join([_MARKS[0], said, shown, tables(rows, results), _MARKS[1]])
    page.write_text(before + figures + after)
    (_DOCS / "performance.svg").write_text(plot(results, rows[0].section))


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="try the harness out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], help="rows; may be repeated")
    parser.add_argument("--of", action="append", default=[], help="contender; may be repeated")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    arguments = parser.parse_args()
    wanted = arguments.only or [""]
    rows = [row for row in ROWS if any(part in f"{row.section} {row.title}" for part in wanted)]
    with ExitStack() as stack:
        bench = _Bench(stack, is_quick=arguments.quick)
        n_rounds = 1 if arguments.quick else arguments.rounds
        results = _measured(bench, rows, arguments.of, n_rounds)
    if arguments.write:
        _write(rows, results)
    if any("error" in figures for found in results.values() for figures in found):
        raise SystemExit("some figures are missing: see the messages above")


if __name__ == "__main__":
    main()
