"""Fields that change: from the next call on, the new value counts (LC-82, LC-83, LC-94)."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.caches import InMemoryCache
from pydantic import SecretStr

from cerebras_ext._http import http_library
from langchain_cerebras_ext import ChatCerebras
from langchain_cerebras_ext.errors import ConfigError
from tests.langchain.support import KEY, MODEL, OTHER_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.server import RunningEmulator


CONNECTION_SETTINGS = {
    "allow_insecure_http": True,
    "api_key": SecretStr("csk-test-other"),
    "base_url": "http://localhost:9/",
    "default_headers": {"x-team": "a"},
    "gzip_above_bytes": 7,
    "max_connections": 7,
    "max_retries": 7,
    "merge_deltas": False,
    "paces_requests": True,
    "proxy": "http://localhost:9",
    "retries_queue_exceeded": True,
    "ssl_context": ssl.create_default_context(),
    "timeout": {"read_s": 7.0},
}


@pytest.mark.parametrize("name", CONNECTION_SETTINGS)
def test_changed_settings_take_effect(name: str) -> None:
    """LC-83: an assigned field counts from the next call on."""
    model = ChatCerebras(model=MODEL, api_key=KEY)
    before = model._client()
    setattr(model, name, CONNECTION_SETTINGS[name])
    assert model._client() is not before
    assert model._client().config == model._new_config().resolved()


def test_settings_changed_in_place_take_effect() -> None:
    """LC-83: dicts can be changed without an assignment."""
    model = ChatCerebras(model=MODEL, api_key=KEY, timeout={"read_s": 7.0}, default_headers={})
    assert model.default_headers is not None
    assert isinstance(model.timeout, dict)
    for field, change in (model.default_headers, {"x-team": "a"}), (model.timeout, {"read_s": 8.0}):
        before = model._client()
        field.update(change)
        assert model._client() is not before
        assert model._client().config == model._new_config().resolved()


def test_every_setting_of_the_connection_is_looked_at() -> None:
    """LC-83: no field that the client's settings are made of goes unnoticed when it changes."""
    read: set[str] = set()

    class Watched(ChatCerebras):
        def __getattribute__(self, name: str) -> Any:
            read.add(name)
            return super().__getattribute__(name)

    model = Watched(model=MODEL, api_key=KEY)
    read.clear()
    model._new_config()
    assert read & Watched.model_fields.keys() == CONNECTION_SETTINGS.keys()


@pytest.mark.parametrize(("name", "other"), [("model", OTHER_MODEL), ("temperature", 1.5)])
def test_assigned_fields_are_not_answered_from_older_ones(
    make_chat: Callable[..., ChatCerebras],
    cerebras_emulator: RunningEmulator,
    name: str,
    other: Any,
) -> None:
    """LC-82, LC-83, LC-94: what core worked out from the old value, for caches, is gone."""
    model = make_chat(cache=InMemoryCache())
    model.invoke("Hi")
    setattr(model, name, other)
    model.invoke("Hi")
    assert len(cerebras_emulator.requests) == 2
    assert cerebras_emulator.requests[1].body[name] == other
    model.invoke("Hi")
    assert len(cerebras_emulator.requests) == 2


def test_profile_follows_an_assigned_model() -> None:
    """LC-94: unless it was given."""
    model = ChatCerebras(model=MODEL, api_key=KEY)
    model.model = OTHER_MODEL
    assert model.profile == ChatCerebras(model=OTHER_MODEL, api_key=KEY).profile
    own = ChatCerebras(model=MODEL, api_key=KEY, profile={"max_input_tokens": 7})
    own.model = OTHER_MODEL
    assert own.profile == {"max_input_tokens": 7}


@pytest.mark.parametrize("name", ["http_client", "http_async_client"])
def test_http_clients_of_the_wrong_kind_are_refused(name: str) -> None:
    """LC-74: at construction, by name."""
    library = http_library()
    wrong = library.Client() if name == "http_async_client" else library.AsyncClient()
    with pytest.raises(ConfigError, match=f"^{name}: "):
        ChatCerebras(model=MODEL, api_key=KEY, **{name: wrong})
