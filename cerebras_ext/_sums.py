"""What the chunks of a stream add up to, choice by choice, in the shape of an unstreamed reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cerebras_ext._json import is_array
from cerebras_ext.errors import ProtocolError

if TYPE_CHECKING:
    from cerebras_ext.deltas import LogprobsField
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
            known = joined.get(key)
            if not is_array(entries):
                joined.setdefault(key, entries)
            elif is_array(known):
                known += entries
            else:
                joined[key] = list(entries)
    return joined


@dataclass(slots=True)
class ToolCallSum:
    """One tool call so far.

    Attributes:
        index: Which call of the message.
    """

    index: int
    id: str | None = None
    name: str | None = None
    type: str = "function"
    arguments: list[str] = field(default_factory=list[str])
    n_chars: int = 0

    def open_with(self, call_id: str | None, name: str | None) -> tuple[str | None, str | None]:
        """Takes the id and the name, or part of the name, that a fragment brings.

        Returns:
            What of them is new: some servers repeat both in every fragment.
        """
        new_id = call_id if self.id is None else None
        new_name = name if name != self.name else None
        self.id = self.id or call_id
        if new_name:
            self.name = (self.name or "") + new_name
        return new_id, new_name

    def count_arguments(self, text: str) -> None:
        """Counts argument text that has come.

        Raises:
            ProtocolError: The arguments are longer than the limit.
        """
        self.n_chars += len(text)
        if self.n_chars > MAX_ARGUMENTS_CHARS:
            raise ProtocolError(
                f"a tool call's arguments are longer than {MAX_ARGUMENTS_CHARS} characters",
                where="tool call arguments",
            )

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
    _last_at: dict[int | None, ToolCallSum] = field(
        default_factory=dict[int | None, ToolCallSum], init=False
    )
    _call_of_id: dict[str, ToolCallSum] = field(default_factory=dict[str, ToolCallSum], init=False)
    _next_index: int = field(default=0, init=False)

    def tool_call(self, wire_index: int | None, call_id: str | None) -> ToolCallSum:
        """The call that a fragment belongs to.

        Fragments join by index; without one, they go on with the last call. An id that the call
        found so does not have belongs to another call, or opens one: some servers number every call
        0.
        """
        call = self._last_at.get(wire_index)
        if call is not None and call_id and call.id and call.id != call_id:
            call = self._call_of_id.get(call_id)
        if call is None:
            index = self._next_index
            if wire_index is not None and wire_index not in self.tool_calls:
                index = wire_index
            call = self.tool_calls[index] = ToolCallSum(index)
            self._next_index = max(self._next_index, index + 1)
        if call_id:
            self._call_of_id.setdefault(call_id, call)
        self._last_at[wire_index] = self._last_at[None] = call
        return call

    def logprobs_in(self, field: LogprobsField) -> list[JsonObject]:
        """The log probabilities that came in a field."""
        return self.logprobs if field == "logprobs" else self.reasoning_logprobs

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


def appended(pieces: list[str] | None, text: str) -> list[str]:
    """The pieces of a text with one more; None has none yet."""
    if pieces is None:
        return [text]
    pieces.append(text)
    return pieces
