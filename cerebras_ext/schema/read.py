"""One schema node, read into a `Part`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cerebras_ext.schema.json_tree import Json, Scalar, at, find, pointer_of_ref
from cerebras_ext.schema.keywords import (
    KEYWORDS,
    TYPE,
    Fate,
    Keyword,
    is_primitive,
    is_relevant,
    row_of,
)
from cerebras_ext.schema.merge import common_values, type_of
from cerebras_ext.schema.parts import Choice, Elements, Members, Part, Ref, Source

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cerebras_ext.schema.report import Effect, Log

__all__ = ["STAND_IN", "Reader", "sentence"]

STAND_IN: Final[Mapping[str, Json]] = {"type": "null"}
"""What stands for a node that cannot be expressed; the schema it is part of is discarded."""

_APPLICATORS: Final = ("$ref", "allOf", "anyOf", "oneOf")
_EXCLUSIVE_BOUNDS: Final = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def _structure_of(type_name: str) -> frozenset[str]:
    return frozenset(
        name
        for name, row in KEYWORDS.items()
        if row.fate is Fate.STRUCTURE and row.implies == type_name
    )


_OBJECT_KEYWORDS: Final = _structure_of("object")
_ARRAY_KEYWORDS: Final = _structure_of("array") | {"maxItems"}


def sentence(text: str, value: Json) -> str:
    """The sentence that says a keyword's value."""
    return text.format(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


class Reader:
    """Reads the nodes of one document.

    Args:
        document: The root of the schema; references point into it.
        refused: Keywords that are not sent although the service knows them.
        log: Where changes and obstacles are noted.
    """

    def __init__(self, document: Json, *, refused: Collection[str], log: Log) -> None:
        self._document = document
        self._refused = refused
        self._log = log

    def read(self, source: Source) -> Part:
        """What the node says."""
        schema = source.schema
        if isinstance(schema, bool):
            return Part(source.path, is_never=not schema)
        if not isinstance(schema, dict):
            self._log.refuse(source.path, "malformed", "a schema must be an object, true or false")
            return _stand_in(source)
        if schema.get("nullable") is True:
            return self._nullable(source, schema)
        node = self._checked(source, schema)
        refs = None if node is None else self._refs(source, node)
        if node is None or refs is None:
            return _stand_in(source)
        self._note_rewritings(source.path, node)
        if _rows(node, Fate.REFUSED) and "type" not in node:
            return _stand_in(source)  # that it says too little follows
        return self._part(source, node, refs)

    def _nullable(self, source: Source, schema: dict[str, Json]) -> Part:
        """The node as a choice between what it says without 'nullable', and null.

        OpenAPI 3.0 lets 'nullable' add to 'type' only, and wants null in an 'enum' besides; nobody
        who writes it means that, so it is read as "or null" everywhere.
        """
        self._log.change(source.path, "nullable", "split", "same", KEYWORDS["nullable"].text)
        is_outer = {name: row_of(name).fate is Fate.ANNOTATION for name in schema}
        outer = {name: value for name, value in schema.items() if is_outer[name]}
        inner = {name: value for name, value in schema.items() if not is_outer[name]}
        del inner["nullable"]
        alternatives = (replace(source, schema=inner),), (replace(source, schema={"type": "null"}),)
        return replace(
            self.read(replace(source, schema=outer)),
            choices=(Choice(source.path, alternatives),),
        )

    def _checked(self, source: Source, schema: dict[str, Json]) -> dict[str, Any] | None:
        """The keywords that say something, each of its form; None when one is malformed."""
        path = source.path
        if "$id" in schema and path:
            message = "'$id' below the root gives references another meaning; leave it out"
            self._log.refuse(path, "reference", message)
            return None
        types = _types_spoken_of(schema)
        node: dict[str, Any] = {}
        is_well_formed = True
        for name, value in self._numeric_exclusives(path, schema).items():
            row = row_of(name)
            if not row.form.fits(value):
                self._log.refuse(path, "malformed", f"{name!r} must be {row.form.words}")
                is_well_formed = False
            elif value in row.idle or (types and not is_relevant(row, types)):
                self._drop(path, name)
            else:
                node[name] = value
        return node if is_well_formed else None

    def _numeric_exclusives(self, path: str, schema: dict[str, Json]) -> dict[str, Json]:
        """The schema with the boolean exclusive limits of draft 4 and OpenAPI 3.0 as numbers."""
        modern = dict(schema)
        for name, limit in _EXCLUSIVE_BOUNDS.items():
            if isinstance(modern.get(name), bool):
                self._log.change(path, name, "renamed", "same", f"'{name}' becomes a number")
                if modern.pop(name) and limit in modern:
                    modern[name] = modern.pop(limit)
        return modern

    def _note_rewritings(self, path: str, node: dict[str, Any]) -> None:
        for name, row in _rows(node, Fate.STRUCTURE):
            if row.text:
                self._log.change(path, name, row.rule, "same", row.text)
        if isinstance(node.get("type"), list):
            self._log.change(path, "type", "split", "same", "the list of types is taken apart")
        if isinstance(node.get("items"), list):
            text = "the list under 'items' becomes 'prefixItems'"
            self._log.change(path, "items", "renamed", "same", text)
        if path and "$defs" in node:
            text = "the definitions move to the root"
            self._log.change(path, "$defs", "renamed", "same", text)
        for name, _ in _rows(node, Fate.DROPPED):
            self._drop(path, name)
        for _, row in _rows(node, Fate.REFUSED):
            self._log.refuse(path, "keyword", row.text)

    def _drop(self, path: str, keyword: str) -> None:
        text = f"'{keyword}' is left out: it has no effect here"
        self._log.change(path, keyword, "dropped", "same", text)

    def _part(self, source: Source, node: dict[str, Any], refs: tuple[Ref, ...]) -> Part:
        path = source.path
        return Part(
            path=path,
            annotations=self._annotations(path, node),
            texts=self._texts(path, node),
            types=_types(node),
            implied=frozenset(row.implies for row in map(row_of, node) if row.implies),
            values=self._values(path, node),
            is_const="const" in node,
            bounds={
                name: node[name]
                for name, _ in _rows(node, Fate.BOUND)
                if not self._is_given_up(name)
            },
            members=self._members(source, node),
            elements=_elements(source, node),
            refs=refs,
            all_of=_children(source, "allOf", node),
            choices=_choices(source, node),
            is_weakened=any(map(self._is_given_up, node)),
            is_fenced=_is_fenced(node),
        )

    def _annotations(self, path: str, node: dict[str, Any]) -> dict[str, Json]:
        kept: dict[str, Json] = {n: node[n] for n in ("title", "default") if n in node}
        try:
            json.dumps(kept.get("default"), allow_nan=False)
        except ValueError:
            del kept["default"]
            text = "'default' is left out: it holds a number JSON does not have"
            self._log.change(path, "default", "dropped", "same", text)
        return kept

    def _texts(self, path: str, node: dict[str, Any]) -> tuple[str, ...]:
        texts = [node["description"]] if "description" in node else []
        for name, value in node.items():
            row = row_of(name)
            if row.fate is Fate.NOTED or self._is_given_up(name):
                said = sentence(row.text, value)
                effect: Effect = "same" if row.fate is Fate.NOTED else "wider"
                text = f"'{name}' moves into the description: {said}"
                self._log.change(path, name, "restated", effect, text)
                texts.append(said)
        return tuple(texts)

    def _is_given_up(self, keyword: str) -> bool:
        """Whether a constraint of it is said in words only."""
        fate = row_of(keyword).fate
        return fate is Fate.RESTATED or (fate is Fate.BOUND and keyword in self._refused)

    def _values(self, path: str, node: dict[str, Any]) -> tuple[Scalar, ...] | None:
        """The values in 'enum', 'const' or both; None when there is neither."""
        if "const" not in node:
            return self._primitives(path, node["enum"]) if "enum" in node else None
        values = self._primitives(path, [node["const"]])
        if "enum" not in node:
            return values
        self._drop(path, "enum")
        return common_values(values, self._primitives(path, node["enum"]))

    def _primitives(self, path: str, values: list[Json]) -> tuple[Scalar, ...]:
        for value in values:
            if not is_primitive(value):
                message = f"{json.dumps(value)} is not a text, a finite number, true, false or null"
                self._log.refuse(path, "value", message)
        return tuple(value for value in values if is_primitive(value))

    def _members(self, source: Source, node: dict[str, Any]) -> Members | None:
        if not node.keys() & _OBJECT_KEYWORDS:
            return None
        extras = _child(source, "additionalProperties", node)
        if "unevaluatedProperties" in node:
            if node["unevaluatedProperties"] is not False:
                message = "'unevaluatedProperties' can only be false"
                self._log.refuse(source.path, "keyword", message)
            elif not extras and not _is_fenced(node):
                extras = _child(source, "unevaluatedProperties", node)
        return Members(
            properties={
                name: (_at(source, child, "properties", name),)
                for name, child in node.get("properties", {}).items()
            },
            is_declared="properties" in node,
            required=tuple(node["required"]) if "required" in node else None,
            extras=extras,
            names=_child(source, "propertyNames", node) or (),
        )

    def _refs(self, source: Source, node: dict[str, Any]) -> tuple[Ref, ...] | None:
        """The reference of the node, if any; None when it leads nowhere."""
        if "$ref" not in node:
            return ()
        ref: str = node["$ref"]
        pointer = pointer_of_ref(ref)
        if pointer is None:
            message = f"{ref!r} does not point into '$defs' of the same schema"
            self._log.refuse(source.path, "reference", message)
            return None
        try:
            target = find(self._document, pointer)
        except LookupError:
            self._log.refuse(source.path, "reference", f"{ref!r} points at nothing")
            return None
        return (Ref(pointer, source.path, Source(pointer, target, (*source.lineage, pointer))),)


def _stand_in(source: Source) -> Part:
    return Part(source.path, types=("null",))


def _rows(node: Mapping[str, Any], fate: Fate) -> list[tuple[str, Keyword]]:
    """The node's keywords that share a fate."""
    return [(name, row) for name in node if (row := row_of(name)).fate is fate]


def _at(source: Source, child: Json, *tokens: str | int) -> Source:
    return Source(at(source.path, *tokens), child, source.lineage)


def _child(source: Source, keyword: str, node: dict[str, Any]) -> tuple[Source] | None:
    return (_at(source, node[keyword], keyword),) if keyword in node else None


def _children(source: Source, keyword: str, node: dict[str, Any]) -> tuple[Source, ...]:
    children: list[Json] = node.get(keyword, [])
    return tuple(_at(source, child, keyword, i) for i, child in enumerate(children))


def _types(node: dict[str, Any]) -> tuple[str, ...] | None:
    types: list[str] | str | None = node.get("type")
    if types is None:
        return None
    return (types,) if isinstance(types, str) else tuple(dict.fromkeys(types))


def _types_spoken_of(schema: dict[str, Json]) -> tuple[str, ...] | None:
    """The types of the instances a node can accept at all; None when it may be any."""
    if TYPE.fits(schema.get("type")):
        return _types(schema)
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list) and values and all(map(is_primitive, values)):
        return tuple({type_of(value): None for value in values if is_primitive(value)})
    return None


def _is_fenced(node: dict[str, Any]) -> bool:
    is_closed = node.get("unevaluatedProperties") is False
    return is_closed and any(name in node for name in _APPLICATORS)


def _elements(source: Source, node: dict[str, Any]) -> Elements | None:
    """What the node says of arrays; 'items' as a list is what 'prefixItems' was called once."""
    if not node.keys() & _ARRAY_KEYWORDS:
        return None
    is_tuple = isinstance(node.get("items"), list)
    prefix_keyword, rest_keyword = (
        ("items", "additionalItems") if is_tuple else ("prefixItems", "items")
    )
    return Elements(
        prefix=tuple((place,) for place in _children(source, prefix_keyword, node)),
        rest=_child(source, rest_keyword, node),
        max_items=node.get("maxItems"),
    )


def _choices(source: Source, node: dict[str, Any]) -> tuple[Choice, ...]:
    tag = node.get("discriminator", {}).get("propertyName")
    return tuple(
        Choice(
            path=source.path,
            alternatives=tuple((place,) for place in _children(source, keyword, node)),
            is_exclusive=keyword == "oneOf",
            tag=tag if isinstance(tag, str) else None,
        )
        for keyword in ("anyOf", "oneOf")
        if keyword in node
    )
