"""Values that a prompt mentions, handed out one by one to the properties they fit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from cerebras_ext.emulator.responder.mentions import (
    FORMATS,
    Mention,
    mention_at,
    number_mentions,
    quoted_in,
    text_mentions,
)
from cerebras_ext.emulator.responder.reading import without_instructions
from cerebras_ext.emulator.responder.relevance import content_words, words_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from cerebras_ext.emulator.responder.schemas import Kind

__all__ = ["FoundValues", "Slot"]

# Of a longer prompt, the beginning and the end are read.
_MOST_CHARS = 50_000
# Of a larger schema, the other properties are filled in order.
_MOST_SLOTS = 200
_NAME_WEIGHT = 2.0
_HINT_WEIGHT = 1.0
# What usually stands before the values of some properties.
_CUES = {
    **dict.fromkeys(words_in("city country location place region town"), "in at near"),
    **dict.fromkeys(words_in("arrival destination recipient target"), "to"),
    **dict.fromkeys(words_in("departure origin sender source"), "from"),
    **dict.fromkeys(words_in("author creator writer"), "by from"),
    "languag": "in into",
}
_LABELLED = (
    r"(?<![\w`'\"])(?i:{label})(?!\w)\s*"
    r"(?:(?:(?:[=:]|(?i:is|of|named|called)\b)\s*)?(?:\"([^\"\n]+)\"|'([^'\n]+)'|`([^`\n]+)`)"
    r"|(?:[=:]|(?i:named|called)\b)\s*({name}|[^\s,;?!()]+)"
    r"|(?i:is)\s+({name}|-?\d[\d.]*|(?i:true|false|yes|no|on|off)\b))"
)
_CAPITALISED = r"[A-Z\u00c0-\u00de][\w'\u2019-]*(?:\s[A-Z\u00c0-\u00de][\w'\u2019-]*)*"


@dataclass(frozen=True, slots=True)
class Slot:
    """A property that wants a number or a text, with what is known of it."""

    name: str
    kind: Kind
    description: str = ""

    @property
    def words(self) -> Mapping[str, float]:
        """Words that tell its value from others, with their weights."""
        named = words_in(self.name)
        cues = (cue for word in named for cue in _CUES.get(word, "").split())
        hints = dict.fromkeys((*content_words(self.description), *cues), _HINT_WEIGHT)
        return hints | dict.fromkeys(named, _NAME_WEIGHT)


class FoundValues:
    """The values of one prompt; each is given out once.

    A value that stands next to words of a property's name or description is kept for the property
    it fits best. What nobody claims goes out in order: quotations, identifiers, names.

    Attributes:
        text: The prompt, or most of it.
        reply: What it is answered with in words.
        n_given: How many values were given out.
    """

    def __init__(
        self,
        text: str,
        slots: Iterable[Slot] = (),
        *,
        labels: Collection[str] = (),
        reply: str = "",
    ) -> None:
        """Reads a prompt.

        Args:
            text: The prompt.
            slots: The properties to fill.
            labels: Names of properties and tools, which are no values themselves.
            reply: What the prompt is answered with in words.
        """
        if len(text) > _MOST_CHARS:
            text = f"{text[: _MOST_CHARS // 2]}\n{text[-_MOST_CHARS // 2 :]}"
        self.text = text
        self._lower = text.lower()
        self.reply = reply
        self.n_given = 0
        no_values = {label.lower() for label in labels}
        texts = [one for one in text_mentions(text) if one.value.lower() not in no_values]
        self._pools: dict[Kind, list[Mention]] = {"number": number_mentions(text), "text": texts}
        few = islice(slots, _MOST_SLOTS)
        self._claims = {one.name: _Claim(one, self._pools[one.kind]) for one in few}
        self._quoted = frozenset(quoted_in(text))
        self._by_format = {name: form.findall(text) for name, form in FORMATS.items()}
        self._members_given: set[int] = set()

    @cached_property
    def told(self) -> str:
        """The prompt without what it asks for."""
        return without_instructions(self.text)

    @property
    def has_quotation(self) -> bool:
        """Whether the prompt quotes something that nobody has taken."""
        return any(one.value in self._quoted for one in self._pools["text"])

    def take(self, kind: Kind, name: str, fits: Callable[[str], bool]) -> str | None:
        """The value for a property: the one it claims, else the first that nobody does."""
        pool = self._pools[kind]
        mine = self._claim_of(name)
        fitting = [one for one in self._free(kind, name) if fits(one.value)]
        if not fitting:
            return None
        taken = max(fitting, key=mine.score_of)
        pool.remove(taken)
        mine.is_met = True
        self.n_given += 1
        return taken.value

    def take_formatted(self, format: str, fits: Callable[[str], bool]) -> str | None:
        """The next text in a format of JSON schema."""
        found = self._by_format.get(format, [])
        taken = next(filter(fits, found), None)
        if taken is not None:
            found.remove(taken)
            self.n_given += 1
        return taken

    def take_labelled(self, name: str, fits: Callable[[str], bool]) -> str | None:
        """The value in `name: value`, `name is value`, `name "value"` and the like."""
        value = self.labelled(name)
        if value is None or not fits(value):
            return None
        for pool in self._pools.values():
            pool[:] = [one for one in pool if one.value != value]
        self._claim_of(name).is_met = True
        self.n_given += 1
        return value

    def take_member(self, members: Iterable[str], name: str) -> str | None:
        """The member of an enum that the prompt mentions; of several, one not taken yet."""
        mentioned = [one for member in members if (one := self._first(member))]
        fresh = [one for one in mentioned if one.start not in self._members_given] or mentioned
        if not fresh:
            return None
        claim = _Claim(Slot(name, "text"), fresh)
        taken = min(fresh, key=lambda one: (-claim.score_of(one), one.start))
        self._members_given.add(taken.start)
        self.n_given += 1
        return taken.value

    def labelled(self, name: str) -> str | None:
        """What `take_labelled` gives, left where it is."""
        if name.partition("_")[0].lower() not in self._lower:  # by far the quicker search
            return None
        label = re.escape(name).replace("_", "[ _-]")
        found = re.search(_LABELLED.format(label=label, name=_CAPITALISED), self.text)
        return next(group for group in found.groups() if group).rstrip(".") if found else None

    def mentions(self, word: str) -> bool:
        """Whether a word or phrase is in the text, however it is written."""
        return self._first(word) is not None

    def has_left(self, kind: Kind, name: str) -> bool:
        """Whether `take` would find something, if anything fits."""
        return next(self._free(kind, name), None) is not None

    def has_claimed(self, kind: Kind, name: str) -> bool:
        """Whether a value that is left stands next to the property's own words."""
        mine = self._claim_of(name)
        return any(mine.score_of(one) > 0 for one in self._free(kind, name))

    def _claim_of(self, name: str) -> _Claim:
        return self._claims.get(name) or _Claim(Slot(name, "text"), ())

    def _free(self, kind: Kind, name: str) -> Iterator[Mention]:
        """The values that are left and that no other property claims more than this one."""
        pool = self._pools[kind]
        mine = self._claim_of(name)
        left = {one.start for one in pool}
        claimed: dict[int, float] = {}
        for other in self._claims.values():
            if other is not mine and other.slot.kind == kind:
                start, score = other.favourite(left)
                claimed[start] = max(score, claimed.get(start, 0.0))
        return (one for one in pool if mine.score_of(one) >= claimed.get(one.start, 0.0))

    def _first(self, word: str) -> Mention | None:
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", self.text, re.IGNORECASE)
        return mention_at(self.text, *found.span(), word) if word and found else None


class _Claim:
    """Which values a property claims, by the words around them, until one of them is its own."""

    def __init__(self, slot: Slot, mentions: Iterable[Mention]) -> None:
        words = slot.words
        scores = {
            one.start: sum(words.get(word, 0.0) * near for word, near in one.near.items())
            for one in mentions
        }
        self.slot = slot
        self.is_met = False
        self._scores = {start: score for start, score in scores.items() if score > 0}
        self._by_score = sorted(self._scores, key=lambda start: (self._scores[start], -start))

    def score_of(self, mention: Mention) -> float:
        """How much the property claims a value; 0 if not at all."""
        return self._scores.get(mention.start, 0.0)

    def favourite(self, left: Collection[int]) -> tuple[int, float]:
        """Where its best value among those left stands, and the score; 0 if it needs none."""
        while self._by_score and self._by_score[-1] not in left:
            self._by_score.pop()
        if self.is_met or not self._by_score:
            return -1, 0.0
        best = self._by_score[-1]
        return best, self._scores[best]
