"""Which transport a client stands on: the own pools, unless something else is asked for."""

from __future__ import annotations

import ssl
from typing import Any
from unittest.mock import patch

import pytest

from cerebras_ext import CerebrasClient, ConfigError
from cerebras_ext._http import (
    TRANSPORT_VARIABLE,
    ends_in_time,
    http_library,
    new_async_client,
    new_client,
)
from cerebras_ext._transport.apool import AsyncPool
from cerebras_ext._transport.placing import place_pool
from cerebras_ext._transport.pool import Pool
from tests.client.asking import QUESTION
from tests.client.handlers import REPLY
from tests.client.single_calls import config_for

# each test meets both libraries, whichever the run is on
pytestmark = [pytest.mark.once, pytest.mark.usefixtures("each_library")]


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


def test_calls_need_no_timer_where_the_pool_ends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock pools, proxies and clients of others do not know a call's deadline (§2.5)."""
    config = config_for("https://service.test")
    assert ends_in_time(new_async_client(config))
    assert not ends_in_time(
        new_async_client(config_for("https://service.test", proxy="http://localhost:1"))
    )
    assert not ends_in_time(http_library().AsyncClient())
    with monkeypatch.context() as environment:
        environment.setenv("HTTPS_PROXY", "http://localhost:1")
        assert not ends_in_time(new_async_client(config))
    monkeypatch.setenv(TRANSPORT_VARIABLE, "stock")
    assert not ends_in_time(new_async_client(config))


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
