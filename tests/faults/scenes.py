"""How each fault is brought about: a server, and a way to make it well again."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cerebras_ext.emulator.rawserver import raw_server
from tests.faults.relay import relay_to

if TYPE_CHECKING:
    import pytest
    import trustme

    from cerebras_ext.emulator.server import RunningEmulator
    from tests.faults.callers import Caller

HOST = "127.0.0.1"
ANSWER_PIECES = ("Hello, ", "wonderful ", "world!")
ANSWER = "".join(ANSWER_PIECES)
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
SOUND_STEP = {"deltas": ANSWER_PIECES, "times": 20}


@dataclass(frozen=True, slots=True)
class Stage:
    """What scenes are made with."""

    emulator: RunningEmulator
    authority: trustme.CA
    monkeypatch: pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Scene:
    """A server with a fault.

    Attributes:
        base_url: What a client is given.
        heal: Makes the server well again.
        ssl_context: What a client is given to verify with.
        max_connections: How many connections a client may have.
        meanwhile: What goes on around the call that meets the fault.
    """

    base_url: str
    heal: Callable[[], None] = lambda: None
    ssl_context: ssl.SSLContext | None = None
    max_connections: int = 1_000
    meanwhile: Callable[[Caller], AbstractContextManager[None]] = lambda _: nullcontext()

    @property
    def port(self) -> int:
        """Where connections lead."""
        return urlsplit(self.base_url).port or 0


Play = Callable[[Stage, int], AbstractContextManager[Scene]]
"""Plays a fault to so many requests, or until the scene is healed."""


def emulated(fault: str, **step: Any) -> Play:
    """A fault of the emulator's."""

    @contextmanager
    def play(stage: Stage, times: int) -> Generator[Scene]:
        answer = step or {"deltas": ANSWER_PIECES}
        stage.emulator.script({**answer, "fault": fault, "times": times}, SOUND_STEP)
        yield Scene(stage.emulator.base_url)

    return play


def below_http(fault: str) -> Play:
    """A fault below HTTP."""

    @contextmanager
    def play(stage: Stage, times: int) -> Generator[Scene]:
        with raw_server(*[fault] * times, upstream=stage.emulator.root_url) as raw:
            yield Scene(raw.base_url)

    return play


@contextmanager
def refused(stage: Stage, _times: int) -> Generator[Scene]:
    """Nobody listens; then somebody does."""
    with socket.socket() as listener, relay_to(stage.emulator.root_url) as relay:
        listener.bind((HOST, 0))
        yield Scene(_url_of(listener), heal=lambda: relay.listen(listener))


@contextmanager
def not_accepted(stage: Stage, _times: int) -> Generator[Scene]:
    """Somebody listens, but the queue of those who want to connect is full."""
    with (
        socket.create_server((HOST, 0), backlog=0) as listener,
        relay_to(stage.emulator.root_url) as relay,
        ExitStack() as queue,
    ):
        for _ in range(4):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())

        def heal() -> None:
            queue.close()
            relay.listen(listener)

        yield Scene(_url_of(listener), heal=heal)


@contextmanager
def unresolved(stage: Stage, _times: int) -> Generator[Scene]:
    """The host's name cannot be resolved, for a while."""
    resolve = socket.getaddrinfo
    is_known = threading.Event()

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        if host in ("localhost", b"localhost") and not is_known.is_set():
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *args, **options)

    with (
        socket.create_server((HOST, 0)) as listener,
        relay_to(stage.emulator.root_url) as relay,
        stage.monkeypatch.context() as patched,
    ):
        relay.listen(listener)
        patched.setattr(socket, "getaddrinfo", getaddrinfo)
        yield Scene(_url_of(listener).replace(HOST, "localhost"), heal=is_known.set)


def untrusted(*names: str, **certificate: Any) -> Play:
    """A certificate that must not be trusted, for a while."""

    @contextmanager
    def play(stage: Stage, _times: int) -> Generator[Scene]:
        bad = _server_context(stage.authority, *names, **certificate)
        good = _server_context(stage.authority, "localhost")
        is_well = threading.Event()

        def choose(connection: Any, _name: object, _context: object) -> None:
            if is_well.is_set():
                connection.context = good

        bad.sni_callback = choose
        trusting = ssl.create_default_context()
        stage.authority.configure_trust(trusting)
        with (
            socket.create_server((HOST, 0)) as listener,
            relay_to(stage.emulator.root_url, bad) as relay,
        ):
            relay.listen(listener)
            url = _url_of(listener).replace(f"http://{HOST}", "https://localhost")
            yield Scene(url, heal=is_well.set, ssl_context=trusting)

    return play


@contextmanager
def exhausted(stage: Stage, _times: int) -> Generator[Scene]:
    """The only connection is taken, by a stream that waits."""
    stage.emulator.script({"deltas": ANSWER_PIECES, "fault": "stall:2"}, SOUND_STEP)
    yield Scene(
        stage.emulator.base_url, max_connections=1, meanwhile=lambda caller: caller.holding()
    )


def _server_context(authority: trustme.CA, *names: str, **certificate: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **certificate).configure_cert(context)
    return context


def _url_of(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"
