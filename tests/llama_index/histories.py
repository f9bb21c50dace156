"""Histories, and what becomes of them on the wire."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.llms.types import ChatMessage, TextBlock, ToolCallBlock

from cerebras_ext.catalog import facts_of
from cerebras_ext.tool_names import ToolNames
from llama_index_cerebras_ext._messages import called_names, wire_messages_of


def translated(*messages: ChatMessage, model: str = "gpt-oss-120b", **options: Any) -> list[Any]:
    """The wire messages, for a model that replays reasoning in a field unless told otherwise."""
    names = ToolNames.of(called_names(messages))
    return wire_messages_of(list(messages), facts=facts_of(model), names=names, **options)


def call(call_id: str | None, kwargs: dict[str, Any] | str, name: str = "f") -> ToolCallBlock:
    return ToolCallBlock(tool_call_id=call_id, tool_name=name, tool_kwargs=kwargs)


def assistant(*blocks: Any, **kwargs: Any) -> ChatMessage:
    return ChatMessage(role="assistant", blocks=list(blocks), additional_kwargs=kwargs)


def tool(text: str | None = "ok", **kwargs: Any) -> ChatMessage:
    blocks = [] if text is None else [TextBlock(text=text)]
    return ChatMessage(role="tool", blocks=blocks, additional_kwargs=kwargs)
