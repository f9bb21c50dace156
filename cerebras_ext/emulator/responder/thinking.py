"""Reasoning texts: longer with more effort, and always about the request at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cerebras_ext.emulator.responder.sentences import sentences_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cerebras_ext.emulator.responder.reading import Reading

__all__ = ["thoughts"]

_N_THOUGHTS: Mapping[str, int] = {"none": 0, "low": 1, "medium": 3, "high": 7}
_MAX_QUOTED_CHARS = 160


def thoughts(reading: Reading, effort: str, *, plan: str, tools: Sequence[str]) -> str | None:
    """The reasoning before an answer; None without any effort.

    Args:
        reading: The request.
        effort: The effort in force.
        plan: What is going to be done about it, as a sentence.
        tools: Names of the offered tools.
    """
    wanted = _N_THOUGHTS[effort]
    if not wanted:
        return None
    n_helpful = len(sentences_of(reading.context))
    asked = " ".join(reading.request.split())[:_MAX_QUOTED_CHARS]
    offered = f"The offered tools are {', '.join(tools)}." if tools else "No tools are offered."
    thinking = [
        f'The user asks: "{asked}".',
        plan,
        f"The prompt holds {n_helpful} sentence{'s' * (n_helpful > 1)} that could help."
        if n_helpful
        else "The prompt holds nothing but the request.",
        offered,
        "Words that the question and a sentence share show which sentence is meant.",
        "Rare words count for more than common ones.",
        "The answer must stay within what is given and say so where it is not enough.",
    ]
    # With little effort, only what is going to be done.
    return plan if wanted == 1 else " ".join(thinking[:wanted])
