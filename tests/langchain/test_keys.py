"""Where key, address and headers come from (LC-11, reliability contract 1)."""

from __future__ import annotations

from typing import Any

import pytest

from langchain_cerebras_ext import ChatCerebras
from langchain_cerebras_ext.errors import (
    ConfigError,
    MissingKey,
)
from tests.langchain.support import KEY, MODEL, QUIET_BETA, Reply, chat

pytestmark = QUIET_BETA

HI = Reply(content="Hi")


def test_key_comes_from_its_own_variable_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """LC-11: never another provider's key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-other")
    with pytest.raises(MissingKey, match="CEREBRAS_API_KEY"):
        ChatCerebras(model=MODEL)
    monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test-env")
    key = ChatCerebras(model=MODEL).api_key
    assert not callable(key)
    assert key is not None
    assert key.get_secret_value() == "csk-test-env"


def test_key_may_be_a_function() -> None:
    """Reliability contract 1.1: a function gives the current key at each call."""
    keys = iter(["csk-test-a", "csk-test-b"])
    model, service = chat(HI, api_key=lambda: next(keys))
    model.invoke("Hi")
    model.invoke("Hi")
    sent = [headers["authorization"] for headers in service.headers]
    assert sent == ["Bearer csk-test-a", "Bearer csk-test-b"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", "Bearer csk-test-1"),
        ("api_key", ""),
        ("base_url", "ftp://x"),
        ("base_url", "http://example.com"),
        ("base_url", "https://user:pw@example.com"),
        ("default_headers", {"authorization": "x"}),
    ],
)
def test_setting_that_cannot_work_is_an_error_at_construction(name: str, value: Any) -> None:
    """Reliability contract 1: keys, addresses and headers are checked before any call."""
    with pytest.raises(ConfigError, match=name if name != "default_headers" else "authorization"):
        ChatCerebras(**{"model": MODEL, "api_key": KEY, name: value})


def test_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Design section 7: `CEREBRAS_BASE_URL`, with or without `/v1`."""
    monkeypatch.setenv("CEREBRAS_BASE_URL", "http://127.0.0.1:9/v1/")
    assert ChatCerebras(model=MODEL, api_key=KEY).base_url == "http://127.0.0.1:9"
