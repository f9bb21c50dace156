"""JSON in and out as this wire needs it.

In: `pydantic_core.from_json`, three times as fast as the standard library; it refuses half
surrogate pairs, which the standard library reads, so that a pair split over two frames can be
joined. Out: compact, in the key order given, lone surrogates replaced (the service answers them
with 400), NaN and infinities refused.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, TypeGuard

from pydantic_core import from_json

from cerebras_ext.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.wire import JsonObject

__all__ = [
    "MAX_LEVELS",
    "dump_json",
    "is_array",
    "is_object",
    "json_fault",
    "load_json",
    "load_json_keeping_halves",
    "replace_lone_surrogates",
    "without_halves",
]

MAX_LEVELS = 200
"""How deep JSON may nest: the parser's own limit."""

_HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def is_object(value: object) -> TypeGuard[JsonObject]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def load_json(text: bytes) -> Any:
    """The value a JSON text holds; lone surrogates and broken UTF-8 read as U+FFFD.

    Raises:
        ValueError: The text is not JSON, or nests deeper than the parser's 200 levels.
    """
    value, has_halves = load_json_keeping_halves(text)
    return without_halves(value) if has_halves else value


def load_json_keeping_halves(text: bytes) -> tuple[Any, bool]:
    """The value a JSON text holds, and whether its strings may hold lone surrogates.

    Raises:
        ValueError: The text is not JSON, or nests deeper than the parser's 200 levels.
    """
    try:
        return from_json(text, allow_inf_nan=False), False
    except ValueError:
        readable = text.decode("utf-8", "replace")
        whole = _HALF.sub(r"\\ufffd", readable)
        from_json(whole, allow_inf_nan=False)  # raises unless these two were all that was wrong
        return json.loads(readable), whole != readable


def json_fault(error: ValueError) -> str:
    """What is wrong with a text that `load_json` refused; nothing of the text is in the words."""
    is_deep = "recursion limit" in str(error)
    return f"is nested deeper than {MAX_LEVELS} levels" if is_deep else "is not JSON"


def replace_lone_surrogates(text: str) -> str:
    """The text with split surrogate pairs joined and lone halves replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def without_halves(value: Any) -> Any:
    """A JSON value with `replace_lone_surrogates` done to every string in it."""
    if isinstance(value, str):
        return replace_lone_surrogates(value)
    if is_array(value):
        return [without_halves(item) for item in value]
    if is_object(value):
        return {replace_lone_surrogates(key): without_halves(item) for key, item in value.items()}
    return value


def dump_json(value: Any) -> bytes:
    """Compact UTF-8 JSON in the key order given.

    Raises:
        ConfigError: A value has no JSON form; the message names its path.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        problem = next(_unwritable(value, ""), f"the request is not JSON: {error}")
        raise ConfigError(problem) from None
    try:
        return text.encode()
    except UnicodeEncodeError:
        return replace_lone_surrogates(text).encode()


def _unwritable(value: Any, path: str, depth: int = 0) -> Iterator[str]:
    """What keeps a value from being JSON, by path."""
    where = path or "the request"
    if depth > MAX_LEVELS:
        yield f"{where}: nests deeper than {MAX_LEVELS} levels, or contains itself"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"{where}: {value!r} is not a JSON number; give a finite one"
    elif is_object(value):
        for key, item in value.items():
            if not _is_scalar(key):
                yield f"{where}: a key of type {type(key).__name__} is not JSON; use strings"
            yield from _unwritable(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif _is_sequence(value):
        for number, item in enumerate(value):
            yield from _unwritable(item, f"{path}.{number}" if path else str(number), depth + 1)
    elif not _is_scalar(value):
        yield f"{where}: a value of type {type(value).__name__} is not JSON; convert it first"


def _is_sequence(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, list | tuple)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float | bool | None)
