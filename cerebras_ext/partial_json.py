"""Tool arguments as text: finished, unfinished, and made safe against repair.

Argument text stays text until somebody needs values: the service may send pretty-printed, truncated
or plainly wrong JSON. Finished arguments are parsed strictly; unfinished ones leniently, for
display only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from cerebras_ext._json import is_array, is_object, load_json, replace_lone_surrogates

__all__ = ["InvalidArguments", "parse_partial_object", "read_arguments", "seal"]


@dataclass(frozen=True, slots=True)
class InvalidArguments:
    """Why a text is not the arguments of a call."""

    reason: str


def read_arguments(text: str) -> dict[str, Any] | InvalidArguments:
    """The arguments of a finished call.

    Returns:
        The object the text holds; an empty one for an empty text or `null`, which models send for
        calls without arguments; else why it cannot be used.
    """
    if not text.strip():
        return {}
    try:
        value = load_json(replace_lone_surrogates(text).encode())
    except ValueError as error:
        return InvalidArguments(f"not valid JSON: {error}")
    if value is None:
        return {}
    if not is_object(value):
        return InvalidArguments(f"a JSON {_kind_of(value)} where an object belongs")
    if _has_infinity(value):
        return InvalidArguments("JSON with a number that is too large")
    return value


def parse_partial_object(text: str) -> dict[str, Any]:
    """The part of an object that unfinished text already holds; never raises.

    Strings that are still open are kept, unfinished keys and words are left out. Text that is not
    the beginning of an object gives an empty one.
    """
    try:
        value: object = from_json(
            replace_lone_surrogates(text), allow_partial="trailing-strings", allow_inf_nan=False
        )
    except ValueError:
        return {}
    return value if is_object(value) else {}


def seal(text: str) -> str:
    """What to append so that no lenient parser takes the text for an object.

    Frameworks repair unfinished JSON while they merge stream chunks, and would run a tool with half
    of its arguments. The suffix ends an open string and closes the wrong bracket.

    Returns:
        An empty string when the text is a whole object, or empty; else the suffix.
    """
    if not isinstance(read_arguments(text), InvalidArguments):
        return ""
    open_brackets, string_end = _scan(text)
    innermost = open_brackets[-1] if open_brackets else "{"
    return string_end + ("}" if innermost == "[" else "]")


def _scan(text: str) -> tuple[list[str], str]:
    """The brackets that are still open, and what ends the string that is still open."""
    open_brackets: list[str] = []
    is_in_string = False
    position, end = 0, len(text)
    while position < end:
        char = text[position]
        if is_in_string:
            if char == "\\":
                escape = 6 if text[position + 1 : position + 2] == "u" else 2
                missing = position + escape - end
                if missing > 0:
                    return open_brackets, ("0" * missing if escape == 6 else "\\") + '"'
                position += escape
                continue
            is_in_string = char != '"'
        elif char == '"':
            is_in_string = True
        elif char in "{[":
            open_brackets.append(char)
        elif char in "}]" and open_brackets:
            open_brackets.pop()
        position += 1
    return open_brackets, '"' if is_in_string else ""


def _has_infinity(value: object) -> bool:
    """Whether a number was too large for a float, and cannot be written as JSON again."""
    if is_object(value):
        return any(map(_has_infinity, value.values()))
    if is_array(value):
        return any(map(_has_infinity, value))
    return isinstance(value, float) and math.isinf(value)


def _kind_of(value: object) -> str:
    if is_array(value):
        return "array"
    if isinstance(value, str):
        return "string"
    return "boolean" if isinstance(value, bool) else "number"
