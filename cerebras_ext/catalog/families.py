"""What models of a family share on the wire; a model's own row states only what differs.

Newer evidence wins over older, and traffic over prose.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from cerebras_ext.catalog.facts import ModelFacts
from cerebras_ext.catalog.sources import assumed, documented, observed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.catalog.facts import Family

__all__ = ["FAMILIES", "UNKNOWN_MODEL"]

_ALL_EFFORTS = ("none", "low", "medium", "high")
_ALL_FORMATS = ("none", "parsed", "text_parsed", "raw", "hidden")
_REASONING_RESERVE_TOKENS = 4_096  # thinking is spent from the same budget as the answer

_READ_ON = date(2026, 11, 22)  # for threads whose own date was not kept
_UNDATED_COPY = date(2026, 6, 30)  # pages copied some day in the first half of 2026
_RECORDED_2025 = "https://github.com/agentjido/req_llm, recorded traffic"
_RECORDED_2026 = "https://github.com/dcdpr/jp, recorded streams and public model list"
_OLD_TOOL_RULES = (
    observed("https://github.com/livekit/agents/issues/3134", "tools", on=_READ_ON),
    observed("https://github.com/agno-agi/agno/issues/4508", "tools", on=date(2025, 9, 10)),
)

UNKNOWN_MODEL = ModelFacts(
    id="unknown",
    name="Unknown model",
    family="unknown",
    status="unknown",
    # Permissive wherever the alternative would be to refuse, here, what the service may accept.
    takes_images=True,
    max_images=2,
    max_images_paid=10,
    # Every current model reasons; a reserve too small loses the answer, one too large only room.
    output_reserve_tokens=_REASONING_RESERVE_TOKENS,
    reasoning="switchable",
    reasoning_efforts=_ALL_EFFORTS,
    reasoning_formats=_ALL_FORMATS,
    reasoning_replay="field",
    clear_thinking=True,
    supports_predicted_outputs=True,
    sources=(
        assumed("every current model has a larger window and takes no wider request", "limits"),
        assumed("all that the API's closed schema allows", "images", "prediction", "reasoning"),
        assumed("an id without a row", "status"),
    ),
)
"""What is assumed of an id without a row: a small window, and anything may be sent."""

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
        documented("/capabilities/reasoning", "reasoning"),
        documented("/capabilities/tool-use", "tools"),
        documented("/capabilities/structured-outputs", "tools"),
        documented("/capabilities/predicted-outputs", "prediction", on=_UNDATED_COPY),
        observed(_RECORDED_2026, "reasoning", "tools", on=date(2026, 5, 30)),
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
        documented("/capabilities/reasoning", "reasoning"),
        documented("/capabilities/image-inputs", "images"),
        documented("/capabilities/tool-use", "tools"),
        documented("/capabilities/structured-outputs", "tools"),
        assumed("whole tool calls in streams, as earlier Qwen models sent them", "tools"),
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
        documented("/capabilities/reasoning", "reasoning"),
        documented("/capabilities/image-inputs", "images"),
        documented("/capabilities/tool-use", "tools"),
        documented("/capabilities/structured-outputs", "tools"),
        observed(_RECORDED_2026, "reasoning", on=date(2026, 7, 27)),
        assumed("replay as the API reference asks of all models", "reasoning"),
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
        documented("/capabilities/reasoning", "reasoning"),
        documented("/capabilities/image-inputs", "images"),
        documented("/capabilities/tool-use", "tools"),
        documented("/capabilities/structured-outputs", "tools"),
        assumed("replay as the API reference asks of all models", "reasoning"),
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
        documented("/resources/glm-47-migration", "reasoning", on=_UNDATED_COPY),
        documented("/capabilities/predicted-outputs", "prediction", on=_UNDATED_COPY),
        observed(
            "https://github.com/pydantic/pydantic-ai, recorded traffic",
            "reasoning",
            on=date(2026, 6, 12),
        ),
        # Tools with a JSON format are accepted, but the JSON comes with a stray tool call.
        observed("https://github.com/vercel/ai/issues/15420", "tools", on=date(2026, 5, 18)),
    ),
)

_QWEN_3 = ModelFacts(
    id="qwen-3",
    name="Qwen 3",
    family="qwen-3",
    status="unknown",
    supports_strict_tools=False,
    supports_parallel_tool_calls=False,  # several calls came, but the field was refused
    sources=(*_OLD_TOOL_RULES, observed(_RECORDED_2025, "tools", on=date(2025, 11, 2))),
)

_QWEN_3_THINKING = replace(
    _QWEN_3,
    id="qwen-3-thinking",
    name="Qwen 3, thinking",
    family="qwen-3-thinking",
    output_reserve_tokens=_REASONING_RESERVE_TOKENS,
    reasoning="always",  # no field turns it off; some obeyed `/no_think` in the prompt
    reasoning_formats=_ALL_FORMATS,
    sources=(
        *_QWEN_3.sources,
        documented("/capabilities/reasoning", "reasoning", on=date(2026, 4, 30)),
        documented("/models/qwen-3-32b", "reasoning", on=_UNDATED_COPY),
    ),
)

_LLAMA = ModelFacts(
    id="llama",
    name="Llama",
    family="llama",
    status="unknown",
    supports_strict_tools=False,
    supports_parallel_tool_calls=False,
    sources=_OLD_TOOL_RULES,
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
        *_OLD_TOOL_RULES,
        documented("/models/choose-a-model", "reasoning"),
        assumed("no reasoning fields: it left before they came", "reasoning"),
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
            _QWEN_3_THINKING,
            UNKNOWN_MODEL,
        )
    }
)
"""What models of a family share, for ids the catalogue does not know but the user can place."""
