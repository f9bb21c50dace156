"""Cerebras models for LlamaIndex."""

from __future__ import annotations

from contextlib import aclosing, closing
from copy import copy
from typing import TYPE_CHECKING, Any

from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictInProgressEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index_instrumentation import get_dispatcher
from pydantic import ConfigDict

from llama_index_cerebras_ext._endpoints import CerebrasEndpoints

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from llama_index.core.base.llms.types import (
        ChatMessage,
        ChatResponseAsyncGen,
        ChatResponseGen,
    )
    from llama_index.core.program.utils import FlexibleModel
    from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
    from llama_index.core.types import Model
    from pydantic import BaseModel

    from llama_index_cerebras_ext._structured import ObjectReader

__all__ = ["Cerebras"]

dispatcher = get_dispatcher(__name__)

_PROGRAM_KEYWORDS = frozenset(
    {"allow_parallel_tool_calls", "tool_choice", "tool_required", "tools"}
)
"""Keywords for core's function calling, which a structured answer decides by itself."""


class Cerebras(CerebrasEndpoints):
    """A Cerebras model: chat, completions, streaming, tools and structured output, sync and async.

        llm = Cerebras(model="gpt-oss-120b")
        llm.complete("Why is the sky blue?")

    Keywords of a call are request fields and go over the model's own; besides, each call takes
    `extra_headers`, `extra_body`, `timeout` and `max_retries`. Errors are those of
    `cerebras_ext.errors`. A stream sends its request when its first item is asked for, so that is
    where a bad key or a refused request shows.
    """

    model_config = ConfigDict(defer_build=False)

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """An object of a class, from a prompt.

        Raises:
            StructuredOutputError: The model answered, but not with such an object.
        """
        call = self._structured_call(output_cls, prompt, prompt_args, llm_kwargs)
        if call is None:
            given = _own(prompt, llm_kwargs)
            output: Model = super().structured_predict(output_cls, *given, **prompt_args)
            return output
        _note_start(output_cls, prompt, prompt_args)
        response = self.chat(**call)
        return _noted_end(_reader_of(output_cls).whole(response))

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """An object of a class, from a prompt; as `structured_predict`."""
        call = self._structured_call(output_cls, prompt, prompt_args, llm_kwargs)
        if call is None:
            given = _own(prompt, llm_kwargs)
            output: Model = await super().astructured_predict(output_cls, *given, **prompt_args)
            return output
        _note_start(output_cls, prompt, prompt_args)
        response = await self.achat(**call)
        return _noted_end(_reader_of(output_cls).whole(response))

    async def astream_structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Model | FlexibleModel, None]:
        """Objects of a class as they grow, from a prompt; arguments as in `structured_predict`.

        As core's, but what is closed lets go of the response at once, not when it is collected.
        """

        async def objects() -> AsyncGenerator[Model | FlexibleModel, None]:
            _note_start(output_cls, prompt, prompt_args)
            found = await self._structured_astream_call(
                output_cls, prompt, llm_kwargs, **prompt_args
            )
            shown: Any = None
            async with aclosing(found):
                async for shown in found:
                    dispatcher.event(LLMStructuredPredictInProgressEvent(output=shown))
                    yield shown
            _noted_end(shown)

        return objects()

    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Model | list[Model] | FlexibleModel | list[FlexibleModel], None, None]:
        call = self._structured_call(output_cls, prompt, prompt_args, llm_kwargs)
        if call is None:
            given = _own(prompt, llm_kwargs)
            return super()._structured_stream_call(output_cls, *given, **prompt_args)
        return _objects(_reader_of(output_cls), self.stream_chat(**call))

    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Model | list[Model] | FlexibleModel | list[FlexibleModel], None]:
        call = self._structured_call(output_cls, prompt, prompt_args, llm_kwargs)
        if call is None:
            given = _own(prompt, llm_kwargs)
            return await super()._structured_astream_call(output_cls, *given, **prompt_args)
        return _async_objects(_reader_of(output_cls), await self.astream_chat(**call))

    def _structured_call(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        prompt_args: dict[str, Any],
        llm_kwargs: dict[str, Any] | None,
    ) -> dict[str, Any] | None:
        """The keywords of a chat that answers with an object; None leaves it to core's programs."""
        if not self.is_chat_model:
            return None
        from llama_index_cerebras_ext._structured import output_tool_of, response_format_of

        given = {n: v for n, v in (llm_kwargs or {}).items() if n not in _PROGRAM_KEYWORDS}
        facts, mode = self._facts_for(given.get("model")), self.pydantic_program_mode
        response_format = response_format_of(output_cls, facts=facts, mode=mode)
        if response_format is None:
            tool = output_tool_of(output_cls, metadata=self.metadata, mode=mode)
            if tool is None:
                return None
            messages = self._structured_messages(prompt, prompt_args)
            return self._prepare_chat_with_tools(
                [tool], chat_history=messages, tool_required=True, **given
            )
        if given.get("reasoning_format", self.reasoning_format) == "raw":
            given["reasoning_format"] = "parsed"  # raw puts the reasoning in front of the JSON
        messages = self._structured_messages(prompt, prompt_args)
        return {"messages": messages, **given, "response_format": response_format}

    def _structured_messages(
        self, prompt: BasePromptTemplate, prompt_args: dict[str, Any]
    ) -> list[ChatMessage]:
        return self._extend_messages(prompt.format_messages(llm=self, **prompt_args))


def _reader_of(output_cls: type[Model]) -> ObjectReader[Model]:
    from llama_index_cerebras_ext._structured import ObjectReader

    return ObjectReader(output_cls)


def _own(
    prompt: PromptTemplate, llm_kwargs: dict[str, Any] | None
) -> tuple[PromptTemplate, dict[str, Any]]:
    """Copies for core's programs, which write into what they are given."""
    return copy(prompt), dict(llm_kwargs or {})


def _note_start(
    output_cls: type[Any], prompt: BasePromptTemplate, prompt_args: dict[str, Any]
) -> None:
    dispatcher.event(
        LLMStructuredPredictStartEvent(
            output_cls=output_cls, template=prompt, template_args=prompt_args
        )
    )


def _noted_end(output: Model) -> Model:
    dispatcher.event(LLMStructuredPredictEndEvent(output=output))
    return output


def _objects(
    reader: ObjectReader[Model], responses: ChatResponseGen
) -> Generator[Model | FlexibleModel, None, None]:
    with closing(responses):
        for response in responses:
            shown = reader.feed(response)
            if shown is not None:
                yield shown


async def _async_objects(
    reader: ObjectReader[Model], responses: ChatResponseAsyncGen
) -> AsyncGenerator[Model | FlexibleModel, None]:
    async with aclosing(responses):
        async for response in responses:
            shown = reader.feed(response)
            if shown is not None:
                yield shown
