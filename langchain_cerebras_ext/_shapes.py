"""Foreign values by shape: what users, other providers and models put where JSON belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

__all__ = ["is_list", "is_object", "list_in", "object_in"]


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value is a JSON object, as far as its type tells."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether a value is a list or a tuple."""
    return isinstance(value, list | tuple)


def object_in(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if is_object(value) else {}


def list_in(value: object) -> Sequence[Any]:
    """The value if it is a list, else an empty one."""
    return value if is_list(value) else ()
