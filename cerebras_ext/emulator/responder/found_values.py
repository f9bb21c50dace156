"""Values that a prompt mentions (numbers, quoted texts, names, dates), handed out one by one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["FORMATS", "FoundValues", "names_in", "numbers_in", "quoted_in", "topic_of"]

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?!\w)")
_QUOTED = re.compile(
    r"\"([^\"\n]{1,300})\"|\u201c([^\u201d\n]{1,300})\u201d|`([^`\n]{1,300})`"
    r"|(?<!\w)'([^'\n]{1,300})'(?!\w)"
)
_CAPITAL = r"[A-Z\u00c0-\u00de][\w'\u2019-]*"
_NAME = re.compile(rf"{_CAPITAL}(?:(?:,?\s|\s(?:de|da|do|del|of|van|von|la|le)\s){_CAPITAL})*")
_TOPIC = re.compile(r"\b(?i:about|regarding|concerning|on the topic of)\s+([^.?!,;\n]+)")

# Words that begin sentences and questions; a capital letter there is no name.
_OPENER_LINES = """
    a add after all always an and answer are ask at before book build calculate call can check
    compare complete compute context convert could create critical describe did do does
    evaluate examine explain extract find following for from generate get give given go hello
    help here hey hi how i i'm if in information is it json let let's list look make may me
    multiply my never no not note now of ok on or our pick plan please provide query question
    read reply respond return run say schedule search select send set should show solve
    summarize take tell thank thanks that the their then there these they think this those to
    today translate use using want was we were what what's when where which who who's whom
    whose why will with would write yes you your
"""
_OPENERS = frozenset(_OPENER_LINES.split())

FORMATS = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "uri": re.compile(r"https?://[^\s<>\"')\]]+"),
    "date-time": re.compile(r"\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?"),
    "date": re.compile(r"\b\d{4}-\d{2}-\d{2}\b"),
}
"""How values of some JSON schema formats look in a text."""


def numbers_in(text: str) -> list[str]:
    """Numbers in order, without separators of thousands; dates and addresses are none."""
    return [found.replace(",", "") for found in _NUMBER.findall(_without_formats(text))]


def quoted_in(text: str) -> list[str]:
    """What stands between quotation marks or backticks, in order."""
    return ["".join(groups) for groups in _QUOTED.findall(text)]


def names_in(text: str) -> list[str]:
    """Runs of capitalised words, such as `Paris, France`, without the openers of sentences.

    A single word that begins a sentence may be no name, so such words come last.
    """
    plain = _without_formats(text)
    sure: list[str] = []
    doubtful: list[str] = []
    for found in _NAME.finditer(plain):
        run = _without_openers(found[0])
        is_first = not plain[: found.start()].strip() or plain[found.start() - 2] in ".!?\n"
        if len(run) > 1:
            (doubtful if is_first and run == found[0] and " " not in run else sure).append(run)
    return sure + doubtful


def topic_of(text: str) -> str | None:
    """What a request is about, if it says so."""
    found = _TOPIC.search(text)
    return found[1].strip() if found else None


class FoundValues:
    """The values of one prompt; each number, quotation and name is given out once.

    Quotations in `labels` name what is wanted, so they are no values themselves.
    """

    def __init__(self, text: str, labels: Collection[str] = ()) -> None:
        self.text = text
        self._numbers = numbers_in(text)
        self._quoted = [one for one in quoted_in(text) if one not in labels]
        names = [name for name in names_in(text) if name not in self._quoted]
        self._texts = self._quoted + names
        self._by_format = {name: form.findall(text) for name, form in FORMATS.items()}

    @property
    def has_quotation(self) -> bool:
        """Whether the prompt quotes something that nobody has taken."""
        return any(text in self._quoted for text in self._texts)

    def take_number(self, fits: Callable[[str], bool]) -> str | None:
        """The next number that fits."""
        return _take(self._numbers, fits)

    def take_text(self, fits: Callable[[str], bool]) -> str | None:
        """The next quotation that fits, or else the next name."""
        return _take(self._texts, fits)

    def take_formatted(self, format: str, fits: Callable[[str], bool]) -> str | None:
        """The next text in a format of JSON schema."""
        return _take(self._by_format.get(format, []), fits)

    def has_left(self, type_name: str) -> bool:
        """Whether there is a value of a JSON schema type that nobody has taken."""
        if type_name in ("integer", "number"):
            return bool(self._numbers)
        return type_name == "string" and bool(self._texts)

    def labelled(self, name: str) -> str | None:
        """The value in `name: value`, `name is value`, `name "value"` and the like."""
        label = rf"(?<![\w`'\"])(?i:{re.escape(name).replace('_', '[ _-]')})(?!\w)\s*"
        found = re.search(
            rf"{label}(?:[=:]|(?i:is|of|named|called)\b)?\s*"
            rf"(?:\"([^\"\n]+)\"|'([^'\n]+)'|`([^`\n]+)`)"
            rf"|{label}(?:[=:]|(?i:is|named|called)\b)\s*"
            rf"({_CAPITAL}(?:\s{_CAPITAL})*|[^\s,;?!()]+)",
            self.text,
        )
        if not found:
            return None
        return next(group for group in found.groups() if group).rstrip(".")

    def mentions(self, word: str) -> bool:
        """Whether a word or phrase is in the text, however it is written."""
        return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", self.text, re.IGNORECASE) is not None


def _take(pool: list[str], fits: Callable[[str], bool]) -> str | None:
    for position, value in enumerate(pool):
        if fits(value):
            return pool.pop(position)
    return None


def _without_openers(run: str) -> str:
    words = run.split(" ")
    while words and words[0].lower().strip(",").replace("\u2019", "'") in _OPENERS:
        words.pop(0)
    return " ".join(words).strip(" ,'\u2019-").removesuffix("'s")


def _without_formats(text: str) -> str:
    for form in FORMATS.values():
        text = form.sub(" ", text)
    return text
