"""Runs an emulator: uvicorn in a thread of its own, on a loopback port.

    with running_emulator() as emulator:
        client = SomeClient(base_url=emulator.base_url, api_key="csk-test")

A thread, so that blocking clients, any number of event loops and pytest can talk to it alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from cerebras_ext.emulator.app import Application
from cerebras_ext.emulator.options import EmulatorOptions
from cerebras_ext.emulator.script import steps_of
from cerebras_ext.emulator.state import EmulatorState
from cerebras_ext.emulator.tokens import find_tokenizer, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Generator

    from cerebras_ext.emulator.recording import RecordedRequest
    from cerebras_ext.emulator.script import StepLike

__all__ = ["EmulatorServer", "RunningEmulator", "listening_socket", "running_emulator", "url_of"]

_LOGGER = logging.getLogger("cerebras_ext.emulator")
_LOGGER.addHandler(logging.NullHandler())

_START_TIMEOUT_S = 10.0
_BACKLOG = 2048


class RunningEmulator:
    """An emulator that is listening, as its tests and users see it."""

    def __init__(self, state: EmulatorState, root_url: str, thread: threading.Thread) -> None:
        self._state = state
        self._root_url = root_url
        self._thread = thread

    def __repr__(self) -> str:
        return f"RunningEmulator(base_url={self.base_url!r})"

    @property
    def options(self) -> EmulatorOptions:
        """What it was started with."""
        return self._state.options

    @property
    def base_url(self) -> str:
        """What clients take as their base URL: `http://127.0.0.1:<port>/v1`."""
        return f"{self._root_url}/v1"

    @property
    def root_url(self) -> str:
        """The same without `/v1`, as the official SDK wants it."""
        return self._root_url

    @property
    def is_running(self) -> bool:
        """Whether it still listens; an idle one may have stopped by itself."""
        return self._thread.is_alive()

    def wait_until_stopped(self) -> None:
        """Returns once it has stopped by itself, as `idle_timeout_s` makes it do."""
        self._thread.join()

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """Every request since the start or the last `reset`, oldest first."""
        return self._state.recorder.requests

    def script(self, *steps: StepLike) -> None:
        """Answers the next requests from these steps, in place of an earlier script.

        Raises:
            ScriptError: A step is not one; the text says which and why.
        """
        self._state.play(steps_of(steps))

    def reset(self) -> None:
        """Forgets requests, script, prompt cache, rate-limit use and ids: a fresh emulator."""
        self._state.reset()


@contextlib.contextmanager
def running_emulator(options: EmulatorOptions | None = None) -> Generator[RunningEmulator]:
    """An emulator that listens for as long as the block runs.

    Leaving the block ends open replies, closes every connection and joins the thread.

    Raises:
        OSError: The address cannot be listened on.
    """
    state = EmulatorState(options or EmulatorOptions())
    with listening_socket(state.options) as listener:
        root_url = url_of(listener)
        server = EmulatorServer(state)
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve([listener])),
            name="cerebras-emulator",
            daemon=True,
        )
        thread.start()
        try:
            server.wait_until_ready()
            yield RunningEmulator(state, root_url, thread)
        finally:
            server.should_exit = True
            thread.join()


def listening_socket(options: EmulatorOptions) -> socket.socket:
    """A socket bound to the address of the options."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.create_server((options.host, options.port), family=family, backlog=_BACKLOG)
    # Connections inherit it. asyncio sets it on sockets of which it knows the protocol, and for
    # these it is 0; small writes would each wait for the last one's acknowledgement, 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """`http://<host>:<port>` of a bound socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class EmulatorServer(Server):
    """The server of one emulator: stops at once, or by itself after an idle time."""

    def __init__(self, state: EmulatorState) -> None:
        find_tokenizer()
        self._state = state
        self._is_ready = threading.Event()
        super().__init__(
            Config(
                Application(state),
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )

    def wait_until_ready(self) -> None:
        """Returns when requests are answered.

        Raises:
            TimeoutError: The server did not start.
        """
        if not self._is_ready.wait(_START_TIMEOUT_S):
            raise TimeoutError(f"the emulator did not start within {_START_TIMEOUT_S:g} s")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, says so, and gets ready to count tokens."""
        await super().startup(sockets)
        self._is_ready.set()
        load_tokenizer()

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop; asked ten times a second."""
        return await super().on_tick(counter) or self._state.is_idle()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends what is open, replies and connections, so that nothing is left to wait for."""
        self._state.open_replies.hang_up_all()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # the connections hear of it
        await super().shutdown(sockets)


class _Protocol(H11Protocol):
    """HTTP/1.1 that hands its transport to the application, so that a reply can be cut short."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # uvicorn's own logger prints to stderr when nobody configures logging.
        self.logger = _LOGGER

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        # asyncio does so only where the listening socket names its protocol; without it, every
        # reply on a kept connection waits 40 ms for an acknowledgement.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
