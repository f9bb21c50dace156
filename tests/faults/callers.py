"""The ways to ask a model, each as one blocking call that notes what it was given."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from contextlib import aclosing, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llama_index.core.llms import ChatMessage

from cerebras_ext import AsyncCerebrasClient, CerebrasClient, ClientConfig, ContentDelta
from cerebras_ext._http import http_library
from cerebras_ext.config import CallOptions, Timeouts
from cerebras_ext.retry import RetryPolicy
from langchain_cerebras_ext import ChatCerebras
from llama_index_cerebras_ext import Cerebras
from tests.waiting import soon

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator


KEY = "csk-test-1"
MODEL = "gpt-oss-120b"
PROMPT = "Say hello to the wonderful world."
PATIENT = Timeouts(connect_s=10.0, read_s=10.0, write_s=10.0, pool_s=10.0, total_s=30.0)
"""For calls that are to work, however busy the machine is."""
MESSAGES: Any = [{"role": "user", "content": PROMPT}]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask: through which library, and how."""

    library: str
    is_async: bool
    is_stream: bool

    def __str__(self) -> str:
        return "-".join(
            (
                self.library,
                "async" if self.is_async else "sync",
                "stream" if self.is_stream else "whole",
            )
        )


WAYS = [
    Way(library, is_async, is_stream)
    for library in ("client", "langchain", "llama_index")
    for is_async in (False, True)
    for is_stream in (False, True)
]


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a caller asks.

    Attributes:
        https: HTTP clients to ask with, a sync and an async one, in place of the library's own.
    """

    base_url: str
    max_retries: int = 0
    max_connections: int = 1_000
    ssl_context: Any = None
    https: tuple[Any, Any] = (None, None)

    def config(self) -> ClientConfig:
        """The settings of a bare client; its retries do not wait."""
        return ClientConfig(
            base_url=self.base_url,
            retry=RetryPolicy(self.max_retries, backoff_s=0.0),
            max_connections=self.max_connections,
            ssl_context=self.ssl_context,
        )


class Caller(ABC):
    """Asks in one way, again and again, with one model object.

    Attributes:
        heard: The texts that the last question was answered with, up to an error.
    """

    def __init__(self, way: Way, target: Target) -> None:
        self.heard: list[str] = []
        self._way = way
        self._runner = asyncio.Runner() if way.is_async else None
        self._to_close: list[Any] = []
        self._to_aclose: list[Any] = []
        self._connect(target)

    def ask(self, timeouts: Timeouts = PATIENT) -> str:
        """The whole answer to a question, however it comes."""
        self.heard = []
        if self._runner is None:
            self.heard.extend(self._pieces(self._way.is_stream, timeouts))
        else:
            self._runner.run(self._listen(timeouts))
        return "".join(self.heard)

    def error(self, timeouts: Timeouts = PATIENT) -> Exception | None:
        """What asking fails with."""
        try:
            self.ask(timeouts)
        except Exception as error:  # noqa: BLE001 - of whatever class: that is what is tested
            return error
        return None

    @contextmanager
    def holding(self) -> Generator[None]:
        """A block during which a stream has begun, and waits to be read on."""
        if self._runner is None:
            with closing(self._pieces(True, PATIENT)) as pieces:
                next(pieces)
                yield
        else:
            held = self._apieces(True, PATIENT)
            self._runner.run(_first(held))
            yield
            self._runner.run(_close(held))

    def soon(self, holds: Callable[[], bool]) -> bool:
        """Whether something comes to hold within a second; the event loop goes on meanwhile."""
        return soon(holds, time.sleep if self._runner is None else self._sleep)

    def _sleep(self, seconds: float) -> None:
        assert self._runner is not None
        self._runner.run(asyncio.sleep(seconds))

    def n_tasks(self) -> int:
        """How many tasks of the event loop go on although nothing is asked."""
        return 0 if self._runner is None else len(asyncio.all_tasks(self._runner.get_loop()))

    def close(self) -> None:
        """Gives connections and event loop up."""
        if self._runner is None:
            for each in self._to_close:
                each.close()
        else:
            self._runner.run(self._aclose())
            self._runner.close()

    async def _aclose(self) -> None:
        for each in self._to_aclose:
            await each.aclose()

    async def _listen(self, timeouts: Timeouts) -> None:
        async with aclosing(self._apieces(self._way.is_stream, timeouts)) as pieces:
            async for piece in pieces:
                self.heard.append(piece)

    @abstractmethod
    def _connect(self, target: Target) -> None: ...

    @abstractmethod
    def _pieces(self, is_stream: bool, timeouts: Timeouts) -> Generator[str]: ...

    @abstractmethod
    def _apieces(self, is_stream: bool, timeouts: Timeouts) -> AsyncGenerator[str]: ...


class ClientCaller(Caller):
    def _connect(self, target: Target) -> None:
        sync, asynchronous = target.https
        self._sync = CerebrasClient(target.config(), api_key=KEY, http_client=sync)
        self._async = AsyncCerebrasClient(target.config(), api_key=KEY, http_client=asynchronous)
        self._to_close.append(self._sync)
        self._to_aclose.append(self._async)

    def _pieces(self, is_stream: bool, timeouts: Timeouts) -> Generator[str]:
        options = CallOptions(timeout=timeouts)
        if not is_stream:
            yield _text_of(self._sync.chat(options=options, model=MODEL, messages=MESSAGES))
            return
        with self._sync.stream_chat(options=options, model=MODEL, messages=MESSAGES) as deltas:
            for delta in deltas:
                if isinstance(delta, ContentDelta):
                    yield delta.text

    async def _apieces(self, is_stream: bool, timeouts: Timeouts) -> AsyncGenerator[str]:
        options = CallOptions(timeout=timeouts)
        if not is_stream:
            yield _text_of(await self._async.chat(options=options, model=MODEL, messages=MESSAGES))
            return
        async with await self._async.stream_chat(
            options=options, model=MODEL, messages=MESSAGES
        ) as deltas:
            async for delta in deltas:
                if isinstance(delta, ContentDelta):
                    yield delta.text


class LangChainCaller(Caller):
    def _connect(self, target: Target) -> None:
        self._model = ChatCerebras(
            model=MODEL,
            api_key=KEY,
            base_url=target.base_url,
            max_retries=target.max_retries,
            max_connections=target.max_connections,
            ssl_context=target.ssl_context,
            http_client=target.https[0],
            http_async_client=target.https[1],
        )

    def _pieces(self, is_stream: bool, timeouts: Timeouts) -> Generator[str]:
        if not is_stream:
            yield self._model.invoke(PROMPT, timeout=timeouts).text
            return
        with closing(self._model.stream(PROMPT, timeout=timeouts)) as chunks:
            for chunk in chunks:
                yield chunk.text

    async def _apieces(self, is_stream: bool, timeouts: Timeouts) -> AsyncGenerator[str]:
        if not is_stream:
            yield (await self._model.ainvoke(PROMPT, timeout=timeouts)).text
            return
        async with aclosing(self._model.astream(PROMPT, timeout=timeouts)) as chunks:
            async for chunk in chunks:
                yield chunk.text


class LlamaIndexCaller(Caller):
    def _connect(self, target: Target) -> None:
        http = http_library()
        own: dict[str, Any] = dict(
            zip(("http_client", "async_http_client"), target.https, strict=True)
        )
        if target.ssl_context is not None or target.max_connections != 1_000:
            options = {
                "verify": target.ssl_context or True,
                "limits": http.Limits(max_connections=target.max_connections),
            }
            own["http_client"] = http.Client(**options)
            own["async_http_client"] = http.AsyncClient(**options)
            self._to_close.append(own["http_client"])
            self._to_aclose.append(own["async_http_client"])
        self._llm = Cerebras(
            model=MODEL,
            api_key=KEY,
            base_url=target.base_url,
            max_retries=target.max_retries,
            **own,
        )
        self._to_close.append(self._llm)
        self._to_aclose.append(self._llm)
        self._messages = [ChatMessage(role="user", content=PROMPT)]

    def _pieces(self, is_stream: bool, timeouts: Timeouts) -> Generator[str]:
        if not is_stream:
            yield self._llm.chat(self._messages, timeout=timeouts).message.content or ""
            return
        with closing(self._llm.stream_chat(self._messages, timeout=timeouts)) as responses:
            for response in responses:
                yield response.delta or ""

    async def _apieces(self, is_stream: bool, timeouts: Timeouts) -> AsyncGenerator[str]:
        if not is_stream:
            yield (await self._llm.achat(self._messages, timeout=timeouts)).message.content or ""
            return
        async with aclosing(
            await self._llm.astream_chat(self._messages, timeout=timeouts)
        ) as responses:
            async for response in responses:
                yield response.delta or ""


_CALLERS = {"client": ClientCaller, "langchain": LangChainCaller, "llama_index": LlamaIndexCaller}


@contextmanager
def calling(way: Way, target: Target) -> Generator[Caller]:
    """A caller for a block."""
    caller = _CALLERS[way.library](way, target)
    try:
        yield caller
    finally:
        caller.close()


def _text_of(reply: Any) -> str:
    return "".join(choice.message.content or "" for choice in reply.choices[:1])


async def _first(pieces: AsyncGenerator[str]) -> None:
    await anext(pieces)


async def _close(pieces: AsyncGenerator[str]) -> None:
    await pieces.aclose()
