"""An answer as the service would let it out: cut, counted and stamped.

An answer becomes a completion in the order a model generates: reasoning, then text, then tool
calls. Stop sequences cut the text, the token limit cuts whatever comes last, the reasoning format
decides what is shown; usage counts everything that was generated, shown or not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, TypeAlias

from cerebras_ext.emulator.identifiers import completion_id, fingerprint, tool_call_id
from cerebras_ext.emulator.quirks import quirks_of
from cerebras_ext.emulator.tokens import pieces_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.emulator.accepted import ChatRequest
    from cerebras_ext.emulator.answer import Answer

__all__ = [
    "Choice",
    "Completion",
    "Moment",
    "Pieces",
    "SaidCall",
    "Stamp",
    "Timing",
    "Usage",
    "chat_completion",
    "stamp_of",
    "stopped_at",
    "timing_of",
]

Pieces: TypeAlias = tuple[str, ...]
"""A text, token by token."""

# What prompts take to read, and what the front adds to each request; close to recorded traffic.
_PROMPT_TOKENS_PER_S = 40_000.0
_QUEUE_S = 0.0004
_OVERHEAD_S = 0.0035
_DEFAULT_TOKENS_PER_S = 2_000


@dataclass(frozen=True, slots=True)
class Moment:
    """What a completion takes from its surroundings and not from the request.

    Attributes:
        seed: From which its identifiers follow.
        now: Seconds since the epoch.
        cached_tokens: How much of the prompt an earlier request has left in the prompt cache.
        tokens_per_s: Speed to report; `None` for the model's own.
        has_service_tiers: Whether the account takes part in the preview of service tiers.
    """

    seed: bytes
    now: float
    cached_tokens: int = 0
    tokens_per_s: float | None = None
    has_service_tiers: bool = False


@dataclass(frozen=True, slots=True)
class SaidCall:
    """A tool call as it goes out, its arguments token by token."""

    id: str
    name: str
    pieces: Pieces

    @property
    def arguments(self) -> str:
        """The arguments as JSON text."""
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a chat completion; `content` is None where the service omits it.

    `top_logprobs` is None without logprobs, else how many alternatives each token has. The pieces
    of a text that is precut are the deltas of its stream.
    """

    reasoning: Pieces
    content: Pieces | None
    tool_calls: tuple[SaidCall, ...]
    finish_reason: str
    top_logprobs: int | None = None
    splits_logprobs: bool = False
    is_precut: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; None where the model's replies do not have the key."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None
    image_tokens: int | None = None

    @property
    def total_tokens(self) -> int:
        """Prompt and answer together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, except `created`: seconds since the epoch."""

    created: float
    queue_time: float
    prompt_time: float
    completion_time: float
    total_time: float


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every chunk of a reply repeats."""

    id: str
    created: int
    model: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Completion:
    """A chat completion, ready to be rendered whole or as a stream."""

    stamp: Stamp
    facts: ModelFacts
    choice: Choice
    usage: Usage
    timing: Timing
    service_tier: str | None = None
    service_tier_used: str | None = None


@dataclass(frozen=True, slots=True)
class _Generated:
    """Everything the model said, before anyone decides what to show."""

    reasoning: Pieces
    content: Pieces | None
    tool_calls: tuple[SaidCall, ...]

    @property
    def n_tokens(self) -> int:
        called = sum(len(call.pieces) for call in self.tool_calls)
        return len(self.reasoning) + len(self.content or ()) + called


def chat_completion(request: ChatRequest, answer: Answer, moment: Moment) -> Completion:
    """The reply to `request` when the model says `answer`."""
    whole = _generated(answer, moment.seed)
    unstopped = whole
    whole = _stopped(whole, request.stop)
    was_stopped = whole is not unstopped
    said = _limited(whole, request.completion_limit)
    if answer.finish_reason is not None:
        finish_reason = answer.finish_reason
    elif said.n_tokens < whole.n_tokens:
        finish_reason = "length"
    else:
        finish_reason = "tool_calls" if said.tool_calls and not was_stopped else "stop"
    usage = _usage(request, said, moment)
    return Completion(
        stamp=stamp_of(request.model, moment),
        facts=request.facts,
        choice=replace(_shown(said, request, finish_reason), is_precut=bool(answer.deltas)),
        usage=usage,
        timing=timing_of(usage, request.facts, moment),
        service_tier=request.service_tier if moment.has_service_tiers else None,
        service_tier_used="default"
        if moment.has_service_tiers and request.service_tier == "auto"
        else None,
    )


def stamp_of(model: str, moment: Moment) -> Stamp:
    """What every chunk of the reply repeats."""
    return Stamp(completion_id(moment.seed), int(moment.now), model, fingerprint(model))


def timing_of(usage: Usage, facts: ModelFacts, moment: Moment) -> Timing:
    """Times that follow from the counts and the speed."""
    tokens_per_s = moment.tokens_per_s or facts.tokens_per_s or _DEFAULT_TOKENS_PER_S
    prompt_time = usage.prompt_tokens / _PROMPT_TOKENS_PER_S
    completion_time = usage.completion_tokens / tokens_per_s
    total = _QUEUE_S + prompt_time + completion_time + _OVERHEAD_S
    return Timing(moment.now, _QUEUE_S, round(prompt_time, 9), round(completion_time, 9), total)


def stopped_at(text: str, stop: Sequence[str]) -> str | None:
    """The text before the first stop sequence in it, or None without one."""
    hits = [position for sequence in stop if sequence and (position := text.find(sequence)) >= 0]
    return text[: min(hits)] if hits else None


def _generated(answer: Answer, seed: bytes) -> _Generated:
    calls = tuple(
        SaidCall(call.id or tool_call_id(seed, index), call.name, pieces_of(call.arguments))
        for index, call in enumerate(answer.tool_calls)
    )
    content = None if answer.content is None else (answer.deltas or pieces_of(answer.content))
    return _Generated(pieces_of(answer.reasoning or ""), content, calls)


def _stopped(said: _Generated, stop: Sequence[str]) -> _Generated:
    """The same up to the first stop sequence in the text; nothing follows it."""
    kept = stopped_at("".join(said.content or ()), stop)
    if kept is None:
        return said
    return replace(said, content=pieces_of(kept), tool_calls=())


def _limited(said: _Generated, limit: int) -> _Generated:
    """The first `limit` tokens; what nothing is left of is absent."""
    if said.n_tokens <= limit:
        return said
    reasoning = said.reasoning[:limit]
    left = limit - len(reasoning)
    content = said.content[:left] if said.content else said.content
    left -= len(content or ())
    calls: list[SaidCall] = []
    for call in said.tool_calls:
        if left <= 0:
            break
        calls.append(replace(call, pieces=call.pieces[:left]))
        left -= len(call.pieces)
    return _Generated(reasoning, content or None, tuple(calls))


def _shown(said: _Generated, request: ChatRequest, finish_reason: str) -> Choice:
    reasoning, content = said.reasoning, said.content
    match request.reasoning_format:
        case "hidden":
            reasoning = ()
        case "raw":
            marks = quirks_of(request.facts.family).raw_marks
            reasoning, content = (), _raw(reasoning, content, marks)
        case _:
            pass
    return Choice(
        reasoning=reasoning,
        content=content,
        tool_calls=said.tool_calls,
        finish_reason=finish_reason,
        top_logprobs=request.top_logprobs if request.logprobs else None,
        splits_logprobs=request.reasoning_format == "parsed",
    )


def _raw(reasoning: Pieces, content: Pieces | None, marks: tuple[str, str]) -> Pieces | None:
    """Reasoning between its marks, in front of the text."""
    if not reasoning:
        return content
    opening, closing = (pieces_of(mark) for mark in marks)
    return (*opening, *reasoning, *closing, *(content or ()))


def _common_length(one: Pieces, other: Pieces) -> int:
    """How many pieces both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _usage(request: ChatRequest, said: _Generated, moment: Moment) -> Usage:
    facts = request.facts
    accepted = rejected = 0
    if request.prediction is not None:
        predicted = pieces_of(request.prediction)
        accepted = _common_length(predicted, said.content or ())
        rejected = len(predicted) - accepted
    return Usage(
        prompt_tokens=request.prompt_tokens,
        # Rejected prediction tokens were generated all the same, and are billed.
        completion_tokens=said.n_tokens + rejected,
        cached_tokens=moment.cached_tokens,
        reasoning_tokens=len(said.reasoning),
        accepted_prediction_tokens=accepted if facts.supports_predicted_outputs else None,
        rejected_prediction_tokens=rejected if facts.supports_predicted_outputs else None,
        image_tokens=request.image_tokens if facts.takes_images else None,
    )
