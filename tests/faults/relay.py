"""A server that passes connections on to another one, TLS or not."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Generator

_BLOCK_BYTES = 65_536


class Relay:
    """Passes on what comes to the listeners it is given."""

    def __init__(self, upstream_url: str, ssl_context: ssl.SSLContext | None) -> None:
        self._upstream = urlsplit(upstream_url)
        self._ssl_context = ssl_context
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None] | None] = []

    def listen(self, listener: socket.socket) -> None:
        """Begins to accept."""
        listener.listen()
        starting = asyncio.start_server(self._serve, sock=listener, ssl=self._ssl_context)
        self._servers.append(asyncio.run_coroutine_threadsafe(starting, self._loop).result())

    def stop(self) -> None:
        """Drops all connections."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*filter(None, self._tasks))  # their reads end now

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.current_task())
        up_reader, up_writer = await asyncio.open_connection(
            self._upstream.hostname, self._upstream.port
        )
        self._writers += [writer, up_writer]
        await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies until either side leaves, then closes the side that is written to."""
    with suppress(ConnectionError):
        while block := await reader.read(_BLOCK_BYTES):
            writer.write(block)
            await writer.drain()
    writer.close()


@contextmanager
def relay_to(upstream_url: str, ssl_context: ssl.SSLContext | None = None) -> Generator[Relay]:
    """A relay for a block; it has its listeners still to get."""
    relay = Relay(upstream_url, ssl_context)
    try:
        yield relay
    finally:
        relay.stop()
