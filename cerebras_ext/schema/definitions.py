"""Names for what references point at."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from cerebras_ext.schema.json_tree import Json, at, tokens_of
from cerebras_ext.schema.names import MAX_NAME_LENGTH, schema_name
from cerebras_ext.schema.parts import Ref, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cerebras_ext.schema.report import Log

__all__ = ["Definitions"]

_KEYWORDS = ("$defs", "definitions")


class Definitions:
    """Gives every node referred to a name in '$defs', and hands each out to be written once.

    A definition keeps its name if it fits the service's alphabet; others, and nodes elsewhere in
    the schema, get one made from the last part of their pointer.
    """

    def __init__(self, document: Json, *, log: Log) -> None:
        self._document: Mapping[str, Json] = document if isinstance(document, dict) else {}
        self._log = log
        self._names: dict[str, str] = {}
        self._pending: deque[tuple[str, Source]] = deque()

    def __iter__(self) -> Iterator[tuple[str, Source]]:
        """Name and node of each definition, also of those found while the others are written."""
        while self._pending:
            yield self._pending.popleft()

    def origin_of(self, name: str) -> str:
        """The pointer at which a definition was found."""
        return next(pointer for pointer, known in self._names.items() if known == name)

    def pointer_to(self, ref: Ref) -> str:
        """The `$ref` that leads to the definition."""
        if ref.pointer not in self._names:
            self._names[ref.pointer] = self._new_name(ref.pointer)
            self._pending.append(
                (self._names[ref.pointer], Source(ref.pointer, ref.target.schema, (ref.pointer,)))
            )
        return f"#/$defs/{self._names[ref.pointer]}"

    def note_unused(self) -> None:
        """Notes the definitions that no reference leads to any more."""
        for keyword in _KEYWORDS:
            definitions = self._document.get(keyword)
            for name in definitions if isinstance(definitions, dict) else ():
                path = at("", keyword, name)
                if path not in self._names:
                    text = "the definition is left out: nothing refers to it"
                    self._log.change(path, keyword, "unreachable", "same", text)

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
        return not is_reserved and name not in self._names.values()
