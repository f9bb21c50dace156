"""What one schema node says, taken apart so that several nodes can be put together.

A `Part` is a conjunction: an instance matches when it passes everything in it. Children are kept as
`Places`, the nodes that all have to match there, and are read when they are reached; so merging two
objects is merging two mappings, however deep they go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from cerebras_ext.schema.json_tree import Json, Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Choice",
    "Elements",
    "Members",
    "Part",
    "Place",
    "Places",
    "Ref",
    "Source",
    "is_closed",
    "is_trivial",
]


@dataclass(frozen=True, slots=True)
class Source:
    """A node of the schema given, not yet read.

    Attributes:
        path: Where it is, as a JSON pointer.
        schema: What stands there.
        lineage: The reference targets that were opened on the way to it; meeting one of them again
            is recursion.
    """

    path: str
    schema: Json
    lineage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to another node of the schema given."""

    pointer: str
    path: str
    target: Source


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives of which one must match.

    Attributes:
        path: The node they belong to.
        alternatives: Each a conjunction.
        is_exclusive: Whether no second one may match (`oneOf`).
        tag: The property that tells them apart, named by a `discriminator`.
    """

    path: str
    alternatives: tuple[Places, ...]
    is_exclusive: bool = False
    tag: str | None = None

    @property
    def is_lone(self) -> bool:
        """Whether there is nothing to choose."""
        return len(self.alternatives) == 1


@dataclass(frozen=True, slots=True)
class Members:
    """What an object may hold.

    Attributes:
        properties: By name, in order.
        is_declared: Whether there was a list of properties, even an empty one.
        required: None when nothing was said.
        extras: What further properties must match; None when nothing was said.
        names: What every property name must match.
    """

    properties: Mapping[str, Places] = field(default_factory=dict[str, "Places"])
    is_declared: bool = False
    required: tuple[str, ...] | None = None
    extras: Places | None = None
    names: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Elements:
    """What an array may hold.

    Attributes:
        prefix: One conjunction for each of the first items.
        rest: What the items after them must match; None when nothing was said.
        max_items: The largest number of items.
    """

    prefix: tuple[Places, ...] = ()
    rest: Places | None = None
    max_items: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What a node says.

    Attributes:
        path: Where it stands in the schema given.
        annotations: `title` and `default`.
        texts: The description, then a sentence for each constraint that cannot be sent.
        types: The types accepted; None when nothing was said.
        implied: The types its keywords speak of.
        values: The values accepted; None when nothing was said.
        is_const: Whether `values` was a `const`.
        bounds: Limits on numbers and lengths, by keyword.
        members: What objects may hold; None when nothing was said.
        elements: What arrays may hold; None when nothing was said.
        refs: References that must match too.
        all_of: Nodes that must match too.
        choices: Of each, an alternative must match too.
        is_weakened: Whether a constraint became a sentence, so that more is accepted than was.
        is_fenced: Whether no properties are let in but those the node, its references and its
            choices name.
        is_never: Whether nothing matches.
    """

    path: str
    annotations: Mapping[str, Json] = field(default_factory=dict[str, Json])
    texts: tuple[str, ...] = ()
    types: tuple[str, ...] | None = None
    implied: frozenset[str] = frozenset()
    values: tuple[Scalar, ...] | None = None
    is_const: bool = False
    bounds: Mapping[str, float] = field(default_factory=dict[str, float])
    members: Members | None = None
    elements: Elements | None = None
    refs: tuple[Ref, ...] = ()
    all_of: tuple[Source, ...] = ()
    choices: tuple[Choice, ...] = ()
    is_weakened: bool = False
    is_fenced: bool = False
    is_never: bool = False

    @property
    def has_own_constraints(self) -> bool:
        """Whether it says more of instances than its references and choices do."""
        return (
            self.is_never
            or bool(self.bounds)
            or any(
                said is not None for said in (self.types, self.values, self.members, self.elements)
            )
        )


Place: TypeAlias = Source | Part
Places: TypeAlias = tuple[Place, ...]


def is_trivial(places: Places) -> bool:
    """Whether every place plainly accepts anything."""
    return all(isinstance(place, Source) and place.schema in (True, {}) for place in places)


def is_closed(places: Places) -> bool:
    """Whether a place plainly accepts nothing."""
    return any(isinstance(place, Source) and place.schema is False for place in places)
