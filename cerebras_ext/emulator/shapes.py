"""The language the closed request schema is written in.

A shape is a function from a value and its path to the messages about it, so that all problems of a
request are reported at once, as the service does (API specification §2.2). The texts are those of
the validation library the service was seen to use, each behind the dotted path of its field:

    messages.1.assistant.reasoning_content: property '...' is unsupported

The empty path is the request itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

__all__ = [
    "Field",
    "Shape",
    "anything",
    "boolean",
    "by_type",
    "closed",
    "constant",
    "integer",
    "is_list",
    "is_object",
    "items",
    "mapping",
    "nullable",
    "number",
    "one_of",
    "optional",
    "required",
    "tagged",
    "text",
]

Shape: TypeAlias = Callable[[object, str], Iterator[str]]
"""Messages about a value, given the value and its path."""


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether `value` is a JSON object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether `value` is a JSON array."""
    return isinstance(value, list)


def anything(value: object, path: str) -> Iterator[str]:
    """No message, whatever the value."""
    yield from ()


def boolean(value: object, path: str) -> Iterator[str]:
    """A message unless the value is a boolean."""
    if not isinstance(value, bool):
        yield f"{path}: Input should be a valid boolean"


def text(*, at_most: int | None = None) -> Shape:
    """A string of at most so many characters."""

    def messages(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{path}: Input should be a valid string"
        elif at_most is not None and len(value) > at_most:
            yield f"{path}: String should have at most {at_most} characters"

    return messages


def number(at_least: float, at_most: float) -> Shape:
    """A finite number in a closed range."""

    def messages(value: object, path: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{path}: Input should be a valid number"
        elif isinstance(value, float) and not math.isfinite(value):
            yield f"{path}: Input should be a finite number"
        else:
            yield from _out_of_range(value, at_least, at_most, path)

    return messages


def integer(at_least: int | None = None, at_most: int | None = None) -> Shape:
    """A whole number in a closed range; `1.0` is one, as in JSON Schema."""

    def messages(value: object, path: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{path}: Input should be a valid integer"
        elif isinstance(value, float) and not value.is_integer():
            yield (f"{path}: Input should be a valid integer, got a number with a fractional part")
        else:
            yield from _out_of_range(value, at_least, at_most, path)

    return messages


def _out_of_range(
    value: float, at_least: float | None, at_most: float | None, path: str
) -> Iterator[str]:
    if at_least is not None and value < at_least:
        yield f"{path}: Input should be greater than or equal to {at_least}"
    if at_most is not None and value > at_most:
        yield f"{path}: Input should be less than or equal to {at_most}"


def one_of(*values: str) -> Shape:
    """One of a closed set of strings."""

    def messages(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, str) or value not in values:
            yield f"{path}: Input should be {_any_of(values)}"

    return messages


def constant(value: str) -> Shape:
    """Exactly this string."""
    return one_of(value)


def _any_of(values: tuple[str, ...]) -> str:
    *others, last = (repr(value) for value in values)
    return f"{', '.join(others)} or {last}" if others else last


def nullable(shape: Shape) -> Shape:
    """`null`, or what `shape` says."""

    def messages(value: object, path: str) -> Iterator[str]:
        return iter(()) if value is None else shape(value, path)

    return messages


def by_type(shapes: Mapping[type, Shape], expected: str) -> Shape:
    """The shape that belongs to the value's type; `expected` names the types."""

    def messages(value: object, path: str) -> Iterator[str]:
        shape = shapes.get(type(value))
        if shape is None:
            yield f"{path}: Input should be {expected}"
        else:
            yield from shape(value, path)

    return messages


def items(item: Shape, *, at_least: int = 0, at_most: int | None = None) -> Shape:
    """An array, each element of one shape."""

    def messages(value: object, path: str) -> Iterator[str]:
        if not is_list(value):
            yield f"{path}: Input should be a valid list"
            return
        if len(value) < at_least:
            yield f"{path}: List should have at least {_items(at_least)}, not {len(value)}"
        if at_most is not None and len(value) > at_most:
            yield f"{path}: List should have at most {_items(at_most)}, not {len(value)}"
        for index, element in enumerate(value):
            yield from item(element, f"{path}.{index}")

    return messages


def _items(count: int) -> str:
    return f"{count} item{'' if count == 1 else 's'} after validation"


def mapping(value_shape: Shape) -> Shape:
    """An object with any keys, each value of one shape."""

    def messages(value: object, path: str) -> Iterator[str]:
        if not is_object(value):
            yield f"{path}: Input should be a valid dictionary"
            return
        for key, element in value.items():
            yield from value_shape(element, f"{path}.{key}")

    return messages


@dataclass(frozen=True, slots=True)
class Field:
    """A property of a closed object.

    `missing` replaces the whole message about its absence where the service says something else.
    """

    shape: Shape
    is_required: bool
    missing: str | None = None


def required(shape: Shape, *, missing: str | None = None) -> Field:
    """A property that must be there."""
    return Field(shape, is_required=True, missing=missing)


def optional(shape: Shape) -> Field:
    """A property that may be left out."""
    return Field(shape, is_required=False)


def closed(fields: Mapping[str, Field]) -> Shape:
    """An object with these properties and no others."""

    def messages(value: object, path: str) -> Iterator[str]:
        if not is_object(value):
            yield f"{path}: Input should be a valid dictionary"
            return
        for key, field in fields.items():
            at = _join(path, key)
            if key in value:
                yield from field.shape(value[key], at)
            elif field.is_required:
                yield field.missing or f"{at}: Field required"
        for key in value:
            if key not in fields:
                yield _unsupported(path, key)

    return messages


def tagged(key: str, shapes: Mapping[str, Shape]) -> Shape:
    """The shape named by the object's property `key`; the name becomes part of the path."""

    def messages(value: object, path: str) -> Iterator[str]:
        if not is_object(value):
            yield f"{path}: Input should be a valid dictionary"
        elif key not in value:
            yield f"{path}: Unable to extract tag using discriminator '{key}'"
        elif not isinstance(value[key], str) or value[key] not in shapes:
            expected = ", ".join(repr(name) for name in shapes)
            yield (
                f"{path}: Input tag '{value[key]}' found using '{key}' does not match any of the "
                f"expected tags: {expected}"
            )
        else:
            yield from shapes[value[key]](value, f"{path}.{value[key]}")

    return messages


def _unsupported(path: str, key: str) -> str:
    at = _join(path, key)
    message = f"property '{at}' is unsupported"
    # A property of the request itself was quoted without the prefix (API specification §2.2).
    return f"{at}: {message}" if path else message


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
