"""Sentences of a text, which is read as Markdown: wrapped lines, headings, lists, code spans."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Sentence", "asks", "read_sentences", "sentences_of", "without"]

_MARK = re.compile(r"[ \t]*(?:>[ \t]?)*(?:(#{1,6})[ \t]+|([-*+\u2022]|\d{1,3}[.)])[ \t]+|(\|))?")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
# A code span, which holds no end of a sentence, or an end with what closes around it.
_END = re.compile(
    r"(`[^`\n]+`)|(?<=[.!?])[\"')\]*\u201d]*(?:\s+(?=\S)|\Z)|(?<=[\u3002\uff01\uff1f])"
)
_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|[ap]\.m|e\.g|i\.e|approx|cf|etc|Dr|Fig|Mr|Mrs|Ms|No|Prof|St|vs)\.\Z"
)
_LONGEST_ABBREVIATION = len("approx.")
_METADATA = re.compile(r"(?:page_label|file_\w+|url|source|doc_id|creation_date)\s*:", re.I)
_RULE = re.compile(r"[-=*_#`~<>|:/\\\s]*\Z")
_CLOSING = "\"')]}*_\u201d\u2019 "

# A line this long was broken because it was full; the next one goes on with it.
_FULL_LINE_CHARS = 50


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and where it stands.

    Attributes:
        text: On one line, without the marks of Markdown blocks.
        start: Where it begins in the text it is from.
        end: Where it ends there.
        topic: The heading and the lead-in (`The limits are:`) that it stands under.
        is_topic: Whether it is one itself, and so says little alone.
    """

    text: str
    start: int
    end: int
    topic: str = ""
    is_topic: bool = False


def read_sentences(text: str) -> list[Sentence]:
    """The sentences of a text in order, without rulers and the metadata that indexes put in."""
    found: list[Sentence] = []
    heading = lead_in = ""
    in_list = False
    for block in _blocks(text):
        spans = [span for span in _spans(block, text) if span.text]
        if block.is_heading:
            found += (replace(span, is_topic=True) for span in spans)
            heading, lead_in = " ".join(span.text for span in spans), ""
            continue
        if in_list and not block.is_item:
            lead_in = ""
        in_list = block.is_item
        topic = f"{heading} {lead_in}".strip()
        leads = bool(spans) and spans[-1].text.endswith(":")
        found += (
            replace(span, topic=topic, is_topic=leads and span is spans[-1]) for span in spans
        )
        if leads:
            lead_in = spans[-1].text
        elif not block.is_item:
            lead_in = ""
    return found


def sentences_of(text: str) -> list[str]:
    """The texts of the sentences that say something; of all, where there are headings alone."""
    sentences = read_sentences(text)
    said = [one.text for one in sentences if not one.is_topic]
    return said or [one.text for one in sentences]


def without(text: str, sentences: list[Sentence]) -> str:
    """A text with some of its sentences cut out; what is left keeps its form."""
    kept: list[str] = []
    at = 0
    for one in sentences:
        kept.append(text[at : one.start])
        at = one.end
    return "".join((*kept, text[at:]))


def asks(sentence: str) -> bool:
    """Whether a sentence ends with a question mark."""
    return sentence.rstrip(_CLOSING).endswith("?")


@dataclass(slots=True)
class _Block:
    """A heading, a list item, a row, a line of code or a paragraph, without its mark."""

    start: int
    end: int
    is_heading: bool = False
    is_item: bool = False
    is_code: bool = False


def _blocks(text: str) -> Iterator[_Block]:
    block: _Block | None = None
    in_code = False
    at = 0
    for line in text.splitlines(keepends=True):
        start, at = at, at + len(line)
        fence = _FENCE.match(line)
        in_code ^= fence is not None
        if fence or _RULE.match(line) or _METADATA.match(line):
            opened = None
        else:
            opened = _opened(line, start, in_code=in_code)
            if block is not None and _goes_on(block, opened, text):
                block.end = opened.end
                continue
        if block is not None:
            yield block
        block = opened
    if block is not None:
        yield block


def _opened(line: str, start: int, *, in_code: bool) -> _Block:
    end = start + len(line.rstrip())
    mark = None if in_code else _MARK.match(line)
    if mark is None:
        return _Block(start, end, is_item=True, is_code=True)
    is_heading = bool(mark[1]) or _BOLD.fullmatch(line.strip()) is not None
    return _Block(start + mark.end(), end, is_heading, is_item=bool(mark[2] or mark[3]))


def _goes_on(block: _Block, line: _Block, text: str) -> bool:
    """Whether a line belongs to the block before it: one of text, whose last line was full."""
    if block.is_heading or line.is_heading or line.is_item:
        return False
    last = text[block.start : block.end].rpartition("\n")[2]
    return not block.is_code and len(last) >= _FULL_LINE_CHARS and last[-1] not in ".!?:"


def _spans(block: _Block, text: str) -> Iterator[Sentence]:
    """The sentences of one block, their topics still to be told."""
    at = block.start
    if not block.is_code:
        for found in _END.finditer(text, block.start, block.end):
            last_word = max(at, found.start() - _LONGEST_ABBREVIATION)
            if found[1] or _ABBREVIATION.search(text, last_word, found.start()):
                continue
            yield _sentence(text, at, found.end())
            at = found.end()
    yield _sentence(text, at, block.end)


def _sentence(text: str, start: int, end: int) -> Sentence:
    plain = " ".join(text[start:end].split()).strip("|").strip()
    return Sentence(_BOLD.sub(r"\1", plain), start, end)
