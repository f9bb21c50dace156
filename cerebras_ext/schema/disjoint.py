"""Whether no instance matches two of several alternatives."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from cerebras_ext.schema.merge import identity, type_of
from cerebras_ext.schema.parts import Part, Places, is_closed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["are_disjoint"]

# Every pair is compared. A hundred alternatives of one node are far beyond the schemas the service
# takes; more of them count as not proved.
_MAX_ALTERNATIVES: Final = 100


@dataclass(frozen=True, slots=True)
class _Alternative:
    part: Part
    required: Mapping[str, Part]
    """What the properties that an instance must have say; empty unless it is an object."""


def are_disjoint(parts: Sequence[Part], look: Callable[[Places], Part]) -> bool:
    """Whether it is proved that no instance matches two of the parts.

    Two are apart when their types or values are, and two objects also when a property both require
    is (a discriminator), or when one requires what the other forbids.

    Args:
        parts: For each alternative, what its instances must be, at least.
        look: What the instances at a place must be, at least.
    """
    if len(parts) > _MAX_ALTERNATIVES:
        return False
    alternatives = [_Alternative(part, _required_of(part, look)) for part in parts]
    return all(_are_apart(first, second) for first, second in combinations(alternatives, 2))


def _required_of(part: Part, look: Callable[[Places], Part]) -> dict[str, Part]:
    if part.members is None or part.types != ("object",):
        return {}
    described = part.members.properties
    return {
        name: look(described[name]) for name in part.members.required or () if name in described
    }


def _are_apart(first: _Alternative, second: _Alternative) -> bool:
    return (
        _accept_different_values(first.part, second.part)
        or any(
            _accept_different_values(first.required[name], second.required[name])
            for name in first.required.keys() & second.required.keys()
        )
        or _forbids(first.part, second)
        or _forbids(second.part, first)
    )


def _accept_different_values(first: Part, second: Part) -> bool:
    if first.values is not None and second.values is not None:
        return {*map(identity, first.values)}.isdisjoint(map(identity, second.values))
    first_kinds, second_kinds = _kinds_of(first), _kinds_of(second)
    if first_kinds is None or second_kinds is None:
        return False
    return first_kinds.isdisjoint(second_kinds)


def _kinds_of(part: Part) -> frozenset[str] | None:
    """The types of the accepted instances, whole numbers apart; None when it may be any."""
    if part.values is not None:
        return frozenset(map(type_of, part.values))
    if part.types is None:
        return None
    return frozenset((*part.types, "integer") if "number" in part.types else part.types)


def _forbids(part: Part, other: _Alternative) -> bool:
    """Whether an object of the other sort must have a property that the part excludes."""
    if part.members is None or part.types != ("object",):
        return False
    described = part.members.properties
    return is_closed(part.members.extras or ()) and any(
        name not in described for name in other.required
    )
