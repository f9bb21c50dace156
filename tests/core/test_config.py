"""Settings of clients and calls: checked, comparable, and quiet about secrets."""

from __future__ import annotations

import copy
import math
import pickle
import ssl
from dataclasses import FrozenInstanceError
from types import SimpleNamespace
from typing import Any

import httpx
import httpx2
import pytest
from pydantic import SecretStr

from cerebras_ext.config import CallOptions, ClientConfig, Timeouts
from cerebras_ext.errors import ConfigError
from cerebras_ext.retry import RetryPolicy

KEY = SecretStr("csk-test-1")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CEREBRAS_API_KEY", raising=False)
    monkeypatch.delenv("CEREBRAS_BASE_URL", raising=False)


def test_time_limits_have_the_documented_defaults() -> None:
    """Connect 5, read 60, write 30, pool 30, total 600 (§2.5)."""
    assert Timeouts() == Timeouts(5.0, 60.0, 30.0, 30.0, 600.0)


@pytest.mark.parametrize(
    ("timeout", "limits"),
    [
        (None, Timeouts()),
        (Timeouts(read_s=1), Timeouts(read_s=1)),
        (20, Timeouts(total_s=20)),
        (0.5, Timeouts(total_s=0.5)),
        (httpx.Timeout(7, connect=None), Timeouts(None, 7, 7, 7)),
        (httpx2.Timeout(7, connect=2), Timeouts(2, 7, 7, 7)),
        (SimpleNamespace(connect=1, read=2, write=3, pool=4), Timeouts(1, 2, 3, 4)),
    ],
)
def test_time_limits_are_taken_as_users_write_them(timeout: Any, limits: Timeouts) -> None:
    """Our own, seconds for the whole call, or either library's timeout object."""
    assert Timeouts.of(timeout) == limits


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Timeouts(connect_s=0), "timeout: connect_s is 0; give seconds above 0, or None"),
        (lambda: Timeouts(read_s=-1), "timeout: read_s is -1; give seconds above 0, or None"),
        (lambda: Timeouts(write_s=math.nan), "timeout: write_s is nan; give seconds above 0"),
        (lambda: Timeouts(pool_s=math.inf), "timeout: pool_s is inf; give seconds above 0"),
        (lambda: Timeouts(total_s=1e300), "timeout: total_s is 1e+300; give seconds above 0"),
        (lambda: Timeouts(total_s=True), "timeout: total_s is True; give seconds above 0"),
        (lambda: Timeouts(read_s="5"), "timeout: read_s is '5'; give seconds above 0"),  # type: ignore[arg-type]
        (lambda: Timeouts.of(0), "timeout: total_s is 0; give seconds above 0"),
        (lambda: Timeouts.of(httpx.Timeout(0)), "timeout: connect_s is 0; give seconds"),
        (lambda: Timeouts.of(True), "timeout: bool is not a time limit; give seconds or Timeouts"),
        (lambda: Timeouts.of("5"), "timeout: str is not a time limit; give seconds or Timeouts("),
    ],
)
def test_time_limits_that_cannot_work_are_refused(make: Any, message: str) -> None:
    """The message names limit, value and remedy."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.message.startswith(message)


def test_time_limits_may_be_off() -> None:
    """None means no limit."""
    assert Timeouts(None, None, None, None, None).total_s is None


def test_settings_are_resolved_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key and address come from the environment where they were not given (§1.1)."""
    monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test-1")
    monkeypatch.setenv("CEREBRAS_BASE_URL", "http://127.0.0.1:8000/v1")
    resolved = ClientConfig(default_headers=(("X-A", "1"),)).resolved()
    assert resolved.api_key == KEY
    assert resolved.base_url == "http://127.0.0.1:8000"
    assert resolved.default_headers == (("x-a", "1"),)


def test_resolving_twice_changes_nothing() -> None:
    """Resolved settings are fixed, whatever the environment becomes."""
    resolved = ClientConfig(KEY).resolved()
    assert resolved.resolved() == resolved


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "no API key: set the environment variable CEREBRAS_API_KEY or pass api_key"),
        ({"api_key": SecretStr("")}, "api_key is empty"),
        ({"api_key": KEY, "base_url": "nonsense"}, "base_url must begin with https://"),
        ({"api_key": KEY, "proxy": "nonsense"}, "proxy must be the URL of a proxy"),
        ({"api_key": KEY, "default_headers": (("a b", "1"),)}, "'a b' is not a header name"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], message: str) -> None:
    """Everything is checked when a client is made, before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        ClientConfig(**settings).resolved()
    assert caught.value.message.startswith(message)


def test_equal_settings_are_equal_and_hash_alike() -> None:
    """Adapters share a client per settings (contract of `shared`)."""
    context = ssl.create_default_context()
    one, other = (
        ClientConfig(
            SecretStr("csk-test-1"), retry=RetryPolicy(1), timeout=Timeouts(1), ssl_context=context
        )
        for _ in range(2)
    )
    assert one == other
    assert hash(one) == hash(other)
    assert one != ClientConfig(SecretStr("csk-test-2"))
    with pytest.raises(FrozenInstanceError):
        one.proxy = "x"  # type: ignore[misc]


def test_settings_do_not_show_secrets() -> None:
    """Key, headers and proxy are not in the repr (§6)."""
    config = ClientConfig(
        KEY, default_headers=(("x-a", "secret"),), proxy="http://user:secret@proxy:1"
    )
    assert "csk-test" not in repr(config)
    assert "secret" not in repr(config)


def test_options_do_not_show_secrets() -> None:
    """Extra headers and fields of a call are not in the repr (§6)."""
    options = CallOptions(extra_headers={"x-a": "secret"}, extra_body={"user": "secret"})
    assert "secret" not in repr(options)


def test_settings_copy_and_pickle() -> None:
    """Plain values; the key is in them, which is why adapters leave it out (§5.5)."""
    config = ClientConfig(KEY, base_url="http://127.0.0.1")
    assert copy.deepcopy(config) == config
    assert pickle.loads(pickle.dumps(config)) == config


def test_key_may_come_from_a_function() -> None:
    """A function gives the current key at each call (§1.1)."""
    keys = iter(["csk-test-1", SecretStr("csk-test-2"), " csk-test-3"])
    config = ClientConfig(lambda: next(keys)).resolved()  # type: ignore[arg-type, return-value]
    assert config.current_key() == "csk-test-1"
    assert config.current_key() == "csk-test-2"
    with pytest.warns(UserWarning, match="the key that api_key.. gave has white space"):
        assert config.current_key() == "csk-test-3"


@pytest.mark.parametrize(
    ("given_key", "message"),
    [
        (None, "the key that api_key() gave is of type NoneType; a key is a string"),
        ("", "the key that api_key() gave is empty"),
        ("Bearer csk", "the key that api_key() gave starts with 'Bearer'"),
    ],
)
def test_bad_key_of_a_function_is_named(given_key: Any, message: str) -> None:
    """The message says which key it is about."""
    with pytest.raises(ConfigError) as caught:
        ClientConfig(lambda: given_key).resolved().current_key()
    assert caught.value.message.startswith(message)


def test_fixed_key_is_given_as_it_is() -> None:
    """A resolved key needs no second check."""
    assert ClientConfig(KEY).current_key() == "csk-test-1"


def test_settings_without_a_key_have_none_to_give() -> None:
    """Only resolved settings are sure to have one (§1.1)."""
    with pytest.raises(ConfigError, match="no API key"):
        ClientConfig().current_key()
