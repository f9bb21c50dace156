"""The clients behind a model: LI-61, LI-62."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from cerebras_ext.errors import ConfigError
from llama_index_cerebras_ext import Cerebras
from tests.llama_index.support import HELLO, MODEL, events, reply, served

CANARY = "csk-test-canary"


def model(**settings: Any) -> Cerebras:
    return Cerebras(**{"model": MODEL, "api_key": CANARY, **settings})


def test_models_with_equal_settings_share_connections() -> None:
    """LI-61: one client for equal settings, also where each request makes its own model."""
    first, second, other = model(), model(), model(max_retries=7)
    assert first._client() is second._client()
    assert first._async_client() is second._async_client()
    assert other._client() is not first._client()


CONNECTION_SETTINGS = {
    "allow_insecure_http": True,
    "api_key": SecretStr("csk-test-other"),
    "base_url": "http://localhost:9/",
    "default_headers": {"x-team": "a"},
    "max_retries": 7,
    "merge_deltas": False,
    "paces_requests": True,
    "retries_queue_exceeded": True,
    "timeout": 7.0,
}


@pytest.mark.parametrize("name", CONNECTION_SETTINGS)
def test_changed_settings_take_effect(name: str) -> None:
    """LI-61: an assigned field counts from the next call on."""
    llm = model()
    before = llm._client()
    setattr(llm, name, CONNECTION_SETTINGS[name])
    assert llm._client() is not before
    assert llm._client().config == llm._config().resolved()


def test_headers_changed_in_place_take_effect() -> None:
    """LI-61: a dict can be changed without an assignment."""
    llm = model()
    before = llm._client()
    llm.default_headers["x-team"] = "a"
    assert llm._client() is not before
    assert llm._client().config == llm._config().resolved()


def test_every_setting_of_the_connection_is_looked_at() -> None:
    """LI-61: no field that the client's settings are made of goes unnoticed when it changes."""
    read: set[str] = set()

    class Watched(Cerebras):
        def __getattribute__(self, name: str) -> Any:
            read.add(name)
            return super().__getattribute__(name)

    llm = Watched(model=MODEL, api_key=CANARY)
    read.clear()
    llm._config()
    assert read & Watched.model_fields.keys() == CONNECTION_SETTINGS.keys()


def test_pacing_is_the_clients() -> None:
    """Reliability contract §8.4: off unless asked for."""
    assert not model()._client().config.paces_requests
    assert model(paces_requests=True)._client().config.paces_requests
    assert model(paces_requests=True)._async_client().config.paces_requests


def test_after_a_close_the_next_call_opens_anew() -> None:
    """LI-62: sync, and closing twice is fine."""
    llm = model(base_url="http://localhost:9")
    with llm:
        before = llm._client()
    llm.close()
    assert llm._client() is not before


async def test_after_an_aclose_the_next_call_opens_anew() -> None:
    """LI-62: async, and closing twice is fine."""
    llm = model(base_url="http://localhost:9")
    async with llm:
        before = llm._async_client()
    await llm.aclose()
    assert llm._async_client() is not before


def test_closing_one_model_leaves_others_of_equal_settings_alone() -> None:
    """LI-62: shared connections close with the last model that needs them."""
    first, second = model(), model()
    client = second._client()
    first._client()
    first.close()
    assert second._client() is client


def test_given_http_clients_are_used_and_stay_open() -> None:
    """LI-62: what the user hands in is the user's to close."""
    llm, service = served(reply({"content": "x"}), events(*HELLO))
    with llm:
        assert llm.complete("?").text == "x"
    assert len(service.requests) == 1
    assert not llm.http_client.is_closed


async def test_given_async_http_clients_are_used_and_stay_open() -> None:
    """LI-62: the same for async."""
    llm, service = served(reply({"content": "x"}))
    async with llm:
        assert (await llm.acomplete("?")).text == "x"
    assert len(service.requests) == 1
    assert not llm.async_http_client.is_closed


def test_construction_sends_nothing() -> None:
    """Design §7: warming up is opt-in."""
    _, service = served(reply({}))
    assert service.requests == []


async def test_warming_up_opens_a_connection() -> None:
    """Design §7: one small request, sync or async."""
    llm, service = served({})
    llm.warm_up()
    await llm.awarm_up()
    assert [request.url.path for request in service.requests] == ["/v1/tcp_warming"] * 2


@pytest.mark.parametrize("name", ["http_client", "async_http_client"])
def test_http_clients_of_the_wrong_kind_are_refused(name: str) -> None:
    """LI-64: at construction, by name."""
    wrong = httpx.Client() if name == "async_http_client" else httpx.AsyncClient()
    with pytest.raises(ConfigError, match=f"^{name}: "):
        model(**{name: wrong})
