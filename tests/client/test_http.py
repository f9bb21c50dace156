"""Which HTTP library is used, and what its exceptions become."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
from pydantic import SecretStr

from cerebras_ext import _http
from cerebras_ext._http import http_library, new_client, new_request, transport_error
from cerebras_ext.config import ClientConfig, Timeouts
from cerebras_ext.errors import ConfigError, ConnectionFailed, ProtocolError, TimedOut
from cerebras_ext.flow import Send
from cerebras_ext.request import CHAT, build_call, get_call
from cerebras_ext.retry import HTTP_FRAMING
from tests.client.asking import LIBRARIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.request import ApiCall

SETTINGS = ClientConfig(SecretStr("csk-test-1"), "http://127.0.0.1:1")


CALLS = [
    build_call(
        CHAT, {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}, is_stream=False
    ),
    get_call("/v1/models?format=openrouter", "model list"),
]


@pytest.fixture
def _chooses_again() -> Iterator[None]:
    """The choice is made once a process; here, once a test."""
    http_library.cache_clear()
    yield
    http_library.cache_clear()


@pytest.fixture
def _reads_certificates_again() -> Iterator[None]:
    """They are read once a process; here, once a test."""
    _http._default_ssl_context.cache_clear()
    yield
    _http._default_ssl_context.cache_clear()


@pytest.mark.usefixtures("_chooses_again")
@pytest.mark.parametrize(
    ("wanted", "library"), [("httpx", httpx), ("httpx2", httpx2), (None, httpx2)]
)
def test_library_is_chosen_by_the_environment(
    wanted: str | None, library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is named; else the continuation, where it is installed (§2 of the design)."""
    monkeypatch.delenv("CEREBRAS_EXT_HTTP", raising=False)
    if wanted is not None:
        monkeypatch.setenv("CEREBRAS_EXT_HTTP", wanted)
    assert http_library() is library


@pytest.mark.usefixtures("_chooses_again")
def test_httpx_is_used_where_its_continuation_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The base install has httpx alone."""
    monkeypatch.delenv("CEREBRAS_EXT_HTTP", raising=False)
    monkeypatch.setattr(_http, "find_spec", lambda _: None)
    assert http_library() is httpx


@pytest.mark.usefixtures("_chooses_again")
def test_wrong_choices_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that cannot be followed is named, with its value."""
    monkeypatch.setenv("CEREBRAS_EXT_HTTP", "requests")
    with pytest.raises(ConfigError, match="CEREBRAS_EXT_HTTP is 'requests'; give one of httpx, h"):
        http_library()
    monkeypatch.setenv("CEREBRAS_EXT_HTTP", "httpx2")

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(_http, "import_module", missing)
    with pytest.raises(ConfigError, match="CEREBRAS_EXT_HTTP is 'httpx2', which is not installed"):
        http_library()


def test_wrong_transport_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, its value and the remedy."""
    monkeypatch.setenv("CEREBRAS_EXT_TRANSPORT", "slow")
    with pytest.raises(ConfigError, match="CEREBRAS_EXT_TRANSPORT is 'slow'; give one of fast, st"):
        new_client(SETTINGS)


@pytest.mark.parametrize(("wanted", "package"), [("fast", "cerebras_ext"), ("stock", "httpcore")])
def test_transport_is_chosen_by_the_environment(
    wanted: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's own pool is one variable away."""
    monkeypatch.setenv("CEREBRAS_EXT_TRANSPORT", wanted)
    with new_client(SETTINGS) as client:
        pool: Any = client._transport
        assert type(pool._pool).__module__.startswith(package)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.method)
@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1", "https://a.example/b"])
def test_requests_are_those_the_library_would_make(
    call: ApiCall, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made without a client, which has nothing to add, they differ in nothing but speed."""
    monkeypatch.setattr("time.monotonic", lambda: 1.0)
    headers = (("user-agent", "u"), ("accept-encoding", "gzip"), ("authorization", "Bearer k"))
    step = Send(call, headers, Timeouts(), None, lambda _: pytest.fail("nothing is sent"))
    with new_client(SETTINGS) as client:
        made = new_request(client, base_url, step, is_given=False)
        usual = new_request(client, base_url, step, is_given=True)
    assert (made.method, made.url, made.content) == (usual.method, usual.url, usual.content)
    assert sorted(made.headers.items()) == sorted(usual.headers.items())
    assert made.extensions == usual.extensions
    assert list(made.stream) == list(usual.stream)


def test_clients_share_a_context_that_verifies() -> None:
    """Certificates are verified, always; a context costs 20 ms, so there is one (§1.6)."""
    context = _http._ssl_context_of(SETTINGS)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert _http._ssl_context_of(ClientConfig(SecretStr("csk-test-2"))) is context


def test_context_of_the_user_is_used() -> None:
    """For private authorities and client certificates (§1.6)."""
    mine = ssl.create_default_context()
    config = ClientConfig(SecretStr("csk-test-1"), ssl_context=mine)
    assert _http._ssl_context_of(config) is mine


@LIBRARIES
@pytest.mark.parametrize(
    ("name", "phase", "was_sent"),
    [
        ("ConnectTimeout", "connect", False),
        ("ReadTimeout", "read", True),
        ("WriteTimeout", "write", True),
        ("PoolTimeout", "pool", False),
    ],
)
def test_time_limits_of_the_library_are_told_by_phase(
    library: Any, name: str, phase: str, was_sent: bool
) -> None:
    """Which limit ran out, whether the request may have been billed, and which to raise."""
    error = transport_error(getattr(library, name)("secret"))
    assert isinstance(error, TimedOut)
    assert (error.phase, error.was_sent) == (phase, was_sent)
    assert f"({phase} timeout)" in error.message
    assert "raise" in error.message
    assert "secret" not in error.message


@LIBRARIES
@pytest.mark.parametrize(
    ("name", "was_sent", "remedy"),
    [
        ("ConnectError", False, "check the address and the network"),
        ("ProxyError", False, "check the proxy"),
        ("UnsupportedProtocol", False, "check base_url"),
        ("ReadError", True, "try again"),
        ("WriteError", True, "try again"),
        ("CloseError", True, "try again"),
    ],
)
def test_lost_connections_are_told_with_their_reason(
    library: Any, name: str, was_sent: bool, remedy: str
) -> None:
    """Sockets and names speak of no header, so the library's words are repeated, in measure."""
    error = transport_error(getattr(library, name)("the reason" + "x" * 1_000))
    assert type(error) is ConnectionFailed
    assert error.was_sent is was_sent
    assert "the reason" in error.message
    assert error.message.endswith(f"; {remedy}")
    assert len(error.message) < 400
    assert "None" not in transport_error(getattr(library, name)("")).message


@LIBRARIES
def test_untrusted_certificate_has_its_own_remedy(library: Any) -> None:
    """There is no switch to turn verification off, so the way out is told (§1.6)."""
    error = transport_error(library.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"))
    assert "ssl_context" in error.message


@LIBRARIES
@pytest.mark.parametrize(
    "text",
    [
        "Server disconnected without sending a response.",
        "peer closed connection without sending complete message body (incomplete chunked read)",
    ],
)
def test_server_that_went_is_a_lost_connection(library: Any, text: str) -> None:
    """An end in the middle is no wrong reply."""
    error = transport_error(library.RemoteProtocolError(text))
    assert type(error) is ConnectionFailed
    assert error.was_sent is True


@LIBRARIES
def test_what_is_not_http_is_a_protocol_error(library: Any) -> None:
    """Something else answered; it may be asked again (F10)."""
    error = transport_error(library.RemoteProtocolError("illegal status line: b'secret'"))
    assert isinstance(error, ProtocolError)
    assert error.where == HTTP_FRAMING
    assert "secret" not in error.message


@LIBRARIES
@pytest.mark.parametrize("name", ["LocalProtocolError", "DecodingError", "InvalidURL"])
def test_other_failures_of_the_library_are_named_only(library: Any, name: str) -> None:
    """Their text may hold a header or an address (§1.3)."""
    error = transport_error(getattr(library, name)("secret"))
    assert type(error) is ConnectionFailed
    assert name in error.message
    assert "secret" not in error.message


def test_other_exceptions_are_not_ours() -> None:
    """A bug goes on as it is."""
    with pytest.raises(LookupError, match="a bug"):
        transport_error(LookupError("a bug"))


@pytest.mark.usefixtures("_reads_certificates_again")
def test_certificates_that_cannot_be_read_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variables that say where they are."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/at/all.pem")
    with pytest.raises(ConfigError, match=r"No such file.*SSL_CERT_FILE and SSL_CERT_DIR"):
        new_client(SETTINGS)


def test_proxies_of_the_environment_that_cannot_be_used_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the variables, and without the address: it may hold a password."""
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://user:secret@localhost:1")
    with pytest.raises(ConfigError, match="check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY") as caught:
        new_client(SETTINGS)
    assert "secret" not in str(caught.value)


def test_missing_socks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the package of the library in use."""
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://localhost:1")
    with pytest.raises(ConfigError, match=rf"socksio; pip install '{http_library().__name__}\[s"):
        new_client(SETTINGS)
