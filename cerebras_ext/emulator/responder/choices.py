"""Numbered choices in a prompt, and the forms in which prompts want the best ones named."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from cerebras_ext.emulator.responder.relevance import Ranked, rank

if TYPE_CHECKING:
    from cerebras_ext.emulator.responder.reading import Reading

__all__ = ["as_json", "as_number", "as_ranking", "as_relevance"]

_ITEM = re.compile(r"^(?:\((\d+)\)|\[(\d+)\]|Document (\d+):|(\d+)[.)])[ \t]*", re.MULTILINE)
_EXAMPLE_END = "Let's try this now:"
_MOST_NAMED = 3


def as_number(reading: Reading) -> str:
    """`ANSWER: 2` and a reason, as tree indexes want it."""
    best = _best(reading)
    numbers = ", ".join(str(number) for number, _ in best[: _most_wanted(reading.prompt)])
    return f"ANSWER: {numbers}\nThis choice has most in common with the question."


def as_json(reading: Reading) -> str:
    """A list of objects with `choice` and `reason`, as selectors want it."""
    best = _best(reading)[: _most_wanted(reading.prompt)]
    reason = "It has most in common with the question."
    return json.dumps([{"choice": number, "reason": reason} for number, _ in best])


def as_relevance(reading: Reading) -> str:
    """`Doc: 1, Relevance: 8` lines, as rerankers want it."""
    best = _best(reading)
    top = best[0][1] or 1.0
    lines = (
        f"Doc: {number}, Relevance: {max(1, round(9 * score / top))}"
        for number, score in best
        if score > 0
    )
    return "\n".join(lines)


def as_ranking(reading: Reading) -> str:
    """`[2] > [1]`, as listwise rerankers want it."""
    return " > ".join(f"[{number}]" for number, _ in _best(reading))


def _best(reading: Reading) -> list[tuple[int, float]]:
    """Numbers of the choices with their fit to the question, best first."""
    items = _numbered_items(reading.everything.rpartition(_EXAMPLE_END)[2])
    ranked: list[Ranked] = rank(reading.question, list(items.values()))
    numbers = list(items)
    return [(numbers[one.position], one.score) for one in ranked] or [(1, 0.0)]


def _numbered_items(text: str) -> dict[int, str]:
    marks = list(_ITEM.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return {
        int(next(filter(None, mark.groups()))): text[mark.end() : end]
        for mark, end in zip(marks, ends, strict=False)
    }


def _most_wanted(prompt: str) -> int:
    """How many choices are asked for: one, unless the prompt sets a larger maximum."""
    found = re.search(r"no more than (\d+)", prompt)
    return min(int(found[1]), _MOST_NAMED) if found else 1
