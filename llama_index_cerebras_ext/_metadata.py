"""What core asks about a model, from the catalogue: window, room for the answer, abilities."""

from __future__ import annotations

import warnings
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import LLMMetadata, MessageRole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.catalog import ModelFacts

__all__ = ["facts_with", "metadata_of", "warn_if_unknown"]


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


def metadata_of(
    model: str,
    facts: ModelFacts,
    *,
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
    return LLMMetadata(
        context_window=facts.context_window,
        num_output=min(reserve, facts.context_window // 2),
        is_chat_model=is_chat_model,
        is_function_calling_model=is_chat_model and supports_tools,
        model_name=model,
        system_role=MessageRole.SYSTEM,
    )
