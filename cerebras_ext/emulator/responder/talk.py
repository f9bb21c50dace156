"""Plain answers: out of the context, out of arithmetic, or an honest word about what is missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cerebras_ext.emulator.responder.mentions import topic_of
from cerebras_ext.emulator.responder.reading import without_instructions
from cerebras_ext.emulator.responder.relevance import best_sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cerebras_ext.emulator.responder.reading import Reading

__all__ = ["NOT_IN_CONTEXT", "answer_from", "gist", "summary_of", "talk"]

NOT_IN_CONTEXT = "I don't know: nothing in the given context answers this."

_DICTATED = re.compile(
    r"\b(?:reply|respond|answer|say|output|print)\b(?:\s+(?:only|just|exactly))*"
    r"(?:\s+with)?(?:\s+(?:only|just|exactly|the|a|single|one|word|words|text|phrase))*\s*(?::\s*)?"
    r"(?:\"([^\"\n]+)\"|'([^'\n]+)'|`([^`\n]+)`|(\w+)\s*(?:[.!]\s*)?$)",
    re.IGNORECASE | re.MULTILINE,
)
_SUM = re.compile(
    r"(?:\A|\b(?:what(?:['\u2019]s| is)|compute|calculate|evaluate|how much is|solve)\b"
    r"[^\d\n]{0,20}?)\s*(-?\d+(?:\.\d+)?)\s*([-+*/x\u00d7\u00f7])\s*(-?\d+(?:\.\d+)?)(?![\w-]|\.\d)",
    re.IGNORECASE,
)
_OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "x": lambda left, right: left * right,
    "\u00d7": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "\u00f7": lambda left, right: left / right,
}
_GREETING = re.compile(r"^\W*(?:hello|hi|hey|good (?:morning|day|evening)|test)\b", re.IGNORECASE)
_SUMMARY = re.compile(r"\b(?:summar|tl;?dr|key points|main points)", re.IGNORECASE)
_COUNTING = re.compile(r"\bcount (?:up )?(?:from (\d{1,9}) )?to (\d{1,9})\b", re.IGNORECASE)
_LONG = re.compile(r"\b(?:long|detailed) (?:story|poem|essay|text|article|answer)", re.IGNORECASE)
_MOST_COUNTED = 10_000
_N_FILLERS = 200
_MAX_QUOTED_CHARS = 120


def talk(reading: Reading) -> str:
    """The answer to a request that asks for no particular form."""
    if found := _found_answer(reading):
        return found
    if reading.is_grounded:
        return NOT_IN_CONTEXT
    if _GREETING.match(reading.request):
        return (
            "Hello! This is the local emulator of Cerebras Inference. "
            "I answer from what a prompt contains."
        )
    return _without_context(reading.question)


def gist(reading: Reading) -> str:
    """The answer to a request, or else what its text says most of all."""
    said = without_instructions(reading.prompt)
    return _found_answer(reading) or summary_of(said, most=1) or _without_context(reading.question)


def _found_answer(reading: Reading) -> str:
    """What the request dictates, computes or finds in the prompt; empty if nothing."""
    request = reading.request
    if dictated := _DICTATED.search(request):
        return next(group for group in dictated.groups() if group)
    if computed := _computed(reading.question) or _counted(request):
        return computed
    if _LONG.search(request):
        return _filler(request)
    if _SUMMARY.search(reading.prompt):
        return summary_of(f"{reading.question.partition(':')[2]}\n\n{reading.context}")
    return answer_from(reading.question, reading.context, background=reading.background)


def answer_from(question: str, context: str, *, background: str = "") -> str:
    """The sentences of the context that answer a question; empty if none does."""
    return " ".join(map(_ended, best_sentences(question, context, background=background)))


def summary_of(text: str, *, most: int = 3) -> str:
    """The sentences that say most of what a text says, in its order."""
    return " ".join(map(_ended, best_sentences(text, text, most=most, least_share=0)))


def _computed(question: str) -> str | None:
    found = _SUM.search(question)
    if not found:
        return None
    left, sign, right = found.groups()
    try:
        value = _OPERATORS[sign](float(left), float(right))
    except (ZeroDivisionError, OverflowError):
        return f"{left} {sign} {right} has no value."
    return f"{left} {sign} {right} = {value:.12g}."


def _counted(question: str) -> str | None:
    found = _COUNTING.search(question)
    if not found:
        return None
    first, last = int(found[1] or 1), int(found[2])
    return ", ".join(map(str, range(first, min(last, first + _MOST_COUNTED) + 1))) + "."


def _filler(question: str) -> str:
    """Many plain sentences, for trying out long streams."""
    subject = topic_of(question) or "the subject"
    return " ".join(f"This is sentence {n} about {subject}." for n in range(1, _N_FILLERS + 1))


def _without_context(question: str) -> str:
    asked = " ".join(question.split())
    if len(asked) > _MAX_QUOTED_CHARS:
        asked = asked[:_MAX_QUOTED_CHARS].rsplit(" ", 1)[0] + " \u2026"
    return (
        "This is the local emulator of Cerebras Inference: it has no model, answers from what a "
        f"prompt contains, and finds nothing there on \u201c{asked}\u201d."
    )


def _ended(sentence: str) -> str:
    return sentence if sentence[-1:] in ".!?:;" else f"{sentence}."
