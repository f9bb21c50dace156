"""The shape of a catalogue row.

The defaults of `ModelFacts` are the lowest of four layers: defaults < family < model < user. They
say what the API promises for a plain text model; `families` and `models` hold the layers above, and
`facts_of` adds the user's.
"""

from __future__ import annotations

from dataclasses import dataclass

# Overrides are checked against these annotations at run time, so `date` must be importable there.
from datetime import date  # noqa: TC003
from typing import Literal

# Likewise.
from cerebras_ext.catalog.sources import Source  # noqa: TC001

__all__ = [
    "Endpoint",
    "Family",
    "ModelFacts",
    "Reasoning",
    "ReasoningReplay",
    "Status",
    "ToolDeltaStyle",
]

Status = Literal["production", "preview", "dedicated", "trial", "retired", "unknown"]
"""Where a model is served: shared service, dedicated endpoints, customer trials, or no longer."""

Family = Literal[
    "deepseek-r1",
    "gemma-4",
    "glm-4",
    "gpt-oss",
    "kimi-k2",
    "llama",
    "qwen-3",
    "qwen-3-thinking",
    "qwen-3.8",
    "unknown",
]
"""Models that behave alike on the wire."""

Endpoint = Literal["chat", "completions"]

Reasoning = Literal["always", "switchable", "none"]
"""Whether a model thinks first: it cannot be stopped, a request may choose, or it never does."""

ReasoningReplay = Literal["field", "think_tags", "none"]
"""How earlier reasoning goes back: in `message.reasoning`, in `<think>` tags, or not at all."""

ToolDeltaStyle = Literal["fragmented", "whole"]
"""How a tool call is streamed: arguments in many deltas, or the call complete in one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """Everything known about one model. Limits are the free tier's unless named `_paid`.

    A `supports_…` or `takes_…` that is false means "not, as far as anyone has documented or seen".
    """

    id: str
    """As the API spells it."""
    name: str
    """For people."""
    family: Family
    status: Status
    aliases: tuple[str, ...] = ()
    """Other spellings the API accepts and answers with `id`."""
    vendor_model: str | None = None
    """The published weights, as Hugging Face spells them; `None` where none are published."""

    retired_on: date | None = None
    """The day it left the shared service. Dedicated endpoints may serve it still: see `status`."""
    replacement: str | None = None

    context_window: int = 32_768
    """Tokens of prompt and answer together. The default is for models nobody publishes one for."""
    context_window_paid: int | None = None
    max_output_tokens: int | None = None
    max_output_tokens_paid: int | None = None
    output_reserve_tokens: int = 1_024
    """Room to leave for the answer when filling the window and no maximum is set; never sent."""

    price_input_usd_per_mtok: float | None = None
    price_output_usd_per_mtok: float | None = None
    tokens_per_s: int | None = None

    takes_images: bool = False
    max_images: int = 0
    """Images in one request."""
    max_images_paid: int = 0
    endpoints: frozenset[Endpoint] = frozenset({"chat", "completions"})

    reasoning: Reasoning = "none"
    reasoning_efforts: tuple[str, ...] = ()
    """Values of `reasoning_effort` that are not refused, weakest first."""
    reasoning_effort_default: str | None = None
    """What an omitted `reasoning_effort` means; `None` where that has no name."""
    reasoning_formats: tuple[str, ...] = ()
    """Values of `reasoning_format` that are not refused."""
    reasoning_replay: ReasoningReplay = "none"
    clear_thinking: bool = False
    """Whether a request may hold `clear_thinking`."""

    has_developer_role: bool = False
    supports_tools: bool = True
    supports_strict_tools: bool = True
    supports_parallel_tool_calls: bool = True
    supports_tool_choice: bool = True
    tool_delta_style: ToolDeltaStyle = "whole"
    strict_tools_refuse: frozenset[str] = frozenset()
    """Schema keywords refused in strict tools on top of those refused for every model."""
    supports_json_schema: bool = True
    takes_tools_with_response_format: bool = False
    """Whether tools and a JSON response format in one request give a usable answer."""
    supports_predicted_outputs: bool = False

    sources: tuple[Source, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the catalogue has a row for this id."""
        return self.status != "unknown"

    @property
    def is_retired(self) -> bool:
        """Whether the service answers 404 for this id, for everyone."""
        return self.status == "retired"

    @property
    def is_reasoning(self) -> bool:
        """Whether answers may begin with reasoning."""
        return self.reasoning != "none"

    @property
    def retirement_notice(self) -> str | None:
        """What a user of this model should be told, once, if it is retired."""
        if not self.is_retired:
            return None
        return f"Model {self.id!r} was retired on {self.retired_on}; use {self.replacement!r}."

    @property
    def unknown_notice(self) -> str | None:
        """What a user of this model should be told, once, if the catalogue does not know it."""
        if self.is_known:
            return None
        return (
            f"Model {self.id!r} is not in the catalogue; a context window of "
            f"{self.context_window:,} tokens is assumed. Set `context_window` if it has another."
        )
