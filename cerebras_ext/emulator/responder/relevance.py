"""Which sentences of a text speak of a question: word overlap, rare words counting more."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cerebras_ext.emulator.responder.sentences import read_sentences, sentences_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

__all__ = ["Ranked", "best_sentences", "content_words", "rank", "share_said", "words_in"]

_WORD = re.compile(r"\d+(?:[.,:]\d+)+|[^\W_]+(?:['\u2019][^\W_]+)?")

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")

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
_ENDINGS = ("ings", "ing", "ies", "ied", "ed", "es", "ly", "s", "y", "e")

# What a sentence is under, and what was asked before, count for less than what it says itself.
_TOPIC_WEIGHT = 0.5
_BACKGROUND_WEIGHT = 0.25
_LEAST_SHARE_OF_BEST = 0.6


@dataclass(frozen=True, slots=True)
class Ranked:
    """A text with how well it fits, in the order it was given."""

    position: int
    text: str
    score: float


def words_in(text: str) -> list[str]:
    """The words of a text or of a name such as `get_userName`: lower case, without endings."""
    return list(map(_stem, _lower_words(text)))


def content_words(text: str) -> list[str]:
    """The words among them that carry meaning."""
    return [_stem(word) for word in _lower_words(text) if word not in _STOPWORDS]


def rank(question: str, texts: Sequence[str]) -> list[Ranked]:
    """The texts with their fit to the question, best first; equal ones keep their order."""
    bags = [set(content_words(text)) for text in texts]
    rarity = _Rarity(bags)
    asked = set(content_words(question))
    ranked = [
        Ranked(position, text, rarity.of(asked & bag) / _length_factor(bag))
        for position, (text, bag) in enumerate(zip(texts, bags, strict=True))
    ]
    return sorted(ranked, key=lambda one: (-one.score, one.position))


def best_sentences(
    question: str,
    text: str,
    *,
    background: str = "",
    most: int = 2,
    least_share: float = _LEAST_SHARE_OF_BEST,
) -> list[str]:
    """The sentences that fit a question best, in the order of the text; none if nothing fits.

    A sentence after the best is only kept for words of the question that those before it lack, and
    if these alone make it fit nearly as well.

    Args:
        question: What is asked.
        text: Where the answer may be.
        background: What was said before; it decides between sentences that fit alike.
        most: How many sentences at most.
        least_share: How well, relative to the best, the others must fit.
    """
    sentences, bags, topics, rarity = _bags_of(text)

    def score(at: int, asked: set[str], known: set[str]) -> float:
        own, under = asked & bags[at], (asked & topics[at]) - bags[at]
        if not own | under:
            return 0.0
        weight = (
            rarity.of(own)
            + _TOPIC_WEIGHT * rarity.of(under)
            + _BACKGROUND_WEIGHT * rarity.of(known & (bags[at] | topics[at]))
        )
        return weight / _length_factor(bags[at])

    asked = set(content_words(question))
    known = set(content_words(background)) - asked
    chosen: list[int] = []
    least = 0.0
    while sentences and len(chosen) < most:
        scores = [score(at, asked, known) for at in range(len(sentences))]
        best = max(range(len(sentences)), key=scores.__getitem__)
        if scores[best] <= least:
            break
        chosen.append(best)
        least = least or least_share * scores[best]
        asked -= bags[best] | topics[best]
        known.clear()
    return [sentences[at] for at in sorted(chosen)]


def share_said(claim: str, text: str) -> float:
    """How much of what a claim says is in one sentence of a text, between 0 and 1."""
    claimed = set(content_words(claim))
    if not claimed:
        return 0.0
    return max(
        (len(claimed & set(content_words(one))) / len(claimed) for one in sentences_of(text)),
        default=0.0,
    )


def _lower_words(text: str) -> Iterator[str]:
    apart = _HUMP.sub(" ", text.replace("_", " "))
    return (word.lower().split("'")[0] for word in _WORD.findall(apart))


# A schema may ask the same text for a value for each of its properties.
@lru_cache(maxsize=4)
def _bags_of(
    text: str,
) -> tuple[list[str], list[frozenset[str]], list[frozenset[str]], _Rarity]:
    """The sentences of a text, their words, those of their topics, and how rare all of them are."""
    topics = {one.text: one.topic for one in read_sentences(text) if not one.is_topic}
    bags = [frozenset(content_words(one)) for one in topics]
    under = [frozenset(content_words(one)) for one in topics.values()]
    return list(topics), bags, under, _Rarity(bags)


class _Rarity:
    """Weights of words: the fewer texts have one, the more it says."""

    def __init__(self, bags: Collection[AbstractSet[str]]) -> None:
        self._n_texts = len(bags)
        self._frequency = Counter(word for bag in bags for word in bag)

    def of(self, words: Iterable[str]) -> float:
        """The weight of some words together."""
        # Sorted, because sums of floats depend on their order and sets have none.
        return sum(self._weight(word) for word in sorted(words))

    def _weight(self, word: str) -> float:
        return math.log(1 + self._n_texts / (self._frequency[word] or 1))


def _length_factor(bag: AbstractSet[str]) -> float:
    # Of two texts that share as much with a question, the shorter says it more directly.
    return 1 + 0.02 * len(bag)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
