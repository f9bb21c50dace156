"""The eight endpoints and the hooks for tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    MessageRole,
)

from llama_index_cerebras_ext._observe import (
    observed,
    observed_async,
    watched_chat,
    watched_completion,
)
from llama_index_cerebras_ext._plan import Plan, arun, astream, run, stream
from llama_index_cerebras_ext._settings import CerebrasSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llama_index.core.llms.llm import ToolSelection
    from llama_index.core.tools.types import BaseTool

    from cerebras_ext.config import CallOptions
    from cerebras_ext.request import Endpoint
    from cerebras_ext.wire import JsonObject

# What calls need is imported by the methods when they are first called: importing the class costs a
# quarter then, and the first call the rest, unless `warm_up` has taken that off it.

__all__ = ["CerebrasEndpoints"]


class CerebrasEndpoints(CerebrasSettings):
    """A model's calls: what goes out is planned in one place, whichever way the answer comes."""

    @watched_chat
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The model's answer to a conversation."""
        return run(self._client(), self._chat_plan(messages, **kwargs))

    @watched_chat
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The model's answer to a conversation."""
        return await arun(self._async_client(), self._chat_plan(messages, **kwargs))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer as it comes: each item holds all so far, and what is new as `delta`."""
        return observed(watched_chat, self, self._chat_items, messages, **kwargs)

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """The answer as it comes: each item holds all so far, and what is new as `delta`."""
        return await observed_async(watched_chat, self, self._async_chat_items, messages, **kwargs)

    @watched_completion
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The model's answer to a prompt."""
        return run(self._client(), self._completion_plan(prompt, formatted, **kwargs))

    @watched_completion
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """The model's answer to a prompt."""
        return await arun(self._async_client(), self._completion_plan(prompt, formatted, **kwargs))

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """The answer as it comes: each item holds all so far, and what is new as `delta`."""
        return observed(
            watched_completion, self, self._completion_items, prompt, formatted, **kwargs
        )

    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """The answer as it comes: each item holds all so far, and what is new as `delta`."""
        return await observed_async(
            watched_completion,
            self,
            self._async_completion_items,
            prompt,
            formatted,
            **kwargs,
        )

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | dict[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The keywords of a chat in which the model may call tools."""
        from llama_index_cerebras_ext._tools import is_output_tool, tool_choice_of, wire_tools_of

        messages = list(chat_history or ())
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        if user_msg is not None:
            messages.append(user_msg)
        if not tools:
            return {"messages": messages, **kwargs}
        if all(map(is_output_tool, tools)):  # core's program, which forgets both at times
            tool_required = True
            messages = self._with_system_prompt(messages)
        facts = self._facts_for(kwargs.get("model"))
        is_strict = self.strict if strict is None else strict
        prepared: dict[str, Any] = {
            "messages": messages,
            "tools": wire_tools_of(tools, is_strict=is_strict, facts=facts),
        }
        choice = tool_choice_of(tool_choice, is_required=tool_required)
        if choice is not None and facts.supports_tool_choice:
            prepared["tool_choice"] = choice
        if not allow_parallel_tool_calls:
            prepared["parallel_tool_calls"] = False
        return {**prepared, **kwargs}

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        """The response, with one call at most unless several are allowed."""
        from llama_index_cerebras_ext._tools import with_first_call_only

        if allow_parallel_tool_calls:
            return response
        return response.model_copy(update={"message": with_first_call_only(response.message)})

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The tool calls of a response or of a stream's item, their arguments parsed.

        Raises:
            ValueError: There is no call, and `error_on_no_tool_call`.
            InvalidToolArguments: The response is complete, but a call's arguments are no object.
        """
        from llama_index_cerebras_ext._tools import tool_selections_of

        return tool_selections_of(response, fails_without_call=error_on_no_tool_call)

    def _with_system_prompt(self, messages: list[ChatMessage]) -> list[ChatMessage]:
        is_there = bool(messages) and messages[0].content == self.system_prompt
        return messages if is_there else self._extend_messages(messages)

    def _chat_items(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        return stream(self._client(), self._chat_plan(messages, **kwargs))

    def _async_chat_items(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        return astream(self._async_client(), self._chat_plan(messages, **kwargs))

    def _completion_items(
        self, prompt: str, formatted: bool, **kwargs: Any
    ) -> CompletionResponseGen:
        plan = self._completion_plan(prompt, formatted, **kwargs)
        return stream(self._client(), plan)

    def _async_completion_items(
        self, prompt: str, formatted: bool, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        plan = self._completion_plan(prompt, formatted, **kwargs)
        return astream(self._async_client(), plan)

    def _chat_plan(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Plan[ChatResponse]:
        from cerebras_ext.request import CHAT
        from llama_index_cerebras_ext._render import ChatRenderer, chat_from_completion
        from llama_index_cerebras_ext._request import chat_request_of, tool_names_of

        messages = list(messages)  # anything that gives them, once
        if not self.is_chat_model:
            assert self.messages_to_prompt is not None  # core's validator sees to it
            return self._text_plan(self.messages_to_prompt(messages), kwargs).shaped(
                chat_from_completion
            )
        fields, options = self._fields_and_options(CHAT, kwargs)
        names = tool_names_of(fields, messages)
        request = chat_request_of(
            fields,
            messages,
            facts=self._facts_for(fields.get("model")),
            names=names,
            replays_reasoning=self.replay_reasoning,
        )
        is_single = fields.get("parallel_tool_calls") is False
        renderer = ChatRenderer(
            names, first_call_only=is_single, keeps_reasoning=self.keep_reasoning
        )
        return Plan(options, renderer.whole, renderer.feed, chat=request)

    def _completion_plan(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> Plan[CompletionResponse]:
        from llama_index_cerebras_ext._render import completion_from_chat

        if self.is_chat_model:
            message = ChatMessage(role=MessageRole.USER, content=prompt)
            return self._chat_plan([message], **kwargs).shaped(completion_from_chat)
        assert self.completion_to_prompt is not None  # core's validator sees to it
        return self._text_plan(prompt if formatted else self.completion_to_prompt(prompt), kwargs)

    def _text_plan(self, prompt: str, kwargs: dict[str, Any]) -> Plan[CompletionResponse]:
        from cerebras_ext.request import TEXT
        from llama_index_cerebras_ext._render import CompletionRenderer
        from llama_index_cerebras_ext._request import text_request_of

        fields, options = self._fields_and_options(TEXT, kwargs)
        renderer = CompletionRenderer()
        return Plan(options, renderer.whole, renderer.feed, text=text_request_of(fields, prompt))

    def _fields_and_options(
        self, endpoint: Endpoint, kwargs: dict[str, Any]
    ) -> tuple[JsonObject, CallOptions]:
        """The request fields of a call, and its options; the call's own word wins."""
        from llama_index_cerebras_ext._request import merged, options_of

        own = {"model": self.model, **self._request_fields()}
        return options_of(endpoint, merged(endpoint, own, self.additional_kwargs, kwargs))
