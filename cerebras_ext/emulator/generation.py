"""What the POST routes answer: admitted, scripted or responded, rendered whole or as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic_core import to_json

from cerebras_ext.emulator.completion import Moment, chat_completion
from cerebras_ext.emulator.outgoing import Outgoing, Pace, paced
from cerebras_ext.emulator.prompt_cache import BLOCK_TOKENS
from cerebras_ext.emulator.render import Chunk, chat_body, chat_chunks
from cerebras_ext.emulator.replies import json_reply, stream_reply
from cerebras_ext.emulator.responder import answer_chat, continue_text
from cerebras_ext.emulator.scripted import as_scripted, verbatim_reply
from cerebras_ext.emulator.text_completion import text_body, text_chunks, text_completion
from cerebras_ext.emulator.tokens import encode
from cerebras_ext.emulator.validate import validate_chat, validate_completion

if TYPE_CHECKING:
    from cerebras_ext.emulator.accepted import ChatRequest, CompletionRequest
    from cerebras_ext.emulator.answer import Answer
    from cerebras_ext.emulator.completion import Stamp, Usage
    from cerebras_ext.emulator.state import EmulatorState
    from cerebras_ext.emulator.visit import Visit

__all__ = ["chat", "completions"]


@dataclass(frozen=True, slots=True)
class _Product:
    """A completion of either kind, not rendered yet."""

    stamp: Stamp
    usage: Usage
    body: Callable[[], dict[str, Any]]
    chunks: Callable[[int], Iterator[Chunk]]


_Produce: TypeAlias = Callable[["Answer | None", Moment], _Product]


def chat(state: EmulatorState, visit: Visit) -> Outgoing:
    """`POST /v1/chat/completions`."""
    request = validate_chat(visit.arrival.body, state.service)

    def produce(scripted: Answer | None, moment: Moment) -> _Product:
        completion = chat_completion(request, scripted or answer_chat(request), moment)
        return _Product(
            completion.stamp,
            completion.usage,
            lambda: chat_body(completion),
            lambda size: chat_chunks(completion, size),
        )

    prompt = [request.body.get("tools"), request.body["messages"]]
    return _answered(state, visit, request, prompt, produce)


def completions(state: EmulatorState, visit: Visit) -> Outgoing:
    """`POST /v1/completions`."""
    request = validate_completion(visit.arrival.body, state.service)

    def produce(scripted: Answer | None, moment: Moment) -> _Product:
        answers = [scripted or continue_text(prompt) for prompt in request.prompts]
        completion = text_completion(request, answers, moment)
        return _Product(
            completion.stamp,
            completion.usage,
            lambda: text_body(completion),
            lambda size: text_chunks(completion, size),
        )

    return _answered(state, visit, request, request.body["prompt"], produce)


def _answered(
    state: EmulatorState,
    visit: Visit,
    request: ChatRequest | CompletionRequest,
    prompt: Any,
    produce: _Produce,
) -> Outgoing:
    """The reply to an accepted request: reserves its tokens, then asks the script or `produce`."""
    buckets = state.buckets_of(request.model)
    reservation = buckets.reserve(request.quota_tokens, now=visit.now)
    step = state.next_step(request.body)
    outgoing = step and verbatim_reply(
        step, seed=visit.seed, is_stream=request.stream, has_done=state.options.send_done
    )
    used_tokens = cached_tokens = 0
    if not outgoing:
        moment = _moment(state, visit, request, prompt)
        product = produce(step.answer if step else None, moment)
        used_tokens = product.usage.total_tokens
        cached_tokens = moment.cached_tokens
        outgoing = _rendered(product, state, visit, is_stream=request.stream)
        outgoing = outgoing.with_headers(buckets.headers(now=visit.now))
    visit.afterwards.append(
        lambda: buckets.settle(
            reservation,
            used_tokens=used_tokens,
            cached_tokens=cached_tokens,
            now=state.options.clock(),
        )
    )
    return as_scripted(outgoing, step) if step else outgoing


def _moment(
    state: EmulatorState, visit: Visit, request: ChatRequest | CompletionRequest, prompt: Any
) -> Moment:
    cached = state.prompt_cache.cached_tokens(request.model, encode(to_json(prompt).decode()))
    # The cache measures JSON, the service its own notation of a prompt, which may be shorter.
    n_whole_blocks = request.prompt_tokens // BLOCK_TOKENS
    return Moment(
        seed=visit.seed,
        now=visit.now,
        cached_tokens=min(cached, n_whole_blocks * BLOCK_TOKENS),
        tokens_per_s=state.options.tokens_per_s,
        has_service_tiers=state.options.has_service_tiers,
    )


def _rendered(
    product: _Product, state: EmulatorState, visit: Visit, *, is_stream: bool
) -> Outgoing:
    options = state.options
    headers = {"inference-id": product.stamp.id}
    if is_stream:
        chunks = product.chunks(options.tokens_per_delta)
        reply = stream_reply(chunks, seed=visit.seed, headers=headers, has_done=options.send_done)
    else:
        n_tokens = product.usage.completion_tokens
        reply = json_reply(product.body(), seed=visit.seed, headers=headers, n_tokens=n_tokens)
    return paced(reply, Pace(options.tokens_per_s, options.ttft_ms / 1000))
