"""Plain answers: out of the context, out of arithmetic, or an honest word about what is missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cerebras_ext.emulator.responder.found_values import topic_of
from cerebras_ext.emulator.responder.relevance import best_sentences, sentences_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cerebras_ext.emulator.responder.reading import Reading

__all__ = ["NOT_IN_CONTEXT", "answer_from", "summary_of", "talk"]

NOT_IN_CONTEXT = "I don't know: nothing in the given context answers this."

_DICTATED = re.compile(
    r"\b(?:reply|respond|answer|say|output|print)\b(?:\s+(?:only|just|exactly))*"
    r"(?:\s+with)?(?:\s+(?:only|just|exactly|the|a|single|one|word|words|text|phrase))*\s*:?\s*"
    r"(?:\"([^\"\n]+)\"|'([^'\n]+)'|`([^`\n]+)`|(\w+)\s*[.!]?\s*$)",
    re.IGNORECASE | re.MULTILINE,
)
_SUM = re.compile(r"(-?\d+(?:\.\d+)?)\s*([-+*/x\u00d7\u00f7])\s*(-?\d+(?:\.\d+)?)")
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
    question = reading.question
    if dictated := _DICTATED.search(question):
        return next(group for group in dictated.groups() if group)
    if computed := _computed(question) or _counted(question):
        return computed
    if _LONG.search(question):
        return _filler(question)
    if _SUMMARY.search(reading.prompt) and reading.context:
        return summary_of(reading.context)
    if found := answer_from(question, reading.context):
        return found
    if reading.is_grounded:
        return NOT_IN_CONTEXT
    if _GREETING.match(question):
        return (
            "Hello! This is the local emulator of Cerebras Inference. "
            "I answer from what a prompt contains."
        )
    return _without_context(question)


def answer_from(question: str, context: str) -> str:
    """The sentences of the context that answer a question; empty if none does."""
    return " ".join(_ended(one) for one in best_sentences(question, context))


def summary_of(text: str, *, most: int = 3) -> str:
    """The sentences that say most of what a text says, in its order."""
    sentences = sentences_of(text)
    chosen = set(best_sentences(text, text, most=most)) or set(sentences[:most])
    return " ".join(_ended(one) for one in sentences if one in chosen)


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
    about = topic_of(question) or " ".join(question.split())
    if len(about) > _MAX_QUOTED_CHARS:
        about = about[:_MAX_QUOTED_CHARS].rsplit(" ", 1)[0] + " \u2026"
    return (
        f"You asked: {about.rstrip('.?! ')}. This is the local emulator of Cerebras Inference: "
        "it has no model and answers from what a prompt contains."
    )


def _ended(sentence: str) -> str:
    return sentence if sentence[-1:] in ".!?:;" else f"{sentence}."
