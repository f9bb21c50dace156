"""A completion as JSON: the body of a whole reply, or the chunks of a stream.

Keys come in the order of recorded traffic, and a key without a value is left out, as the service
does (API specification §3, §4).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic_core import to_json

from cerebras_ext.emulator.logprobs import chat_entries
from cerebras_ext.emulator.quirks import quirks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.emulator.completion import (
        Choice,
        Completion,
        Pieces,
        SaidCall,
        Stamp,
        Usage,
    )

__all__ = [
    "DONE_EVENT",
    "Chunk",
    "chat_body",
    "chat_chunks",
    "envelope",
    "grouped",
    "sse_event",
    "usage_json",
]

DONE_EVENT = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One event of a stream, and how many tokens it stands for."""

    body: dict[str, Any]
    n_tokens: int = 0


def sse_event(body: Any) -> bytes:
    """A value as one server-sent event, framed as the service does."""
    return b"data: " + to_json(body) + b"\n\n"


def chat_body(completion: Completion) -> dict[str, Any]:
    """The JSON of a whole reply."""
    choice = completion.choice
    message: dict[str, Any] = {}
    if choice.content is not None:
        message["content"] = "".join(choice.content)
    if choice.reasoning:
        message["reasoning"] = "".join(choice.reasoning)
    if choice.tool_calls:
        message["tool_calls"] = [_whole_call(call) for call in choice.tool_calls]
    message["role"] = "assistant"
    body = {
        "finish_reason": choice.finish_reason,
        "index": 0,
        "message": message,
        **_logprobs(choice, choice.reasoning, choice.content or ()),
    }
    return {
        **envelope(completion.stamp, "chat.completion", body),
        **_closing(completion, is_stream=False),
    }


def chat_chunks(completion: Completion, tokens_per_delta: int) -> Iterator[Chunk]:
    """The chunks of a stream, `[DONE]` not included."""

    def chunk(choice: dict[str, Any], n_tokens: int, **closing: Any) -> Chunk:
        body = envelope(completion.stamp, "chat.completion.chunk", {**choice, "index": 0})
        return Chunk({**body, **closing}, n_tokens)

    yield chunk({"delta": {"role": "assistant"}}, 0)
    for choice, n_tokens in _deltas(completion, tokens_per_delta):
        yield chunk(choice, n_tokens)
    last: dict[str, Any] = {"delta": {}, "finish_reason": completion.choice.finish_reason}
    yield chunk(last, 0, **_closing(completion, is_stream=True))


def envelope(stamp: Stamp, kind: str, *choices: dict[str, Any]) -> dict[str, Any]:
    """What surrounds the choices in a body or a chunk."""
    return {
        "id": stamp.id,
        "choices": list(choices),
        "created": stamp.created,
        "model": stamp.model,
        "system_fingerprint": stamp.fingerprint,
        "object": kind,
    }


def grouped(pieces: Pieces, size: int) -> Iterator[Pieces]:
    """Runs of up to `size` pieces, in order."""
    return (pieces[start : start + size] for start in range(0, len(pieces), size))


def usage_json(usage: Usage, *, is_stream: bool) -> dict[str, Any]:
    """Token counts with the keys that the model's replies have.

    Image tokens were recorded beside the totals in a stream and among the prompt details in a body.
    """
    image_tokens = _present(image_tokens=usage.image_tokens)
    completion_details = _present(
        accepted_prediction_tokens=usage.accepted_prediction_tokens,
        rejected_prediction_tokens=usage.rejected_prediction_tokens,
        reasoning_tokens=usage.reasoning_tokens,
    )
    return {
        **(image_tokens if is_stream else {}),
        "total_tokens": usage.total_tokens,
        "completion_tokens": usage.completion_tokens,
        **({"completion_tokens_details": completion_details} if completion_details else {}),
        "prompt_tokens": usage.prompt_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            **({} if is_stream else image_tokens),
        },
    }


def _closing(completion: Completion, *, is_stream: bool) -> dict[str, Any]:
    return {
        "usage": usage_json(completion.usage, is_stream=is_stream),
        "time_info": asdict(completion.timing),
        **_present(
            service_tier=completion.service_tier, service_tier_used=completion.service_tier_used
        ),
    }


def _deltas(completion: Completion, size: int) -> Iterator[tuple[dict[str, Any], int]]:
    """What the chunks between the first and the last say, in the order observed (§4.3)."""
    choice = completion.choice
    pauses_after = quirks_of(completion.facts.family).pauses_after
    yield from _text_deltas(choice, "reasoning", choice.reasoning, size)
    if choice.reasoning and "reasoning" in pauses_after:
        yield {"delta": {}}, 0
    content_size = 1 if choice.is_precut else size
    yield from _text_deltas(choice, "content", choice.content or (), content_size)
    is_fragmented = completion.facts.tool_delta_style == "fragmented"
    for index, call in enumerate(choice.tool_calls):
        yield from _call_deltas(call, index, size if is_fragmented else None)
    if choice.content and not choice.tool_calls and "content" in pauses_after:
        yield {"delta": {}}, 0


def _text_deltas(
    choice: Choice, part: Literal["reasoning", "content"], pieces: Pieces, size: int
) -> Iterator[tuple[dict[str, Any], int]]:
    for group in grouped(pieces, size):
        reasoning, content = (group, ()) if part == "reasoning" else ((), group)
        delta = {part: "".join(group)}
        yield {"delta": delta, **_logprobs(choice, reasoning, content)}, len(group)


def _call_deltas(
    call: SaidCall, index: int, size: int | None
) -> Iterator[tuple[dict[str, Any], int]]:
    """One delta with the whole call, or its name first and its arguments in fragments (§4.4)."""
    if size is None:
        yield _call_delta({**_whole_call(call), "index": index}), len(call.pieces)
        return
    opening = {"name": call.name, "arguments": ""}
    yield _call_delta({"function": opening, "type": "function", "id": call.id, "index": index}), 0
    for group in grouped(call.pieces, size):
        function = {"arguments": "".join(group)}
        yield _call_delta({"function": function, "type": "function", "index": index}), len(group)


def _call_delta(call: dict[str, Any]) -> dict[str, Any]:
    return {"delta": {"tool_calls": [call]}}


def _whole_call(call: SaidCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"function": function, "type": "function", "id": call.id}


def _logprobs(choice: Choice, reasoning: Pieces, content: Pieces) -> dict[str, Any]:
    """`logprobs`, and `reasoning_logprobs` where the two are kept apart."""
    if choice.top_logprobs is None:
        return {}
    if not choice.splits_logprobs:
        return {"logprobs": {"content": chat_entries((*reasoning, *content), choice.top_logprobs)}}
    found: dict[str, Any] = {}
    if content:
        found["logprobs"] = {"content": chat_entries(content, choice.top_logprobs)}
    if reasoning:
        found["reasoning_logprobs"] = {"content": chat_entries(reasoning, choice.top_logprobs)}
    return found


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
