"""Encrypted connections: who is trusted, and how long a handshake may take."""

from __future__ import annotations

import ssl

import pytest
import trustme

from cerebras_ext import ConnectionFailed, TimedOut, Timeouts
from tests.client.handlers import reply_for_ever, stream_for_ever
from tests.client.single_calls import WAYS, asked, config_for, streamed
from tests.client.wire import serving

# each test meets both libraries, whichever the run is on
pytestmark = [pytest.mark.once, pytest.mark.usefixtures("each_library")]


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
