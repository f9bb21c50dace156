"""A server whose every byte the test decides: blocking sockets, one thread a connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

__all__ = ["Server", "chunked", "event_stream", "read_request", "serving"]

Handler = Callable[[socket.socket], None]

_TIMEOUT_S = 10


class Server:
    """A running server.

    Attributes:
        base_url: Its address.
        n_connections: How many have been accepted.
    """

    def __init__(self, handler: Handler, context: ssl.SSLContext | None) -> None:
        self._handler = handler
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.n_connections = 0
        scheme = "http" if context is None else "https"
        self.base_url = f"{scheme}://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Ends the server and all its connections."""
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(_TIMEOUT_S)
                self.n_connections += 1
                self._open.append(connection)
                threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with suppress(OSError):  # the client may go at any time
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection:
                self._handler(connection)


@contextmanager
def serving(handler: Handler, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that handles each connection this way."""
    server = Server(handler, context)
    try:
        yield server
    finally:
        server.close()


def read_request(connection: socket.socket) -> bytes:
    """One request, head and body.

    Raises:
        ConnectionError: The client has closed the connection.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    sizes = [line[15:] for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"]
    while len(body) < int(sizes[0] if sizes else 0):
        body += _some(connection)
    return head + b"\r\n\r\n" + body


def _some(connection: socket.socket) -> bytes:
    piece = connection.recv(65_536)
    if not piece:
        raise ConnectionResetError
    return piece


def chunked(*pieces: bytes) -> bytes:
    """Pieces as HTTP chunks, without the last one."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def event_stream(*texts: str) -> list[bytes]:
    """The writes of a streamed chat completion, head first, end last."""
    events = [
        b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % text.encode()
        for text in texts
    ]
    last = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return [head, *map(chunked, (*events, last, b"data: [DONE]\n\n")), b"0\r\n\r\n"]
