"""A network stream on asyncio's own transports; what it reads and writes goes through its wire.

httpcore's stream for asyncio goes through anyio, which costs half again as much processor time for
each read. Errors, time limits and the way names are resolved are the same.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, cast

from cerebras_ext._transport.racing import addresses_of, first_connected

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from cerebras_ext._transport.wire import Wire

__all__ = ["AsyncioBackend", "AsyncioStream"]

_MOST_UNREAD_BYTES = 256 << 10


class AsyncioStream(asyncio.Protocol):
    """One connection's stream."""

    def __init__(self, core: Any, wire: Wire) -> None:
        """Waits for its transport.

        Args:
            core: The module `httpcore` or `httpcore2`, for its exceptions.
            wire: Rewrites what is read and written.
        """
        self._core = core
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()
        self._is_paused = False  # reading, because too much is unread
        self._is_congested = False  # writing, because the other side is slow
        self._is_over = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[None] | None = None  # whichever of the two is waited for
        self._expires_s = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Notes the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Keeps what came until it is read."""
        self._unread += data
        _wake(self._reader)
        if len(self._unread) > _MOST_UNREAD_BYTES and self._transport is not None:
            self._transport.pause_reading()
            self._is_paused = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Notes the end, the other side's or ours."""
        self._is_over = True
        self._error = self._error or exc
        self._transport = None
        self._stop_timer()
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        """Notes that the other side takes its time."""
        self._is_congested = True

    def resume_writing(self) -> None:
        """Lets the writer go on."""
        self._is_congested = False
        _wake(self._writer)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore asks for it
        """The next bytes; empty at the end."""
        unread = self._unread
        if not unread and not self._is_over:
            self._reader = self._loop.create_future()
            await self._wait(self._reader, self._wire.within(timeout), self._core.ReadTimeout)
        if not unread:
            if self._error is not None:
                raise self._core.ReadError(str(self._error)) from self._error
            return b""
        piece = bytes(unread[:max_bytes])
        del unread[:max_bytes]
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return self._wire.incoming(piece)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore asks for it
        """Sends bytes; see `Wire.outgoing`."""
        if self._transport is not None:
            self._transport.write(self._wire.outgoing(buffer))
            if self._is_congested:
                self._writer = self._loop.create_future()
                limit_s = self._wire.within(timeout)
                await self._wait(self._writer, limit_s, self._core.WriteTimeout)
        if self._transport is None:
            raise self._core.WriteError(str(self._error or "the connection is closed"))

    async def aclose(self) -> None:
        """Closes the socket. Never waits, so that nothing can keep it from happening."""
        self.abort()

    def abort(self) -> None:
        """Closes the socket; what is not sent yet is dropped."""
        self._error = self._error or ConnectionAbortedError("the connection is closed")
        if self._transport is not None:
            self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore asks for it
    ) -> AsyncioStream:
        """The same, encrypted."""
        plain = self._transport
        if plain is None:
            raise self._core.ConnectError(str(self._error or "the connection is closed"))
        try:
            async with asyncio.timeout(self._wire.within(timeout)):
                self._transport = await self._loop.start_tls(
                    plain, self, ssl_context, server_hostname=server_hostname
                )
        except BaseException as error:
            plain.abort()
            _raise_connect_error(self._core, error)
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks about a stream; None for what it does not ask."""
        if info == "is_readable":  # of an idle connection: the server has closed it
            return bool(self._unread) or self._is_over
        names = {"client_addr": "sockname", "server_addr": "peername"}
        transport = self._transport
        return None if transport is None else transport.get_extra_info(names.get(info, info))

    def end_within(self, seconds: float) -> None:
        """Gives what is still to come this much time."""
        self._wire.end_within(seconds)

    async def _wait(
        self, until: asyncio.Future[None], timeout_s: float | None, expiry: type[Exception]
    ) -> None:
        self._waiter = until
        self._expires_s = math.inf if timeout_s is None else self._loop.time() + timeout_s
        if timeout_s is not None and (self._timer is None or self._timer.when() > self._expires_s):
            self._set_timer()
        try:
            await until
        except TimeoutError:
            raise expiry from None
        finally:
            self._waiter = None

    def _set_timer(self) -> None:
        """Sets the one timer, which rings for whoever waits then; most waits find it set.

        A paced stream waits for each token; a timer for each would be a twentieth of its work.
        """
        self._stop_timer()
        self._timer = self._loop.call_at(self._expires_s, self._ring)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() >= self._expires_s:
            self._waiter.set_exception(TimeoutError())
        elif self._expires_s < math.inf:
            self._set_timer()


class AsyncioBackend:
    """Makes a connection's stream."""

    def __init__(self, core: Any, wire: Wire) -> None:
        """Keeps what the stream is to be made with; see `AsyncioStream`."""
        self._core = core
        self._wire = wire

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore asks for it
        local_address: str | None = None,
        socket_options: Iterable[tuple[Any, ...]] | None = None,
    ) -> AsyncioStream:
        """A stream to a host."""
        own = None if local_address is None else (local_address, 0)

        async def connect(address: str) -> AsyncioStream:
            _, stream = await asyncio.get_running_loop().create_connection(
                lambda: AsyncioStream(self._core, self._wire), address, port, local_addr=own
            )
            return stream

        try:
            async with asyncio.timeout(self._wire.within(timeout)):
                addresses = await addresses_of(host, port)
                stream = await first_connected(addresses, connect, AsyncioStream.abort)
        except OSError as error:
            _raise_connect_error(self._core, error)
            raise
        sock = stream.get_extra_info("socket")
        for option in socket_options or ():
            sock.setsockopt(*option)
        return stream

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


def _raise_connect_error(core: Any, error: BaseException) -> None:
    """Raises what httpcore would raise; returns for what is none of its business."""
    if isinstance(error, TimeoutError):
        raise core.ConnectTimeout(str(error)) from error
    if isinstance(error, OSError):  # TLS errors are of this kind too
        raise core.ConnectError(str(error)) from error


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
