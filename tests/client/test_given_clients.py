"""HTTP clients that users hand in: what is wrong with one is said in our words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cerebras_ext import AsyncCerebrasClient, CerebrasClient
from cerebras_ext._http import http_library
from cerebras_ext.errors import ConfigError, Unauthorized
from tests.client.asking import ANSWER, LIBRARIES, QUESTION, Asker, Way, config

if TYPE_CHECKING:
    from tests.client.canned import Canned


@LIBRARIES
def test_clients_of_the_wrong_kind_are_refused(library: Any) -> None:
    """At construction, with the kind that is wanted (§1)."""
    with pytest.raises(ConfigError, match=r"http_client: blocking calls .* give an httpx\.Client"):
        CerebrasClient(api_key="csk-test-1", http_client=library.AsyncClient())
    with pytest.raises(ConfigError, match=r"http_client: async calls .* an httpx\.AsyncClient"):
        AsyncCerebrasClient(api_key="csk-test-1", http_client=library.Client())
    other: Any = "client"
    with pytest.raises(ConfigError, match="made with an object of type str"):
        CerebrasClient(api_key="csk-test-1", http_client=other)


@LIBRARIES
def test_closed_clients_are_told(library: Any, server: Canned) -> None:
    """Nothing of the library's own errors comes through."""
    http = library.Client()
    http.close()
    with pytest.raises(ConfigError, match="that was given: it is closed"):
        CerebrasClient(config(server.base_url), http_client=http).chat(**QUESTION)
    asynchronous = library.AsyncClient()
    asyncio.run(asynchronous.aclose())
    client = AsyncCerebrasClient(config(server.base_url), http_client=asynchronous)
    with pytest.raises(ConfigError, match="that was given: it is closed"):
        asyncio.run(client.chat(**QUESTION))


@LIBRARIES
@pytest.mark.parametrize(
    "told",
    [
        "Event loop is closed",
        "Task <Task> got Future <Future> attached to a different loop",
        "<asyncio.locks.Event> is bound to a different event loop",
    ],
)
def test_clients_of_another_loop_are_told(library: Any, told: str) -> None:
    """Their connections belong to the event loop that they were opened on."""

    class Transport(library.AsyncBaseTransport):  # type: ignore[misc]
        async def handle_async_request(self, request: object) -> object:
            raise RuntimeError(told)

    http = library.AsyncClient(transport=Transport())
    client = AsyncCerebrasClient(api_key="csk-test-1", http_client=http)
    with pytest.raises(ConfigError, match="used on another event loop before; give one for each"):
        asyncio.run(client.chat(**QUESTION))


@LIBRARIES
@pytest.mark.parametrize("told", ["mine", "my own loop went on for too long"])
def test_other_errors_of_a_users_transport_are_the_users(library: Any, told: str) -> None:
    """Nobody but their author can say what they mean."""

    def answer(request: object) -> Any:
        raise RuntimeError(told)

    http = library.Client(transport=library.MockTransport(answer))
    with pytest.raises(RuntimeError, match=f"^{told}$"):
        CerebrasClient(api_key="csk-test-1", http_client=http).chat(**QUESTION)


@pytest.mark.parametrize("reads", [False, True])
def test_hooks_that_raise_for_a_status_change_no_error(
    server: Canned, way: Way, reads: bool
) -> None:
    """A refused key is that, and is asked with once."""
    server.status = 401
    server.body = b'{"message": "Wrong API Key", "code": "wrong_api_key"}'
    http = http_library()

    def hook(response: Any) -> None:
        if reads:
            response.read()
        response.raise_for_status()

    async def ahook(response: Any) -> None:
        if reads:
            await response.aread()
        response.raise_for_status()

    own = (
        http.AsyncClient(event_hooks={"response": [ahook]})
        if way.is_async
        else http.Client(event_hooks={"response": [hook]})
    )
    with Asker(way, config(server.base_url), own) as asker:
        error = asker.error()
        asker.run(own.aclose if way.is_async else own.close)
    assert isinstance(error, Unauthorized)
    assert ("Wrong API Key" in error.message) is reads
    assert len(server.received) == 1


class _Response(httpx.Response):
    """A kind of reply of the user's own."""


class _Transport(httpx.BaseTransport):
    """Gives replies of that kind."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}}]}
        return _Response(200, json=body)


def test_replies_may_be_of_a_users_own_class() -> None:
    """Whatever the transport gives, as long as it is a reply of the library."""
    client = CerebrasClient(api_key="csk-test-1", http_client=httpx.Client(transport=_Transport()))
    assert client.chat(**QUESTION).choices[0].message.content == ANSWER
