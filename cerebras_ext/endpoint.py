"""The service's address, and what users add to requests, checked before anything is sent.

Source: reliability contract section 1; API specification section 1.1 (base URLs with and without
`/v1`).
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from cerebras_ext.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BASE_URL_VARIABLE",
    "DEFAULT_BASE_URL",
    "check_headers",
    "check_http_client",
    "check_proxy",
    "find_base_url",
]

BASE_URL_VARIABLE = "CEREBRAS_BASE_URL"
DEFAULT_BASE_URL = "https://api.cerebras.ai"

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_RESERVED_HEADERS = frozenset(
    {
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
    }
)


def find_base_url(given: str | None, *, allow_insecure_http: bool = False) -> str:
    """The base URL given, else the one in `CEREBRAS_BASE_URL`, else the public service's.

    Returns:
        Scheme, host, port and path prefix, without `/v1` and without a slash at the end.

    Raises:
        ConfigError: It is not a usable URL.
    """
    url, source = given, "base_url"
    if url is None:
        url, source = os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL, BASE_URL_VARIABLE
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except (ValueError, AttributeError):
        raise ConfigError(f"{source} is not a URL; an example is {DEFAULT_BASE_URL}") from None
    problem = _problem_of(url.strip(), parts, allow_insecure_http)
    if problem:
        raise ConfigError(f"{source} {problem}; an example is {DEFAULT_BASE_URL}")
    path = parts.path.rstrip("/")
    while path.endswith("/v1"):
        path = path.removesuffix("/v1").rstrip("/")
    host = parts.hostname or ""
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme.lower()}://{shown_host}{'' if port is None else f':{port}'}{path}"


def _problem_of(url: str, parts: SplitResult, allow_insecure_http: bool) -> str | None:
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.hostname:
        found = f" (this begins with {scheme[:20]}:)" if scheme else ""
        return f"must begin with https:// and name a host{found}"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user name or password"
    if parts.query or parts.fragment:
        return "must not hold a query or fragment"
    if re.search(r"[\s\x00-\x1f\x7f\\]", url):
        return "must not hold white space, control characters or backslashes"
    if scheme == "http" and not allow_insecure_http and not _is_loopback(parts.hostname):
        return (
            f"uses http:// for {parts.hostname}, not this machine, and would send the key in "
            "clear; use https:// or allow_insecure_http=True"
        )
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_proxy(url: object) -> None:
    """Makes sure that a proxy's address can be used.

    Raises:
        ConfigError: It cannot; the message does not show it, since it may hold a password.
    """
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        is_usable = parts.scheme in _PROXY_SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ConfigError(
            "proxy must be the URL of a proxy, with http, https, socks5 or socks5h; an example is "
            "http://127.0.0.1:3128"
        )


def check_headers(headers: Iterable[tuple[object, object]]) -> tuple[tuple[str, str], ...]:
    """The headers, with lower-case names.

    Raises:
        ConfigError: A name or value cannot be sent, or the header is the client's own to set; the
            message names the header, never its value.
    """
    checked: list[tuple[str, str]] = []
    for name, value in headers:
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ConfigError(f"{name!r} is not a header name; use letters, digits and hyphens")
        if name.lower() in _RESERVED_HEADERS:
            raise ConfigError(f"the header {name!r} is set by the client; leave it out")
        if not isinstance(value, str) or not _PRINTABLE.fullmatch(value) or value != value.strip():
            raise ConfigError(f"the value of header {name!r} must be printable ASCII text")
        checked.append((name.lower(), value))
    return tuple(checked)


def check_http_client(client: object, *, is_async: bool, name: str = "http_client") -> None:
    """Makes sure that calls of a kind can be made with an HTTP client; None is fine.

    Raises:
        ConfigError: They cannot; the message names the option.
    """
    if client is None:
        return
    kinds = [kind for kind in type(client).__mro__ if kind.__module__ in ("httpx", "httpx2")]
    other = "Client" if is_async else "AsyncClient"
    can_send = hasattr(client, "build_request") and hasattr(client, "send")
    if not can_send or any(kind.__name__ == other for kind in kinds):
        wanted = "AsyncClient" if is_async else "Client"
        calls = "async" if is_async else "blocking"
        raise ConfigError(
            f"{name}: {calls} calls cannot be made with an object of type "
            f"{type(client).__name__}; give an httpx.{wanted} or an httpx2.{wanted}"
        )
