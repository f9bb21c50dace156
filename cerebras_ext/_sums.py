"""What the chunks of a stream add up to, choice by choice, in the shape of an unstreamed reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cerebras_ext.errors import ProtocolError

if TYPE_CHECKING:
    from cerebras_ext.wire import JsonObject

__all__ = [
    "MAX_ARGUMENTS_CHARS",
    "ChatChoiceSum",
    "TextChoiceSum",
    "ToolCallSum",
    "joined_logprobs",
]

MAX_ARGUMENTS_CHARS = 1 << 20
"""Longest argument text of one tool call."""


def joined_logprobs(pieces: list[JsonObject]) -> JsonObject | None:
    """Log probabilities of consecutive pieces as one object; None when there are none."""
    if not pieces:
        return None
    if len(pieces) == 1:
        return pieces[0]
    joined: JsonObject = {}
    for piece in pieces:
        for key, entries in piece.items():
            if isinstance(entries, list):
                joined[key] = [*(joined.get(key) or ()), *entries]
            else:
                joined.setdefault(key, entries)
    return joined


@dataclass(slots=True)
class ToolCallSum:
    """One tool call so far."""

    id: str | None = None
    name: str | None = None
    type: str = "function"
    arguments: list[str] = field(default_factory=list[str])
    n_chars: int = 0

    def add_arguments(self, text: str) -> None:
        """Appends argument text.

        Raises:
            ProtocolError: The arguments are longer than the limit.
        """
        self.n_chars += len(text)
        if self.n_chars > MAX_ARGUMENTS_CHARS:
            raise ProtocolError(
                f"a tool call's arguments are longer than {MAX_ARGUMENTS_CHARS} characters",
                where="tool call arguments",
            )
        self.arguments.append(text)

    def to_wire(self) -> JsonObject:
        """The call as an unstreamed reply shows it; what an unfinished call lacks is empty."""
        function = {"name": self.name or "", "arguments": "".join(self.arguments)}
        return {"id": self.id or "", "type": self.type, "function": function}


@dataclass(slots=True)
class ChatChoiceSum:
    """One choice of a chat completion so far."""

    index: int
    role: str = "assistant"
    content: list[str] | None = None
    reasoning: list[str] | None = None
    refusal: list[str] | None = None
    tool_calls: dict[int, ToolCallSum] = field(default_factory=dict[int, ToolCallSum])
    logprobs: list[JsonObject] = field(default_factory=list[Any])
    reasoning_logprobs: list[JsonObject] = field(default_factory=list[Any])
    finish_reason: str | None = None

    def tool_call(self, wire_index: int | None, call_id: str | None) -> tuple[int, ToolCallSum]:
        """The call a fragment belongs to, and its index.

        Fragments join by index. Without one, a new id opens a call and anything else goes on with
        the last. An index that comes back under another id is a new call: some servers number every
        call 0.
        """
        calls = self.tool_calls
        index = wire_index
        if index is None:
            known = [i for i, call in calls.items() if call_id is not None and call.id == call_id]
            opens = not calls or (call_id is not None and not known)
            index = max(calls, default=-1) + 1 if opens else (known or [max(calls)])[0]
        call = calls.get(index)
        if call is not None and call_id and call.id and call.id != call_id:
            known = [i for i, other in calls.items() if other.id == call_id]
            index = known[0] if known else max(calls) + 1
            call = calls.get(index)
        if call is None:
            call = calls[index] = ToolCallSum()
        return index, call

    def to_wire(self) -> JsonObject:
        """The choice as an unstreamed reply shows it."""
        message: JsonObject = {"role": self.role}
        texts = {"content": self.content, "reasoning": self.reasoning, "refusal": self.refusal}
        for key, pieces in texts.items():
            if pieces is not None:
                message[key] = "".join(pieces)
        if self.tool_calls:
            message["tool_calls"] = [self.tool_calls[i].to_wire() for i in sorted(self.tool_calls)]
        choice: JsonObject = {"index": self.index, "message": message}
        if self.finish_reason is not None:
            choice["finish_reason"] = self.finish_reason
        for key, parts in (
            ("logprobs", self.logprobs),
            ("reasoning_logprobs", self.reasoning_logprobs),
        ):
            if parts:
                choice[key] = joined_logprobs(parts)
        return choice

    def check_calls(self) -> None:
        """Makes sure that every call got an id and a name.

        Raises:
            ProtocolError: One did not.
        """
        for index, call in self.tool_calls.items():
            missing = "id" if not call.id else "name" if not call.name else None
            if missing:
                raise ProtocolError(
                    f"tool call {index} of the stream never got a {missing}",
                    where=f"choices.{self.index}.tool_calls.{index}.{missing}",
                )


@dataclass(slots=True)
class TextChoiceSum:
    """One choice of a text completion so far."""

    index: int
    text: list[str] | None = None
    tokens: list[int] | None = None
    logprobs: list[JsonObject] = field(default_factory=list[Any])
    finish_reason: str | None = None

    def to_wire(self) -> JsonObject:
        """The choice as an unstreamed reply shows it."""
        choice: dict[str, Any] = {"index": self.index}
        if self.text is not None:
            choice["text"] = "".join(self.text)
        if self.tokens is not None:
            choice["tokens"] = self.tokens
        if self.finish_reason is not None:
            choice["finish_reason"] = self.finish_reason
        if self.logprobs:
            choice["logprobs"] = joined_logprobs(self.logprobs)
        return choice
