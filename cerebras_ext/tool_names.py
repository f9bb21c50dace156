"""Tool names the service accepts, and back again.

The service takes `[A-Za-z0-9_-]`, at most 64 characters; tools come with dots (MCP servers),
brackets (generic classes) and spaces. Source: API specification section 9.1.
"""

from __future__ import annotations

import re
from hashlib import blake2s
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_NAME_CHARS", "ToolNames", "is_wire_name"]

MAX_NAME_CHARS = 64
_WIRE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OTHER_CHARS = re.compile(r"[^A-Za-z0-9_-]+")
_HASH_CHARS = 6


def is_wire_name(name: str) -> bool:
    """Whether the service takes the name as it is."""
    return _WIRE_NAME.fullmatch(name) is not None


class ToolNames:
    """Names of one request's tools: theirs and the wire's, one to one.

    The same names give the same mapping in every request, whatever their order, so that histories
    and prompt caches stay valid.
    """

    __slots__ = ("_original", "_wire")

    def __init__(self, wire_names: dict[str, str]) -> None:
        """Keeps a mapping from original names to wire names."""
        self._wire = wire_names
        self._original = {wire: name for name, wire in wire_names.items()}

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """The mapping for the tools of a request; fitting names stay as they are.

        Raises:
            ValueError: A name is empty.
        """
        wanted = sorted(set(names))
        if "" in wanted:
            raise ValueError("a tool has an empty name; give it one")
        taken = {name for name in wanted if is_wire_name(name)}
        wire_names: dict[str, str] = {}
        for name in wanted:
            wire = fitting = name if is_wire_name(name) else _fitting(name)
            n_taken = 0
            while wire != name and wire in taken:
                wire = _marked(fitting, name, n_taken)
                n_taken += 1
            taken.add(wire)
            wire_names[name] = wire
        return cls(wire_names)

    def to_wire(self, name: str) -> str:
        """The name to send; a name outside the mapping (from an older history) is made to fit."""
        known = self._wire.get(name)
        return known if known is not None else name if is_wire_name(name) else _fitting(name)

    def from_wire(self, name: str) -> str:
        """The tool's own name; a name the model made up stays as it is."""
        return self._original.get(name, name)


def _fitting(name: str) -> str:
    fitting = _OTHER_CHARS.sub("_", name).strip("_") or "tool"
    return fitting if len(fitting) <= MAX_NAME_CHARS else _marked(fitting, name)


def _marked(wire: str, name: str, n_taken: int = 0) -> str:
    """A wire name told apart by a digest of the original; another one for each that is taken."""
    digest = blake2s(
        name.encode("utf-8", "surrogatepass"),
        digest_size=_HASH_CHARS // 2,
        salt=n_taken.to_bytes(8, "big"),
    ).hexdigest()
    return f"{wire[: MAX_NAME_CHARS - _HASH_CHARS - 1]}_{digest}"
