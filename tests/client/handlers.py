"""What a server of `wire` does with a connection: it answers, hangs up or keeps silent."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

from tests.client.wire import event_stream, read_request

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "REPLY",
    "SIZED",
    "STREAM",
    "after_request",
    "keep",
    "reply_for_ever",
    "reset",
    "sending",
    "stream_for_ever",
]

REPLY = b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]}'
SIZED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(
    REPLY
)
STREAM = event_stream("a", "b", "c")


def reply_for_ever(connection: socket.socket) -> None:
    """Answers every request of a connection."""
    while True:
        read_request(connection)
        connection.sendall(SIZED + REPLY)


def stream_for_ever(connection: socket.socket) -> None:
    """Answers every request of a connection with a stream."""
    while True:
        read_request(connection)
        connection.sendall(b"".join(STREAM))


def reset(connection: socket.socket) -> None:
    """Sends a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def after_request(action: Callable[[socket.socket], object]) -> Callable[[socket.socket], None]:
    """A handler that acts once the request has come, and then waits for the client to go."""

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        action(connection)
        if connection.fileno() >= 0:
            connection.recv(1)

    return handle


def sending(*pieces: bytes, then: Callable[[socket.socket], object] = socket.socket.close) -> Any:
    """A handler that sends this and then hangs up, or does something else."""

    def act(connection: socket.socket) -> None:
        connection.sendall(b"".join(pieces))
        then(connection)

    return after_request(act)


def keep(_: socket.socket) -> None:
    """Keeps the connection open."""
