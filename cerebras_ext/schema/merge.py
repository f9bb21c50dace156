"""Two parts as one that accepts exactly what both accept."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeVar

from cerebras_ext.schema.parts import Elements, Members, Part, Places, is_trivial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cerebras_ext.schema.json_tree import Scalar

__all__ = ["common_values", "identity", "is_of_type", "merge", "type_of"]


_PRIMITIVE_TYPES: Final = ("null", "boolean", "string", "integer", "number")


def merge(first: Part, second: Part) -> Part:
    """The part that accepts what both accept; where only one thing can be said, the first says it.

    The first is the outer one: its title and default win, and the descriptions are joined.
    """
    types = _merged(first.types, second.types, _common_types)
    values = _merged(first.values, second.values, common_values)
    return Part(
        path=first.path,
        annotations={**second.annotations, **first.annotations},
        texts=first.texts + second.texts,
        types=types,
        implied=first.implied | second.implied,
        values=values,
        is_const=first.is_const or second.is_const,
        bounds=_merge_bounds(first.bounds, second.bounds),
        members=_merged(first.members, second.members, _merge_members),
        elements=_merged(first.elements, second.elements, _merge_elements),
        refs=first.refs + second.refs,
        all_of=first.all_of + second.all_of,
        choices=first.choices + second.choices,
        is_weakened=first.is_weakened or second.is_weakened,
        is_fenced=first.is_fenced or second.is_fenced,
        is_never=first.is_never or second.is_never or types == () or values == (),
    )


def identity(value: Scalar) -> tuple[bool, Scalar]:
    """What makes a JSON value itself, to compare and to hash: `true` is not 1, but 1.0 is."""
    return isinstance(value, bool), value


def is_of_type(value: Scalar, name: str) -> bool:
    """Whether a primitive value is of the JSON schema type."""
    match value:
        case None:
            return name == "null"
        case bool():
            return name == "boolean"
        case str():
            return name == "string"
        case _:
            return name == "number" or (name == "integer" and value % 1 == 0)


def type_of(value: Scalar) -> str:
    """The narrowest type of a primitive value: that of 1.0 is `integer`."""
    return next(name for name in _PRIMITIVE_TYPES if is_of_type(value, name))


_T = TypeVar("_T")


def _merged(first: _T | None, second: _T | None, join: Callable[[_T, _T], _T]) -> _T | None:
    """Both joined, or the one there is."""
    if first is None or second is None:
        return second if first is None else first
    return join(first, second)


def _common_types(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    common = [
        name for name in first if name in second or (name == "integer" and "number" in second)
    ]
    if "number" in first and "integer" in second and "integer" not in common:
        common.append("integer")
    return tuple(common)


def common_values(first: tuple[Scalar, ...], second: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    """The values in both."""
    others = {identity(value) for value in second}
    return tuple(value for value in first if identity(value) in others)


def _common_multiple(first: float, second: float) -> float:
    """The least common multiple, exact in the digits the numbers are written with."""
    one, other = (Fraction(n if isinstance(n, int) else str(n)) for n in (first, second))
    multiple = Fraction(
        math.lcm(one.numerator * other.denominator, other.numerator * one.denominator),
        one.denominator * other.denominator,
    )
    return int(multiple) if multiple.denominator == 1 else float(multiple)


_TIGHTER: Final[Mapping[str, Callable[[float, float], float]]] = {
    "minimum": max,
    "maximum": min,
    "exclusiveMinimum": max,
    "exclusiveMaximum": min,
    "multipleOf": _common_multiple,
    "minLength": max,
    "maxLength": min,
}


def _merge_bounds(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    merged = {**first, **second}
    for name in first.keys() & second.keys():
        merged[name] = _TIGHTER[name](first[name], second[name])
    return merged


def _merge_members(first: Members, second: Members) -> Members:
    properties = dict(first.properties)
    if second.extras is not None:
        properties |= {
            name: _both(places, second.extras)
            for name, places in first.properties.items()
            if name not in second.properties
        }
    for name, places in second.properties.items():
        properties[name] = _both(_property(first, name), places)
    return Members(
        properties=properties,
        is_declared=first.is_declared or second.is_declared,
        required=_merged(first.required, second.required, _union),
        extras=_merged(first.extras, second.extras, _both),
        names=first.names + second.names,
    )


def _property(members: Members, name: str) -> Places:
    """What must match under the name: its own schema, or that of properties not named."""
    return members.properties.get(name, members.extras or ())


def _merge_elements(first: Elements, second: Elements) -> Elements:
    n_positions = max(len(first.prefix), len(second.prefix))
    return Elements(
        prefix=tuple(_both(_item(first, i), _item(second, i)) for i in range(n_positions)),
        rest=_merged(first.rest, second.rest, _both),
        max_items=_merged(first.max_items, second.max_items, min),
    )


def _item(elements: Elements, index: int) -> Places:
    """What must match at the position: its own schema, or that of the items after the prefix."""
    return elements.prefix[index] if index < len(elements.prefix) else elements.rest or ()


def _both(first: Places, second: Places) -> Places:
    """Both conjunctions, without the places that accept anything."""
    if is_trivial(first):
        return second or first
    return first if is_trivial(second) else first + second


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(first + second))
