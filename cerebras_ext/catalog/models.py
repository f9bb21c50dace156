"""One row per model: where it is served, its limits and prices, and what differs from its family.

Newest first among what is served, then what was retired. Limits are published rounded ("65k",
"128k"); the exact numbers are those of the public model list.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from cerebras_ext.catalog.families import FAMILIES
from cerebras_ext.catalog.sources import assumed, documented, observed

if TYPE_CHECKING:
    from cerebras_ext.catalog.facts import Family, ModelFacts
    from cerebras_ext.catalog.sources import Source

__all__ = ["MODELS"]

_32K, _40K, _64K, _128K = 32_768, 40_960, 65_536, 131_072

_MODEL_LIST = "https://api.cerebras.ai/public/v1/models, recorded in https://github.com/dcdpr/jp"
_RETIREMENTS = documented("/support/deprecation", "status", on=date(2026, 9, 3))
_REPLACEMENT = assumed("the replacement documented for most retired models", "status")


def _row(family: Family, *sources: Source, **facts: Any) -> ModelFacts:
    base = FAMILIES[family]
    return replace(base, sources=(*base.sources, *sources), **facts)


def _retired(
    model_id: str,
    name: str,
    vendor_model: str,
    family: Family,
    on: date,
    *sources: Source,
    **facts: Any,
) -> ModelFacts:
    return _row(
        family,
        _RETIREMENTS,
        _REPLACEMENT,
        *sources,
        id=model_id,
        name=name,
        vendor_model=vendor_model,
        status="retired",
        retired_on=on,
        replacement="gpt-oss-120b",
        **facts,
    )


MODELS: tuple[ModelFacts, ...] = (
    _row(
        "qwen-3.8",
        documented("/models/overview", "status"),
        documented("/models/qwen-3.8-27b", "endpoints", "limits", "price", "speed"),
        observed(
            "https://github.com/anomalyco/models.dev/issues/6199", "limits", on=date(2026, 9, 3)
        ),
        id="qwen-3.8-27b",
        name="Qwen 3.8 27B",
        status="production",
        vendor_model="Qwen/Qwen3.8-27B",
        context_window=_64K,
        context_window_paid=_128K,
        max_output_tokens=_32K,
        max_output_tokens_paid=_40K,
        price_input_usd_per_mtok=0.99,
        price_output_usd_per_mtok=1.49,
        tokens_per_s=1_850,
    ),
    _row(
        "gpt-oss",
        documented("/models/overview", "status"),
        documented("/models/openai-oss", "endpoints", "limits", "price", "speed"),
        observed(_MODEL_LIST, "limits", on=date(2026, 7, 27)),
        id="gpt-oss-120b",
        name="gpt-oss 120B",
        status="production",
        vendor_model="openai/gpt-oss-120b",
        context_window=_64K,
        context_window_paid=_128K,
        max_output_tokens=_32K,
        max_output_tokens_paid=_40K,
        price_input_usd_per_mtok=0.35,
        price_output_usd_per_mtok=0.75,
        tokens_per_s=3_000,
    ),
    _row(
        "gemma-4",
        _RETIREMENTS,
        documented("/models/gemma-4-31b", "limits", "price", "speed", on=date(2026, 6, 30)),
        observed(_MODEL_LIST, "limits", on=date(2026, 7, 27)),
        assumed("it took this model's place on the shared service, and takes images", "status"),
        id="gemma-4-31b",
        name="Gemma 4 31B",
        status="dedicated",
        vendor_model="google/gemma-4-31B-it",
        retired_on=date(2026, 9, 3),
        replacement="qwen-3.8-27b",
        context_window=_128K,
        context_window_paid=_128K,
        max_output_tokens=_40K,
        max_output_tokens_paid=_40K,
        price_input_usd_per_mtok=0.99,
        price_output_usd_per_mtok=1.49,
        tokens_per_s=1_850,
    ),
    _row(
        "kimi-k2",
        documented("/capabilities/tool-use", "status"),
        assumed("no limits are published for trials", "limits"),
        id="kimi-k2.7-code",
        name="Kimi K2.7 Code",
        status="trial",
        vendor_model="moonshotai/Kimi-K2.7-Code",
    ),
    _retired(
        "zai-glm-4.7",
        "GLM 4.7",
        "zai-org/GLM-4.7",
        "glm-4",
        date(2026, 8, 17),
        documented("/models/zai-glm-47", "limits", "price", on=date(2026, 6, 30)),
        context_window=_128K,
        context_window_paid=_128K,
        max_output_tokens=_40K,
        max_output_tokens_paid=_40K,
        price_input_usd_per_mtok=2.25,
        price_output_usd_per_mtok=2.75,
    ),
    _retired(
        "llama3.1-8b",
        "Llama 3.1 8B",
        "meta-llama/Llama-3.1-8B-Instruct",
        "llama",
        date(2026, 5, 27),
        documented("/models/overview", "speed", on=date(2026, 4, 30)),
        tokens_per_s=2_200,
    ),
    _retired(
        "qwen-3-235b-a22b-instruct-2507",
        "Qwen 3 235B Instruct 2507",
        "Qwen/Qwen3-235B-A22B-Instruct-2507",
        "qwen-3",
        date(2026, 5, 27),
        documented("/models/qwen-3-235b-2507", "limits", "price", on=date(2026, 4, 30)),
        context_window=_64K,
        context_window_paid=_128K,
        max_output_tokens=_32K,
        max_output_tokens_paid=_40K,
        price_input_usd_per_mtok=0.60,
        price_output_usd_per_mtok=1.20,
    ),
    _retired(
        "qwen-3-32b",
        "Qwen 3 32B",
        "Qwen/Qwen3-32B",
        "qwen-3-thinking",
        date(2026, 2, 16),
        documented("/models/qwen-3-32b", "limits", "price", on=date(2026, 6, 30)),
        context_window=_64K,
        context_window_paid=_128K,
        price_input_usd_per_mtok=0.40,
        price_output_usd_per_mtok=0.80,
    ),
    _retired(
        "llama-3.3-70b",
        "Llama 3.3 70B",
        "meta-llama/Llama-3.3-70B-Instruct",
        "llama",
        date(2026, 2, 16),
        observed(
            "https://github.com/pydantic/pydantic-ai, recorded traffic",
            "status",
            on=date(2025, 11, 26),
        ),
        aliases=("llama3.3-70b",),
    ),
    _retired("zai-glm-4.6", "GLM 4.6", "zai-org/GLM-4.6", "glm-4", date(2026, 1, 20)),
    _retired(
        "qwen-3-235b-a22b-thinking-2507",
        "Qwen 3 235B Thinking 2507",
        "Qwen/Qwen3-235B-A22B-Thinking-2507",
        "qwen-3-thinking",
        date(2025, 11, 14),
    ),
    _retired(
        "qwen-3-coder-480b",
        "Qwen 3 Coder 480B",
        "Qwen/Qwen3-Coder-480B-A35B-Instruct",
        "qwen-3",
        date(2025, 11, 5),
    ),
    _retired(
        "llama-4-scout-17b-16e-instruct",
        "Llama 4 Scout",
        "meta-llama/Llama-4-Scout-17B-16E-Instruct",
        "llama",
        date(2025, 11, 3),
    ),
    _retired(
        "llama-4-maverick-17b-128e-instruct",
        "Llama 4 Maverick",
        "meta-llama/Llama-4-Maverick-17B-128E-Instruct",
        "llama",
        date(2025, 10, 15),
    ),
    _retired(
        "deepseek-r1-distill-llama-70b",
        "DeepSeek R1 Distill Llama 70B",
        "deepseek-ai/DeepSeek-R1-Distill-Llama-70B",
        "deepseek-r1",
        date(2025, 8, 12),
    ),
    _retired(
        "qwen-3-235b-a22b",
        "Qwen 3 235B",
        "Qwen/Qwen3-235B-A22B",
        "qwen-3-thinking",
        date(2025, 7, 29),
        documented("/support/deprecation", "limits", on=date(2026, 9, 3)),
        context_window=_40K,
        context_window_paid=_40K,
    ),
    _retired(
        "llama3.1-70b",
        "Llama 3.1 70B",
        "meta-llama/Llama-3.1-70B-Instruct",
        "llama",
        date(2025, 1, 17),
    ),
)
