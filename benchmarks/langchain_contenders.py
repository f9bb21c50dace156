"""LangChain chat models as contenders; each imports its package when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.question import KEY, MODEL, PROMPT
from benchmarks.script import Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from benchmarks.contenders import Contender

__all__ = ["LANGCHAIN"]


class _LangChain:
    """A LangChain chat model."""

    def __init__(self, base_url: str) -> None:
        self.model = self._made(base_url)

    def _made(self, base_url: str) -> Any:
        raise NotImplementedError

    def stream(self) -> Iterator[Any]:
        return self.model.stream(PROMPT)  # type: ignore[no-any-return]

    def astream(self) -> AsyncIterator[Any]:
        return self.model.astream(PROMPT)  # type: ignore[no-any-return]

    def reply(self) -> Any:
        return self.model.invoke(PROMPT)

    async def areply(self) -> Any:
        return await self.model.ainvoke(PROMPT)

    def summed(self) -> Iterator[Any]:
        """A stream whose chunks are added up by `+=`, as agents do."""
        total: Any = None
        for chunk in self.model.stream(PROMPT):
            total = chunk if total is None else total + chunk
            yield total

    def invoked(self) -> Iterator[Any]:
        """`invoke` while somebody listens to the tokens: core streams then."""
        yield self.model.invoke(PROMPT, config={"callbacks": [_streaming_handler()]})

    async def aevents(self) -> AsyncIterator[Any]:
        """The events of a stream."""
        async for event in self.model.astream_events(PROMPT, version="v2"):
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
            model=MODEL,
            api_key=KEY,
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

        return ChatCerebras(model=MODEL, api_key=KEY, base_url=base_url)


class LangChainFloor(_LangChain):
    """langchain-core's own loop over ready-made chunks: no wire, no parsing."""

    makes_chunks = False

    def _made(self, base_url: str) -> Any:
        from langchain_core.language_models import BaseChatModel
        from langchain_core.messages import AIMessage, AIMessageChunk
        from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

        n_tokens = Script.from_segment(base_url.split("/")[3]).n_tokens

        def new_chunks() -> Iterator[ChatGenerationChunk]:
            for _ in range(n_tokens):
                yield ChatGenerationChunk(message=AIMessageChunk(content=" fox", id="1"))

        ready = None if self.makes_chunks else list(new_chunks())
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
                yield from new_chunks() if ready is None else ready

            async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
                for chunk in new_chunks() if ready is None else ready:
                    yield chunk

        return Floor()


class LangChainFloorMaking(LangChainFloor):
    """The same over chunks that its own constructors make one by one, as every model has to."""

    makes_chunks = True


LANGCHAIN: dict[str, type[Contender]] = {
    "langchain-core": LangChainFloor,
    "langchain-core, new chunks": LangChainFloorMaking,
    "langchain": LangChain,
    "langchain, apart": LangChainApart,
    "langchain-cerebras": LangChainIncumbent,
}
"""By the name they have in the tables."""
