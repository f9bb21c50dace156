"""Tool calls that a question suggests, and answers from what tools returned."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cerebras_ext.emulator.responder.instances import filled
from cerebras_ext.emulator.responder.mentions import listed_in
from cerebras_ext.emulator.responder.relevance import content_words
from cerebras_ext.emulator.responder.scalars import takes_whole_request
from cerebras_ext.emulator.responder.schemas import kind_of, plain_schema
from cerebras_ext.emulator.responder.sentences import sentences_of
from cerebras_ext.emulator.responder.talk import answer_from
from cerebras_ext.emulator.shapes import is_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cerebras_ext.emulator.responder.instances import Filled
    from cerebras_ext.emulator.responder.schemas import Schema

__all__ = ["OfferedTool", "Wanted", "answer_from_results", "calls_of", "suggested_calls"]

# Words that most tools' descriptions have in common.
_GENERAL_WORDS = frozenset(
    content_words(
        "call data function get given help information input output result return tool use"
    )
)
_ASKS_FOR_A_TOOL = re.compile(r"\b(?:the|a|any|your) (?:tools?|functions?)\b", re.IGNORECASE)
_WANTED_FORM = re.compile(
    r"\b(?:answer|reply|respond|say)\b[^'\"`\n]{0,20}['\"`]([^'\"`\n]*)<\w+>([^'\"`\n]*)['\"`]",
    re.IGNORECASE,
)
_SEVERAL_THINGS = re.compile(r"\b(?:and|also|as well|both|each|or|plus|then)\b|[,;&]|\?.*\?", re.S)
_OPERATIONS = tuple(
    (re.compile(rf"(?<=\d)\s*(?:{sign})\s*(?=\d)", re.IGNORECASE), words)
    for sign, words in (
        (r"\+|plus", "add plus sum"),
        (r"-|\u2212|minus", "subtract minus difference"),
        (r"[*x\u00d7]|times", "multiply times product"),
        (r"[/\u00f7]|divided by", "divide quotient"),
    )
)
_NAME_WEIGHT = 3
_LEAST_SHARE_OF_BEST = 0.6
_MAX_WHOLE_RESULT_CHARS = 400


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """What the responder needs to know of a tool."""

    name: str
    description: str
    parameters: Schema


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that a request suggests."""

    name: str
    arguments: dict[str, Any]


def suggested_calls(
    tools: Sequence[OfferedTool], request: str, *, takes_several: bool, reply: str = ""
) -> list[Wanted]:
    """The calls that a request suggests, best first; none if it speaks of no tool.

    Further tools are called with the best one only for things that the request lists and that the
    names of those before do not cover.

    Args:
        tools: The tools to choose from.
        request: What is asked, and all that arguments can be taken from.
        takes_several: Whether more than one call can be made at a time.
        reply: What the request is answered with in words, for tools that take an answer.
    """
    candidates = [_candidate(tool, tools, request, reply) for tool in tools]
    best = max((one.score for one in candidates), default=0)
    least = max(1, _LEAST_SHARE_OF_BEST * best)
    takes_several = takes_several and bool(_SEVERAL_THINGS.search(request))
    calls: list[Wanted] = []
    covered: set[str] = set()
    for one in sorted(candidates, key=lambda one: -one.score):
        if one.score < least or (calls and not (takes_several and one.named - covered)):
            continue
        calls += _calls(one, request, takes_several=takes_several)
        covered |= one.named
    return calls


def calls_of(
    tool: OfferedTool, request: str, *, takes_several: bool, reply: str = ""
) -> list[Wanted]:
    """Calls of one tool: one, or one for each of several names that a request lists."""
    return _calls(_candidate(tool, [tool], request, reply), request, takes_several=takes_several)


def answer_from_results(question: str, results: Sequence[tuple[str, str]]) -> str:
    """An answer that says what the tools, given as name and result, have returned."""
    if (form := _WANTED_FORM.search(question)) and results:
        return f"{form[1]}{results[-1][1]}{form[2]}"
    return " ".join(_said(question, name, result.strip()) for name, result in results)


def _said(question: str, name: str, result: str) -> str:
    if not result:
        return f"{name} returned nothing."
    if result[0] in "[{":
        with contextlib.suppress(ValueError):
            return f"According to {name}: {_flat(json.loads(result))}."
    if len(result) > _MAX_WHOLE_RESULT_CHARS:
        return answer_from(question, result) or result[:_MAX_WHOLE_RESULT_CHARS]
    if len(result.split()) >= 4:
        return result if result[-1] in ".!?" else f"{result}."
    return f"The result of {name} is {result}."


def _flat(value: Any) -> str:
    """A JSON value as words: `key: value, key: value`."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, int | float):
        return json.dumps(value)
    if is_object(value):
        return ", ".join(f"{key}: {_flat(one)}" for key, one in value.items())
    return "; ".join(map(_flat, value))


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A tool with its fit to a request: the words of its name there, its arguments, a score."""

    tool: OfferedTool
    named: frozenset[str]
    arguments: Filled
    score: float


def _candidate(
    tool: OfferedTool, offered: Sequence[OfferedTool], request: str, reply: str
) -> _Candidate:
    asked = _asked_words(request)
    properties = plain_schema(tool.parameters, tool.parameters).get("properties", {})
    parameters = [name for name in properties if not takes_whole_request(name)]
    named, described, taken = (
        frozenset(asked & set(content_words(text)))
        for text in (tool.name, tool.description, " ".join(parameters))
    )
    arguments = _arguments(tool, offered, _sentence_about(named | described, request), reply)
    if not arguments.has_all:
        arguments = _arguments(tool, offered, request, reply)
    score = _NAME_WEIGHT * len(named) + len(described)
    # Words that only name parameters are too general to call a tool for, unless it gets its values.
    if arguments.has_all and (score or taken):
        score += _NAME_WEIGHT + len(taken)
    # `get_weather` says which tool is meant; `add` may be just a word.
    is_plain = tool.name.isalpha() and tool.name.islower()
    mention = rf"(?<!\w){re.escape(tool.name)}(?!\w){' (?:tool|function)' if is_plain else ''}"
    if re.search(mention, request, re.IGNORECASE):
        score += 20
    elif len(offered) == 1 and _ASKS_FOR_A_TOOL.search(request):
        score += 10
    return _Candidate(tool, named, arguments, score)


def _asked_words(text: str) -> set[str]:
    """The words of a request that may speak of a tool, those that its signs stand for included."""
    for sign, words in _OPERATIONS:
        text = sign.sub(f" {words} ", text)
    return set(content_words(text)) - _GENERAL_WORDS


def _sentence_about(words: frozenset[str], request: str) -> str:
    """The sentence that shares most words with a tool."""
    return max(sentences_of(request), key=lambda one: len(words & _asked_words(one)), default="")


def _arguments(tool: OfferedTool, offered: Sequence[OfferedTool], text: str, reply: str) -> Filled:
    return filled(
        {"type": "object", **tool.parameters},
        text,
        fills_optional=False,
        labels=[one.name for one in offered],
        reply=reply,
    )


def _calls(one: _Candidate, request: str, *, takes_several: bool) -> list[Wanted]:
    name, arguments = one.tool.name, one.arguments.value
    if not is_object(arguments):
        return [Wanted(name, {})]
    listed = listed_in(request) if takes_several else []
    slot = _name_slot(one.tool.parameters)
    if slot is None or not any(value in str(arguments.get(slot)) for value in listed):
        return [Wanted(name, arguments)]
    return [Wanted(name, {**arguments, slot: value}) for value in listed]


def _name_slot(parameters: Schema) -> str | None:
    """The one required property that takes a name, if there is just one required."""
    plain = plain_schema(parameters, parameters)
    properties = plain.get("properties", {})
    required = plain.get("required") or [*properties]
    if len(required) != 1:
        return None
    slot: str = required[0]
    described = plain_schema(properties.get(slot), parameters)
    is_name = kind_of(described) == "text" and "format" not in described
    return slot if is_name and not takes_whole_request(slot) else None
