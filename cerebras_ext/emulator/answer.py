"""What the emulated model says, before any limit or wire format applies."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Answer", "CalledTool"]


@dataclass(frozen=True, slots=True)
class CalledTool:
    """One tool call: the tool's name and its arguments as JSON text.

    `id` is only given by scripts; otherwise one is derived from the request.
    """

    name: str
    arguments: str = "{}"
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Text, reasoning and tool calls of one choice.

    `finish_reason` is only given by scripts; otherwise it follows from the rest.
    `deltas` fixes how a stream cuts the text: one delta per string, joined they are `content`.
    """

    content: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[CalledTool, ...] = ()
    finish_reason: str | None = None
    deltas: tuple[str, ...] = ()
