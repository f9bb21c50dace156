"""Stream deltas in, LangChain message chunks out.

Chunks of one stream are merged by `+`, which concatenates strings and adds numbers even in
metadata. So a chunk carries only what is new, `model_provider` aside, and everything said once
stands on the last chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from cerebras_ext.deltas import (
    ChatDelta,
    ContentDelta,
    Finish,
    ReasoningDelta,
    StreamStart,
    ToolCallDelta,
)
from cerebras_ext.partial_json import seal
from langchain_cerebras_ext._names import UNSEALED_ARGUMENTS
from langchain_cerebras_ext._new_chunks import new_chunk
from langchain_cerebras_ext._reply import read_reply_facts
from langchain_cerebras_ext._shown import ShownArguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.messages.tool import ToolCallChunk

    from cerebras_ext.wire import JsonObject
    from langchain_cerebras_ext._reply import RenderRules, ReplyFacts

__all__ = ["ChunkRenderer"]


class ChunkRenderer:
    """Renders the deltas of one stream, in order."""

    def __init__(self, rules: RenderRules) -> None:
        self._rules = rules
        self._id: str | None = None
        self._shown = ShownArguments()
        self._has_logprobs: set[str] = set()

    def render(self, delta: ChatDelta) -> list[ChatGenerationChunk]:
        """The chunks of one delta; none for a delta that has nothing to show yet."""
        match delta:
            case ContentDelta(choice=0):
                metadata = self._logprobs("logprobs", delta.logprobs)
                return [new_chunk(delta.text, message_id=self._id, metadata=metadata)]
            case ReasoningDelta(choice=0):
                metadata = self._logprobs(delta.logprobs_field, delta.logprobs)
                return [new_chunk(reasoning=delta.text, message_id=self._id, metadata=metadata)]
            case ToolCallDelta(choice=0):
                return self._tool_call(delta)
            case StreamStart():
                self._id = delta.raw.get("id")
                return [new_chunk(message_id=self._id)]
            case Finish():
                facts = read_reply_facts(delta.reply, self._rules)
                return [*self._sealed(facts), self._last(facts)]
            case ContentDelta() | ReasoningDelta() | ToolCallDelta():
                return []  # of choices that were not asked for
            case _:
                assert_never(delta)

    def _tool_call(self, delta: ToolCallDelta) -> list[ChatGenerationChunk]:
        is_new = self._shown.is_new(delta.index)
        text = self._shown.feed(delta.index, delta.arguments)
        if not (is_new or text or delta.id or delta.name):
            return []
        name = None if delta.name is None else self._rules.names.from_wire(delta.name)
        fragment = _fragment(delta.index, text, id_=delta.id, name=name)
        return [new_chunk(message_id=self._id, call=fragment)]

    def _sealed(self, facts: ReplyFacts) -> Iterator[ChatGenerationChunk]:
        """What keeps invalid calls invalid: merging chunks, core repairs unfinished JSON."""
        calls = zip(self._shown.indices, facts.calls, facts.raw_arguments, strict=True)
        for index, call, raw in calls:
            if call.get("type") == "invalid_tool_call":
                fragment = _fragment(index, self._shown.held(index) + seal(raw))
                yield new_chunk(message_id=self._id, call=fragment)

    def _last(self, facts: ReplyFacts) -> ChatGenerationChunk:
        kept = dict(facts.additional_kwargs)
        kept.pop("reasoning_content", None)  # shown already
        metadata = {
            key: value for key, value in facts.metadata.items() if key not in self._has_logprobs
        }
        if unsealed := _unsealed_arguments(facts):
            metadata[UNSEALED_ARGUMENTS] = unsealed
        message = AIMessageChunk(
            content="",
            id=self._id,
            additional_kwargs=kept,
            response_metadata=metadata,
            usage_metadata=facts.usage if self._rules.shows_usage else None,
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message, generation_info=facts.generation_info)

    def _logprobs(self, key: str, logprobs: JsonObject | None) -> dict[str, Any] | None:
        if not logprobs:
            return None
        self._has_logprobs.add(key)
        return {key: logprobs}


def _fragment(
    index: int, text: str, *, id_: str | None = None, name: str | None = None
) -> ToolCallChunk:
    return {"name": name, "args": text, "id": id_, "index": index, "type": "tool_call_chunk"}


def _unsealed_arguments(facts: ReplyFacts) -> dict[str, str]:
    """The invalid calls' arguments as the model wrote them, by call id."""
    return {
        str(call["id"]): raw
        for call, raw in zip(facts.calls, facts.raw_arguments, strict=True)
        if call.get("type") == "invalid_tool_call"
    }
