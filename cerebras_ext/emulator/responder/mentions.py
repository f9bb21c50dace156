"""Values that a text mentions, with the words around: numbers, quotations, identifiers, names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, TypeAlias

from cerebras_ext.emulator.responder.relevance import content_words, words_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = [
    "FORMATS",
    "Mention",
    "listed_in",
    "mention_at",
    "names_in",
    "number_mentions",
    "numbers_in",
    "plain_words_in",
    "quoted_in",
    "text_mentions",
    "topic_of",
]

_Span: TypeAlias = tuple[int, int]

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?!\w)")
_QUOTED = re.compile(
    r"\"([^\"\n]{1,300})\"|\u201c([^\u201d\n]{1,300})\u201d|`([^`\n]{1,300})`"
    r"|(?<!\w)'([^'\n]{1,300})'(?!\w)"
)
_TOKEN = re.compile(r"[^\W_][\w]*(?:[-./:][\w]+)*")
# A letter and a digit, an underscore or a dot: `gpt-oss-120b`, `user_id`, `notes.txt`; no `5km`.
_IDENTIFIER = re.compile(
    r"(?!\d+[^\W\d_]{1,3}\Z)(?=.*[^\W\d_])"
    r"(?:.*\d.*|[\w./-]*_[\w./-]*|[\w/-]{2,}(?:\.[\w-]{2,})+|[a-z]+[A-Z]\w*)"
)
_HYPHENATED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_CAPITAL = r"(?:(?:Dr|Mr|Mrs|Ms|Prof|St)\.[ ])?[A-Z\u00c0-\u00de][\w'\u2019-]*"
_NAME = re.compile(rf"{_CAPITAL}(?:(?:,?[ ]|[ ](?:de|da|do|del|of|van|von|la|le)[ ]){_CAPITAL})*")
_TOPIC = re.compile(r"\b(?i:about|regarding|concerning|on the topic of)\s+([^.?!,;\n]+)")
_OBJECT = re.compile(
    r"\b(?:about|at|called|for|from|in|named|near|of|on|to|with)\s+"
    r"((?:(?:an?|the|my)\s+)?[^\W\d_][\w'-]*(?:\s(?!now|please|right|to)[^\W\d_][\w'-]*)?)"
)
_LISTS = re.compile(r"\s*(?:,|(&|\+|,?\s(?:and|or)))\s+")
_CLAUSE_END = re.compile(r"[.;!?]\s|\n")
_CLOCK = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\b")

# Words that begin sentences and questions; a capital letter there is no name.
_OPENER_LINES = """
    a add after all also always an and answer are ask at before book build but by calculate call
    can check compare complete compute context convert could create critical describe did do does
    evaluate examine explain extract find following for from generate get give given go hello
    help here hey hi how i i'm if in information is it json let let's list look make may me
    multiply my never no not note now of ok on or our pick plan please provide query question
    read reply respond return run say schedule search select send set should show solve
    summarize take tell thank thanks that the their then there these they this think those to
    today translate use using want was we were what what's when where which who who's whom
    whose why will with would write yes you your
"""
_OPENERS = frozenset(_OPENER_LINES.split())
# What stands for a unit or a kind of number.
_SYMBOLS = {"$": "usd dollar price", "\u20ac": "eur euro price", "%": "percent percentage"}
_NEAR_CHARS = 60
_NEAR_WORDS = 4
_MOST_MENTIONS = 300

FORMATS = {
    "email": re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "uri": re.compile(r"https?://[^\s<>\"')\]]+"),
    "date-time": re.compile(r"\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?"),
    "date": re.compile(r"\b\d{4}-\d{2}-\d{2}\b"),
}
"""How values of some JSON schema formats look in a text."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A value in a text.

    Attributes:
        value: The value, as text.
        start: Where it begins.
        end: Where it ends, with the quotation marks around it.
        near: Stems of its own words and of those around, with their closeness, at most 1.
    """

    value: str
    start: int
    end: int
    near: Mapping[str, float]


def mention_at(text: str, start: int, end: int, value: str | None = None) -> Mention:
    """What stands in a part of a text, as a mention."""
    before = _CLAUSE_END.split(text[max(0, start - _NEAR_CHARS) : start])[-1]
    after = _CLAUSE_END.split(text[end : end + _NEAR_CHARS])[0]
    near = dict.fromkeys(words_in(text[start:end]), 1.0)
    for distance, word in enumerate(reversed(words_in(_spelled(before))[-_NEAR_WORDS:]), 1):
        near[word] = max(near.get(word, 0.0), 1 / distance)
    for distance, word in enumerate(words_in(_spelled(after))[:_NEAR_WORDS], 1):
        # A preposition speaks of what follows it.
        closeness = 1 / distance if content_words(word) else 0.5 / distance
        near[word] = max(near.get(word, 0.0), closeness)
    return Mention(text[start:end] if value is None else value, start, end, near)


def number_mentions(text: str) -> list[Mention]:
    """Numbers in order, without separators of thousands.

    Dates, times, addresses and identifiers hold none.
    """
    plain = _without_formats(text)
    plain = _blanked(plain, _tokens(plain, _IDENTIFIER))
    found = islice(_NUMBER.finditer(_CLOCK.sub(_blank, plain)), _MOST_MENTIONS)
    return [mention_at(text, one.start(), one.end(), one[0].replace(",", "")) for one in found]


def text_mentions(text: str) -> list[Mention]:
    """Quotations, identifiers, names and hyphenated words: the likeliest values first."""
    plain = _without_formats(text)
    quoted = [found.span() for found in _QUOTED.finditer(text)]
    identifiers = _tokens(plain, _IDENTIFIER)
    sure, doubtful = _names(_blanked(plain, identifiers))
    compounds = _tokens(plain, _HYPHENATED)
    kept: list[Mention] = []
    is_taken = bytearray(len(text))
    for spans in (quoted, identifiers, sure, compounds, doubtful):
        for start, end in spans:
            if any(is_taken[start:end]) or len(kept) == _MOST_MENTIONS:
                continue
            is_taken[start:end] = bytes((1,)) * (end - start)
            value = text[start + 1 : end - 1] if spans is quoted else text[start:end]
            kept.append(mention_at(text, start, end, value))
    return kept


def numbers_in(text: str) -> list[str]:
    """The numbers of a text, in order."""
    return [mention.value for mention in number_mentions(text)]


def quoted_in(text: str) -> list[str]:
    """What stands between quotation marks or backticks, in order."""
    return ["".join(groups) for groups in _QUOTED.findall(text)]


def plain_words_in(text: str, *, but: Collection[str]) -> str | None:
    """What a preposition speaks of, such as `paris` in `the weather in paris`.

    Args:
        text: Where there is no better value.
        but: Stems of words that would say nothing.
    """
    for found in _OBJECT.finditer(text):
        words = [word for word in found[1].split() if content_words(word)]
        if words and not set(content_words(" ".join(words))) & {*but}:
            return " ".join(words)
    return None


def names_in(text: str) -> list[str]:
    """Runs of capitalised words, such as `Paris, France`, without the openers of sentences.

    A single word that begins a sentence may be no name, so such words come last.
    """
    plain = _without_formats(text)
    return [plain[start:end] for spans in _names(plain) for start, end in spans]


def listed_in(text: str) -> list[str]:
    """Values that commas and an `and` list; the comma of `Paris, France` lists nothing."""
    listed: list[str] = []
    run: list[str] = []
    has_end = False
    for before, mention in pairwise(sorted(text_mentions(text), key=lambda one: one.start)):
        joint = _LISTS.fullmatch(text, before.end, mention.start)
        run = [*(run or [before.value]), mention.value] if joint else []
        has_end = joint is not None and (has_end or joint[1] is not None)
        listed = run if has_end else listed
    if all(", " in value for value in listed):
        return listed
    return [part for value in listed for part in value.split(", ")]


def topic_of(text: str) -> str | None:
    """What a request is about, if it says so."""
    found = _TOPIC.search(text)
    return found[1].strip() if found else None


def _names(plain: str) -> tuple[list[_Span], list[_Span]]:
    """Where names stand, and where capitals may only come from the beginning of a sentence."""
    sure: list[_Span] = []
    doubtful: list[_Span] = []
    for found in _NAME.finditer(plain):
        run = _without_openers(found[0])
        start = found.start() + found[0].find(run)
        is_first = not plain[: found.start()].strip() or plain[found.start() - 2] in ".!?\n"
        if len(run) > 1:
            is_doubtful = is_first and run == found[0] and " " not in run
            (doubtful if is_doubtful else sure).append((start, start + len(run)))
    return sure, doubtful


def _tokens(plain: str, kind: re.Pattern[str]) -> list[_Span]:
    """Where tokens of one kind stand."""
    return [found.span() for found in _TOKEN.finditer(plain) if kind.fullmatch(found[0])]


def _blanked(text: str, spans: Iterable[_Span]) -> str:
    """The text with blanks in some places, so that all others stay where they are."""
    kept: list[str] = []
    at = 0
    for start, end in spans:
        kept += (text[at:start], " " * (end - start))
        at = end
    return "".join((*kept, text[at:]))


def _without_openers(run: str) -> str:
    words = run.split(" ")
    while words and words[0].lower().strip(",").replace("\u2019", "'") in _OPENERS:
        words.pop(0)
    return " ".join(words).strip(" ,'\u2019-").removesuffix("'s")


def _without_formats(text: str) -> str:
    """The text with blanks in place of dates, addresses and the like."""
    for form in FORMATS.values():
        text = form.sub(_blank, text)
    return text


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _spelled(text: str) -> str:
    """The text with words in place of the symbols of units."""
    for symbol, words in _SYMBOLS.items():
        text = text.replace(symbol, f" {words} ")
    return text
