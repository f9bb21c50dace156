"""LlamaIndex LLMs as contenders; each imports its package when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.question import KEY, MODEL, PROMPT
from benchmarks.script import Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from benchmarks.contenders import Contender

__all__ = ["LLAMA_INDEX"]


class _LlamaIndex:
    """A LlamaIndex LLM."""

    def __init__(self, base_url: str) -> None:
        from llama_index.core.llms import ChatMessage

        self.model = self._made(base_url)
        self._messages = [ChatMessage(role="user", content=PROMPT)]

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
            model=MODEL,
            api_key=KEY,
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

        return Cerebras(model="llama3.1-8b", api_key=KEY, api_base=base_url)


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


LLAMA_INDEX: dict[str, type[Contender]] = {
    "llama-index-core": LlamaIndexFloor,
    "llama-index": LlamaIndex,
    "llama-index, apart": LlamaIndexApart,
    "llama-index-llms-cerebras": LlamaIndexIncumbent,
}
"""By the name they have in the tables."""
