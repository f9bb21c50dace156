"""Reading values out of a chunk that came from elsewhere: the documented shape, or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cerebras_ext._json import is_array, is_object, replace_lone_surrogates
from cerebras_ext.errors import ProtocolError

if TYPE_CHECKING:
    from cerebras_ext.wire import JsonObject

__all__ = [
    "array_of",
    "index_of",
    "joined_parts",
    "numbers_of",
    "object_of",
    "text_of",
    "unreadable",
    "without_choices",
    "without_logprobs",
    "word_of",
]


def unreadable(problem: str) -> ProtocolError:
    """The error for a chunk whose shape is not the documented one."""
    return ProtocolError(f"a chunk of the event stream {problem}", where="event stream chunk")


def object_of(value: Any, what: str) -> JsonObject:
    """An object."""
    found: JsonObject = value
    if type(found) is not dict:  # what parsers make; `is_object` would be one call more a chunk
        raise unreadable(f"has {what} that is not an object")
    return found


def array_of(value: Any, what: str) -> list[Any]:
    """An array."""
    found: list[Any] = value
    if type(found) is not list:
        raise unreadable(f"has {what} that are not an array")
    return found


def index_of(value: Any, what: str) -> int | None:
    """A number that counts something, or nothing."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise unreadable(f"has {what} whose index is not an integer from 0 on")


def numbers_of(value: Any, what: str) -> list[int]:
    """An array of integers."""
    numbers = array_of(value, what)
    if not all(isinstance(number, int) for number in numbers):
        raise unreadable(f"has {what} that are not integers")
    return numbers


def word_of(value: Any, what: str) -> str | None:
    """An identifier or name; an empty one counts as not given."""
    if value is None or isinstance(value, str):
        return replace_lone_surrogates(value) if value else None
    raise unreadable(f"has {what} that is not a string")


def text_of(value: Any) -> str:
    """The text of a field that is a string or, from some servers, a list of text parts."""
    if isinstance(value, str):
        return value
    if is_array(value):
        return joined_parts(value)
    raise unreadable(f"holds a value of type {type(value).__name__} where text belongs")


def joined_parts(parts: list[Any]) -> str:
    """The text of a list of text parts; parts of other kinds have none."""
    texts = [part.get("text") for part in parts if is_object(part)]
    return "".join(text for text in texts if isinstance(text, str))


def without_choices(chunk: JsonObject) -> JsonObject:
    """What a chunk says beside its choices."""
    return {key: value for key, value in chunk.items() if key != "choices"}


def without_logprobs(choice: JsonObject) -> JsonObject:
    """A choice without its log probabilities."""
    return {key: value for key, value in choice.items() if not key.endswith("logprobs")}
