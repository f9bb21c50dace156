"""Runs measures of one contender in its environment: a JSON job a line in, figures a line out."""

from __future__ import annotations

import json
import sys
import warnings

from benchmarks.measures import MEASURES, Bench

__all__: list[str] = []


def _run(line: str) -> dict[str, object]:
    job = json.loads(line)
    try:
        return dict(MEASURES[job["measure"]](Bench(**job["bench"]), **job["arguments"]))
    except Exception as error:  # noqa: BLE001 - told to the one who asked, who shows it
        return {"error": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    out = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        print(json.dumps(_run(line)), file=out, flush=True)
