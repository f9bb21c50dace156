"""Faults below HTTP: a plain server that breaks connections before an emulator sees them.

    with running_emulator() as emulator, raw_server("reset", upstream=emulator.root_url) as raw:
        ...  # the first connection to raw.base_url is reset, later ones reach the emulator

Each connection gets the next of the faults that were named. Once they are used up, connections are
passed on to `upstream`; without one, the last fault goes on for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from cerebras_ext.emulator.faults import FaultError

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["RAW_FAULTS", "RawServer", "raw_server"]

_HALF_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-"
_GARBAGE = b"SSH-2.0-OpenSSH_9.6\r\n\x00\xff\xfethis is no HTTP\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BLOCK_BYTES = 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time


class RawServer:
    """A server of faults that is listening."""

    def __init__(self, faults: tuple[str, ...], upstream: str | None, root_url: str) -> None:
        self._faults = faults
        self._upstream = None if upstream is None else urlsplit(upstream)
        self._root_url = root_url
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.n_connections = 0
        """Connections accepted so far."""

    def __repr__(self) -> str:
        return f"RawServer(base_url={self.base_url!r})"

    @property
    def root_url(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return self._root_url

    @property
    def base_url(self) -> str:
        """What clients take as their base URL."""
        return f"{self._root_url}/v1"

    async def run(
        self, listener: socket.socket, ready: Callable[[Callable[[], None]], None]
    ) -> None:
        """Serves until the function given to `ready` is called, from any thread."""
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, sock=listener)

        def stop() -> None:
            loop.call_soon_threadsafe(stopping.set)

        ready(stop)
        await stopping.wait()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        # Their reads end now that their connections are gone.
        await asyncio.gather(*self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.n_connections
        self.n_connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with self._watched(writer), contextlib.suppress(ConnectionError):
            if number < len(self._faults) or self._upstream is None:
                play = RAW_FAULTS[self._faults[min(number, len(self._faults) - 1)]]
                await play(self, reader, writer)
            else:
                await self.relay(b"", reader, writer)

    @contextlib.contextmanager
    def _watched(self, writer: asyncio.StreamWriter) -> Generator[None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.close()

    async def relay(
        self, received: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Passes on what was received and whatever follows, both ways."""
        if self._upstream is None:
            return
        up_reader, up_writer = await asyncio.open_connection(
            self._upstream.hostname, self._upstream.port
        )
        with self._watched(up_writer):
            up_writer.write(received)
            await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer))


@contextlib.contextmanager
def raw_server(*faults: str, upstream: str | None = None) -> Generator[RawServer]:
    """A server that plays `faults` for as long as the block runs.

    Args:
        *faults: Names in `RAW_FAULTS`, one for each connection.
        upstream: Root URL of the emulator that later connections reach.

    Raises:
        FaultError: No such fault, or nothing to do at all.
    """
    for name in faults:
        if name not in RAW_FAULTS:
            raise FaultError(f"{name!r} must be one of {', '.join(RAW_FAULTS)}")
    if not faults and upstream is None:
        raise FaultError("name a fault, or an upstream to pass connections to")
    if "continue" in faults and upstream is None:
        raise FaultError("the fault 'continue' goes on with an answer: give an upstream")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as the emulator does
        server = RawServer(faults, upstream, f"http://127.0.0.1:{listener.getsockname()[1]}")
        stops: list[Callable[[], None]] = []
        is_ready = threading.Event()

        def ready(stop: Callable[[], None]) -> None:
            stops.append(stop)
            is_ready.set()

        thread = threading.Thread(
            target=lambda: asyncio.run(server.run(listener, ready)), name="raw-server", daemon=True
        )
        thread.start()
        is_ready.wait()
        try:
            yield server
        finally:
            stops[0]()
            thread.join()


async def _reset(_: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Resets once the request has been sent."""
    await _read_request(reader)
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


async def _hang_up(
    _: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Closes without an answer."""
    await _read_request(reader)


async def _silence(
    _: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Takes the request and says nothing until the client leaves."""
    while await reader.read(_BLOCK_BYTES):
        pass


async def _half_head(
    _: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Closes in the middle of a header."""
    await _read_request(reader)
    writer.write(_HALF_HEAD)
    await writer.drain()


async def _garbage(
    _: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answers in another protocol."""
    await _read_request(reader)
    writer.write(_GARBAGE)
    await writer.drain()


async def _continue(
    server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Sends `100 Continue` before the upstream's answer."""
    request = await _read_request(reader)
    writer.write(_CONTINUE)
    await server.relay(request, reader, writer)


_Play: TypeAlias = Callable[
    [RawServer, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]
]

RAW_FAULTS: Mapping[str, _Play] = {
    "reset": _reset,
    "hang-up": _hang_up,
    "silence": _silence,
    "half-head": _half_head,
    "garbage": _garbage,
    "continue": _continue,
}
"""Every fault by name."""


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    """One request with a body of known length, or what came of it."""
    received = b""
    try:
        received = await reader.readuntil(b"\r\n\r\n")
        fields = (line.partition(b":") for line in received.lower().split(b"\r\n"))
        lengths = [int(value) for name, _, value in fields if name == b"content-length"]
        return received + await reader.readexactly(sum(lengths))
    except asyncio.IncompleteReadError as error:
        return received + error.partial


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies until either side leaves, then closes the side that is written to."""
    with contextlib.suppress(ConnectionError):
        while block := await reader.read(_BLOCK_BYTES):
            writer.write(block)
            await writer.drain()
    writer.close()
