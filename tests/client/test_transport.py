"""The pools below httpx: they do what the stock pools do, on fewer calls, and keep deadlines."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
import threading
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import trustme
from pydantic import SecretStr

from cerebras_ext import (
    AsyncCerebrasClient,
    CerebrasClient,
    CerebrasError,
    ClientConfig,
    ConfigError,
    ConnectionFailed,
    TimedOut,
    Timeouts,
)
from cerebras_ext._http import (
    HTTP_VARIABLE,
    TRANSPORT_VARIABLE,
    http_library,
    new_async_client,
    new_client,
)
from cerebras_ext._transport.apool import AsyncPool
from cerebras_ext._transport.placing import place_pool
from cerebras_ext._transport.pool import Pool
from cerebras_ext.config import RetryPolicy
from tests.client.wire import event_stream, read_request, serving
from tests.waiting import soon, soon_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cerebras_ext import ChatCompletion

# each test meets both libraries, whichever the run is on
pytestmark = [pytest.mark.once, pytest.mark.usefixtures("library")]

QUESTION: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
REPLY = b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]}'
SIZED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(
    REPLY
)
WAYS = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each HTTP library in turn."""
    pytest.importorskip(request.param, reason="an optional dependency")
    monkeypatch.setenv(HTTP_VARIABLE, request.param)
    http_library.cache_clear()
    yield request.param
    http_library.cache_clear()


def config_for(base_url: str, **changes: Any) -> ClientConfig:
    """Settings for a server of a test, without retries."""
    key = SecretStr("csk-test-1")
    return ClientConfig(
        **{"api_key": key, "base_url": base_url, "retry": RetryPolicy(max_retries=0)} | changes
    )


async def asked(config: ClientConfig, *, is_async: bool) -> ChatCompletion:
    """A reply; in a thread for the sync client, so that both can be waited for."""

    def ask() -> ChatCompletion:
        with CerebrasClient(config) as client:
            return client.chat(**QUESTION)

    if not is_async:
        return await asyncio.to_thread(ask)
    async with AsyncCerebrasClient(config) as client:
        return await client.chat(**QUESTION)


async def streamed(config: ClientConfig, *, is_async: bool) -> str:
    """The text of a stream."""

    def stream() -> str:
        with CerebrasClient(config) as client, client.stream_chat(**QUESTION) as deltas:
            return "".join(getattr(delta, "text", "") for delta in deltas)

    if not is_async:
        return await asyncio.to_thread(stream)
    async with (
        AsyncCerebrasClient(config) as client,
        await client.stream_chat(**QUESTION) as deltas,
    ):
        return "".join([getattr(delta, "text", "") async for delta in deltas])


def reply_for_ever(connection: socket.socket) -> None:
    """Answers every request of a connection."""
    while True:
        read_request(connection)
        connection.sendall(SIZED + REPLY)


def stream_for_ever(connection: socket.socket) -> None:
    """Answers every request of a connection with a stream."""
    while True:
        read_request(connection)
        connection.sendall(b"".join(event_stream("a", "b", "c")))


def pool_of(client: Any) -> Any:
    """The pool under a client's transport."""
    return client._transport._pool


def test_clients_stand_on_own_pools() -> None:
    """With both libraries; fails when a release keeps its pool elsewhere."""
    config = config_for("http://localhost:1")
    assert type(pool_of(new_client(config))) is Pool
    assert type(pool_of(new_async_client(config))) is AsyncPool


def test_stock_pools_stay_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """`CEREBRAS_EXT_TRANSPORT=stock`."""
    monkeypatch.setenv(TRANSPORT_VARIABLE, "stock")
    config = config_for("http://localhost:1")
    assert type(pool_of(new_client(config))).__name__ == "ConnectionPool"
    assert type(pool_of(new_async_client(config))).__name__ == "AsyncConnectionPool"


def test_unknown_transport_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the names there are."""
    monkeypatch.setenv(TRANSPORT_VARIABLE, "faster")
    with pytest.raises(ConfigError, match=r"'faster'; give one of fast, stock"):
        new_client(config_for("http://localhost:1"))


@pytest.mark.parametrize("is_variable", [False, True])
def test_proxies_keep_their_own_transports(
    is_variable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an argument and from the environment: requests take the stock way then."""
    config = config_for("http://service.test", allow_insecure_http=True)
    if is_variable:
        monkeypatch.setenv("HTTP_PROXY", "http://localhost:1")
    else:
        config = config_for("https://service.test", proxy="http://localhost:1")
    client: Any = new_client(config)
    used = client._transport_for_url(http_library().URL(config.base_url))
    assert type(used._pool).__name__ == "HTTPProxy"


def test_other_transports_are_left_alone() -> None:
    """A pool goes only where exactly the stock pool is."""
    http = http_library()
    client = http.Client(transport=http.MockTransport(lambda _: http.Response(200)))
    config = config_for("http://localhost:1")
    assert not place_pool(client, config, ssl.create_default_context())
    assert client.get("http://localhost:1").status_code == 200


def test_what_patches_the_transport_class_sees_every_request() -> None:
    """As recorders do, vcrpy among them: the transport is httpx's own."""
    http = http_library()
    reply = http.Response(200, headers={"content-type": "application/json"}, content=REPLY)
    with (
        patch.object(http.HTTPTransport, "handle_request", lambda *_: reply),
        CerebrasClient(config_for("http://localhost:1")) as client,
    ):
        assert client.chat(**QUESTION).id == "c"


@WAYS
async def test_requests_in_a_row_use_one_connection(is_async: bool) -> None:
    """§3.4: replies and streams, a hundred in all."""
    with serving(stream_for_ever) as server:
        config = config_for(server.base_url)
        if is_async:
            async with AsyncCerebrasClient(config) as client:
                for _ in range(100):
                    async for _ in await client.stream_chat(**QUESTION):
                        pass
        else:
            with CerebrasClient(config) as sync_client:
                for _ in range(100):
                    list(sync_client.stream_chat(**QUESTION))
        assert server.n_connections == 1


@WAYS
async def test_a_connection_that_the_server_closed_is_not_used_again(is_async: bool) -> None:
    """An idle connection is looked at before it is lent."""

    def reply_once(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(SIZED + REPLY)
        connection.close()

    def has_come(client: Any) -> bool:  # the end does, a moment after the answer
        idle = pool_of(client._http_client())._lender._idle
        return all(connection.has_expired() for connection in idle)

    with serving(reply_once) as server:
        config = config_for(server.base_url)
        if is_async:
            async with AsyncCerebrasClient(config) as client:
                for _ in range(3):
                    assert (await client.chat(**QUESTION)).id == "c"
                    assert await soon_async(lambda: has_come(client))
        else:
            with CerebrasClient(config) as sync_client:
                for _ in range(3):
                    assert sync_client.chat(**QUESTION).id == "c"
                    assert soon(lambda: has_come(sync_client))
        assert server.n_connections == 3


@WAYS
async def test_who_waits_too_long_for_a_connection_is_told(is_async: bool) -> None:
    """F06: the phase is `pool`, and the next one gets the connection."""
    is_free = threading.Event()

    def reply_when_free(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            is_free.wait()
            connection.sendall(SIZED + REPLY)

    with serving(reply_when_free) as server:
        config = config_for(server.base_url, max_connections=1, timeout=Timeouts(pool_s=0.05))
        async with AsyncCerebrasClient(config) as client:
            sync_client = CerebrasClient(config)

            async def ask() -> ChatCompletion:
                if is_async:
                    return await client.chat(**QUESTION)
                return await asyncio.to_thread(sync_client.chat, **QUESTION)

            first = asyncio.create_task(ask())
            while not server.n_connections:  # noqa: ASYNC110 - another thread counts
                await asyncio.sleep(0)
            with pytest.raises(TimedOut) as caught:
                await ask()
            assert caught.value.phase == "pool"
            is_free.set()
            await first
            assert (await ask()).id == "c"
            sync_client.close()
        assert server.n_connections == 1


@WAYS
async def test_waiting_requests_get_the_connection_in_turn(is_async: bool) -> None:
    """Many more requests than connections, all answered."""
    with serving(reply_for_ever) as server:
        config = config_for(server.base_url, max_connections=3)
        if is_async:
            async with AsyncCerebrasClient(config) as client:
                asks = [client.chat(**QUESTION) for _ in range(60)]
                replies = await asyncio.gather(*asks)
        else:
            with CerebrasClient(config) as sync_client:
                asks = [asyncio.to_thread(sync_client.chat, **QUESTION) for _ in range(60)]
                replies = await asyncio.gather(*asks)
        assert [reply.id for reply in replies] == ["c"] * 60
        assert server.n_connections <= 3


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


STREAM = event_stream("a", "b", "c")
FAULTS: dict[str, Callable[[socket.socket], None]] = {
    "F07 reset after the request": after_request(reset),
    "closed after the request": after_request(socket.socket.close),
    "F08 silence": after_request(keep),
    "F09 half a head": sending(b"HTTP/1.1 200 OK\r\nconte", then=keep),
    "F09 half a head and the end": sending(b"HTTP/1.1 200 OK\r\nconte"),
    "F10 garbage": sending(b"\x00\x01\x02\r\n\r\n"),
    "F10 other protocol": sending(b"SSH-2.0-OpenSSH_9\r\n"),
    "F11 100 first": sending(b"HTTP/1.1 100 Continue\r\n\r\n", SIZED, REPLY),
    "F26 cut by length": sending(SIZED, REPLY[:10]),
    "F26 cut and reset": sending(SIZED, REPLY[:10], then=reset),
    "no body": sending(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    "F32 head only": sending(*STREAM[:1]),
    "F32 one event": sending(*STREAM[:2]),
    "F32 two events and a reset": sending(*STREAM[:3], then=reset),
    "F32 half an event": sending(*STREAM[:2], STREAM[2][:20]),
    "F33 clean end": sending(*STREAM[:3], STREAM[-1]),
    "F36 stall": sending(*STREAM[:3], then=keep),
    "broken chunk size": sending(*STREAM[:2], b"xyz\r\n"),
    "broken chunk end": sending(*STREAM[:2], STREAM[2][:-2], b"ab"),
    "broken chunk end after merged ones": sending(*STREAM[:4], STREAM[3][:-2], b"abcdefgh"),
    "trailers": sending(*STREAM[:-1], b"0\r\nserver-timing: a\r\n\r\n", then=keep),
    "more after the end": sending(*STREAM, b"HTTP/1.1 408 Request Timeout\r\n\r\n", then=keep),
}


async def outcome(ask: Any, config: ClientConfig, *, is_async: bool) -> list[object]:
    """What a call gives: the text, or all that can be known of the error."""
    try:
        answer = await ask(config, is_async=is_async)
    except CerebrasError as error:
        told = [getattr(error, name, None) for name in ("phase", "was_sent", "where")]
        partial = getattr(error, "partial", None)
        words = re.sub(r": \[Errno [^;]*", "", error.message)  # anyio does not pass these on
        return [type(error), words, *told, partial and partial.choices]
    return [answer if isinstance(answer, str) else answer.choices]


@WAYS
@pytest.mark.parametrize("ask", [asked, streamed])
@pytest.mark.parametrize("fault", FAULTS)
async def test_faults_are_told_as_on_the_stock_pool(
    fault: str, ask: Any, is_async: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same error, same words, same partial reply, whichever pool it is."""
    with serving(FAULTS[fault]) as server:
        config = config_for(server.base_url, timeout=Timeouts(read_s=0.2))
        own = await outcome(ask, config, is_async=is_async)
        monkeypatch.setenv(TRANSPORT_VARIABLE, "stock")
        assert own == await outcome(ask, config, is_async=is_async)


@WAYS
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "no-such-host.invalid"])
async def test_failed_connects_are_told_as_on_the_stock_pool(host: str, is_async: bool) -> None:
    """F01, F02: refused and unknown; the error names what was wrong."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    config = config_for(f"http://{host}:{port}", allow_insecure_http=True)
    with pytest.raises(ConnectionFailed) as caught:
        await asked(config, is_async=is_async)
    assert caught.value.was_sent is False
    assert "could not connect" in caught.value.message


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of the tests."""
    return trustme.CA()


def server_context(authority: trustme.CA, host: str) -> ssl.SSLContext:
    """TLS of a server that says it is `host`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


def client_context(authority: trustme.CA) -> ssl.SSLContext:
    """TLS of a client that trusts the tests' authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@WAYS
async def test_streams_come_over_tls(authority: trustme.CA, is_async: bool) -> None:
    """Encrypted as in the clear."""
    with serving(stream_for_ever, server_context(authority, "localhost")) as server:
        config = config_for(server.base_url, ssl_context=client_context(authority))
        assert await streamed(config, is_async=is_async) == "abc"


@WAYS
@pytest.mark.parametrize(
    ("host", "is_trusted", "reason"),
    [("other.test", True, "Hostname mismatch"), ("localhost", False, "CERTIFICATE_VERIFY_FAILED")],
)
async def test_wrong_certificates_are_refused(
    host: str, is_trusted: bool, reason: str, is_async: bool, authority: trustme.CA
) -> None:
    """F04 and an unknown authority: nothing is sent."""
    trusted = client_context(authority) if is_trusted else ssl.create_default_context()
    with serving(reply_for_ever, server_context(authority, host)) as server:
        config = config_for(server.base_url, ssl_context=trusted)
        with pytest.raises(ConnectionFailed, match=reason) as caught:
            await asked(config, is_async=is_async)
        assert caught.value.was_sent is False


@WAYS
async def test_a_silent_tls_handshake_times_out(authority: trustme.CA, is_async: bool) -> None:
    """F03: within `connect_s`, like the connection itself."""
    with serving(lambda connection: [connection.recv(1) for _ in range(9_999)] and None) as server:
        config = config_for(
            server.base_url.replace("http", "https"),
            ssl_context=client_context(authority),
            timeout=Timeouts(connect_s=0.2),
        )
        with pytest.raises(TimedOut) as caught:
            await asked(config, is_async=is_async)
        assert caught.value.phase == "connect"


def trickle(connection: socket.socket) -> None:
    """A stream that never ends, though something comes all the time."""
    read_request(connection)
    connection.sendall(STREAM[0])
    is_gone = threading.Event()
    while True:
        connection.sendall(STREAM[1])
        is_gone.wait(0.01)


@WAYS
@pytest.mark.parametrize(
    "handler",
    [after_request(keep), sending(*STREAM[:2], then=keep), trickle],
    ids=["before the head", "silence in the body", "a trickle"],
)
async def test_the_deadline_ends_every_wait(
    handler: Callable[[socket.socket], None], is_async: bool
) -> None:
    """§2.5: `total_s` bounds the whole call, whatever the other limits allow."""
    with serving(handler) as server:
        config = config_for(server.base_url, timeout=Timeouts(total_s=0.3))
        with pytest.raises(CerebrasError) as caught:
            await streamed(config, is_async=is_async)
    assert getattr(caught.value, "phase", None) == "total"


@WAYS
async def test_waiting_for_the_end_of_a_body_is_bounded(
    is_async: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§3.4: a server that says `[DONE]` and then nothing does not keep the last delta back."""
    monkeypatch.setattr(f"cerebras_ext.{'a' if is_async else ''}client.DRAIN_S", 0.05)
    with serving(sending(*STREAM[:-1], then=keep)) as server:
        config = config_for(server.base_url)
        assert await streamed(config, is_async=is_async) == "abc"


@WAYS
async def test_large_bodies_arrive_whole(is_async: bool) -> None:
    """More than fits into any buffer, both ways, to a server that reads late."""
    texts = [str(number) * 1_000 for number in range(2_000)]
    received: list[bytes] = []

    def echo(connection: socket.socket) -> None:
        received.append(read_request(connection))
        connection.sendall(b"".join(event_stream(*texts)))
        connection.recv(1)

    with serving(echo) as server:
        config = config_for(server.base_url)
        question = {**QUESTION, "messages": [{"role": "user", "content": "x" * 5_000_000}]}
        if is_async:
            async with AsyncCerebrasClient(config) as client:
                deltas = [d async for d in await client.stream_chat(**question)]
        else:
            with CerebrasClient(config) as sync_client:
                deltas = await asyncio.to_thread(lambda: list(sync_client.stream_chat(**question)))
    assert "".join(getattr(delta, "text", "") for delta in deltas) == "".join(texts)
    assert len(received[0]) > 5_000_000


@WAYS
async def test_events_that_came_together_are_merged(is_async: bool) -> None:
    """One HTTP chunk an event, all in one write: far fewer deltas than events."""
    texts = [str(number) for number in range(1_000)]
    with serving(sending(*event_stream(*texts), then=keep)) as server:
        config = config_for(server.base_url)
        if is_async:
            async with AsyncCerebrasClient(config) as client:
                deltas = [d async for d in await client.stream_chat(**QUESTION)]
        else:
            with CerebrasClient(config) as sync_client:
                deltas = await asyncio.to_thread(lambda: list(sync_client.stream_chat(**QUESTION)))
    assert "".join(getattr(delta, "text", "") for delta in deltas) == "".join(texts)
    assert len(deltas) < 100


async def test_cancelled_calls_leave_nothing_behind() -> None:
    """§10: connections are closed, no task is left, and the pool has room for the next call."""
    n_tasks = len(asyncio.all_tasks())
    gone = threading.Semaphore(0)
    is_over = False

    def hold(connection: socket.socket) -> None:
        try:
            read_request(connection)
            connection.sendall(b"".join(STREAM if is_over else STREAM[:2]))
            connection.recv(1)
        finally:
            gone.release()

    with serving(hold) as server:
        config = config_for(server.base_url, max_connections=5)
        async with AsyncCerebrasClient(config) as client:

            async def consume() -> None:
                async for _ in await client.stream_chat(**QUESTION):
                    pass

            for _ in range(10):
                tasks = [asyncio.create_task(consume()) for _ in range(5)]
                while server.n_connections % 5 or not server.n_connections:  # noqa: ASYNC110
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for _ in range(server.n_connections):
                assert await asyncio.to_thread(gone.acquire, timeout=8)
            assert len(asyncio.all_tasks()) == n_tasks
            is_over = True
            await consume()
