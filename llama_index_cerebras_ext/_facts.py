"""What a reply tells beside its text: token counts, finish reason, timings, log probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import LogProb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llama_index.core.base.llms.types import ChatResponse, CompletionResponse

    from cerebras_ext.reply import ChatCompletion, TextCompletion, Usage
    from cerebras_ext.wire import JsonObject

__all__ = ["chat_logprobs_of", "facts_kept_in", "reply_facts_of", "text_logprobs_of"]

LogProbs = list[list[LogProb]]


def reply_facts_of(reply: ChatCompletion | TextCompletion) -> dict[str, Any]:
    """The `additional_kwargs` of a complete response: plain JSON values, nothing invented.

    `finish_reason` is always there, since it marks a response as complete; it is None where the
    service named none.
    """
    facts: dict[str, Any] = {"finish_reason": reply.choices[0].finish_reason}
    told = {
        **_token_counts_of(reply.usage),
        "time_info": reply.time_info.to_wire() if reply.time_info else None,
        "service_tier": reply.service_tier_used or reply.service_tier,
        "id": reply.id,
        "model": reply.model,
        "system_fingerprint": reply.system_fingerprint,
        "request_id": reply.meta.request_id,
        "rate_limits": reply.meta.rate_limits.to_dict() or None,
    }
    facts.update((name, value) for name, value in told.items() if value is not None)
    return facts


def facts_kept_in(response: ChatResponse | CompletionResponse) -> dict[str, Any]:
    """A response's `additional_kwargs`, which core leaves untyped."""
    return response.additional_kwargs  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _token_counts_of(usage: Usage | None) -> dict[str, int | None]:
    if usage is None:
        return {}
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "cached_tokens": prompt.cached_tokens if prompt else None,
        "reasoning_tokens": completion.reasoning_tokens if completion else None,
    }


def chat_logprobs_of(logprobs: JsonObject | None) -> LogProbs | None:
    """For each token its alternatives, the chosen one among them."""
    entries = (logprobs or {}).get("content")
    if not entries:
        return None
    return [_alternatives(entry, entry.get("top_logprobs") or ()) for entry in entries]


def _alternatives(chosen: Mapping[str, Any], top: Iterable[Mapping[str, Any]]) -> list[LogProb]:
    alternatives = list(top)
    if not any(other["token"] == chosen["token"] for other in alternatives):
        alternatives.insert(0, chosen)
    return [
        LogProb(token=each["token"], logprob=each["logprob"], bytes=each.get("bytes") or [])
        for each in alternatives
    ]


def text_logprobs_of(logprobs: JsonObject | None) -> LogProbs | None:
    """The same from the older shape of text completions; tokens without values are left out."""
    shape = logprobs or {}
    tokens = shape.get("tokens") or ()
    chosen = shape.get("token_logprobs") or ()
    if not tokens:
        return None
    tops = shape.get("top_logprobs") or [None] * len(tokens)
    return [
        [LogProb(token=name, logprob=value) for name, value in alternatives.items()]
        for token, logprob, top in zip(tokens, chosen, tops, strict=False)
        if (alternatives := _with_chosen(token, logprob, top or {}))
    ]


def _with_chosen(token: str, logprob: float | None, top: Mapping[str, float]) -> dict[str, float]:
    known = {} if logprob is None or token in top else {token: logprob}
    return {**known, **top}
