"""What is measured: chat models of several packages, all asked for the same reply.

Each is made for a base URL and asks with the same short prompt. The module is imported in several
virtual environments, so each contender imports what it needs when it is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.client_contenders import CLIENTS
from benchmarks.langchain_contenders import LANGCHAIN
from benchmarks.llama_index_contenders import LLAMA_INDEX
from benchmarks.wire_floors import WIRE_FLOORS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["CONTENDERS", "Contender"]


class Contender(Protocol):
    """A chat model at a base URL."""

    def __init__(self, base_url: str) -> None: ...

    def stream(self) -> Iterator[Any]:
        """The items of a streamed reply."""
        ...

    def astream(self) -> AsyncIterator[Any]:
        """The same, async."""
        ...

    def reply(self) -> Any:
        """An unstreamed reply."""
        ...

    async def areply(self) -> Any:
        """The same, async."""
        ...


CONTENDERS: dict[str, type[Contender]] = {**WIRE_FLOORS, **CLIENTS, **LANGCHAIN, **LLAMA_INDEX}
"""By the name they have in the tables."""
