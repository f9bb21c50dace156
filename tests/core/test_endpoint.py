"""Addresses and headers users give, checked before anything is sent (contract §1)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext.endpoint import check_headers, check_proxy, find_base_url
from cerebras_ext.errors import ConfigError


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CEREBRAS_BASE_URL", raising=False)


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        (None, "https://api.cerebras.ai"),
        ("https://api.cerebras.ai", "https://api.cerebras.ai"),
        ("https://api.cerebras.ai/", "https://api.cerebras.ai"),
        ("https://api.cerebras.ai/v1", "https://api.cerebras.ai"),
        ("https://api.cerebras.ai/v1/", "https://api.cerebras.ai"),
        ("https://api.cerebras.ai//v1//", "https://api.cerebras.ai"),
        (" https://api.cerebras.ai\n", "https://api.cerebras.ai"),
        ("HTTPS://API.Cerebras.AI", "https://api.cerebras.ai"),
        ("https://gateway.example:8443/cerebras/v1", "https://gateway.example:8443/cerebras"),
        ("https://gateway.example/v1/v1", "https://gateway.example"),
        ("https://gateway.example/cerebras/v2", "https://gateway.example/cerebras/v2"),
        ("https://gateway.example:0/", "https://gateway.example:0"),
        ("https://[2001:db8::1]:8443/v1", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_address_is_taken_with_or_without_v1(given_url: str | None, url: str) -> None:
    """One form comes of all spellings: no `/v1`, no slash at the end (§1.4, API §1.1)."""
    assert find_base_url(given_url) == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must begin with https:// and name a host"),
        ("api.cerebras.ai", "must begin with https:// and name a host"),
        (
            "ftp://api.cerebras.ai",
            "must begin with https:// and name a host (this begins with ftp:)",
        ),
        (
            "localhost:8080",
            "must begin with https:// and name a host (this begins with localhost:)",
        ),
        ("https://", "must begin with https:// and name a host"),
        ("https:///v1", "must begin with https:// and name a host"),
        ("https://user:secret@api.cerebras.ai", "must not hold a user name or password"),
        ("https://@api.cerebras.ai", "must not hold a user name or password"),
        ("https://api.cerebras.ai?key=secret", "must not hold a query or fragment"),
        ("https://api.cerebras.ai/v1#secret", "must not hold a query or fragment"),
        ("https://api.cerebras.ai/a b", "must not hold white space, control characters"),
        ("https://api.cere\nbras.ai", "must not hold white space, control characters"),
        ("https://api.cerebras.ai\\v1", "must not hold white space, control char"),
        ("https://api.cerebras.ai/\x7f", "must not hold white space, control characters"),
        ("http://api.cerebras.ai", "uses http:// for api.cerebras.ai, not this machine"),
        ("http://127.1", "uses http:// for 127.1, not this machine"),
        (
            "http://localhost.evil.example",
            "uses http:// for localhost.evil.example, not",
        ),
        ("http://0.0.0.0", "uses http:// for 0.0.0.0, not this machine"),
        ("https://[broken", "is not a URL"),
        ("https://api.cerebras.ai:port", "is not a URL"),
        ("https://api.cerebras.ai:99999", "is not a URL"),
        (5, "is not a URL"),
    ],
)
def test_address_that_cannot_be_used_is_refused(url: Any, problem: str) -> None:
    """The message has the remedy and, of what was given, no more than scheme and host (§1.4)."""
    with pytest.raises(ConfigError) as caught:
        find_base_url(url)
    assert caught.value.message.startswith(f"base_url {problem}")
    assert caught.value.message.endswith("an example is https://api.cerebras.ai")
    assert "secret" not in caught.value.message


def test_plain_http_to_other_hosts_is_a_choice() -> None:
    """`allow_insecure_http=True` is the one way (§1.4)."""
    assert find_base_url("http://gateway/v1", allow_insecure_http=True) == "http://gateway"


@pytest.mark.parametrize(("value", "url"), [("http://[::1]/v1", "http://[::1]"), ("", None)])
def test_address_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str, url: str | None
) -> None:
    """`CEREBRAS_BASE_URL` counts when no address is given; an empty one is none."""
    monkeypatch.setenv("CEREBRAS_BASE_URL", value)
    assert find_base_url(None) == (url or "https://api.cerebras.ai")
    assert find_base_url("https://a.example") == "https://a.example"


def test_bad_address_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says where the address came from."""
    monkeypatch.setenv("CEREBRAS_BASE_URL", "nonsense")
    with pytest.raises(ConfigError, match=r"^CEREBRAS_BASE_URL must begin with https://"):
        find_base_url(None)


SCHEMES = st.sampled_from(["", "https://", "http://", "https://a", "http://localhost", "//"])
REST = st.text() | st.lists(st.sampled_from([*"/:@?#[]\\ .", "v1", "80", "a"])).map("".join)


@given(st.tuples(SCHEMES, REST).map("".join))
def test_any_address_is_clean_or_refused(url: str) -> None:
    """What is accepted has a scheme and a host, and nothing that hides where a key goes (§1.4)."""
    try:
        found = find_base_url(url)
    except ConfigError:
        return
    assert found.startswith(("https://", "http://localhost", "http://127.", "http://[::1]"))
    assert not any(mark in found for mark in "?#\\ \n\t")
    assert "@" not in found.split("/")[2]
    assert not found.endswith("/")
    assert find_base_url(found) == found


@pytest.mark.parametrize(
    ("headers", "checked"),
    [
        ((), ()),
        ([("X-A", "1"), ("x-b", "")], (("x-a", "1"), ("x-b", ""))),
        ([("X-Odd!#$%&'*+-.^_`|~", "a b~")], (("x-odd!#$%&'*+-.^_`|~", "a b~"),)),
        ([("Accept-Encoding", "identity")], (("accept-encoding", "identity"),)),
    ],
)
def test_headers_are_taken_in_lower_case(headers: Any, checked: Any) -> None:
    """Any token and any printable ASCII text will do (§1.7)."""
    assert check_headers(headers) == checked


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("Authorization", "Bearer x", "the header 'Authorization' is set by the client"),
        ("HOST", "x", "the header 'HOST' is set by the client"),
        ("content-length", "5", "the header 'content-length' is set by the client"),
        ("Transfer-Encoding", "chunked", "the header 'Transfer-Encoding' is set by the client"),
        ("Content-Type", "text/plain", "the header 'Content-Type' is set by the client"),
        ("Content-Encoding", "gzip", "the header 'Content-Encoding' is set by the client"),
        ("", "x", "'' is not a header name"),
        ("a b", "x", "'a b' is not a header name"),
        ("a:", "x", "'a:' is not a header name"),
        ("ä", "x", "'ä' is not a header name"),
        (b"a", "x", "b'a' is not a header name"),
        ("x-a", "secret\n", "the value of header 'x-a' must be printable ASCII text"),
        ("x-a", "secret\r\nx-b: 1", "the value of header 'x-a' must be printable ASCII text"),
        ("x-a", " secret", "the value of header 'x-a' must be printable ASCII text"),
        ("x-a", "sécret", "the value of header 'x-a' must be printable ASCII text"),
        ("x-a", 5, "the value of header 'x-a' must be printable ASCII text"),
        ("x-a", None, "the value of header 'x-a' must be printable ASCII text"),
    ],
)
def test_header_that_cannot_be_sent_is_refused(name: Any, value: Any, problem: str) -> None:
    """The message names the header, never its value (§1.7)."""
    with pytest.raises(ConfigError) as caught:
        check_headers([(name, value)])
    assert caught.value.message.startswith(problem)
    assert "cret" not in caught.value.message


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:3128", "HTTPS://user:secret@proxy.example", "socks5h://proxy:1080/"]
)
def test_proxy_is_a_url_of_a_kind_that_is_known(url: str) -> None:
    """HTTP and SOCKS proxies, with or without a password."""
    check_proxy(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "secret",
        "proxy.example:3128",
        "ftp://secret@proxy.example",
        "http://",
        "http://user:secret@",
        "http://proxy.example:secret",
        "http://[secret",
        5,
    ],
)
def test_proxy_that_cannot_be_used_is_refused(url: Any) -> None:
    """Found when the client is made; the address is not shown, it may hold a password (§6)."""
    with pytest.raises(ConfigError, match=r"^proxy must be the URL of a proxy") as caught:
        check_proxy(url)
    assert "secret" not in caught.value.message
