"""Numbers and texts that a schema allows: the first fitting one of what the prompt offers."""

from __future__ import annotations

import math
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from cerebras_ext.emulator.responder.mentions import numbers_in, plain_words_in, topic_of
from cerebras_ext.emulator.responder.relevance import best_sentences, words_in
from cerebras_ext.emulator.responder.sentences import asks, sentences_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cerebras_ext.emulator.responder.found_values import FoundValues

__all__ = ["number_for", "takes_whole_request", "text_for"]

_FORMAT_SAMPLES = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "duration": "P1D",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "time": "00:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
# Whatever is not known otherwise; most patterns people write match one of them.
_PATTERN_SAMPLES = (
    *_FORMAT_SAMPLES.values(),
    *("a", "A", "abc", "ABC", "1", "12", "123", "1234", "12345", "123-45-6789", "A1", "AB123"),
    *("ABC-123", "a1b2c3", "+15550100", "555-0100", "1.0.0", "#a1b2c3", "en", "en-US", "USD", ""),
)
# Properties that take the whole request rather than one name in it.
_WHOLE_REQUEST = frozenset(
    {"content", "description", "goal", "input", "instruction", "instructions", "message", "prompt"}
    | {"query", "question", "request", "task", "text"}
)
# Properties that ask for the answer to the prompt.
_REPLIES = frozenset(
    {"answer", "conclusion", "explanation", "final_answer", "output", "reason", "reasoning"}
    | {"reply", "response", "result", "summary"}
)
_TITLE = re.compile(r"^#+[ \t]*(.+)$", re.MULTILINE)
_MAX_REQUEST_CHARS = 300
_MOST_CHARS = 100_000
_NUMBER_SAMPLES = {"age": 30, "year": 2026, "rating": 4, "score": 4, "confidence": 0.8}
_TEXT_SAMPLES = {"name": "Alex Johnson", "city": "Paris", "country": "France", "unit": "celsius"}


def number_for(
    schema: Mapping[str, Any], name: str, found: FoundValues, *, is_integer: bool
) -> float:
    """A number that the schema allows, the prompt's if one fits."""

    def number_of(text: str) -> float | None:
        try:
            value = float(text)
        except ValueError:
            return None
        return int(value) if value.is_integer() else None if is_integer else value

    def fits(text: str) -> bool:
        value = number_of(text)
        return value is not None and _is_allowed(value, schema)

    replied = filter(fits, reversed(numbers_in(_reply_in(name, found))))
    mentioned = (
        (name and found.take_labelled(name, fits))
        or next(replied, None)
        or found.take("number", name, fits)
    )
    value = number_of(mentioned or "")
    if value is not None:
        return value
    allowed = (
        number
        for number in _usual_numbers(schema, name)
        if _is_allowed(number, schema) and not (is_integer and number != int(number))
    )
    value = next(allowed, 0)
    return int(value) if is_integer else value


def text_for(schema: Mapping[str, Any], name: str, found: FoundValues) -> str:
    """A text that the schema allows, the prompt's if one fits."""
    least: int = min(schema.get("minLength", 0), _MOST_CHARS)
    most: int | None = schema.get("maxLength")
    pattern: str | None = schema.get("pattern")

    def fits(text: str) -> bool:
        is_short_enough = most is None or len(text) <= most
        return is_short_enough and (pattern is None or re.search(pattern, text) is not None)

    def padded(text: str) -> str:
        return text + "." * (least - len(text))

    candidates = chain(_said_texts(schema, name, found, fits), _usual_texts(schema, name, found))
    for candidate in candidates:
        if fits(padded(candidate)):
            return padded(candidate)
    samples = (padded(sample)[:most] for sample in _PATTERN_SAMPLES)
    return next((sample for sample in samples if fits(sample)), "")


def takes_whole_request(name: str) -> bool:
    """Whether a property of this name takes a whole request rather than one name in it."""
    return name.lower() in _WHOLE_REQUEST


def _said_texts(
    schema: Mapping[str, Any], name: str, found: FoundValues, fits: Callable[[str], bool]
) -> Iterator[str]:
    """What the prompt says for a property, the likeliest first."""
    takes_all = takes_whole_request(name)
    taken: str | None = (name and found.take_labelled(name, fits)) or _reply_in(name, found)
    if taken:
        yield taken
    if name.lower() == "title" and (title := _TITLE.search(found.text)):
        yield title[1]
    if (format := schema.get("format")) is not None:
        taken = found.take_formatted(format, fits)
    elif not takes_all or found.has_quotation:
        taken = found.take("text", name, fits)
    if taken:
        yield taken
    if takes_all:
        yield _request_in(found.text)


def _usual_texts(schema: Mapping[str, Any], name: str, found: FoundValues) -> Iterator[str]:
    """What a property says that the prompt has no value for."""
    label = name.lower()
    usual = (
        _FORMAT_SAMPLES.get(schema.get("format", "")),
        plain_words_in(found.text, but=words_in(name)),
        schema.get("default"),
        *schema.get("examples", ()),
        _TEXT_SAMPLES.get(label),
    )
    yield from (one for one in usual if isinstance(one, str) and one)
    if topic := topic_of(found.text):
        yield topic if label in {"topic", "subject"} else f"{_spoken(name)} about {topic}"
    about = f"{name} {schema.get('description', '')}"
    yield from best_sentences(about, found.told, most=1)
    yield _spoken(name) or "text"


def _reply_in(name: str, found: FoundValues) -> str:
    """The answer to the prompt, for a property that asks for it."""
    return found.reply if name.lower() in _REPLIES else ""


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _request_in(text: str) -> str:
    """The question in a text, or a short text without one as it is."""
    sentences = sentences_of(text)
    asking = [one for one in sentences if asks(one)]
    if asking or len(text) > _MAX_REQUEST_CHARS:
        return (asking or sentences)[0]
    return text.strip()


def _usual_numbers(schema: Mapping[str, Any], name: str) -> Iterator[float]:
    """Numbers to try when the prompt has none: customary ones, then those at the bounds."""
    customary = (schema.get("default"), *schema.get("examples", ()), _NUMBER_SAMPLES.get(name), 1)
    yield from (n for n in customary if isinstance(n, int | float) and not isinstance(n, bool))
    low, high = _bounds(schema)
    step = schema.get("multipleOf", 1)
    if low is not None:
        yield from (low, math.ceil(low / step) * step, (math.floor(low / step) + 1) * step)
    if high is not None:
        yield from (high, math.floor(high / step) * step, (math.ceil(high / step) - 1) * step)
    if low is not None and high is not None:
        yield (low + high) / 2
    yield from (0, step)


def _bounds(schema: Mapping[str, Any]) -> tuple[float | None, float | None]:
    lows = [schema[key] for key in ("minimum", "exclusiveMinimum") if key in schema]
    highs = [schema[key] for key in ("maximum", "exclusiveMaximum") if key in schema]
    return max(lows, default=None), min(highs, default=None)


def _is_allowed(value: float, schema: Mapping[str, Any]) -> bool:
    step = schema.get("multipleOf")
    return (
        value >= schema.get("minimum", value)
        and value <= schema.get("maximum", value)
        and value > schema.get("exclusiveMinimum", -math.inf)
        and value < schema.get("exclusiveMaximum", math.inf)
        and (step is None or (value / step).is_integer())
    )
