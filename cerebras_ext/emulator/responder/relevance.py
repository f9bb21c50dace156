"""Which sentences of a text speak of a question: word overlap, rare words counting more."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Ranked", "best_sentences", "content_words", "rank", "sentences_of", "share_said"]

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_SENTENCE_END = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])[\"')\]]*\s+(?=[^\sa-z])|\n+")
_METADATA = re.compile(r"^(?:page_label|file_\w+|url|source|doc_id|creation_date)\s*:", re.I)
_RULE = re.compile(r"^[-=*_#`~<>|/\\\s]*$")

_STOPWORD_LINES = """
    a about above after again all also am an and any are as at be because been before being
    below between both but by can could did do does doing down during each few for from further
    give given had has have having he her here hers him his how i if in into is it its itself
    just let like me more most my no nor not now of off on once only or other our out over own
    please same she should so some such than that the their them then there these they this
    those through to too under until up us use using very was we were what when where which
    while who whom whose why will with would you your tell say know
"""
_STOPWORDS = frozenset(_STOPWORD_LINES.split())
_ENDINGS = ("ings", "ing", "ies", "ied", "ed", "es", "ly", "s")


@dataclass(frozen=True, slots=True)
class Ranked:
    """A text with how well it fits, in the order it was given."""

    position: int
    text: str
    score: float


def sentences_of(text: str) -> list[str]:
    """Sentences and lines in order, without rulers and the metadata that indexes put in front."""
    pieces = (piece.strip(" \t#>*") for piece in _SENTENCE_END.split(text))
    return [p for p in pieces if p and not _RULE.match(p) and not _METADATA.match(p)]


def content_words(text: str) -> list[str]:
    """Words that carry meaning, lower case, without common endings."""
    words = (word.lower().split("'")[0] for word in _WORD.findall(text.replace("_", " ")))
    return [_stem(word) for word in words if word not in _STOPWORDS]


def rank(question: str, texts: Sequence[str]) -> list[Ranked]:
    """The texts with their fit to the question, best first; equal ones keep their order."""
    bags = [set(content_words(text)) for text in texts]
    frequency = Counter(word for bag in bags for word in bag)
    asked = set(content_words(question))
    ranked = [
        Ranked(position, text, _score(asked & bag, bag, frequency, len(texts)))
        for position, (text, bag) in enumerate(zip(texts, bags, strict=True))
    ]
    return sorted(ranked, key=lambda one: (-one.score, one.position))


def best_sentences(question: str, text: str, *, most: int = 2) -> list[str]:
    """The sentences that fit a question best, in the order of the text; none if nothing fits.

    A sentence after the best is only kept if it fits nearly as well.
    """
    ranked = rank(question, list(dict.fromkeys(sentences_of(text))))
    fitting = [one for one in ranked if one.score > 0 and one.score >= 0.6 * ranked[0].score]
    return [one.text for one in sorted(fitting[:most], key=lambda one: one.position)]


def share_said(claim: str, text: str) -> float:
    """How much of what a claim says is in one sentence of a text, between 0 and 1."""
    claimed = set(content_words(claim))
    if not claimed:
        return 0.0
    return max(
        (len(claimed & set(content_words(one))) / len(claimed) for one in sentences_of(text)),
        default=0.0,
    )


def _score(shared: Iterable[str], bag: set[str], frequency: Counter[str], n_texts: int) -> float:
    weight = sum(math.log(1 + n_texts / frequency[word]) for word in sorted(shared))
    # Of two that share as much, the shorter says it more directly.
    return weight / (1 + 0.02 * len(bag))


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word.removesuffix("e") if len(word) > 3 else word
