"""Messages of this provider as LangChain's standard content blocks.

Registered for `model_provider == "cerebras"`. Whoever reads a message without this package gets
core's best effort, so reasoning stays in `additional_kwargs["reasoning_content"]`, the place core
looks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import langchain_core.messages
from langchain_core.messages.block_translators import register_translator

from langchain_cerebras_ext._names import PROVIDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_core.messages import content as types

__all__ = ["Block", "refusal_block", "register"]

_HAS_REFUSAL_BLOCK = hasattr(langchain_core.messages, "RefusalContentBlock")  # since core 1.7.5

Block = dict[str, Any]


def register() -> None:
    """Makes core use these translators for this provider; the last registration wins."""
    register_translator(PROVIDER, blocks_of_message, blocks_of_chunk)


def blocks_of_message(message: AIMessage) -> list[types.ContentBlock]:
    """Reasoning, text, tool calls and invalid tool calls, without indices."""
    blocks = list(_said(message))
    known_ids = {block.get("id") for block in blocks if block["type"] in _CALL_TYPES}
    calls = [call for call in _whole_calls(message) if call["id"] not in known_ids]
    return cast("list[types.ContentBlock]", [*blocks, *calls])


def blocks_of_chunk(chunk: AIMessageChunk) -> list[types.ContentBlock]:
    """The same, each with an index that core's merge accepts.

    Without one, core numbers blocks from 0 while tool fragments keep the wire's index, which begins
    at 0 too, and folds calls into text.
    """
    blocks = [
        {**block, "index": _INDEX_OF.get(block["type"], "lc_oth_0")} for block in _said(chunk)
    ]
    if chunk.chunk_position == "last":
        blocks += _whole_calls(chunk)
    else:
        for call in chunk.tool_call_chunks:
            index = {} if call["index"] is None else {"index": f"lc_tc_{call['index']}"}
            blocks.append({**call, "type": "tool_call_chunk"} | index)
    return cast("list[types.ContentBlock]", blocks)


def refusal_block(text: str) -> Block:
    """What a model said instead of an answer, in the form that this core has for it."""
    block = {"type": "refusal", "refusal": text}
    return block if _HAS_REFUSAL_BLOCK else {"type": "non_standard", "value": block}


_CALL_TYPES = frozenset({"tool_call", "invalid_tool_call"})
_INDEX_OF = {"reasoning": "lc_rsn_0", "text": "lc_txt_0", "refusal": "lc_ref_0"}


def _said(message: AIMessage) -> Iterator[Block]:
    """Everything but tool calls that are not in the content."""
    content = [message.content] if isinstance(message.content, str) else message.content
    blocks: list[Block] = [
        {"type": "text", "text": block} if isinstance(block, str) else dict(block)
        for block in content
        if block
    ]
    reasoning = message.additional_kwargs.get("reasoning_content")
    if reasoning and not any(block.get("type") == "reasoning" for block in blocks):
        yield {"type": "reasoning", "reasoning": reasoning}
    yield from blocks
    if refusal := message.additional_kwargs.get("refusal"):
        yield refusal_block(refusal)


def _whole_calls(message: AIMessage) -> Iterator[Block]:
    for call in message.tool_calls:
        yield {"type": "tool_call", "name": call["name"], "args": call["args"], "id": call["id"]}
    for bad in message.invalid_tool_calls:
        yield {**bad, "type": "invalid_tool_call"}
