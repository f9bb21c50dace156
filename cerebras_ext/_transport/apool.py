"""The pool for asyncio, over httpcore's connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cerebras_ext._transport.asyncio_stream import AsyncioBackend
from cerebras_ext._transport.lending import Lender
from cerebras_ext._transport.settings import timeouts_of
from cerebras_ext._transport.wire import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    import httpcore

    from cerebras_ext._transport.settings import PoolSettings

__all__ = ["AsyncPool"]


class _Connection:
    """One connection, which tells its stream when a reply begins."""

    def __init__(self, settings: PoolSettings) -> None:
        core = settings.core
        self._wire = Wire()
        self._http: httpcore.AsyncHTTPConnection = core.AsyncHTTPConnection(
            network_backend=AsyncioBackend(core, self._wire), **settings.connection_options()
        )
        self.is_idle = self._http.is_idle
        self.has_expired = self._http.has_expired
        self.aclose = self._http.aclose

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        self._wire.begin(request)
        return await self._http.handle_async_request(request)


class _Body:
    """A reply's body; closing it gives its connection back."""

    def __init__(self, body: Any, connection: _Connection, pool: AsyncPool) -> None:
        self._body = body
        self._connection: _Connection | None = connection
        self._pool = pool

    def __aiter__(self) -> AsyncIterator[bytes]:
        iterator: AsyncIterator[bytes] = self._body.__aiter__()
        return iterator

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await self._body.aclose()
            finally:
                await self._pool.give_back(connection)


class AsyncPool:
    """Lends connections to tasks; stands where an `httpcore.AsyncConnectionPool` would.

    Attributes:
        ends_in_time: No wait for or on a connection goes beyond the request's deadline.
    """

    ends_in_time = True

    def __init__(self, settings: PoolSettings) -> None:
        """Opens nothing yet, and needs no event loop."""
        self._settings = settings
        self._lender: Lender[_Connection] = Lender(
            lambda: _Connection(settings),
            n_most=settings.max_connections,
            n_most_idle=settings.max_keepalive_connections,
        )

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Sends a request; the reply's body is still to be read, and to be closed."""
        connection = await self._borrow(timeouts_of(request).get("pool"))
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await self.give_back(connection)
            raise
        response.stream = _Body(response.stream, connection, self)
        return response

    async def give_back(self, connection: _Connection) -> None:
        """Ends a loan."""
        await _close(self._lender.give_back(connection))

    async def aclose(self) -> None:
        """Closes all connections, lent ones too."""
        await _close(self._lender.close())
        await asyncio.sleep(0)  # the loop takes closed sockets down in its next round

    async def __aenter__(self) -> AsyncPool:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def _borrow(self, timeout_s: float | None) -> _Connection:
        waiter: asyncio.Future[_Connection] = asyncio.get_running_loop().create_future()
        await _close(self._lender.borrow(waiter))
        if waiter.done():
            return waiter.result()
        try:
            async with asyncio.timeout(timeout_s):
                return await waiter
        except BaseException as error:
            if not waiter.cancel() and not waiter.cancelled():  # it came at the last moment
                await self.give_back(waiter.result())
            if isinstance(error, TimeoutError):
                raise self._settings.core.PoolTimeout from None
            raise


async def _close(connections: list[_Connection]) -> None:
    for connection in connections:
        await connection.aclose()
