"""Catalogue facts as LangChain's model profile."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import ModelProfile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.catalog import ModelFacts

__all__ = ["is_of_the_catalogue", "profile_of", "warn_if_unknown"]

_STATUS = {
    "production": "active",
    "preview": "beta",
    "dedicated": "active",
    "trial": "beta",
    "retired": "deprecated",
}


@cache
def warn_if_unknown(model: str) -> None:
    """Says once a process that a model is not in the catalogue.

    The warning names the line that constructs a model; where a call names another one, a line of
    LangChain.
    """
    from cerebras_ext.catalog import facts_of

    if notice := facts_of(model).unknown_notice:
        warnings.warn(
            f"{notice} What is known of a model goes into model_facts, e.g. "
            "{'family': 'gpt-oss', 'context_window': 131_072}; without, it has no profile.",
            stacklevel=5,
        )


def profile_of(facts: ModelFacts, *, is_described: bool = False) -> ModelProfile | None:
    """A new profile of a model; None for one that neither the catalogue nor the user describes.

    `structured_output` is true only for models that take tools and a response format in one
    request: LangChain's agents send both when they read true, and fall back on a tool otherwise.
    """
    if not facts.is_known and not is_described:
        return None
    profile = ModelProfile(
        name=facts.name,
        max_input_tokens=facts.context_window,
        text_inputs=True,
        image_inputs=facts.takes_images,
        image_url_inputs=False,
        pdf_inputs=False,
        audio_inputs=False,
        video_inputs=False,
        image_tool_message=False,
        pdf_tool_message=False,
        reasoning_output=facts.is_reasoning,
        text_outputs=True,
        image_outputs=False,
        audio_outputs=False,
        video_outputs=False,
        tool_calling=facts.supports_tools,
        tool_choice=facts.supports_tool_choice,
        tool_call_streaming=facts.supports_tools,
        structured_output=facts.supports_json_schema and facts.takes_tools_with_response_format,
        attachment=facts.takes_images,
        temperature=True,
    )
    if facts.is_known:
        profile["status"] = _STATUS[facts.status]
        profile["open_weights"] = facts.vendor_model is not None
    if facts.max_output_tokens is not None:
        profile["max_output_tokens"] = facts.max_output_tokens
    if facts.reasoning_efforts:
        profile["reasoning_effort_levels"] = list(facts.reasoning_efforts)
    if facts.reasoning_effort_default is not None:
        profile["reasoning_effort_default"] = facts.reasoning_effort_default
    return profile


def is_of_the_catalogue(
    profile: ModelProfile | None, overrides: Mapping[str, Any] | None = None
) -> bool:
    """Whether a profile is a known model's with these corrections; else the user made it."""
    from cerebras_ext.catalog import all_models, facts_of

    rows = (facts_of(row.id, **(overrides or {})) for row in all_models())
    return any(profile == profile_of(row) for row in rows)
