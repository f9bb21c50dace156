"""Which HTTP library is used: `httpx`, or `httpx2`, its continuation, when that is installed.

The environment variable `CEREBRAS_EXT_HTTP` decides explicitly. Only names that both have are used,
and a client object of either may be handed in. The library is imported when the first client is
made, not before.

Below its clients stands a connection pool of this package, see `_transport`, unless
`CEREBRAS_EXT_TRANSPORT` is `stock`.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from cerebras_ext._locks import new_lock
from cerebras_ext._streams import total_timeout
from cerebras_ext.errors import (
    CerebrasError,
    ConfigError,
    ConnectionFailed,
    Phase,
    ProtocolError,
    TimedOut,
)
from cerebras_ext.failures import read_failure
from cerebras_ext.flow import Head
from cerebras_ext.retry import HTTP_FRAMING

if TYPE_CHECKING:
    import ssl

    import httpx

    from cerebras_ext.config import ClientConfig
    from cerebras_ext.flow import Send

__all__ = [
    "HTTP_VARIABLE",
    "TRANSPORT_VARIABLE",
    "end_within",
    "ends_in_time",
    "given_failure",
    "http_library",
    "knows_deadline",
    "let_go",
    "new_async_client",
    "new_client",
    "new_request",
    "read_head",
    "step_failure",
]

HTTP_VARIABLE = "CEREBRAS_EXT_HTTP"
TRANSPORT_VARIABLE = "CEREBRAS_EXT_TRANSPORT"
_LIBRARIES = ("httpx", "httpx2")
_TRANSPORTS = ("fast", "stock")


@lru_cache(maxsize=1)
def http_library() -> Any:
    """The HTTP library's module; `http_library.cache_clear()` makes it choose again.

    Raises:
        ConfigError: `CEREBRAS_EXT_HTTP` names something else, or something that is not installed.
    """
    wanted = os.environ.get(HTTP_VARIABLE)
    if wanted is None:
        wanted = "httpx2" if find_spec("httpx2") else "httpx"
    if wanted not in _LIBRARIES:
        raise ConfigError(f"{HTTP_VARIABLE} is {wanted!r}; give one of {', '.join(_LIBRARIES)}")
    try:
        return import_module(wanted)
    except ImportError:
        raise ConfigError(f"{HTTP_VARIABLE} is {wanted!r}, which is not installed") from None


_context_lock = new_lock()


@lru_cache(maxsize=1)
def _default_ssl_context(library: str) -> ssl.SSLContext:
    """One context for all clients: each costs 20 ms and 0.8 MiB."""
    try:
        context: ssl.SSLContext = import_module(library).create_ssl_context()
    except OSError as error:
        raise ConfigError(
            f"the certificates of this machine cannot be read ({error.strerror}); check the "
            "environment variables SSL_CERT_FILE and SSL_CERT_DIR, or give ssl_context"
        ) from None
    return context


def _ssl_context_of(config: ClientConfig) -> ssl.SSLContext:
    with _context_lock:
        return config.ssl_context or _default_ssl_context(http_library().__name__)


def _made(kind: str, config: ClientConfig) -> Any:
    """A client of the library for resolved settings, on a pool of this package."""
    http = http_library()
    limits = http.Limits(
        max_connections=config.max_connections,
        max_keepalive_connections=config.max_keepalive_connections,
        keepalive_expiry=config.keepalive_expiry_s,
    )
    verify = _ssl_context_of(config)
    try:
        client = getattr(http, kind)(
            base_url=config.base_url,
            verify=verify,
            proxy=config.proxy,
            follow_redirects=False,
            limits=limits,
        )
    except ImportError:
        raise ConfigError(
            f"proxy: one with socks needs the package socksio; pip install '{http.__name__}[socks]'"
        ) from None
    except (ValueError, http.InvalidURL):
        raise ConfigError(
            "proxy: the address of a proxy in the environment cannot be used; check HTTP_PROXY, "
            "HTTPS_PROXY and ALL_PROXY"
        ) from None
    return _on_own_pool(_without_cookies(client), config)


def new_client(config: ClientConfig) -> httpx.Client:
    """A sync client for resolved settings."""
    return cast("httpx.Client", _made("Client", config))


def new_async_client(config: ClientConfig) -> httpx.AsyncClient:
    """An async client for resolved settings, for one event loop."""
    return cast("httpx.AsyncClient", _made("AsyncClient", config))


def _without_cookies(client: Any) -> Any:
    """The client, which keeps none: calls have nothing to do with each other.

    Nor does it look for any, which takes a twentieth of a request.
    """
    client.cookies.extract_cookies = _ignore
    return client


def _ignore(response: object) -> None:
    """Takes nothing from a reply."""


def _on_own_pool(client: Any, config: ClientConfig) -> Any:
    """The client, with a pool of this package unless the environment says otherwise."""
    wanted = os.environ.get(TRANSPORT_VARIABLE, "fast")
    if wanted not in _TRANSPORTS:
        raise ConfigError(
            f"{TRANSPORT_VARIABLE} is {wanted!r}; give one of {', '.join(_TRANSPORTS)}"
        )
    if wanted == "fast":
        from cerebras_ext._transport.placing import place_pool  # with the library, not before

        place_pool(client, config, _ssl_context_of(config))
    return client


@lru_cache(maxsize=256)
def _address(url_class: Any, text: str) -> tuple[Any, str]:
    """An address and its host, read once: it takes as long as all else about a request."""
    url = url_class(text)
    return url, url.netloc.decode("ascii")


def new_request(client: Any, base_url: str | None, step: Send, *, is_given: bool) -> Any:
    """The HTTP request of a step.

    Args:
        client: Of either library.
        base_url: Of the service.
        step: What is to be sent.
        is_given: Whether a user made the client, whose own headers and parameters then go along.
            Ours has none, and a request made without it is the same and takes an eighth.
    """
    url, host = _address(client.base_url.__class__, f"{base_url}{step.call.path}")
    limits = step.timeouts
    deadline_s = None if limits.total_s is None else time.monotonic() + limits.total_s
    extensions = {
        "timeout": {
            "connect": limits.connect_s,
            "read": limits.read_s,
            "write": limits.write_s,
            "pool": limits.pool_s,
            "deadline": deadline_s,  # understood by our own pool, ignored by the stock one
        }
    }
    body = step.call.body
    if is_given:
        return client.build_request(
            step.call.method, url, content=body, headers=list(step.headers), extensions=extensions
        )
    headers = {"host": host, "accept": "*/*", "connection": "keep-alive", **dict(step.headers)}
    if body is not None:
        headers["content-length"] = str(len(body))
    http = http_library()
    request = http.Request(
        step.call.method,
        url,
        headers=headers,
        stream=http.ByteStream(body or b""),
        extensions=extensions,
    )
    request.read()  # as `content=` does
    return request


def ends_in_time(client: httpx.AsyncClient) -> bool:
    """Whether every wait of a client ends with its call's time, so that the call needs no timer.

    So it is when every request goes through our own pool: proxies have pools of their own.
    """
    pool = getattr(getattr(client, "_transport", None), "_pool", None)
    return getattr(pool, "ends_in_time", False) and not getattr(client, "_mounts", True)


def knows_deadline(response: httpx.Response) -> bool:
    """Whether the response's connection is from our own pool, and ends with its call's time."""
    return hasattr(response.extensions.get("network_stream"), "end_within")


def end_within(response: httpx.Response, seconds: float) -> None:
    """Gives the rest of a body this much time, where the connection is from our own pool."""
    if knows_deadline(response):
        response.extensions["network_stream"].end_within(seconds)


def read_head(response: httpx.Response) -> Head:
    """Status and headers of a response."""
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in response.headers.raw
        if name.lower() != b"set-cookie"
    }
    if response.is_stream_consumed:  # a mock transport or a cassette gave the body decoded already
        headers.pop("content-encoding", None)
    return Head(response.status_code, headers)


def let_go(response: httpx.Response) -> None:
    """Parts a closed response from its stream, where that refers back to it, as httpx's does.

    Both are freed at once then. Left to the collector, what calls leave behind makes it run twice
    as often.
    """
    if hasattr(response.stream, "_response"):
        response.stream = _empty_body(type(response.stream).__module__.partition(".")[0])


@lru_cache(maxsize=4)
def _empty_body(library: str) -> Any:
    return import_module(library).ByteStream(b"")


_TIMEOUTS: dict[str, tuple[Phase, bool, str, str]] = {
    "ConnectTimeout": ("connect", False, "could not connect in time", "check the network"),
    "WriteTimeout": ("write", True, "sending the request stalled", "check the network"),
    "ReadTimeout": ("read", True, "no data came for too long", "try again"),
    "PoolTimeout": ("pool", False, "no connection became free", "raise max_connections"),
}
_FAILURES: dict[str, tuple[bool, str, str]] = {
    "ConnectError": (False, "could not connect", "check the address and the network"),
    "ProxyError": (False, "the proxy refused", "check the proxy"),
    "UnsupportedProtocol": (False, "the address cannot be used", "check base_url"),
    "WriteError": (True, "the connection broke while the request was sent", "try again"),
    "ReadError": (True, "the connection broke", "try again"),
    "CloseError": (True, "the connection broke while it was being closed", "try again"),
}
_UNTRUSTED = "check the address and this machine's clock; ssl_context takes other authorities"


def transport_error(error: Exception) -> CerebrasError:
    """What an exception of either HTTP library means, as an error of this package.

    The library's own text is repeated only where it cannot hold a header: name resolution, TLS and
    sockets.
    """
    names = [kind.__name__ for kind in type(error).__mro__]
    for name in names:
        if name in _TIMEOUTS:
            phase, was_sent, what, remedy = _TIMEOUTS[name]
            return TimedOut(
                f"{what} ({phase} timeout); {remedy}, or raise {phase}_s",
                phase=phase,
                was_sent=was_sent,
            )
        if name in _FAILURES:
            was_sent, what, remedy = _FAILURES[name]
            reason = str(error).strip()[:200]
            if "CERTIFICATE_VERIFY_FAILED" in reason:
                remedy = _UNTRUSTED
            told = f"{what}: {reason}" if reason else what
            return ConnectionFailed(f"{told}; {remedy}", was_sent=was_sent)
    if "RemoteProtocolError" in names:
        return _broken_http(error)
    if "HTTPStatusError" in names:
        return _status_failure(cast("httpx.HTTPStatusError", error).response)
    if "HTTPError" in names or "InvalidURL" in names or "StreamError" in names:
        return ConnectionFailed(f"the exchange failed ({type(error).__name__}); try again")
    raise error


def _status_failure(response: httpx.Response) -> CerebrasError:
    """The failure of a reply that a hook of the user's client has raised for."""
    try:
        body = response.content
    except RuntimeError:  # the hook has not read it
        body = b""
    head = read_head(response)
    return read_failure(head.status, head.headers, body, now_unix_s=time.time())


_OTHER_LOOP = "it was used on another event loop before; give one for each loop, or none at all"
_MISUSES = {
    "client has been closed": "it is closed; give one that is open",
    "Event loop is closed": _OTHER_LOOP,
    "different loop": _OTHER_LOOP,
    "different event loop": _OTHER_LOOP,
}
"""What a library says of a client that cannot be used, and what that means for who gave it."""


def given_failure(error: Exception) -> ConfigError | None:
    """What is wrong with a client that a user gave; None when that is not what has failed."""
    if not isinstance(error, RuntimeError):
        return None
    problem = next((told for text, told in _MISUSES.items() if text in str(error)), None)
    return ConfigError(f"the HTTP client that was given: {problem}") if problem else None


def step_failure(error: Exception, step: Send, now_s: float) -> CerebrasError:
    """What an exception of either HTTP library means, in a call that has only so much time."""
    failure = transport_error(error)
    is_late = step.deadline_s is not None and now_s >= step.deadline_s
    return total_timeout() if is_late and isinstance(failure, TimedOut) else failure


def _broken_http(error: Exception) -> CerebrasError:
    text = str(error)
    if "disconnected" in text or "closed connection" in text or "peer closed" in text:
        return ConnectionFailed("the server closed the connection; try again", was_sent=True)
    return ProtocolError(
        "the reply is not HTTP; check the address and what is in between", where=HTTP_FRAMING
    )
