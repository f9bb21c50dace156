"""A walk over the nodes of a strict schema, or one that wants to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cerebras_ext.schema.json_tree import Json, at
from cerebras_ext.schema.keywords import SCHEMA_MAP, SCHEMA_OR_LIST, SCHEMAS, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Visit", "walk"]


@dataclass(frozen=True, slots=True)
class Visit:
    """A node met on the walk.

    Attributes:
        path: Its JSON pointer.
        node: What stands there, be it a schema or not.
        owner: Path of the definition it belongs to; `""` is the root schema.
        level: How many objects and arrays of its owner it is in.
    """

    path: str
    node: Json
    owner: str = ""
    level: int = 0


def walk(document: Json) -> Iterator[Visit]:
    """The root, and the nodes under the keywords the service takes, in order and without recursion.

    What 'additionalProperties' holds, and 'items' unless it is a dict, is no node of its own.
    """
    pending = [Visit("", document)]
    while pending:
        visit = pending.pop()
        yield visit
        pending += reversed([*_children(visit)])


def _children(visit: Visit) -> Iterator[Visit]:
    for keyword, value in visit.node.items() if isinstance(visit.node, dict) else ():
        row = row_of(keyword)
        if not (row.is_accepted and row.form.fits(value)):
            continue
        path = at(visit.path, keyword)
        level = visit.level + (row.implies is not None)  # properties and items are one level down
        match value:
            case dict() if keyword == "$defs":
                for name, node in value.items():
                    yield Visit(at(path, name), node, at(path, name))
            case dict() if row.form is SCHEMA_MAP:
                for name, node in value.items():
                    yield Visit(at(path, name), node, visit.owner, level)
            case list() if row.form is SCHEMAS:
                for index, node in enumerate(value):
                    yield Visit(at(path, index), node, visit.owner, level)
            case dict() if row.form is SCHEMA_OR_LIST:
                yield Visit(path, value, visit.owner, level)
            case _:
                pass
