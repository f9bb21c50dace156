"""Replies that want to do harm, and what comes of each (reliability contract §3.6, §7).

`python -m tests.security.hostile` prints them as `docs/reliability.md` shows them. Broken bodies,
bombs and wrong content types are in `tests/faults/table.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from tests.security.replies import copied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Change = Callable[[dict[str, Any]], None]

MIB = 1 << 20


class Fate(Enum):
    """What becomes of a call."""

    ANSWER = "the answer"
    INVALID_CALL = "the answer; at worst with an invalid tool call"
    REFUSED = "`ProtocolError`, which names the limit"
    EITHER = "the answer, or `ProtocolError`"
    LATE = "`ProtocolError` at the end, with all the text in `.partial`"


@dataclass(frozen=True, slots=True)
class Hostile:
    """One row.

    Attributes:
        name: What a reply holds.
        changes: Each makes such a reply of a good one; applied to every chunk of a stream.
        fate: What becomes of the call.
        says: Words of the error.
        only_chunk: The one chunk of a stream that is changed; whole replies know no such thing.
    """

    name: str
    changes: tuple[Change, ...]
    fate: Fate
    says: str = ""
    only_chunk: int | None = None


def said(change: Change) -> Change:
    """A change of the message, or of every delta that is one."""

    def changed(body: dict[str, Any]) -> None:
        for choice in body["choices"]:
            change(choice.get("message") or choice.get("delta"))

    return changed


def arguments(text: str) -> Change:
    """Other arguments for every tool call."""

    def change(message: dict[str, Any]) -> None:
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = text

    return said(change)


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def _set(path: str, value: Any) -> Change:
    def change(body: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        inner = body
        for step in steps:
            if step not in inner:
                return
            inner = inner[step]
        if last in inner:
            inner[last] = value

    return change


def _add_a_choice(body: dict[str, Any]) -> None:
    body["choices"].append({**copied(body["choices"][0]), "index": 1})


ODD_ARGUMENTS = {
    "100,000 lists in each other": "[" * 100_000,
    "100,000 objects in each other": '{"a":' * 100_000,
    "10,000 lists, closed again": "[" * 10_000 + "]" * 10_000,
    "no JSON": "rm -rf /",
    "a number too large for a float": '{"x": 1e999}',
    "a number of 5,000 digits": '{"x": ' + "9" * 5_000 + "}",
    "NaN": '{"x": NaN}',
    "half a surrogate pair": '{"x": "\\ud800"}',
    "a key twice": '{"x": 1, "x": 2}',
    "names of Python's own": '{"__class__": {"__init__": 1}}',
}
_NUMBERS = tuple(
    _set(path, value)
    for path in (
        "created",
        "usage.prompt_tokens",
        "usage.total_tokens",
        "usage.prompt_tokens_details.cached_tokens",
        "usage.completion_tokens_details.reasoning_tokens",
        "time_info.total_time",
    )
    for value in (-1, 2**63, 10**400, -0.5, 1e308, float("inf"), float("nan"), "5", True, None)
)
HOSTILE = [
    Hostile(
        "arguments of 10 MiB",
        (arguments(json.dumps({"x": "y" * 10 * MIB})),),
        Fate.REFUSED,
        says=str(MIB),
    ),
    Hostile(
        "JSON of 250 levels",
        (lambda body: body.update(x=_deep(250)),),
        Fate.REFUSED,
        says="nested deeper than 200 levels",
    ),
    *(
        Hostile(f"arguments: {name}", (arguments(text),), Fate.INVALID_CALL)
        for name, text in ODD_ARGUMENTS.items()
    ),
    Hostile("counts and times that are negative, endless or no numbers", _NUMBERS, Fate.EITHER),
    Hostile("a choice that nobody asked for", (_add_a_choice,), Fate.ANSWER),
    Hostile(
        "a usage of words, in a stream",
        (lambda chunk: chunk.update(usage={"total_tokens": "many"}),),
        Fate.LATE,
        only_chunk=4,
    ),
    Hostile(
        "log probabilities of another shape, in a stream",
        (lambda chunk: chunk["choices"][0].update(logprobs={"content": [5]}),),
        Fate.LATE,
        only_chunk=2,
    ),
]


def markdown() -> Iterator[str]:
    """The table, line by line."""
    yield "| what a reply holds | what comes of it |"
    yield "|---|---|"
    for row in HOSTILE:
        yield f"| {row.name} | {row.fate.value} |"


if __name__ == "__main__":
    print(*markdown(), sep="\n")  # noqa: T201 - that is what it is for
