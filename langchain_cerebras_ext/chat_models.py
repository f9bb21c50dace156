"""ChatCerebras: Cerebras Inference as a LangChain chat model."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - see `_types` for why these are not hidden
from inspect import signature
from typing import TYPE_CHECKING, Any, Self, cast

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage  # noqa: TC002
from langchain_core.runnables import Runnable  # noqa: TC002
from pydantic import ConfigDict, model_validator

from langchain_cerebras_ext import _blocks
from langchain_cerebras_ext._chat_settings import ChatSettings
from langchain_cerebras_ext._errors import translated
from langchain_cerebras_ext._options import CHAT_KEYS, check_known
from langchain_cerebras_ext._profile import is_of_the_catalogue, profile_of
from langchain_cerebras_ext._types import Method, SchemaLike, ToolLike  # noqa: TC001
from langchain_cerebras_ext.errors import UnsupportedInput

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import ModelProfile
    from langchain_core.outputs import ChatGenerationChunk, ChatResult

    from langchain_cerebras_ext._copies import Copies
    from langchain_cerebras_ext._events import Event
    from langchain_cerebras_ext._request import ChatCall
    from langchain_cerebras_ext._retries import RunManager

# What calls need is imported by the hooks when they are first called: importing the class costs a
# fifth then, and the first call the rest, unless `warm_up` has taken that off it.

__all__ = ["ChatCerebras"]

_blocks.register()


class ChatCerebras(ChatSettings, BaseChatModel):
    """Cerebras Inference as a LangChain chat model.

    Setup:
        Install the package and set the key, which is read from this variable only.

        ```bash
        pip install 'cerebras-ext[langchain]'
        export CEREBRAS_API_KEY="your-api-key"
        ```

    Instantiate:
        ```python
        from langchain_cerebras_ext import ChatCerebras

        model = ChatCerebras(
            model="gpt-oss-120b",
            temperature=0,
            max_tokens=2000,
            reasoning_effort="low",
        )
        ```

    Invoke:
        ```python
        messages = [
            ("system", "You are a helpful translator. Translate the user's sentence to French."),
            ("human", "I love programming."),
        ]
        answer = model.invoke(messages)
        answer.text
        ```

    Stream:
        ```python
        for chunk in model.stream(messages):
            print(chunk.text, end="", flush=True)
        ```

        Chunks add up to the message that `invoke` gives:

        ```python
        first, *others = model.stream(messages)
        whole = first + others
        ```

    Async:
        ```python
        async def ask():
            await model.ainvoke(messages)
            async for chunk in model.astream(messages):
                print(chunk.text, end="", flush=True)
            await model.abatch([messages])
        ```

    Tool calling:
        ```python
        from pydantic import BaseModel, Field


        class GetWeather(BaseModel):
            '''The current weather in a place.'''

            location: str = Field(description="City and country, e.g. Oslo, Norway")


        with_tools = model.bind_tools([GetWeather])
        with_tools.invoke("How is the weather in Oslo, Norway?").tool_calls
        ```

        Arguments that the model cut short or garbled are in `invalid_tool_calls`, streamed or not.

    Structured output:
        ```python
        class Joke(BaseModel):
            '''A joke to tell.'''

            setup: str = Field(description="The question")
            punchline: str = Field(description="The answer")


        model.with_structured_output(Joke).invoke("Tell me a joke about cats")
        ```

    Reasoning:
        What the model thought stands apart from what it says, and goes back to it in later turns.

        ```python
        answer = model.invoke("How many r are in strawberry?", reasoning_effort="high")
        [block["reasoning"] for block in answer.content_blocks if block["type"] == "reasoning"]
        ```

    Usage metadata:
        ```python
        answer.usage_metadata
        # {'input_tokens': 74, 'output_tokens': 45, 'total_tokens': 119,
        #  'input_token_details': {'cache_read': 0}, 'output_token_details': {'reasoning': 30}}
        ```

    Response metadata:
        ```python
        answer.response_metadata["finish_reason"], answer.response_metadata["time_info"]
        # ('stop', {'queue_time': 0.0002, 'prompt_time': 0.004, 'completion_time': 0.03, ...})
        ```

    Every field is described in docs/langchain.md.
    """

    model_config = ConfigDict(defer_build=False)

    @model_validator(mode="after")
    def _profile_is_this_models(self) -> Self:
        """Resolves a profile again that was another model's.

        `configurable_fields` makes a new model from all values of the old one, profile included.
        """
        own = self._resolve_model_profile()
        if self.profile not in (None, own) and is_of_the_catalogue(self.profile, self.model_facts):
            self.profile = own
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        from langchain_cerebras_ext._reply import result_from_reply

        with translated():
            call = self._call(messages, stop, kwargs, run_manager)
            reply = self._client().chat(options=call.options, **call.request)
            return result_from_reply(reply, call.rules)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        from langchain_cerebras_ext._reply import result_from_reply

        with translated():
            call = self._call(messages, stop, kwargs, run_manager)
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
        from langchain_cerebras_ext._chunks import ChunkRenderer

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
        from langchain_cerebras_ext._chunks import ChunkRenderer

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
        from langchain_cerebras_ext._events import EventRenderer

        # Core stops pulling at the last event; the client has released the connection before it
        # gives it.
        with translated():
            call = self._call(messages, stop, kwargs, run_manager)
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
        from langchain_cerebras_ext._events import EventRenderer

        with translated():
            call = self._call(messages, stop, kwargs, run_manager)
            renderer = EventRenderer(call.rules)
            client = self._async_client()
            async with await client.stream_chat(options=call.options, **call.request) as deltas:
                async for delta in deltas:
                    for event in renderer.render(delta):
                        yield event

    def _call(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        kwargs: dict[str, Any],
        run_manager: RunManager | None = None,
    ) -> ChatCall:
        from langchain_cerebras_ext._request import chat_call
        from langchain_cerebras_ext._retries import retry_reporter

        on_retry = retry_reporter(run_manager)
        return chat_call(self._defaults(), messages, stop, kwargs, on_retry=on_retry)

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
                Anthropic's or JSON schema's form. An empty list is fine.
            tool_choice: `"auto"`, `"none"`, `"any"` (or `"required"`, `True`), the name of a tool,
                or OpenAI's or Anthropic's dict for one of these; None and False leave it to the
                service.
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
        from langchain_cerebras_ext._tools import bound_tool_choice, bound_tools, tool_names_of

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
        from langchain_cerebras_ext._structured import StructuredOutputParser, with_raw
        from langchain_cerebras_ext._target import plan_structured_output, target_of
        from langchain_cerebras_ext._tools import bound_tools

        check_known(kwargs, CHAT_KEYS, where="with_structured_output")
        target = target_of(schema)
        facts = self._defaults().facts_for(kwargs.get("model") or self.model)
        plan = plan_structured_output(target, facts, method=method, strict=strict)
        if tools and not (plan.method == "json_schema" and facts.takes_tools_with_response_format):
            raise UnsupportedInput(
                f"tools: model {facts.id!r} does not take tools and a structured answer in one "
                "request; bind the tools, and ask for the structured answer in a call of its own "
                "or through create_agent"
            )
        offered = [*plan.tools, *bound_tools(tools or ())]
        bound = self.bind_tools(offered, **plan.options, **kwargs)
        parser = StructuredOutputParser(
            target=target, method=plan.method, may_call_tools=bool(tools)
        )
        return with_raw(bound, parser) if include_raw else bound | parser

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        from langchain_cerebras_ext._usage import summed_token_usage

        return summed_token_usage(llm_outputs)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile_of(self._facts(), is_described=bool(self.model_facts))

    def _derive_again(self, original: Copies) -> None:
        if self.profile == cast("ChatCerebras", original)._resolve_model_profile():
            self.profile = self._resolve_model_profile()

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """About how many tokens messages and tools take, for planning; nothing is downloaded.

        An estimate from the length of the text, or its tokens with `custom_get_token_ids`. What the
        service counted stands on its reply.
        """
        from langchain_cerebras_ext._counting import count_tokens

        return count_tokens(messages, tools, self.custom_get_token_ids)


# Core asks for these signatures at each call, and finding them takes longer than its other work.
for _hook in map(vars(ChatCerebras).__getitem__, ("_generate", "_agenerate")):
    vars(_hook)["__signature__"] = signature(_hook)
