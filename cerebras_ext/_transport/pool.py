"""The pool for threads, over httpcore's connections, with streams that know a deadline."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from cerebras_ext._locks import new_reentrant_lock
from cerebras_ext._transport.lending import Lender
from cerebras_ext._transport.settings import timeouts_of
from cerebras_ext._transport.wire import Wire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from types import TracebackType

    import httpcore

    from cerebras_ext._transport.settings import PoolSettings

__all__ = ["Pool", "Stream"]


class Stream:
    """A network stream that does what its wire says."""

    def __init__(self, stream: httpcore.NetworkStream, wire: Wire) -> None:
        """Wraps httpcore's own stream."""
        self._stream = stream
        self._wire = wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes; empty at the end."""
        wire = self._wire
        return wire.incoming(self._stream.read(max_bytes, wire.within(timeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Sends bytes; see `Wire.outgoing`."""
        wire = self._wire
        self._stream.write(wire.outgoing(buffer), wire.within(timeout))

    def close(self) -> None:
        """Closes the socket."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> Stream:
        """The same, encrypted."""
        limit_s = self._wire.within(timeout)
        return Stream(self._stream.start_tls(ssl_context, server_hostname, limit_s), self._wire)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore's own stream tells."""
        return self._stream.get_extra_info(info)

    def end_within(self, seconds: float) -> None:
        """Gives what is still to come this much time."""
        self._wire.end_within(seconds)


class _Backend:
    """Makes a connection's stream."""

    def __init__(self, backend: httpcore.NetworkBackend, wire: Wire) -> None:
        self._backend = backend
        self._wire = wire

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, **options: Any
    ) -> Stream:
        limit_s = self._wire.within(timeout)
        return Stream(self._backend.connect_tcp(host, port, limit_s, **options), self._wire)


class _Connection:
    """One connection, which tells its stream what its requests ask for."""

    def __init__(self, settings: PoolSettings) -> None:
        core = settings.core
        self._wire = Wire()
        self._http: httpcore.HTTPConnection = core.HTTPConnection(
            network_backend=_Backend(core.SyncBackend(), self._wire),
            **settings.connection_options(),
        )
        self.is_idle = self._http.is_idle
        self.has_expired = self._http.has_expired
        self.close = self._http.close

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        self._wire.begin(request)
        return self._http.handle_request(request)


class _Body:
    """A reply's body; closing it gives its connection back."""

    def __init__(self, body: Any, connection: _Connection, pool: Pool) -> None:
        self._body = body
        self._connection: _Connection | None = connection
        self._pool = pool

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                self._body.close()
            finally:
                self._pool.give_back(connection)


class Pool:
    """Lends connections to threads; stands where an `httpcore.ConnectionPool` would."""

    def __init__(self, settings: PoolSettings) -> None:
        """Opens nothing yet."""
        self._settings = settings
        # the collector may close a forgotten stream in any thread at any time, so in this one too
        self._lock = new_reentrant_lock()
        self._lender: Lender[_Connection] = Lender(
            lambda: _Connection(settings),
            n_most=settings.max_connections,
            n_most_idle=settings.max_keepalive_connections,
        )

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Sends a request; the reply's body is still to be read, and to be closed."""
        connection = self._borrow(timeouts_of(request).get("pool"))
        try:
            response = connection.handle_request(request)
        except BaseException:
            self.give_back(connection)
            raise
        response.stream = _Body(response.stream, connection, self)
        return response

    def give_back(self, connection: _Connection) -> None:
        """Ends a loan."""
        with self._lock:
            unwanted = self._lender.give_back(connection)
        _close(unwanted)

    def close(self) -> None:
        """Closes all connections, lent ones too."""
        with self._lock:
            connections = self._lender.close()
        _close(connections)

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.close()

    def _borrow(self, timeout_s: float | None) -> _Connection:
        waiter: Future[_Connection] = Future()
        with self._lock:
            expired = self._lender.borrow(waiter)
        _close(expired)
        try:
            return waiter.result(timeout_s)
        except BaseException as error:
            with self._lock:
                came_late = not waiter.cancel()
            if came_late:
                self.give_back(waiter.result())
            if isinstance(error, TimeoutError):
                raise self._settings.core.PoolTimeout from None
            raise


def _close(connections: list[_Connection]) -> None:
    for connection in connections:
        connection.close()
