"""Names for what references point at."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from cerebras_ext.schema.json_tree import Json, at, tokens_of
from cerebras_ext.schema.names import MAX_NAME_LENGTH, schema_name
from cerebras_ext.schema.parts import Ref, Source
from cerebras_ext.schema.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cerebras_ext.schema.report import Log

__all__ = ["Definitions"]

_KEYWORDS: Final = ("$defs", "definitions")
_PREFIX: Final = "#/$defs/"


class Definitions:
    """Gives every node referred to a name in '$defs', and hands each out to be written once.

    A definition keeps its name if it fits the service's alphabet; others, and nodes elsewhere in
    the schema, get one made from the last part of their pointer.
    """

    def __init__(self, document: Json, *, log: Log) -> None:
        self._document: Mapping[str, Json] = document if isinstance(document, dict) else {}
        self._log = log
        self._names: dict[str, str] = {}
        self._origins: dict[str, str] = {}
        self._pending: deque[tuple[str, Source]] = deque()

    def __iter__(self) -> Iterator[tuple[str, Source]]:
        """Name and node of each definition, also of those found while the others are written."""
        while self._pending:
            yield self._pending.popleft()

    def origin_of(self, name: str) -> str:
        """The pointer at which a definition was found."""
        return self._origins[name]

    def pointer_to(self, ref: Ref) -> str:
        """The `$ref` that leads to the definition."""
        pointer = ref.pointer
        if pointer not in self._names:
            name = self._names[pointer] = self._new_name(pointer)
            self._origins[name] = pointer
            self._pending.append((name, Source(pointer, ref.target.schema, lineage=(pointer,))))
        return _PREFIX + self._names[pointer]

    def reachable_from(self, root: Json, written: Mapping[str, Json]) -> dict[str, Json]:
        """The written definitions that a reference of the root leads to, by whatever detours.

        Every other definition of the schema given is noted as left out.
        """
        used: dict[str, Json] = {}
        pending = [root]
        while pending:
            for visit in walk(pending.pop()):
                ref = visit.node.get("$ref") if isinstance(visit.node, dict) else None
                name = ref.removeprefix(_PREFIX) if isinstance(ref, str) else None
                if name is not None and name not in used:
                    used[name] = written[name]
                    pending.append(written[name])
        for keyword in _KEYWORDS:
            definitions = self._document.get(keyword)
            for name in definitions if isinstance(definitions, dict) else ():
                path = at("", keyword, name)
                if self._names.get(path) not in used:
                    text = "the definition is left out: nothing refers to it"
                    self._log.change(path, keyword, "unreachable", "same", text)
        return {name: written[name] for name in written if name in used}

    def _new_name(self, pointer: str) -> str:
        token = (tokens_of(pointer) or ["schema"])[-1]
        name = wanted = schema_name(token)
        number = 1
        while not self._is_free(name, pointer):
            number += 1
            name = f"{wanted[: MAX_NAME_LENGTH - 6]}_{number}"
        if pointer not in (at("", keyword, name) for keyword in _KEYWORDS):
            text = f"the definition is called {name!r}"
            self._log.change(pointer, "$defs", "renamed", "same", text)
        return name

    def _is_free(self, name: str, pointer: str) -> bool:
        """Whether nothing has the name, and no definition of the schema given is called so."""
        own = at("", "$defs", name)
        definitions = self._document.get("$defs")
        is_reserved = isinstance(definitions, dict) and name in definitions and own != pointer
        return not is_reserved and name not in self._origins
