"""What is measured: chat models of several packages, all asked for the same reply.

Each is made for a base URL and asks with the same short prompt. The module is imported in several
virtual environments, so each contender imports what it needs when it is made.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from benchmarks.script import Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["CONTENDERS", "Contender"]

_KEY = "csk-test-bench"
_MODEL = "gpt-oss-120b"
_PROMPT = "Tell me about foxes."


class Contender(Protocol):
    """A chat model at a base URL."""

    def __init__(self, base_url: str) -> None: ...

    def stream(self) -> Iterator[Any]:
        """The items of a streamed reply."""
        ...

    def astream(self) -> AsyncIterator[Any]:
        """The same, async."""
        ...

    def reply(self) -> Any:
        """An unstreamed reply."""
        ...

    async def areply(self) -> Any:
        """The same, async."""
        ...


def _loads() -> Any:
    try:
        import orjson
    except ImportError:
        import pydantic_core

        return pydantic_core.from_json
    return orjson.loads


def _request(is_stream: bool) -> dict[str, Any]:
    return {
        "model": _MODEL,
        "messages": [{"role": "user", "content": _PROMPT}],
        "stream": is_stream,
    }


_DONE = b"[DONE]"


class _Events:
    """The least that splits and parses this server's events, for the floors."""

    def __init__(self) -> None:
        self._rest = b""
        self._loads = _loads()
        self.is_done = False

    def feed(self, piece: bytes) -> Iterator[Any]:
        *events, self._rest = (self._rest + piece).split(b"\n\n")
        for event in events:
            at = event.find(b"data: ") + 6  # after the HTTP chunk's size, if it is there
            if event.startswith(_DONE, at):
                self.is_done = True
            else:
                yield self._loads(event[at:])


class _RawEvents(_Events):
    """The same where HTTP chunks may end within an event: their sizes are cut out."""

    def feed(self, piece: bytes) -> Iterator[Any]:
        received = self._rest + piece
        self._rest = b""
        return super().feed(_CHUNK_SIZE.sub(b"", received))


_CHUNK_SIZE = re.compile(rb"\r\n[0-9a-f]+\r\n")


class Raw:
    """A socket and JSON: the wire itself."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._address = parts.hostname, parts.port
        self._path = parts.path
        self._events = _Events if "-event-" in parts.path else _RawEvents
        self._sock: socket.socket | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def _bytes(self, is_stream: bool) -> bytes:
        body = json.dumps(_request(is_stream)).encode()
        head = f"POST {self._path}/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-length: "
        return head.encode() + b"%d\r\n\r\n%b" % (len(body), body)

    def _connected(self) -> socket.socket:
        if self._sock is None:
            self._sock = socket.create_connection(self._address)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._sock

    async def _aconnected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        return self._streams

    def stream(self) -> Iterator[Any]:
        sock = self._connected()
        sock.sendall(self._bytes(True))
        events = self._events()
        while not events.is_done:
            yield from events.feed(sock.recv(65_536))

    async def astream(self) -> AsyncIterator[Any]:
        reader, writer = await self._aconnected()
        writer.write(self._bytes(True))
        events = self._events()
        while not events.is_done:
            for event in events.feed(await reader.read(65_536)):
                yield event

    def reply(self) -> Any:
        sock = self._connected()
        sock.sendall(self._bytes(False))
        head, _, body = sock.recv(65_536).partition(b"\r\n\r\n")
        n_body = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(body) < n_body:
            body += sock.recv(65_536)
        return _loads()(body)

    async def areply(self) -> Any:
        reader, writer = await self._aconnected()
        writer.write(self._bytes(False))
        head = await reader.readuntil(b"\r\n\r\n")
        n_body = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        return _loads()(await reader.readexactly(n_body))


class Httpx:
    """Bare httpx and JSON, events split by two line ends."""

    library = "httpx"

    def __init__(self, base_url: str) -> None:
        self._http = __import__(self.library)
        self._url = f"{base_url}/chat/completions"
        self._client: Any = None
        self._async_client: Any = None

    def _sync(self) -> Any:
        if self._client is None:
            self._client = self._http.Client()
        return self._client

    def _async(self) -> Any:
        if self._async_client is None:
            self._async_client = self._http.AsyncClient(**self._options())
        return self._async_client

    def _options(self) -> dict[str, Any]:
        return {}

    def stream(self) -> Iterator[Any]:
        events = _Events()
        with self._sync().stream("POST", self._url, json=_request(True)) as response:
            for piece in response.iter_raw():
                yield from events.feed(piece)

    async def astream(self) -> AsyncIterator[Any]:
        events = _Events()
        async with self._async().stream("POST", self._url, json=_request(True)) as response:
            async for piece in response.aiter_raw():
                for event in events.feed(piece):
                    yield event

    def reply(self) -> Any:
        return _loads()(self._sync().post(self._url, json=_request(False)).content)

    async def areply(self) -> Any:
        response = await self._async().post(self._url, json=_request(False))
        return _loads()(response.content)


class Httpx2(Httpx):
    """Bare httpx2 and JSON."""

    library = "httpx2"


class HttpxAiohttp(Httpx):
    """httpx's interface over aiohttp."""

    def _options(self) -> dict[str, Any]:
        import httpx_aiohttp

        limits = self._http.Limits(max_connections=None, max_keepalive_connections=None)
        return {"transport": httpx_aiohttp.AiohttpTransport(limits=limits)}


class Client:
    """This package's client."""

    merges = True

    def __init__(self, base_url: str) -> None:
        from pydantic import SecretStr

        from cerebras_ext import AsyncCerebrasClient, CerebrasClient, ClientConfig

        config = ClientConfig(
            api_key=SecretStr(_KEY),
            base_url=base_url,
            merge_deltas=self.merges,
            max_connections=None,
        )
        self._client = CerebrasClient(config)
        self._async_client = AsyncCerebrasClient(config)
        self._request: Any = {k: v for k, v in _request(False).items() if k != "stream"}

    def stream(self) -> Iterator[Any]:
        return self._client.stream_chat(**self._request)

    async def astream(self) -> AsyncIterator[Any]:
        async with await self._async_client.stream_chat(**self._request) as stream:
            async for delta in stream:
                yield delta

    def reply(self) -> Any:
        return self._client.chat(**self._request)

    async def areply(self) -> Any:
        return await self._async_client.chat(**self._request)


class ClientApart(Client):
    """This package's client, every delta handed over apart."""

    merges = False


class _LangChain:
    """A LangChain chat model."""

    def __init__(self, base_url: str) -> None:
        self.model = self._made(base_url)

    def _made(self, base_url: str) -> Any:
        raise NotImplementedError

    def stream(self) -> Iterator[Any]:
        return self.model.stream(_PROMPT)  # type: ignore[no-any-return]

    def astream(self) -> AsyncIterator[Any]:
        return self.model.astream(_PROMPT)  # type: ignore[no-any-return]

    def reply(self) -> Any:
        return self.model.invoke(_PROMPT)

    async def areply(self) -> Any:
        return await self.model.ainvoke(_PROMPT)

    def summed(self) -> Iterator[Any]:
        """A stream whose chunks are added up by `+=`, as agents do."""
        total: Any = None
        for chunk in self.model.stream(_PROMPT):
            total = chunk if total is None else total + chunk
            yield total

    def invoked(self) -> Iterator[Any]:
        """`invoke` while somebody listens to the tokens: core streams then."""
        yield self.model.invoke(_PROMPT, config={"callbacks": [_streaming_handler()]})

    async def aevents(self) -> AsyncIterator[Any]:
        """The events of a stream."""
        async for event in self.model.astream_events(_PROMPT, version="v2"):
            yield event


def _streaming_handler() -> Any:
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.tracers._streaming import _StreamingCallbackHandler

    class Handler(BaseCallbackHandler, _StreamingCallbackHandler):  # type: ignore[misc]
        def tap_output_aiter(self, run_id: Any, output: Any) -> Any:
            return output

        def tap_output_iter(self, run_id: Any, output: Any) -> Any:
            return output

    return Handler()


class LangChain(_LangChain):
    """This package's LangChain adapter."""

    merges = True

    def _made(self, base_url: str) -> Any:
        from langchain_cerebras_ext import ChatCerebras

        return ChatCerebras(
            model=_MODEL,
            api_key=_KEY,
            base_url=base_url,
            merge_deltas=self.merges,
            max_connections=None,
        )


class LangChainApart(LangChain):
    """This package's LangChain adapter, every delta handed over apart."""

    merges = False


class LangChainIncumbent(_LangChain):
    """`langchain-cerebras`."""

    def _made(self, base_url: str) -> Any:
        from langchain_cerebras import ChatCerebras

        return ChatCerebras(model=_MODEL, api_key=_KEY, base_url=base_url)


class LangChainFloor(_LangChain):
    """langchain-core's own loop over ready-made chunks: no wire, no parsing."""

    def _made(self, base_url: str) -> Any:
        from langchain_core.language_models import BaseChatModel
        from langchain_core.messages import AIMessage, AIMessageChunk
        from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

        n_tokens = Script.from_segment(base_url.split("/")[3]).n_tokens
        chunks = [
            ChatGenerationChunk(message=AIMessageChunk(content=" fox", id="1"))
            for _ in range(n_tokens)
        ]
        message = AIMessage(content=" fox" * n_tokens)

        class Floor(BaseChatModel):
            @property
            def _llm_type(self) -> str:
                return "floor"

            def _generate(self, *_: Any, **__: Any) -> ChatResult:
                return ChatResult(generations=[ChatGeneration(message=message)])

            async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
                return self._generate()

            def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
                yield from chunks

            async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
                for chunk in chunks:
                    yield chunk

        return Floor()


class _LlamaIndex:
    """A LlamaIndex LLM."""

    def __init__(self, base_url: str) -> None:
        from llama_index.core.llms import ChatMessage

        self.model = self._made(base_url)
        self._messages = [ChatMessage(role="user", content=_PROMPT)]

    def _made(self, base_url: str) -> Any:
        raise NotImplementedError

    def stream(self) -> Iterator[Any]:
        return self.model.stream_chat(self._messages)  # type: ignore[no-any-return]

    async def astream(self) -> AsyncIterator[Any]:
        async for response in await self.model.astream_chat(self._messages):
            yield response

    def reply(self) -> Any:
        return self.model.chat(self._messages)

    async def areply(self) -> Any:
        return await self.model.achat(self._messages)


class LlamaIndex(_LlamaIndex):
    """This package's LlamaIndex adapter."""

    merges = True

    def _made(self, base_url: str) -> Any:
        from llama_index_cerebras_ext import Cerebras

        return Cerebras(
            model=_MODEL,
            api_key=_KEY,
            base_url=base_url,
            merge_deltas=self.merges,
        )


class LlamaIndexApart(LlamaIndex):
    """This package's LlamaIndex adapter, every delta handed over apart."""

    merges = False


class LlamaIndexIncumbent(_LlamaIndex):
    """`llama-index-llms-cerebras`."""

    def _made(self, base_url: str) -> Any:
        from llama_index.llms.cerebras import Cerebras

        return Cerebras(model="llama3.1-8b", api_key=_KEY, api_base=base_url)


class LlamaIndexFloor(_LlamaIndex):
    """llama-index-core's own loop over ready-made responses: no wire, no parsing."""

    def _made(self, base_url: str) -> Any:
        from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata
        from llama_index.core.llms.callbacks import llm_chat_callback

        n_tokens = Script.from_segment(base_url.split("/")[3]).n_tokens
        message = ChatMessage(role="assistant", content=" fox")
        items = [ChatResponse(message=message, delta=" fox") for _ in range(n_tokens)]

        class Floor(CustomLLM):
            @property
            def metadata(self) -> LLMMetadata:
                return LLMMetadata()

            def complete(self, *_: Any, **__: Any) -> Any:
                raise NotImplementedError

            stream_complete = complete

            @llm_chat_callback()
            def chat(self, *_: Any, **__: Any) -> Any:
                return items[0]

            @llm_chat_callback()
            async def achat(self, *_: Any, **__: Any) -> Any:
                return items[0]

            @llm_chat_callback()
            def stream_chat(self, *_: Any, **__: Any) -> Any:
                return (item for item in items)

            @llm_chat_callback()
            async def astream_chat(self, *_: Any, **__: Any) -> Any:
                async def given() -> AsyncIterator[Any]:
                    for item in items:
                        yield item

                return given()

        return Floor()


CONTENDERS: dict[str, type[Contender]] = {
    "raw socket": Raw,
    "httpx": Httpx,
    "httpx2": Httpx2,
    "httpx-aiohttp": HttpxAiohttp,
    "client": Client,
    "client, apart": ClientApart,
    "langchain-core": LangChainFloor,
    "langchain": LangChain,
    "langchain, apart": LangChainApart,
    "langchain-cerebras": LangChainIncumbent,
    "llama-index-core": LlamaIndexFloor,
    "llama-index": LlamaIndex,
    "llama-index, apart": LlamaIndexApart,
    "llama-index-llms-cerebras": LlamaIndexIncumbent,
}
"""By the name they have in the tables."""
