"""What is known about each model: limits, prices, reasoning, tools, images.

The same facts answer LangChain's `profile`, LlamaIndex's `metadata`, the request rules of both
adapters and the emulator. They are data with a source and a date, never branches on a model's name:

    >>> from cerebras_ext.catalog import facts_of
    >>> facts_of("gpt-oss-120b").reasoning_efforts
    ('low', 'medium', 'high')
    >>> facts_of("gpt-oss-120b", context_window=131_072).context_window
    131072

An id the catalogue does not know is no error: it gets the documented fallback, `UNKNOWN_MODEL`.
"""

from __future__ import annotations

from cerebras_ext.catalog.facts import (
    Endpoint,
    Family,
    ModelFacts,
    Reasoning,
    ReasoningReplay,
    Status,
    ToolDeltaStyle,
)
from cerebras_ext.catalog.families import UNKNOWN_MODEL
from cerebras_ext.catalog.lookup import all_models, facts_of
from cerebras_ext.catalog.sources import Basis, FactGroup, Source

__all__ = [
    "UNKNOWN_MODEL",
    "Basis",
    "Endpoint",
    "FactGroup",
    "Family",
    "ModelFacts",
    "Reasoning",
    "ReasoningReplay",
    "Source",
    "Status",
    "ToolDeltaStyle",
    "all_models",
    "facts_of",
]
