"""What the service understood of a request it accepted: plain values for whoever answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.catalog import ModelFacts

__all__ = [
    "ChatRequest",
    "CompletionRequest",
    "Effort",
    "Image",
    "Message",
    "NamedTool",
    "ReasoningFormat",
    "ResponseFormat",
    "Role",
    "Tool",
    "ToolCall",
    "ToolChoice",
]

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
Effort: TypeAlias = Literal["none", "low", "medium", "high"]
ReasoningFormat: TypeAlias = Literal["none", "parsed", "text_parsed", "raw", "hidden"]


@dataclass(frozen=True, slots=True)
class Image:
    """An attached picture, known by its header."""

    media_type: Literal["image/png", "image/jpeg"]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call in the history, its arguments still text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn; text parts are joined, absent text is empty."""

    role: Role
    text: str
    images: tuple[Image, ...] = ()
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """An offered tool."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    is_strict: bool


@dataclass(frozen=True, slots=True)
class NamedTool:
    """A tool choice that names the one tool to call."""

    name: str


ToolChoice: TypeAlias = Literal["none", "auto", "required"] | NamedTool


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """What form the text must have; `schema` is None unless `type` is "json_schema"."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema: Mapping[str, Any] | None = None
    is_strict: bool = False

    @property
    def is_json(self) -> bool:
        """Whether the text must be JSON."""
        return self.type != "text"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """An accepted chat completion.

    `model` is the canonical id and `body` the request as it was sent. `completion_limit` is how
    many tokens the answer may have: what the caller asked for, the model's own maximum and the
    context window taken into account; `quota_tokens` are to be reserved up front.
    `tool_choice` is never None: "none" without tools, "auto" with them. `reasoning_effort` and
    `reasoning_format` are those in force, the model's habits included: effort "none" means the
    model does not reason, and format "none" that reasoning has a field of its own.
    """

    model: str
    facts: ModelFacts
    messages: tuple[Message, ...]
    prompt_tokens: int
    quota_tokens: int
    image_tokens: int
    completion_limit: int
    stream: bool
    tools: tuple[Tool, ...]
    tool_choice: ToolChoice
    parallel_tool_calls: bool
    response_format: ResponseFormat
    reasoning_effort: Effort
    reasoning_format: ReasoningFormat
    stop: tuple[str, ...]
    logprobs: bool
    top_logprobs: int
    prediction: str | None
    service_tier: Literal["auto", "default", "flex", "priority"] | None
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """An accepted text completion; token prompts are decoded into `prompts`."""

    model: str
    facts: ModelFacts
    prompts: tuple[str, ...]
    prompt_tokens: int
    quota_tokens: int
    completion_limit: int
    stream: bool
    echo: bool
    logprobs: int | None
    return_raw_tokens: bool
    stop: tuple[str, ...]
    body: Mapping[str, Any]
