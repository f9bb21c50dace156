"""Token counts of a reply as LangChain's `UsageMetadata`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages.ai import UsageMetadata

from cerebras_ext.reply import CompletionTokensDetails, PromptTokensDetails
from langchain_cerebras_ext._shapes import object_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails

    from cerebras_ext.reply import Usage

__all__ = ["summed_token_usage", "usage_from_wire"]

_NO_PROMPT_DETAILS = PromptTokensDetails()
_NO_COMPLETION_DETAILS = CompletionTokensDetails()


def usage_from_wire(usage: Usage | None) -> UsageMetadata | None:
    """The counts, with the details that were reported and no others.

    Returns:
        None when the service gave no prompt or completion count: absent is not zero.
    """
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    total = usage.total_tokens
    counts = UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens if total is None else total,
    )
    prompt = usage.prompt_tokens_details or _NO_PROMPT_DETAILS
    completion = usage.completion_tokens_details or _NO_COMPLETION_DETAILS
    image = usage.image_tokens if usage.image_tokens is not None else prompt.image_tokens
    details_in = {"cache_read": prompt.cached_tokens, "image": image}
    details_out = {
        "reasoning": completion.reasoning_tokens,
        "accepted_prediction": completion.accepted_prediction_tokens,
        "rejected_prediction": completion.rejected_prediction_tokens,
    }
    if fitting := _fitting(details_in, usage.prompt_tokens):
        counts["input_token_details"] = cast("InputTokenDetails", fitting)
    if fitting := _fitting(details_out, usage.completion_tokens):
        counts["output_token_details"] = cast("OutputTokenDetails", fitting)
    return counts


def _fitting(details: Mapping[str, int | None], total: int) -> dict[str, int]:
    """The reported details, as long as they add up to no more than their total.

    LangChain adds details up, but ours may overlap: an image can be part of the cached prefix.
    """
    fitting: dict[str, int] = {}
    for name, count in details.items():
        if count is not None and sum(fitting.values()) + count <= total:
            fitting[name] = count
    return fitting


def summed_token_usage(outputs: list[dict[str, Any] | None]) -> dict[str, Any]:
    """The `llm_output` of several prompts: token counts summed, the rest from the last."""
    combined: dict[str, Any] = {}
    total: dict[str, int] = {}
    for output in outputs:
        if output:
            combined.update(output)
            for name, count in object_in(output.get("token_usage")).items():
                if isinstance(count, int):
                    total[name] = total.get(name, 0) + count
    return {**combined, "token_usage": total} if total else combined
