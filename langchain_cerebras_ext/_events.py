"""Stream deltas in, content-block events of LangChain's event protocol out.

A message is a start, blocks (each a start, deltas, and a finish that carries the whole block), and
a finish. Reasoning, text and each tool call are one block each, numbered in the order they begin
and finished at the end: text may go on after a call. A refusal comes whole, as the last block. The
final event's metadata leaves out what the start event said, since core merges the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

from cerebras_ext.deltas import (
    ChatDelta,
    ContentDelta,
    Finish,
    ReasoningDelta,
    StreamStart,
    ToolCallDelta,
)
from langchain_cerebras_ext._blocks import refusal_block
from langchain_cerebras_ext._names import PROVIDER
from langchain_cerebras_ext._reply import read_reply_facts
from langchain_cerebras_ext._shown import ShownArguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from langchain_cerebras_ext._reply import RenderRules, ReplyFacts

__all__ = ["Event", "EventRenderer"]

Event: TypeAlias = dict[str, Any]
"""A content-block event; a plain dict, since the protocol's types are not public in every core."""

_TEXT, _REASONING = "text", "reasoning"


class EventRenderer:
    """Renders the deltas of one stream, in order."""

    def __init__(self, rules: RenderRules) -> None:
        self._rules = rules
        self._shown = ShownArguments()
        self._block_of: dict[str | int, int] = {}
        self._said_at_start: set[str] = set()

    def render(self, delta: ChatDelta) -> list[Event]:
        """The events of one delta."""
        match delta:
            case ContentDelta(choice=0):
                return self._text(_TEXT, delta.text)
            case ReasoningDelta(choice=0):
                return self._text(_REASONING, delta.text)
            case ToolCallDelta(choice=0):
                return self._tool_call(delta)
            case StreamStart():
                return [self._message_start(delta.raw)]
            case Finish():
                facts = read_reply_facts(delta.reply, self._rules)
                return [
                    *self._finished_blocks(facts),
                    *self._refusal(facts),
                    self._message_finish(facts),
                ]
            case ContentDelta() | ReasoningDelta() | ToolCallDelta():
                return []  # of choices that were not asked for
            case _:
                assert_never(delta)

    def _message_start(self, raw: Mapping[str, Any]) -> Event:
        metadata = {"provider": PROVIDER}
        self._said_at_start = {"model_provider"}
        if model := raw.get("model"):
            metadata["model"] = model
            self._said_at_start.add("model_name")
        # An empty id makes core keep the run's own.
        return {
            "event": "message-start",
            "role": "ai",
            "id": raw.get("id") or "",
            "metadata": metadata,
        }

    def _text(self, kind: str, text: str) -> list[Event]:
        events: list[Event] = []
        if kind not in self._block_of:
            events.append(self._block_start(kind, {"type": kind, kind: ""}))
        return [*events, self._delta(kind, {"type": f"{kind}-delta", kind: text})]

    def _tool_call(self, delta: ToolCallDelta) -> list[Event]:
        events: list[Event] = []
        if self._shown.is_new(delta.index):
            name = None if delta.name is None else self._rules.names.from_wire(delta.name)
            block = {"type": "tool_call_chunk", "id": delta.id, "name": name, "args": ""}
            events.append(self._block_start(delta.index, {**block, "index": delta.index}))
        if text := self._shown.feed(delta.index, delta.arguments):
            events.append(self._delta(delta.index, {"type": "tool-call-delta", "args": text}))
        return events

    def _block_start(self, key: str | int, content: Event) -> Event:
        index = self._block_of[key] = len(self._block_of)
        return {"event": "content-block-start", "index": index, "content": content}

    def _delta(self, key: str | int, delta: Event) -> Event:
        return {"event": "content-block-delta", "index": self._block_of[key], "delta": delta}

    def _finished_blocks(self, facts: ReplyFacts) -> Iterator[Event]:
        blocks: dict[str | int, Mapping[str, Any]] = {
            _TEXT: {"type": _TEXT, "text": facts.text},
            _REASONING: {"type": _REASONING, "reasoning": facts.reasoning},
            **dict(zip(self._shown.indices, facts.calls, strict=True)),
        }
        for key, index in self._block_of.items():
            block = blocks[key]
            held = self._shown.held(key) if isinstance(key, int) else ""
            if held and block["type"] == "invalid_tool_call":
                yield self._delta(key, {"type": "tool-call-delta", "args": held})
            yield {"event": "content-block-finish", "index": index, "content": dict(block)}

    def _refusal(self, facts: ReplyFacts) -> Iterator[Event]:
        """A refusal as core's bridge shows it: a block of its own, whole and without deltas."""
        if text := facts.additional_kwargs.get("refusal"):
            block = refusal_block(text)
            empty: Event = {"value": {}} if "value" in block else {}
            start = self._block_start("refusal", {**block, **empty})
            yield start
            yield {**start, "event": "content-block-finish", "content": block}

    def _message_finish(self, facts: ReplyFacts) -> Event:
        metadata = {
            key: value for key, value in facts.metadata.items() if key not in self._said_at_start
        }
        event: Event = {
            "event": "message-finish",
            "metadata": {**metadata, **(facts.generation_info or {})},
        }
        if facts.usage is not None and self._rules.shows_usage:
            event["usage"] = facts.usage
        if facts.additional_kwargs:
            event["additional_kwargs"] = facts.additional_kwargs
        return event
