"""CerebrasLLM: text completions as a LangChain LLM."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models import BaseLLM
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from langchain_core.runnables.config import ContextThreadPoolExecutor
from pydantic import ConfigDict, Field

from cerebras_ext.deltas import StreamStart, TextDelta, TextFinish
from langchain_cerebras_ext._connection import CerebrasConnection
from langchain_cerebras_ext._errors import translated
from langchain_cerebras_ext._options import TEXT_FIELDS, settled_options
from langchain_cerebras_ext._reply import envelope_metadata
from langchain_cerebras_ext._request import Defaults, text_call
from langchain_cerebras_ext._retries import retry_reporter
from langchain_cerebras_ext._usage import summed_token_usage, usage_from_wire
from langchain_cerebras_ext.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import LangSmithParams

    from cerebras_ext.deltas import CompletionDelta
    from cerebras_ext.reply import TextCompletion
    from langchain_cerebras_ext._request import TextCall
    from langchain_cerebras_ext._retries import RunManager

__all__ = ["CerebrasLLM"]


class CerebrasLLM(CerebrasConnection, BaseLLM):
    """Cerebras text completions as a LangChain LLM: a prompt in, its continuation out.

    Setup, key, connection and errors are those of `ChatCerebras`. Most models are made for chat and
    answer better there.

        from langchain_cerebras_ext import CerebrasLLM

        llm = CerebrasLLM(model="gpt-oss-120b", max_tokens=64)
        llm.invoke("The capital of France is")
    """

    model_config = ConfigDict(defer_build=False)

    logprobs: int | None = None
    """How many alternatives per token are returned, in `generation_info["logprobs"]`."""
    echo: bool | None = None
    """Whether the prompt is repeated before its continuation."""
    best_of: int | None = None
    """How many continuations the service makes to choose from; cannot be streamed."""
    suffix: str | None = None
    """Text after the continuation; in the schema, but documented as not supported."""
    grammar_root: str | None = None
    """Root of the grammar that decoding is held to, e.g. `"object"`."""
    return_raw_tokens: bool | None = None
    """Whether token ids are returned in place of text, in `generation_info["tokens"]`."""
    max_concurrent_prompts: int = Field(default=8, ge=1)
    """How many prompts of one `generate` or `batch` are under way at once."""

    def generate(self, prompts: list[str], *args: Any, **kwargs: Any) -> LLMResult:
        """The continuations of several prompts.

        Options of the call become fields of a copy first: core's cache key knows fields only, and
        would give one temperature's answer for another.
        """
        model, others = self._with_call_fields(kwargs)
        return super(CerebrasLLM, model).generate(prompts, *args, **others)

    async def agenerate(self, prompts: list[str], *args: Any, **kwargs: Any) -> LLMResult:
        """The continuations of several prompts; as `generate`."""
        model, others = self._with_call_fields(kwargs)
        return await super(CerebrasLLM, model).agenerate(prompts, *args, **others)

    def _with_call_fields(self, kwargs: dict[str, Any]) -> tuple[CerebrasLLM, dict[str, Any]]:
        kwargs = settled_options(kwargs)
        keyed = {*TEXT_FIELDS, "extra_body"} - {"stop"}
        fields = {name: value for name, value in kwargs.items() if name in keyed}
        others = {name: value for name, value in kwargs.items() if name not in keyed}
        if fields.get("extra_body"):
            fields["extra_body"] = {**(self.extra_body or {}), **fields["extra_body"]}
        return (self.model_copy(update=fields) if fields else self), others

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        def complete(prompt: str) -> TextCompletion:
            with translated():
                call = self._call_for(prompt, stop, kwargs, run_manager)
                return self._client().complete(options=call.options, **call.request)

        if len(prompts) <= 1:
            return self._result([complete(prompt) for prompt in prompts])
        workers = min(len(prompts), self.max_concurrent_prompts)
        with ContextThreadPoolExecutor(max_workers=workers) as executor:
            futures = [executor.submit(complete, prompt) for prompt in prompts]
            try:
                return self._result([future.result() for future in futures])
            except BaseException:
                executor.shutdown(wait=False, cancel_futures=True)
                raise

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        free_places = asyncio.Semaphore(self.max_concurrent_prompts)

        async def complete(prompt: str) -> TextCompletion:
            async with free_places:
                with translated():
                    call = self._call_for(prompt, stop, kwargs, run_manager)
                    client = self._async_client()
                    return await client.complete(options=call.options, **call.request)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(complete(prompt)) for prompt in prompts]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return self._result([task.result() for task in tasks])

    # Unlike for chat models, core leaves the token callbacks to the hooks here.

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        with translated():
            call = self._call_for(prompt, stop, kwargs, run_manager)
            with self._client().stream_complete(options=call.options, **call.request) as deltas:
                for delta in deltas:
                    chunk = self._chunk(delta)
                    if chunk is not None:
                        if run_manager is not None:
                            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        with translated():
            call = self._call_for(prompt, stop, kwargs, run_manager)
            client = self._async_client()
            stream = await client.stream_complete(options=call.options, **call.request)
            async with stream as deltas:
                async for delta in deltas:
                    chunk = self._chunk(delta)
                    if chunk is not None:
                        if run_manager is not None:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    def _call_for(
        self,
        prompt: str,
        stop: list[str] | None,
        kwargs: dict[str, Any],
        run_manager: RunManager | None,
    ) -> TextCall:
        request = self._set_fields(TEXT_FIELDS)
        defaults = Defaults(request=request, rules={}, extra_body=self.extra_body)
        return text_call(defaults, prompt, stop, kwargs, on_retry=retry_reporter(run_manager))

    def _chunk(self, delta: CompletionDelta) -> GenerationChunk | None:
        match delta:
            case TextDelta():
                return GenerationChunk(text=delta.text)
            case TextFinish():
                return GenerationChunk(text="", generation_info=self._info(delta.reply))
            case StreamStart():
                return None

    def _result(self, replies: list[TextCompletion]) -> LLMResult:
        infos = [self._info(reply) for reply in replies]
        generations = [
            [Generation(text=reply.choices[0].text or "", generation_info=info)]
            for reply, info in zip(replies, infos, strict=True)
        ]
        outputs = [{key: info[key] for key in _LLM_OUTPUT if key in info} for info in infos]
        return LLMResult(
            generations=cast("Any", generations), llm_output=summed_token_usage([*outputs])
        )

    def _info(self, reply: TextCompletion) -> dict[str, Any]:
        """What a reply says about its continuation and itself, as plain JSON data."""
        if not reply.choices:
            raise ProtocolError("the reply holds no continuation", where="choices")
        choice = reply.choices[0]
        said = {
            "finish_reason": choice.finish_reason,
            "logprobs": choice.logprobs and choice.logprobs.to_wire(),
            "tokens": choice.tokens,
            "usage_metadata": usage_from_wire(reply.usage),  # where tracers look for it
        }
        about_choice = {name: value for name, value in said.items() if value is not None}
        return {**envelope_metadata(reply, self.model), **about_choice}

    @property
    def _llm_type(self) -> str:
        return "cerebras-completions"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        names = (*TEXT_FIELDS, "base_url", "extra_body")
        return self._set_fields({name: name for name in names})

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return cast("LangSmithParams", self._ls_facts(stop, kwargs, "llm"))


_LLM_OUTPUT = ("model_name", "token_usage")
"""What core wants apart from the generations too, summed over the prompts."""
