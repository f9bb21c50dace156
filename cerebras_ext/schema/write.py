"""The strict schema, written node by node from what the given one says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from cerebras_ext.schema.definitions import Definitions
from cerebras_ext.schema.flatten import Flattener, Shape
from cerebras_ext.schema.json_tree import Json, Scalar, at, tokens_of
from cerebras_ext.schema.keywords import Fate, is_relevant, row_of
from cerebras_ext.schema.merge import is_of_type, type_of
from cerebras_ext.schema.parts import Elements, Members, Part, Places, Source, is_closed, is_trivial
from cerebras_ext.schema.read import STAND_IN, sentence

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cerebras_ext.schema.report import Effect, Log

__all__ = ["MAX_NESTED_NODES", "Writer"]

# Nodes inside one another, alternatives included. Two for each of the ten levels the service takes,
# and as many again so that a schema a little too deep is still told which limit it breaks.
MAX_NESTED_NODES: Final = 40

_NAMES_TEXT: Final = "Every property name must match this JSON schema: {}."

_NOTHING: Final[Places] = (Source("", False),)

_Node: TypeAlias = dict[str, Json]


class Writer:
    """Writes the strict form of one document.

    A node is written as a dict, or as None when nothing can match it. One that cannot be expressed
    is noted in the log and stood in for, so that a single pass finds every obstacle.

    Args:
        document: The root of the schema.
        refused: Keywords that are not sent although the service knows them.
        require_all: Whether every property becomes required.
        log: Where changes and obstacles are noted.
    """

    def __init__(
        self, document: Json, *, refused: Collection[str], require_all: bool, log: Log
    ) -> None:
        self._require_all = require_all
        self._document = document
        self._flattener = Flattener(document, refused=refused, log=log)
        self._definitions = Definitions(document, log=log)
        self._log = log

    def origin_of(self, path: str) -> str:
        """Where what is written at the path came from in the schema given."""
        tokens = tokens_of(path)
        if tokens[:1] != ["$defs"]:
            return path
        return at(self._definitions.origin_of(tokens[1]), *tokens[2:])

    def write(self) -> _Node:
        """The strict schema; of use only when nothing was refused."""
        places: Places = (Source("", self._document, ("",)),)
        root = self._possible(self._written(self._flattener.flatten(places, is_opened=True), 0), "")
        is_stand_in = bool(self._log.reasons) and root == STAND_IN
        if root.get("type") != "object" and not is_stand_in:
            message = "the root must be an object; make this the only property of one"
            self._log.refuse("", "root", message)
        definitions = {name: self._child((source,), 0) for name, source in self._definitions}
        used = self._definitions.reachable_from(root, definitions)
        return {**root, "$defs": used} if used else root

    def _node(self, places: Places, depth: int) -> _Node | None:
        """What the places say, or None when nothing can match them."""
        if depth > MAX_NESTED_NODES:
            message = f"more than {MAX_NESTED_NODES} nodes inside one another"
            self._log.refuse(places[0].path, "limit", message)
            return dict(STAND_IN)
        return self._written(self._flattener.flatten(places), depth)

    def _child(self, places: Places, depth: int) -> _Node:
        """What the places say, where something has to match them."""
        return self._possible(self._node(places, depth), places[0].path)

    def _possible(self, node: _Node | None, path: str) -> _Node:
        if node is not None:
            return node
        if not self._log.reasons:  # else it may follow from what is noted already
            self._log.refuse(path, "unsatisfiable", "nothing can match this")
        return dict(STAND_IN)

    def _written(self, shape: Shape, depth: int) -> _Node | None:
        part = shape.part
        if part.is_never:
            return None
        if shape.ref:
            return self._reference(part, {"$ref": self._definitions.pointer_to(shape.ref)})
        if shape.alternatives:
            return self._choice(part, shape.alternatives, depth)
        return self._plain(self._with_keys(part), depth)

    def _reference(self, part: Part, node: _Node) -> _Node:
        """The reference, alone in its node.

        Whether the service takes annotations beside a reference is not documented, and others like
        it do not; as the only alternative of 'anyOf' the reference means the same.
        """
        if not (part.annotations or part.texts):
            return node
        text = "the reference becomes the only alternative, so that nothing stands beside it"
        self._log.change(part.path, "$ref", "wrapped", "same", text)
        return _annotated(part, {"anyOf": [node]})

    def _choice(self, part: Part, alternatives: tuple[Places, ...], depth: int) -> _Node | None:
        nodes = [self._node(places, depth + 1) for places in alternatives]
        possible: list[Json] = [node for node in nodes if node is not None]
        if len(possible) < len(nodes):
            text = "alternatives that nothing can match are left out"
            self._log.change(part.path, "anyOf", "unreachable", "same", text)
        return _annotated(part, {"anyOf": possible}) if possible else None

    def _plain(self, part: Part, depth: int) -> _Node | None:
        if part.values is not None:
            return self._enumeration(part, part.values)
        types = part.types or self._implied_type(part)
        nodes = [self._typed(part, name, depth) for name in types]
        possible: list[Json] = [node for node in nodes if node is not None]
        if len(types) == 1:
            return None if nodes[0] is None else _annotated(part, nodes[0])
        return _annotated(part, {"anyOf": possible}) if possible else None

    def _enumeration(self, part: Part, values: tuple[Scalar, ...]) -> _Node | None:
        types = part.types
        possible = [v for v in values if types is None or any(is_of_type(v, t) for t in types)]
        if not possible:
            return None
        if len(possible) < len(values):
            text = "values that are not of the type are left out"
            self._log.change(part.path, "enum", "unreachable", "same", text)
        node: _Node = {}
        if types and len(types) == 1:
            node["type"] = types[0]
        node |= {"const": possible[0]} if part.is_const else {"enum": [*possible]}
        kinds = tuple(map(type_of, possible))
        return _annotated(part, node | _bounds(part, kinds))

    def _implied_type(self, part: Part) -> tuple[str, ...]:
        """The one type the keywords speak of."""
        if len(part.implied) != 1:
            message = "accepts anything; say which type is meant"
            self._log.refuse(part.path, "free-form", message)
            return ("null",)
        (name,) = part.implied
        text = f"type {name!r} is added: the keywords speak of it"
        self._log.change(part.path, "type", "typed", "narrower", text)
        return (name,)

    def _typed(self, part: Part, type_name: str, depth: int) -> _Node | None:
        """The node for one type, without annotations."""
        if type_name == "object":
            return self._object(part, part.members or Members(), depth)
        if type_name == "array":
            return self._array(part, part.elements or Elements(), depth)
        return {"type": type_name, **_bounds(part, (type_name,))}

    def _object(self, part: Part, members: Members, depth: int) -> _Node | None:
        if not self._closes(part, members):
            return dict(STAND_IN)
        nodes = {name: self._node(p, depth + 1) for name, p in members.properties.items()}
        properties = {name: node for name, node in nodes.items() if node is not None}
        required = members.required or ()
        missing = [name for name in required if name not in properties]
        if missing and (nodes.keys() & {*missing} or is_closed(members.extras or ())):
            return None
        for name in missing:
            text = f"{name!r} is no longer required: it is not among the properties"
            self._log.change(part.path, "required", "unknown-required", "wider", text)
        for name in [name for name in nodes if name not in properties]:
            text = f"the property {name!r} is left out: nothing can match it"
            self._log.change(part.path, "properties", "unreachable", "same", text)
        if self._require_all:
            optional = [name for name in properties if name not in required]
            for name in optional:
                node, places = properties[name], members.properties[name]
                properties[name] = self._made_required(part.path, name, places, node)
            required = (*required, *optional)
        written: _Node = {"type": "object", "properties": {**properties}}
        if required or members.required is not None:
            written["required"] = [name for name in required if name in properties]
        return {**written, "additionalProperties": False}

    def _made_required(self, path: str, name: str, places: Places, node: _Node) -> _Node:
        """The node of an optional property, fit to be required.

        One that has a default, or accepts null, can always be given; for another null is added.
        """
        if node.get("default") is not None or self._flattener.accepts_null(places):
            text = f"{name!r} is required"
            self._log.change(path, "required", "made-required", "narrower", text)
            return node
        text = f"{name!r} is required and may be null, which stands for absent"
        self._log.change(path, "required", "null-for-absent", "wider", text)
        return _or_null(node)

    def _closes(self, part: Part, members: Members) -> bool:
        """Whether the object can be closed without losing anything it describes."""
        extras, is_declared = members.extras, members.is_declared
        if is_closed(extras or ()):
            if not is_declared:
                text = "an empty 'properties' is added"
                self._log.change(part.path, "properties", "closed", "same", text)
            return True
        if extras is not None and not is_trivial(extras):
            message = "has properties of any name; name them, or use a list of pairs"
            self._log.refuse(part.path, "free-form", message)
            return False
        if not members.properties and (extras is not None or not is_declared):
            message = "is an object of anything; name its properties"
            self._log.refuse(part.path, "free-form", message)
            return False
        text = "no properties beyond the named ones"
        self._log.change(part.path, "additionalProperties", "closed", "narrower", text)
        return True

    def _array(self, part: Part, elements: Elements, depth: int) -> _Node:
        if elements.prefix:
            return self._tuple(part, elements, depth)
        rest = elements.rest
        if rest is None or is_trivial(rest):
            message = "is an array of anything; describe its items"
            self._log.refuse(part.path, "free-form", message)
            return dict(STAND_IN)
        return {"type": "array", "items": self._child(rest, depth + 1)}

    def _tuple(self, part: Part, elements: Elements, depth: int) -> _Node:
        rest, size = elements.rest, len(elements.prefix)
        is_full = elements.max_items is not None and elements.max_items <= size
        if is_full or rest is None or is_trivial(rest):
            effect: Effect = "same" if is_full else "narrower"
            text = f"no items beyond the first {size}"
            self._log.change(part.path, "items", "closed", effect, text)
        elif not is_closed(rest):
            message = f"describes items after the first {size}; that cannot be sent"
            self._log.refuse(part.path, "array", message)
        items: list[Json] = [self._child(places, depth + 1) for places in elements.prefix]
        return {"type": "array", "prefixItems": items, "items": False}

    def _with_keys(self, part: Part) -> Part:
        """The part with the names 'propertyNames' lists as properties, or described in words."""
        members = part.members
        if members is None or not members.names:
            return part
        names = self._flattener.values_of(members.names)
        extras = members.extras
        if names is not None and extras and not is_closed(extras) and not members.properties:
            text = "every name 'propertyNames' lists becomes a property"
            self._log.change(part.path, "propertyNames", "keyed", "same", text)
            properties = {name: extras for name in names if isinstance(name, str)}
            closed = Members(
                properties, is_declared=True, required=members.required, extras=_NOTHING
            )
            return replace(part, members=closed)
        texts = part.texts
        for place in members.names:
            said = sentence(_NAMES_TEXT, place.schema)
            path = place.path.removesuffix("/propertyNames")
            text = f"'propertyNames' moves into the description: {said}"
            self._log.change(path, "propertyNames", "restated", "wider", text)
            texts += (said,)
        return replace(part, texts=texts, members=replace(members, names=()))


def _bounds(part: Part, types: tuple[str, ...]) -> _Node:
    """The limits that mean something for any of the types."""
    return {name: said for name, said in part.bounds.items() if is_relevant(row_of(name), types)}


def _annotated(part: Part, node: Mapping[str, Json]) -> _Node:
    """The node with the part's title and description before it, and its default after."""
    annotations = dict(part.annotations)
    described: _Node = {"title": annotations.pop("title")} if "title" in annotations else {}
    if part.texts:
        described["description"] = " ".join(filter(None, dict.fromkeys(part.texts)))
    return {**described, **node, **annotations}


def _or_null(node: _Node) -> _Node:
    """The node with null as a further alternative."""
    null: _Node = {"type": "null"}
    alternatives = node.get("anyOf")
    if isinstance(alternatives, list):
        return {**node, "anyOf": [*alternatives, null]}
    outside = {name: node[name] for name in node if row_of(name).fate is Fate.ANNOTATION}
    inside = {name: node[name] for name in node if name not in outside}
    return {**outside, "anyOf": [inside, null]}
