"""One client asked in one of four ways: sync or async, whole or streamed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx
import httpx2
import pytest
from pydantic import SecretStr

from cerebras_ext import (
    AsyncCerebrasClient,
    CallOptions,
    CerebrasClient,
    CerebrasError,
    ChatCompletion,
    ClientConfig,
    RetryPolicy,
)
from tests.faults.sockets import client_sockets

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from cerebras_ext.emulator.rawserver import RawServer

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
"""For tests of what users may give of either library."""

KEY = "csk-test-1"
MODEL = "gpt-oss-120b"
ANSWER_PIECES = ("Hello", ", ", "wonderful", " world", " of", " many", " words", ".")
ANSWER = "".join(ANSWER_PIECES)
ANSWERED: dict[str, Any] = {"deltas": ANSWER_PIECES, "times": 10_000}
"""The step of a script that always answers."""
QUESTION: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask."""

    is_async: bool
    is_stream: bool

    def __str__(self) -> str:
        asked = "async" if self.is_async else "sync"
        return f"{asked}-{'stream' if self.is_stream else 'whole'}"


WAYS = [Way(is_async, is_stream) for is_async in (False, True) for is_stream in (False, True)]


def config(base_url: str, **settings: Any) -> ClientConfig:
    """Settings of a client whose retries do not wait."""
    settings = {"retry": RetryPolicy(2, backoff_s=0.0), **settings}
    return ClientConfig(SecretStr(KEY), base_url, **settings)


class Asker:
    """A client and, for the async one, an event loop to run it on."""

    def __init__(self, way: Way, settings: ClientConfig, http_client: Any = None) -> None:
        self._way = way
        self._runner = asyncio.Runner() if way.is_async else None
        make = AsyncCerebrasClient if way.is_async else CerebrasClient
        self.client: Any = make(settings, http_client=http_client)

    def ask(self, options: CallOptions | None = None, **changes: Any) -> ChatCompletion:
        """The reply to a question, whichever way it comes."""
        fields = {**QUESTION, **changes}
        if self._runner is not None:
            return self._runner.run(self._ask(options, fields))
        if not self._way.is_stream:
            reply: ChatCompletion = self.client.chat(options=options, **fields)
            return reply
        with self.client.stream_chat(options=options, **fields) as stream:
            *_, last = stream
        finished: ChatCompletion = last.reply
        return finished

    def error(self, options: CallOptions | None = None) -> CerebrasError:
        """What asking fails with."""
        try:
            self.ask(options)
        except CerebrasError as error:
            return error
        raise AssertionError("it was answered")

    def run(self, call: Callable[[], Any]) -> Any:
        """The result of a method of the client, awaited where it has to be."""
        if self._runner is None:
            return call()

        async def awaited() -> Any:
            return await call()

        return self._runner.run(awaited())

    def run_coroutine(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What comes of a coroutine on the client's loop."""
        assert self._runner is not None
        return self._runner.run(coroutine)

    def close_client(self) -> None:
        """Closes the client; the loop stays."""
        self.run(self.client.aclose if self._way.is_async else self.client.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_client()
        if self._runner is not None:
            self._runner.close()

    async def _ask(self, options: CallOptions | None, fields: dict[str, Any]) -> ChatCompletion:
        if not self._way.is_stream:
            reply: ChatCompletion = await self.client.chat(options=options, **fields)
            return reply
        async with await self.client.stream_chat(options=options, **fields) as stream:
            deltas = [delta async for delta in stream]
        finished: ChatCompletion = deltas[-1].reply
        return finished


def port_of(server: RawServer) -> int:
    """Where a server listens."""
    return int(server.root_url.rpartition(":")[2])


def sockets_to(server: RawServer) -> set[int]:
    """Our ends of connections to a server."""
    return client_sockets(port_of(server))
