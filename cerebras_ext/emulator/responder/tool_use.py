"""Tool calls that a question suggests, and answers from what tools returned."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from cerebras_ext.emulator.responder.found_values import names_in
from cerebras_ext.emulator.responder.instances import instance_of
from cerebras_ext.emulator.responder.relevance import content_words
from cerebras_ext.emulator.responder.scalars import takes_whole_request
from cerebras_ext.emulator.responder.talk import answer_from
from cerebras_ext.emulator.shapes import is_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["OfferedTool", "Wanted", "answer_from_results", "suggested_tools", "wanted_calls"]

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
_MAX_WHOLE_RESULT_CHARS = 400


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """What the responder needs to know of a tool."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that a question suggests."""

    name: str
    arguments: dict[str, Any]


def suggested_tools(tools: Sequence[OfferedTool], question: str) -> list[OfferedTool]:
    """The tools that a question speaks of, best first; those far behind the best are left out."""
    scores = {tool.name: _score(tool, question, is_only=len(tools) == 1) for tool in tools}
    best = max(scores.values(), default=0)
    ranked = sorted(tools, key=lambda tool: -scores[tool.name])
    return [t for t in ranked if scores[t.name] >= 1 and scores[t.name] >= 0.6 * best]


def wanted_calls(tool: OfferedTool, question: str, *, takes_several: bool) -> list[Wanted]:
    """Calls of one tool: one, or one for each of several names that a question lists."""
    arguments = instance_of(tool.parameters or {"type": "object"}, question, fills_optional=False)
    if not isinstance(arguments, dict):
        return [Wanted(tool.name, {})]
    one = cast("dict[str, Any]", arguments)
    listed = _listed_names(question) if takes_several else []
    slot = _name_slot(tool.parameters)
    if slot is None or not any(name in str(one.get(slot)) for name in listed):
        return [Wanted(tool.name, one)]
    return [Wanted(tool.name, {**one, slot: name}) for name in listed]


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


def _score(tool: OfferedTool, question: str, *, is_only: bool) -> float:
    asked = set(content_words(question)) - _GENERAL_WORDS
    is_named = re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", question, re.IGNORECASE)
    is_asked_for = is_only and _ASKS_FOR_A_TOOL.search(question)
    named = set(content_words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool.name)))
    described = set(content_words(tool.description))
    return (
        (20 if is_named else 10 if is_asked_for else 0)
        + 3 * len(asked & named)
        + len(asked & described)
    )


def _name_slot(parameters: Mapping[str, Any]) -> str | None:
    """The one required property that takes a name, if there is just one required."""
    required = parameters.get("required") or list(parameters.get("properties", {}))
    if len(required) != 1:
        return None
    slot = required[0]
    described = parameters.get("properties", {}).get(slot, {})
    is_name = described.get("type") == "string" and not described.keys() & {"enum", "format"}
    return slot if is_name and not takes_whole_request(slot) else None


def _listed_names(question: str) -> list[str]:
    """Names that `and` or commas list; the comma of `Paris, France` lists nothing."""
    names = names_in(question)
    while len(names) > 1:
        listed = r"(?:, | and | & |, and )".join(map(re.escape, names))
        if re.search(listed, question):
            has_countries = all(", " in name for name in names)
            return names if has_countries else [p for name in names for p in name.split(", ")]
        names.pop()
    return []
