"""How large a strict schema may be, and how it may refer to itself: not at all.

Source: structured outputs page, read 2026-10-01 (documented). Assumed, as the page does not say: a
level is an object or an array, references followed; a definition's properties and values count once
however often it is referred to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from cerebras_ext.schema.json_tree import Json, at, pointer_of_ref, tokens_of
from cerebras_ext.schema.keywords import row_of
from cerebras_ext.schema.report import Violation
from cerebras_ext.schema.walk import Visit, walk

__all__ = [
    "MAX_ENUM_VALUES",
    "MAX_LARGE_ENUM_CHARACTERS",
    "MAX_LEVELS",
    "MAX_PROPERTIES",
    "MAX_TEXT_CHARACTERS",
    "MIN_LARGE_ENUM_VALUES",
    "find_excesses",
]

MAX_TEXT_CHARACTERS: Final = 5_000
"""Over property names, definition names, and the strings in `enum` and `const`."""
MAX_LEVELS: Final = 10
MAX_PROPERTIES: Final = 500
MAX_ENUM_VALUES: Final = 500
MIN_LARGE_ENUM_VALUES: Final = 251
"""An `enum` of this many values is held to `MAX_LARGE_ENUM_CHARACTERS`."""
MAX_LARGE_ENUM_CHARACTERS: Final = 7_500

_CONTAINERS: Final = ("object", "array")


@dataclass(slots=True)
class _Census:
    n_characters: int = 0
    n_properties: int = 0
    n_enum_values: int = 0
    n_levels: dict[str, int] = field(default_factory=dict[str, int])
    """How deep each definition goes, references not followed."""
    refs: dict[str, list[tuple[str, int]]] = field(default_factory=dict[str, list[tuple[str, int]]])
    """What each definition refers to, and at which level."""


def find_excesses(document: Json) -> list[Violation]:
    """The limits a schema is over, and the definitions that contain themselves."""
    census = _Census()
    found = [excess for visit in walk(document) for excess in _count(census, visit)]
    n_levels, recursion = _follow(census)
    sizes = (
        (census.n_characters, MAX_TEXT_CHARACTERS, "characters of names and enum values"),
        (census.n_properties, MAX_PROPERTIES, "properties"),
        (census.n_enum_values, MAX_ENUM_VALUES, "enum values"),
        (n_levels, MAX_LEVELS, "objects and arrays inside one another"),
    )
    found += [
        Violation("", "limit", f"{size:,} {what}; the service takes {limit:,}")
        for size, limit, what in sizes
        if size > limit
    ]
    return found + recursion


def _count(census: _Census, visit: Visit) -> list[Violation]:
    """Adds a node to the census; answers with what is wrong with it alone."""
    if not isinstance(visit.node, dict):
        return []
    node: dict[str, Any] = visit.node
    properties, definitions, values = (
        node[name] if row_of(name).form.fits(node.get(name)) else ()
        for name in ("properties", "$defs", "enum")
    )
    strings = [value for value in [*values, node.get("const")] if isinstance(value, str)]
    n_characters = sum(map(len, strings))
    census.n_properties += len(properties)
    census.n_enum_values += len(values)
    census.n_characters += n_characters + sum(map(len, [*properties, *definitions]))
    is_container = node.get("type") in _CONTAINERS
    deepest = census.n_levels.get(visit.owner, 0)
    census.n_levels[visit.owner] = max(deepest, visit.level + is_container)
    target = _target(node.get("$ref"))
    if target is not None:
        census.refs.setdefault(visit.owner, []).append((target, visit.level))
    if len(values) < MIN_LARGE_ENUM_VALUES or n_characters <= MAX_LARGE_ENUM_CHARACTERS:
        return []
    message = (
        f"an enum of {len(values):,} values with {n_characters:,} characters; from "
        f"{MIN_LARGE_ENUM_VALUES} values on the service takes {MAX_LARGE_ENUM_CHARACTERS:,}"
    )
    return [Violation(visit.path, "limit", message)]


def _target(ref: object) -> str | None:
    """The path of the definition a reference names; None when it names none of the root's."""
    pointer = pointer_of_ref(ref) if isinstance(ref, str) else None
    match tokens_of(pointer or ""):
        case ["$defs", name]:
            return at("", "$defs", name)
        case _:
            return None


def _follow(census: _Census) -> tuple[int, list[Violation]]:
    """How deep the schema goes with its references followed, and what contains itself."""
    n_levels: dict[str, int] = {}
    cycles: dict[str, Violation] = {}
    for start in census.n_levels:
        trail = {} if start in n_levels else {start: iter(census.refs.get(start, ()))}
        while trail:
            owner = next(reversed(trail))
            for target, _ in trail[owner]:
                if target in trail:
                    cycles.setdefault(target, _recursion([*trail], target))
                elif target not in n_levels:
                    trail[target] = iter(census.refs.get(target, ()))
                    break
            else:
                del trail[owner]
                refs = census.refs.get(owner, ())
                followed = (level + n_levels.get(target, 0) for target, level in refs)
                n_levels[owner] = max([census.n_levels.get(owner, 0), *followed])
    return max(n_levels.values(), default=0), list(cycles.values())


def _recursion(trail: list[str], path: str) -> Violation:
    circle = [tokens_of(step)[-1] for step in (*trail[trail.index(path) :], path)]
    return Violation(path, "recursion", f"contains itself: {' → '.join(circle)}")
