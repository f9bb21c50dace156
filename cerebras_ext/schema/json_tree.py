"""A schema as plain JSON: a guarded copy, and JSON pointers into it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias, cast
from urllib.parse import unquote

from cerebras_ext.schema.report import NotExpressible, Violation, ViolationRule

__all__ = [
    "MAX_DEPTH",
    "MAX_VALUES",
    "Json",
    "Scalar",
    "at",
    "copy_of",
    "find",
    "pointer_of_ref",
    "refusal",
    "tokens_of",
]

Scalar: TypeAlias = bool | int | float | str | None
Json: TypeAlias = "Scalar | list[Json] | dict[str, Json]"

# The service takes ten nested objects or arrays (four JSON levels each, with `anyOf` between) and
# 500 properties. Both guards leave several times that: what they stop is hostile or hopeless.
MAX_DEPTH: Final = 128
MAX_VALUES: Final = 20_000
# Past this no parser reads the number as one.
MAX_BITS: Final = 1024

_INDEX: Final = re.compile(r"[0-9]{1,9}")


def at(path: str, *tokens: str | int) -> str:
    """The JSON pointer extended by tokens."""
    escaped = (str(token).replace("~", "~0").replace("/", "~1") for token in tokens)
    return "/".join((path, *escaped))


def tokens_of(pointer: str) -> list[str]:
    """The tokens of a JSON pointer, unescaped; the root has none."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def pointer_of_ref(ref: str) -> str | None:
    """The JSON pointer in a `$ref`, or None when the reference is external or an anchor."""
    pointer = unquote(ref[1:])
    return pointer if ref.startswith("#") and (not pointer or pointer.startswith("/")) else None


def find(document: Json, pointer: str) -> Json:
    """The value a JSON pointer leads to.

    Raises:
        LookupError: There is none.
    """
    value = document
    for token in tokens_of(pointer):
        match value:
            case dict():
                value = value[token]
            case list() if _INDEX.fullmatch(token):
                value = value[int(token)]
            case _:
                raise LookupError(pointer)
    return value


def copy_of(schema: object) -> Json:
    """A deep copy in plain dicts and lists; mappings become dicts and tuples lists.

    It does not recurse and stops at the guards, so a value that contains itself, or shares its
    parts a million times, is refused like any other that is too large.

    Raises:
        NotExpressible: The value is not JSON, or is beyond `MAX_DEPTH` or `MAX_VALUES`.
    """
    copies: list[Json] = []
    pending: list[_Place] = [("", 0, schema, copies.append)]
    n_values = 0
    while pending:
        path, depth, value, put = pending.pop()
        n_values += 1
        if n_values > MAX_VALUES:
            raise refusal("", "limit", f"the schema holds more than {MAX_VALUES:,} values")
        if depth > MAX_DEPTH:
            raise refusal("", "limit", f"the schema nests deeper than {MAX_DEPTH} JSON levels")
        pending += reversed(_copy_one(path, depth + 1, value, put))
    return copies[0]


_Place: TypeAlias = tuple[str, int, object, Callable[[Json], None]]
"""What is still to be copied: its path and depth, the value, and where the copy goes."""


def _copy_one(path: str, depth: int, value: object, put: Callable[[Json], None]) -> list[_Place]:
    """Puts a copy of one value, without its children, and returns the children."""
    if isinstance(value, Mapping):
        members: dict[str, Json] = {}
        put(members)
        return [
            (at(path, name), depth, item, partial(members.__setitem__, name))
            for name, item in _named(cast("Mapping[object, object]", value), path)
        ]
    if isinstance(value, list | tuple):
        elements: list[Json] = []
        put(elements)
        items = cast("Sequence[object]", value)
        return [(at(path, i), depth, item, elements.append) for i, item in enumerate(items)]
    if value is not None and not isinstance(value, bool | int | float | str):
        raise refusal(path, "malformed", f"a value of type {type(value).__name__} is not JSON")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise refusal(path, "malformed", f"a whole number of more than {MAX_BITS} bits")
    put(value)
    return []


def _named(mapping: Mapping[object, object], path: str) -> Iterator[tuple[str, object]]:
    for name, item in mapping.items():
        if not isinstance(name, str):
            raise refusal(path, "malformed", f"the key {name!r} is not text")
        yield name, item


def refusal(path: str, rule: ViolationRule, message: str) -> NotExpressible:
    """The error with a single reason."""
    return NotExpressible([Violation(path, rule, message)])
