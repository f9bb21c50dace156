"""ChatCerebras: Cerebras Inference as a LangChain chat model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages.utils import count_tokens_approximately
from pydantic import Field, model_validator

from cerebras_ext.catalog import all_models, facts_of
from cerebras_ext.wire import ReasoningEffort, ReasoningFormat, ServiceTier
from langchain_cerebras_ext import _blocks
from langchain_cerebras_ext._chunks import ChunkRenderer
from langchain_cerebras_ext._connection import CerebrasConnection
from langchain_cerebras_ext._errors import translated
from langchain_cerebras_ext._events import EventRenderer
from langchain_cerebras_ext._profile import profile_of
from langchain_cerebras_ext._reply import result_from_reply
from langchain_cerebras_ext._request import (
    CHAT_FIELDS,
    CHAT_KEYS,
    RULE_KEYS,
    Defaults,
    chat_call,
    check_known,
)
from langchain_cerebras_ext._structured import StructuredOutputParser, with_raw
from langchain_cerebras_ext._target import plan_structured_output, target_of
from langchain_cerebras_ext._tools import bound_tool_choice, bound_tools, tool_names_of
from langchain_cerebras_ext._usage import summed_token_usage
from langchain_cerebras_ext.errors import UnsupportedInput

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import LangSmithParams, LanguageModelInput, ModelProfile
    from langchain_core.messages import AIMessage, BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, ChatResult
    from langchain_core.runnables import Runnable

    from langchain_cerebras_ext._events import Event
    from langchain_cerebras_ext._request import ChatCall
    from langchain_cerebras_ext._target import Method, SchemaLike
    from langchain_cerebras_ext._tools import ToolLike

__all__ = ["ChatCerebras"]

_blocks.register()


class ChatCerebras(CerebrasConnection, BaseChatModel):
    """Cerebras Inference as a LangChain chat model."""

    logprobs: bool | None = None
    """Whether log probabilities are returned, in `response_metadata["logprobs"]`."""
    top_logprobs: int | None = None
    """Alternatives per token, 0 to 20; needs `logprobs`."""
    parallel_tool_calls: bool | None = None
    """Whether a reply may hold several tool calls; the service's default is yes."""
    reasoning_effort: ReasoningEffort | None = None
    """How much the model thinks; which values it takes is in
    `profile["reasoning_effort_levels"]`.
    """
    reasoning_format: ReasoningFormat | None = None
    """Where reasoning goes; the model's own default is best for LangChain, which shows it apart
    from the text.
    """
    clear_thinking: bool | None = None
    """Whether the service drops earlier turns' reasoning from the prompt, for models that take the
    field.
    """
    service_tier: ServiceTier | None = None
    """Priority of requests, where the account takes part in the preview."""
    prediction: str | dict[str, Any] | None = Field(default=None, exclude=True, repr=False)
    """Text that the answer is expected to repeat for the most part; excludes tools and
    `logprobs`.
    """

    replay_reasoning: bool | None = None
    """Whether reasoning of earlier turns goes back to the model; None does what suits the model."""
    replay_foreign_reasoning: bool = False
    """Whether that includes reasoning of other providers' models."""
    streaming: bool | None = None
    """True makes `invoke` stream inside, False makes `stream` give one message; None does as
    asked.
    """
    stream_usage: bool = True
    """Whether the last chunk of a stream carries token counts."""
    include_response_headers: bool = False
    """Whether `response_metadata["headers"]` holds the response headers."""

    @model_validator(mode="after")
    def _profile_is_this_models(self) -> Self:
        """Resolves a profile again that was another model's.

        `configurable_fields` makes a new model from all values of the old one, profile included.
        """
        own = self._resolve_model_profile()
        if self.profile is not None and self.profile != own:
            overrides = self.model_facts or {}
            rows = (facts_of(row.id, **overrides) for row in all_models())
            if any(self.profile == profile_of(row) for row in rows):
                self.profile = own
        return self

    # ---- the calls

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with translated():
            call = self._call(messages, stop, kwargs)
            reply = self._client().chat(options=call.options, **call.request)
            return result_from_reply(reply, call.rules)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with translated():
            call = self._call(messages, stop, kwargs)
            reply = await self._async_client().chat(options=call.options, **call.request)
            return result_from_reply(reply, call.rules)

    # Core fires `on_llm_new_token` for each chunk and event itself, so none of the streaming hooks
    # does.

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with translated():
            call = self._call(messages, stop, kwargs)
            renderer = ChunkRenderer(call.rules)
            with self._client().stream_chat(options=call.options, **call.request) as deltas:
                for delta in deltas:
                    yield from renderer.render(delta)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with translated():
            call = self._call(messages, stop, kwargs)
            renderer = ChunkRenderer(call.rules)
            client = self._async_client()
            async with await client.stream_chat(options=call.options, **call.request) as deltas:
                async for delta in deltas:
                    for chunk in renderer.render(delta):
                        yield chunk

    def _stream_chat_model_events(
        self,
        messages: list[BaseMessage],
        *,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[Event]:
        # Core stops pulling at the last event; the client has released the connection before it
        # gives it.
        with translated():
            call = self._call(messages, stop, kwargs)
            renderer = EventRenderer(call.rules)
            with self._client().stream_chat(options=call.options, **call.request) as deltas:
                for delta in deltas:
                    yield from renderer.render(delta)

    async def _astream_chat_model_events(
        self,
        messages: list[BaseMessage],
        *,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Event]:
        with translated():
            call = self._call(messages, stop, kwargs)
            renderer = EventRenderer(call.rules)
            client = self._async_client()
            async with await client.stream_chat(options=call.options, **call.request) as deltas:
                async for delta in deltas:
                    for event in renderer.render(delta):
                        yield event

    def _call(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> ChatCall:
        return chat_call(self._defaults(), messages, stop, kwargs)

    def _defaults(self) -> Defaults:
        values = ((wire_name, getattr(self, name)) for name, wire_name in CHAT_FIELDS.items())
        return Defaults(
            request={name: value for name, value in values if value is not None},
            rules={name: getattr(self, name) for name in RULE_KEYS},
            extra_body=self.extra_body,
            fact_overrides=self.model_facts,
        )

    # ---- tools and structured output

    def bind_tools(
        self,
        tools: Sequence[ToolLike],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools it may call.

        Args:
            tools: Functions, LangChain tools, pydantic classes, `TypedDict`s, or dicts in OpenAI's,
                Anthropic's or JSON schema's form. None at all is fine.
            tool_choice: `"auto"`, `"none"`, `"any"` (or `"required"`, `True`), the name of a tool,
                or the named form as a dict; None and False leave it to the service.
            strict: Whether arguments are held to the tools' schemas; None keeps what dicts say. The
                service wants one value for all tools of a request, so a mixture counts as not
                strict.
            parallel_tool_calls: Whether a reply may hold several calls.
            response_format: For models that take one together with tools.
            **kwargs: Other options of a call.

        Raises:
            UnsupportedInput: A tool or the choice cannot be sent.
            UnknownParameter: An option does not exist.
        """
        check_known(kwargs, CHAT_KEYS, where="bind_tools")
        bound = bound_tools(tools, strict=strict)
        options = {
            "tools": bound or None,
            "tool_choice": bound_tool_choice(tool_choice, tool_names_of(bound)),
            "parallel_tool_calls": parallel_tool_calls,
            "response_format": response_format,
        }
        given = {name: value for name, value in options.items() if value is not None}
        return self.bind(**given, **kwargs)

    def with_structured_output(
        self,
        schema: SchemaLike | None = None,
        *,
        method: Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        tools: Sequence[ToolLike] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """The model with replies that are values of a schema.

        Args:
            schema: A pydantic class or dataclass (replies are instances), a `TypedDict` or JSON
                schema (replies are dicts); None, with `json_mode`, for any JSON object.
            method: `"json_schema"`, `"function_calling"` or `"json_mode"` (the prompt has to ask
                for JSON); None takes the first when model and schema allow, else the second.
            include_raw: Give `{"raw", "parsed", "parsing_error"}`, and never raise for what is in a
                reply.
            strict: Whether decoding is held to the schema; None does so where the schema can be
                expressed.
            tools: Tools to offer as well, for models that take both at once.
            **kwargs: Other options of a call.

        Raises:
            UnsupportedInput: The schema cannot be sent, or not together with the tools.
            UnknownParameter: An option does not exist.
        """
        check_known(kwargs, CHAT_KEYS, where="with_structured_output")
        target = target_of(schema)
        facts = self._facts()
        plan = plan_structured_output(target, facts, method=method, strict=strict)
        if tools and not (plan.method == "json_schema" and facts.takes_tools_with_response_format):
            raise UnsupportedInput(
                f"tools: model {facts.id!r} does not take tools and a structured answer in one "
                "request; bind the tools, and ask for the structured answer in a call of its own "
                "or through create_agent"
            )
        bound = self.bind_tools([*plan.tools, *(tools or ())], **plan.options, **kwargs)
        parser = StructuredOutputParser(
            target=target, method=plan.method, may_call_tools=bool(tools)
        )
        return with_raw(bound, parser) if include_raw else bound | parser

    # ---- what LangChain asks about the model

    @property
    def _llm_type(self) -> str:
        return "cerebras-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        request = {name: getattr(self, name) for name in CHAT_FIELDS if name != "prediction"}
        rules = {
            name: getattr(self, name) for name in ("replay_reasoning", "replay_foreign_reasoning")
        }
        params = {
            **request,
            "base_url": self.base_url,
            **rules,
            "extra_body": self.extra_body,
            "model_facts": self.model_facts,
        }
        return {name: value for name, value in params.items() if value is not None}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return cast("LangSmithParams", self._ls_facts(stop, kwargs, "chat"))

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        return summed_token_usage(llm_outputs)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile_of(self._facts())

    def _derive_again(self, original: CerebrasConnection) -> None:
        if self.profile == profile_of(original._facts()):
            self.profile = self._resolve_model_profile()

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """About how many tokens messages and tools take: an estimate, made without a tokenizer."""
        bound = bound_tools(tools) if tools else None
        return count_tokens_approximately(messages, tools=cast("Any", bound))
