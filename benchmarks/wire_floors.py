"""Contenders with no client at all: the wire, read by a socket or by an HTTP library alone."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.question import request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from benchmarks.contenders import Contender

__all__ = ["WIRE_FLOORS"]


def _loads() -> Any:
    try:
        import orjson
    except ImportError:
        import pydantic_core

        return pydantic_core.from_json
    return orjson.loads


_DONE = b"[DONE]"


class _Events:
    """The least that splits and parses this server's events, for the floors."""

    def __init__(self) -> None:
        self._rest = b""
        self._loads = _loads()
        self.is_done = False

    def feed(self, piece: bytes) -> Iterator[Any]:
        *events, self._rest = (self._rest + piece).split(b"\n\n")
        for event in events:
            at = event.find(b"data: ") + 6  # after the HTTP chunk's size, if it is there
            if event.startswith(_DONE, at):
                self.is_done = True
            else:
                yield self._loads(event[at:])


class _RawEvents(_Events):
    """The same where HTTP chunks may end within an event: their sizes are cut out."""

    def feed(self, piece: bytes) -> Iterator[Any]:
        received = self._rest + piece
        self._rest = b""
        return super().feed(_CHUNK_SIZE.sub(b"", received))


_CHUNK_SIZE = re.compile(rb"\r\n[0-9a-f]+\r\n")


class Raw:
    """A socket and JSON: the wire itself."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._address = parts.hostname, parts.port
        self._path = parts.path
        self._events = _Events if "-event-" in parts.path else _RawEvents
        self._sock: socket.socket | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def _bytes(self, is_stream: bool) -> bytes:
        body = json.dumps(request(is_stream)).encode()
        head = f"POST {self._path}/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-length: "
        return head.encode() + b"%d\r\n\r\n%b" % (len(body), body)

    def _connected(self) -> socket.socket:
        if self._sock is None:
            self._sock = socket.create_connection(self._address)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._sock

    async def _aconnected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        return self._streams

    def stream(self) -> Iterator[Any]:
        sock = self._connected()
        sock.sendall(self._bytes(True))
        events = self._events()
        while not events.is_done:
            yield from events.feed(sock.recv(65_536))

    async def astream(self) -> AsyncIterator[Any]:
        reader, writer = await self._aconnected()
        writer.write(self._bytes(True))
        events = self._events()
        while not events.is_done:
            for event in events.feed(await reader.read(65_536)):
                yield event

    def reply(self) -> Any:
        sock = self._connected()
        sock.sendall(self._bytes(False))
        head, _, body = sock.recv(65_536).partition(b"\r\n\r\n")
        n_body = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(body) < n_body:
            body += sock.recv(65_536)
        return _loads()(body)

    async def areply(self) -> Any:
        reader, writer = await self._aconnected()
        writer.write(self._bytes(False))
        head = await reader.readuntil(b"\r\n\r\n")
        n_body = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        return _loads()(await reader.readexactly(n_body))


class Httpx:
    """Bare httpx and JSON, events split by two line ends."""

    library = "httpx"

    def __init__(self, base_url: str) -> None:
        self._http = __import__(self.library)
        self._url = f"{base_url}/chat/completions"
        self._client: Any = None
        self._async_client: Any = None

    def _sync(self) -> Any:
        if self._client is None:
            self._client = self._http.Client()
        return self._client

    def _async(self) -> Any:
        if self._async_client is None:
            self._async_client = self._http.AsyncClient(**self._options())
        return self._async_client

    def _options(self) -> dict[str, Any]:
        return {}

    def stream(self) -> Iterator[Any]:
        events = _Events()
        with self._sync().stream("POST", self._url, json=request(True)) as response:
            for piece in response.iter_raw():
                yield from events.feed(piece)

    async def astream(self) -> AsyncIterator[Any]:
        events = _Events()
        async with self._async().stream("POST", self._url, json=request(True)) as response:
            async for piece in response.aiter_raw():
                for event in events.feed(piece):
                    yield event

    def reply(self) -> Any:
        return _loads()(self._sync().post(self._url, json=request(False)).content)

    async def areply(self) -> Any:
        response = await self._async().post(self._url, json=request(False))
        return _loads()(response.content)


class Httpx2(Httpx):
    """Bare httpx2 and JSON."""

    library = "httpx2"


class HttpxAiohttp(Httpx):
    """httpx's interface over aiohttp."""

    def _options(self) -> dict[str, Any]:
        import httpx_aiohttp

        limits = self._http.Limits(max_connections=None, max_keepalive_connections=None)
        return {"transport": httpx_aiohttp.AiohttpTransport(limits=limits)}


WIRE_FLOORS: dict[str, type[Contender]] = {
    "raw socket": Raw,
    "httpx": Httpx,
    "httpx2": Httpx2,
    "httpx-aiohttp": HttpxAiohttp,
}
"""By the name they have in the tables."""
