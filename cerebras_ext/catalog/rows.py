"""The facts themselves: one row per family, then one per model that states what differs.

A fact without a source is not a fact: each row cites where its facts were read or seen, when, and
whether that is documented, observed or assumed. Newer evidence wins over older, traffic over prose.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from cerebras_ext.catalog.types import FactGroup, ModelFacts, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.catalog.types import Family

__all__ = ["FAMILIES", "MODELS", "UNKNOWN_MODEL"]

_ALL_EFFORTS = ("none", "low", "medium", "high")
_ALL_FORMATS = ("none", "parsed", "text_parsed", "raw", "hidden")
_REASONING_RESERVE_TOKENS = 4_096  # thinking is spent from the same budget as the answer

# Limits are published rounded ("65k", "128k"); the exact numbers are those of the public model list.
_64K, _128K = 65_536, 131_072
_32K, _40K = 32_768, 40_960

_READ_ON = date(2026, 10, 1)


def _docs(page: str, *facts: FactGroup, on: date = _READ_ON) -> Source:
    return Source(facts, f"https://inference-docs.cerebras.ai{page}", on, "documented")


def _seen(where: str, on: date, *facts: FactGroup) -> Source:
    return Source(facts, where, on, "observed")


def _assumed(why: str, on: date, *facts: FactGroup) -> Source:
    return Source(facts, why, on, "assumed")


_TRAFFIC = "https://github.com/dcdpr/jp, recorded streams and public model list"
_TRAFFIC_2025 = "https://github.com/agentjido/req_llm, recorded traffic"
_RETIREMENTS = _docs("/support/deprecation", "status", on=date(2026, 9, 3))
_OLD_TOOLS = (
    _seen("https://github.com/livekit/agents/issues/3134", date(2025, 9, 1), "tools"),
    _seen("https://github.com/agno-agi/agno/issues/4508", date(2025, 9, 10), "tools"),
)

# ---------------------------------------------------------------- families

UNKNOWN_MODEL = ModelFacts(
    id="unknown",
    name="Unknown model",
    family="unknown",
    status="unknown",
    # Permissive wherever the alternative would be to refuse, here, what the service may accept.
    takes_images=True,
    max_images=2,
    max_images_paid=10,
    # Every model served today reasons; a reserve too small loses the answer, one too large only room.
    output_reserve_tokens=_REASONING_RESERVE_TOKENS,
    reasoning="switchable",
    reasoning_efforts=_ALL_EFFORTS,
    reasoning_formats=_ALL_FORMATS,
    reasoning_replay="field",
    clear_thinking=True,
    supports_predicted_outputs=True,
    sources=(
        _assumed(
            "the smallest window and the widest request any served model has had",
            _READ_ON,
            "endpoints",
            "images",
            "limits",
            "prediction",
            "reasoning",
            "tools",
        ),
    ),
)
"""What is assumed of an id the catalogue does not know: a small window, and anything may be sent."""

_GPT_OSS = ModelFacts(
    id="gpt-oss",
    name="gpt-oss",
    family="gpt-oss",
    status="unknown",
    output_reserve_tokens=_REASONING_RESERVE_TOKENS,
    reasoning="always",  # "none" is a 400; "hidden" only hides
    reasoning_efforts=("low", "medium", "high"),
    reasoning_effort_default="medium",
    reasoning_formats=_ALL_FORMATS,
    reasoning_replay="field",
    has_developer_role=True,
    tool_delta_style="fragmented",
    supports_predicted_outputs=True,
    sources=(
        _docs("/capabilities/reasoning", "reasoning"),
        _docs("/capabilities/tool-use", "tools"),
        _docs("/capabilities/structured-outputs", "tools"),
        _docs("/capabilities/predicted-outputs", "prediction", on=date(2026, 7, 1)),
        _seen(_TRAFFIC, date(2026, 5, 30), "reasoning", "tools"),
    ),
)

_QWEN_3_8 = ModelFacts(
    id="qwen-3.8",
    name="Qwen 3.8",
    family="qwen-3.8",
    status="unknown",
    output_reserve_tokens=_REASONING_RESERVE_TOKENS,
    takes_images=True,
    max_images=2,
    max_images_paid=10,
    reasoning="switchable",
    reasoning_efforts=_ALL_EFFORTS,
    reasoning_effort_default="high",
    reasoning_formats=("none", "parsed", "text_parsed", "raw"),  # "raw" has no effect
    reasoning_replay="field",
    clear_thinking=True,
    strict_tools_refuse=frozenset({"maxLength", "minLength", "pattern"}),
    sources=(
        _docs("/capabilities/reasoning", "reasoning"),
        _docs("/capabilities/image-inputs", "images"),
        _docs("/capabilities/tool-use", "tools"),
        _docs("/capabilities/structured-outputs", "tools"),
        _assumed("whole tool calls in streams, as earlier Qwen models sent them", _READ_ON, "tools"),
    ),
)

_GEMMA_4 = ModelFacts(
    id="gemma-4",
    name="Gemma 4",
    family="gemma-4",
    status="unknown",
    output_reserve_tokens=_REASONING_RESERVE_TOKENS,
    takes_images=True,
    max_images=2,
    max_images_paid=10,
    reasoning="switchable",
    reasoning_efforts=_ALL_EFFORTS,
    reasoning_effort_default="none",
    reasoning_formats=("none", "parsed", "text_parsed"),
    reasoning_replay="field",
    sources=(
        _docs("/capabilities/reasoning", "reasoning"),
        _docs("/capabilities/image-inputs", "images"),
        _docs("/capabilities/tool-use", "tools"),
        _docs("/capabilities/structured-outputs", "tools"),
        _seen(_TRAFFIC, date(2026, 7, 27), "reasoning"),
        _assumed("replay as the API reference asks of all models", date(2026, 7, 1), "reasoning"),
    ),
)

_KIMI_K2 = ModelFacts(
    id="kimi-k2",
    name="Kimi K2",
    family="kimi-k2",
    status="unknown",
    output_reserve_tokens=_REASONING_RESERVE_TOKENS,
    takes_images=True,
    max_images=2,
    max_images_paid=10,
    reasoning="always",
    reasoning_efforts=_ALL_EFFORTS,  # all accepted, all ignored, "none" too
    reasoning_formats=("none", "parsed", "text_parsed", "raw"),
    reasoning_replay="field",
    sources=(
        _docs("/capabilities/reasoning", "reasoning"),
        _docs("/capabilities/image-inputs", "images"),
        _docs("/capabilities/tool-use", "tools"),
        _docs("/capabilities/structured-outputs", "tools"),
        _assumed("replay as the API reference asks of all models", date(2026, 7, 1), "reasoning"),
    ),
)

_GLM_4 = ModelFacts(
    id="glm-4",
    name="GLM 4",
    family="glm-4",
    status="unknown",
    output_reserve_tokens=_REASONING_RESERVE_TOKENS,
    reasoning="switchable",
    reasoning_efforts=("none",),  # on is the default, and has no name
    reasoning_formats=_ALL_FORMATS,
    reasoning_replay="think_tags",
    clear_thinking=True,
    supports_predicted_outputs=True,
    sources=(
        _docs("/resources/glm-47-migration", "reasoning", on=date(2026, 7, 1)),
        _docs("/capabilities/predicted-outputs", "prediction", on=date(2026, 7, 1)),
        _seen(
            "https://github.com/pydantic/pydantic-ai, recorded traffic",
            date(2026, 6, 12),
            "reasoning",
        ),
        # Tools with a JSON format are accepted, but the JSON comes with a stray tool call.
        _seen("https://github.com/vercel/ai/issues/15420", date(2026, 5, 18), "tools"),
    ),
)

_QWEN_3 = ModelFacts(
    id="qwen-3",
    name="Qwen 3",
    family="qwen-3",
    status="unknown",
    supports_strict_tools=False,
    supports_parallel_tool_calls=False,  # several calls came, but the field was refused
    sources=(*_OLD_TOOLS, _seen(_TRAFFIC_2025, date(2025, 11, 2), "tools")),
)

_QWEN_3_THINKING = replace(
    _QWEN_3,
    output_reserve_tokens=_REASONING_RESERVE_TOKENS,
    reasoning="always",  # to the API: only `/no_think` in the prompt turned it off, where anything did
    reasoning_formats=_ALL_FORMATS,
    sources=(
        *_QWEN_3.sources,
        _docs("/capabilities/reasoning", "reasoning", on=date(2026, 4, 1)),
        _docs("/models/qwen-3-32b", "reasoning", on=date(2026, 2, 1)),
    ),
)

_LLAMA = ModelFacts(
    id="llama",
    name="Llama",
    family="llama",
    status="unknown",
    supports_strict_tools=False,
    supports_parallel_tool_calls=False,
    sources=_OLD_TOOLS,
)

_DEEPSEEK_R1 = ModelFacts(
    id="deepseek-r1",
    name="DeepSeek R1",
    family="deepseek-r1",
    status="unknown",
    output_reserve_tokens=_REASONING_RESERVE_TOKENS,
    reasoning="always",
    supports_strict_tools=False,
    supports_parallel_tool_calls=False,
    sources=(
        *_OLD_TOOLS,
        _docs("/models/choose-a-model", "reasoning"),
        _assumed("no reasoning fields: it left before they came", date(2025, 8, 12), "reasoning"),
    ),
)

FAMILIES: Mapping[Family, ModelFacts] = MappingProxyType(
    {
        row.family: row
        for row in (
            _DEEPSEEK_R1,
            _GEMMA_4,
            _GLM_4,
            _GPT_OSS,
            _KIMI_K2,
            _LLAMA,
            _QWEN_3,
            _QWEN_3_8,
            UNKNOWN_MODEL,
        )
    }
)
"""What models of a family share, for ids the catalogue does not know but the user can place."""

# ---------------------------------------------------------------- models

