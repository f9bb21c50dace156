"""Pydantic objects by the thousand: filled in as unpickling fills them in, not validated again.

The adapters make a framework's objects for every streamed token, from values whose types they know.
A constructor spends most of a token's time on validating those; what pydantic's `__setstate__` does
costs a fraction. Whether both give the same is tried out once, and if they ever do not, because
pydantic or the framework has changed, the constructor is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cerebras_ext._json import is_array, is_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

__all__ = ["templated"]

ModelT = TypeVar("ModelT", bound="BaseModel")


def templated(
    construct: Callable[..., ModelT], *examples: Mapping[str, Any]
) -> Callable[..., ModelT]:
    """A function that makes what `construct` makes, by filling in a copy of its first product.

    Args:
        construct: Makes an object by its constructor. Its keywords are names of the object's
            attributes, and set those; they include every attribute that can be changed in place.
        *examples: Keywords to try it with, of every kind that will be used.

    Returns:
        The fast function; `construct` itself where the fast one differs for any example.
    """
    template = construct(**examples[0])
    kind, state = type(template), dict(template.__getstate__())
    attributes: dict[str, Any] = state.pop("__dict__")
    names: set[str] = state.pop("__pydantic_fields_set__")
    has_extra = state.pop("__pydantic_extra__") is not None

    put = object.__setattr__  # what pydantic's own `__setstate__` does, without its dict

    def fill(**changes: Any) -> ModelT:
        made = kind.__new__(kind)
        put(made, "__dict__", attributes | changes)
        put(made, "__pydantic_fields_set__", set(names))
        put(made, "__pydantic_extra__", {} if has_extra else None)
        put(made, "__pydantic_private__", None)
        return made

    is_known = not attributes.keys() - kind.model_fields.keys() and not any(state.values())
    is_right = is_known and all(
        _is_same(fill(**example), construct(**example)) for example in examples
    )
    return fill if is_right else construct


def _is_same(made: BaseModel, wanted: BaseModel) -> bool:
    """Whether two objects agree in everything that pydantic knows of them, types and order too."""
    return (
        type(made) is type(wanted)
        and _described(made.__getstate__()) == _described(wanted.__getstate__())
        and repr(made) == repr(wanted)
    )


def _described(value: Any) -> Any:
    """A value with the types and the order of everything in it."""
    if is_object(value):
        return dict, [(key, _described(item)) for key, item in value.items()]
    if is_array(value):
        return list, [_described(item) for item in value]
    return type(value), value
