"""What an ASGI server and an application say to each other, as far as HTTP goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

__all__ = ["ClientLeft", "Message", "Receive", "Scope", "Send", "read_body"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class ClientLeft(Exception):
    """The connection ended before the request did."""


async def read_body(receive: Receive, limit_bytes: int) -> bytes | None:
    """The body of a request, read to its end; None if it is longer than `limit_bytes`.

    The rest of a body that is too long is read and forgotten, so that its sender, who may not read
    before everything is written, gets an answer.

    Raises:
        ClientLeft: The body did not end.
    """
    pieces: list[bytes] = []
    n_bytes = 0
    has_more = True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece = message.get("body", b"")
        n_bytes += len(piece)
        if n_bytes <= limit_bytes:
            pieces.append(piece)
        else:
            pieces.clear()
        has_more = message.get("more_body", False)
    return b"".join(pieces) if n_bytes <= limit_bytes else None
