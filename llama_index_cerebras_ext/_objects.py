"""Core's objects for the items of a stream: the only place that makes them.

They are filled in from templates, at half of what core's constructors cost; see
`cerebras_ext._template`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from cerebras_ext._template import templated

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ContentBlock

    from cerebras_ext.wire import JsonObject
    from llama_index_cerebras_ext._facts import LogProbs

__all__ = [
    "chat_response",
    "completion_response",
    "message_of",
    "text_block",
    "thinking_block",
    "tool_call_block",
]


def text_block(text: str) -> TextBlock:
    """A text."""
    return _text(text=text)


def thinking_block(content: str) -> ThinkingBlock:
    """Reasoning, as far as it has come."""
    return _thinking(content=content, additional_information={})


def tool_call_block(call_id: str | None, name: str, arguments: str) -> ToolCallBlock:
    """A tool call, its arguments as text."""
    return _tool_call(tool_call_id=call_id, tool_name=name, tool_kwargs=arguments)


def message_of(blocks: list[ContentBlock], kwargs: JsonObject) -> ChatMessage:
    """An assistant's message; both arguments become the message's own."""
    return _message(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=kwargs)


def chat_response(
    message: ChatMessage,
    *,
    raw: Any,
    delta: str | None,
    logprobs: LogProbs | None,
    additional_kwargs: JsonObject,
) -> ChatResponse:
    """A chat response; the containers become the response's own."""
    return _chat_response(
        message=message,
        raw=raw,
        delta=delta,
        logprobs=logprobs,
        additional_kwargs=additional_kwargs,
    )


def completion_response(
    text: str,
    *,
    raw: Any,
    delta: str | None,
    logprobs: LogProbs | None,
    additional_kwargs: JsonObject,
) -> CompletionResponse:
    """A completion response; the containers become the response's own."""
    return _completion_response(
        text=text,
        additional_kwargs=additional_kwargs,
        raw=raw,
        logprobs=logprobs,
        delta=delta,
    )


def _constructed_thinking(*, content: str, additional_information: object) -> ThinkingBlock:
    """A block by its constructor, which makes the empty dict itself."""
    return ThinkingBlock(content=content)


_text = templated(TextBlock, {"text": "Hello"}, {"text": ""})
_thinking = templated(_constructed_thinking, {"content": "Hm", "additional_information": {}})
_tool_call = templated(
    ToolCallBlock,
    {"tool_call_id": "call_1", "tool_name": "search", "tool_kwargs": '{"query": "'},
    {"tool_call_id": None, "tool_name": "", "tool_kwargs": ""},
)
_CALL = {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
_message = templated(
    ChatMessage,
    {
        "role": MessageRole.ASSISTANT,
        "blocks": [text_block("Hello")],
        "additional_kwargs": {},
    },
    {
        "role": MessageRole.ASSISTANT,
        "blocks": [thinking_block("Hm"), tool_call_block("call_1", "search", "{}")],
        "additional_kwargs": {"tool_calls": [_CALL]},
    },
)
_told: dict[str, Any] = {"raw": {"id": "1"}, "delta": None, "logprobs": None}
_examples: list[dict[str, Any]] = [
    {**_told, "additional_kwargs": {}},
    {**_told, "delta": "", "additional_kwargs": {"thinking_delta": "Hm"}},
    {**_told, "logprobs": [[LogProb()]], "additional_kwargs": {}},
]
_chat_response = templated(
    ChatResponse,
    *[{"message": message_of([text_block("Hello")], {}), **example} for example in _examples],
)
_completion_response = templated(
    CompletionResponse, *[{"text": "Hello", **example} for example in _examples]
)
