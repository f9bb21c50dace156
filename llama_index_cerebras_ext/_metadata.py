"""What core asks about a model, from the catalogue: window, room for the answer, abilities."""

from __future__ import annotations

import warnings
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import LLMMetadata, MessageRole
from pydantic import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.catalog import ModelFacts

__all__ = ["ShownMetadata", "facts_with", "metadata_of", "warn_if_unknown"]


def facts_with(model: str, overrides: Mapping[str, Any]) -> ModelFacts:
    """The catalogue's facts of a model with the user's over them; cheap, for core asks often."""
    return _facts(model, tuple(sorted(overrides.items())))


@lru_cache(maxsize=256)
def _facts(model: str, overrides: tuple[tuple[str, Any], ...]) -> ModelFacts:
    from cerebras_ext.catalog import facts_of

    return facts_of(model, **dict(overrides))


@cache
def warn_if_unknown(model: str) -> None:
    """Says once a process that a model's limits are assumed."""
    notice = _facts(model, ()).unknown_notice
    if notice:
        warnings.warn(notice, stacklevel=5)


class ShownMetadata(LLMMetadata):
    """Metadata that tracers publish as the settings of a call: with the two that they look for."""

    temperature: float | None = Field(default=None, description="As set, else the model's own.")
    max_tokens: int | None = Field(default=None, description="As set, else not sent.")


def metadata_of(
    model: str,
    facts: ModelFacts,
    *,
    temperature: float | None = None,
    max_tokens: int | None,
    is_chat_model: bool,
    calls_functions: bool | None,
) -> LLMMetadata:
    """The metadata of a configured model.

    Core packs prompts into the window less `num_output`, and fails if nothing is left: a maximum
    that would take more than half of the window counts as half.
    """
    reserve = facts.output_reserve_tokens if max_tokens is None else max_tokens
    supports_tools = facts.supports_tools if calls_functions is None else calls_functions
    shown: dict[str, Any] = {"temperature": temperature, "max_tokens": max_tokens}
    return ShownMetadata(
        context_window=facts.context_window,
        num_output=min(reserve, facts.context_window // 2),
        is_chat_model=is_chat_model,
        is_function_calling_model=is_chat_model and supports_tools,
        model_name=model,
        system_role=MessageRole.SYSTEM,
        **{name: value for name, value in shown.items() if value is not None},
    )
