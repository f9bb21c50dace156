"""Text completions: cut, counted and rendered (API specification §5)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cerebras_ext.emulator.completion import (
    Moment,
    Pieces,
    Stamp,
    Timing,
    Usage,
    stamp_of,
    stopped_at,
    timing_of,
)
from cerebras_ext.emulator.logprobs import token_alternatives, token_logprob
from cerebras_ext.emulator.render import Chunk, envelope, grouped, usage_json
from cerebras_ext.emulator.tokens import encode, pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cerebras_ext.emulator.accepted import CompletionRequest
    from cerebras_ext.emulator.answer import Answer

__all__ = ["TextChoice", "TextCompletion", "text_body", "text_chunks", "text_completion"]

_OBJECT = "text_completion"


@dataclass(frozen=True, slots=True)
class TextChoice:
    """The continuation of one prompt, with the prompt in front where an echo was asked for.

    `offset` is where the first token shown stands in prompt and continuation together;
    `top_logprobs` is None without logprobs. The pieces of a text that is precut are the deltas of
    its stream.
    """

    index: int
    echoed: Pieces
    continued: Pieces
    finish_reason: str
    offset: int
    top_logprobs: int | None = None
    shows_token_ids: bool = False
    is_precut: bool = False

    @property
    def pieces(self) -> Pieces:
        """All that is shown."""
        return self.echoed + self.continued


@dataclass(frozen=True, slots=True)
class TextCompletion:
    """A text completion, ready to be rendered whole or as a stream."""

    stamp: Stamp
    choices: tuple[TextChoice, ...]
    usage: Usage
    timing: Timing


def text_completion(
    request: CompletionRequest, answers: Sequence[Answer], moment: Moment
) -> TextCompletion:
    """The reply to `request` when the model continues each prompt with one of `answers`."""
    choices = tuple(
        _choice(index, prompt, answer, request)
        for index, (prompt, answer) in enumerate(zip(request.prompts, answers, strict=True))
    )
    usage = Usage(
        prompt_tokens=request.prompt_tokens,
        completion_tokens=sum(len(choice.continued) for choice in choices),
        cached_tokens=moment.cached_tokens,
    )
    stamp = stamp_of(request.model, moment)
    return TextCompletion(stamp, choices, usage, timing_of(usage, request.facts, moment))


def text_body(completion: TextCompletion) -> dict[str, Any]:
    """The JSON of a whole reply."""
    choices = [
        {
            "finish_reason": choice.finish_reason,
            "index": choice.index,
            **_text(choice, choice.pieces, choice.offset),
        }
        for choice in completion.choices
    ]
    return {**envelope(completion.stamp, _OBJECT, *choices), **_closing(completion)}


def text_chunks(completion: TextCompletion, tokens_per_delta: int) -> Iterator[Chunk]:
    """The chunks of a stream, prompt after prompt, `[DONE]` not included."""
    last = completion.choices[-1]
    for choice in completion.choices:
        offset = choice.offset
        for group in grouped(choice.pieces, 1 if choice.is_precut else tokens_per_delta):
            said = {**_text(choice, group, offset), "index": choice.index}
            offset += sum(map(len, group))
            yield Chunk(envelope(completion.stamp, _OBJECT, said), len(group))
        end = {"text": "", "finish_reason": choice.finish_reason, "index": choice.index}
        closing = _closing(completion) if choice is last else {}
        yield Chunk({**envelope(completion.stamp, _OBJECT, end), **closing})


def _choice(index: int, prompt: str, answer: Answer, request: CompletionRequest) -> TextChoice:
    text = answer.content or ""
    kept = stopped_at(text, request.stop)
    continued = (answer.deltas or pieces_of(text)) if kept is None else pieces_of(kept)
    is_cut = len(continued) > request.completion_limit
    continued = continued[: request.completion_limit]
    return TextChoice(
        index=index,
        echoed=pieces_of(prompt) if request.echo else (),
        continued=continued,
        finish_reason=answer.finish_reason or ("length" if is_cut else "stop"),
        offset=0 if request.echo else len(prompt),
        top_logprobs=request.logprobs,
        shows_token_ids=request.return_raw_tokens,
        is_precut=bool(answer.deltas),
    )


def _text(choice: TextChoice, pieces: Pieces, offset: int) -> dict[str, Any]:
    text = "".join(pieces)
    said: dict[str, Any] = {"tokens": encode(text)} if choice.shows_token_ids else {"text": text}
    if choice.top_logprobs is not None:
        said["logprobs"] = _logprobs(pieces, offset, choice.top_logprobs)
    return said


def _logprobs(pieces: Pieces, offset: int, top: int) -> dict[str, Any]:
    offsets: list[int] = []
    for piece in pieces:
        offsets.append(offset)
        offset += len(piece)
    return {
        "text_offset": offsets,
        "token_logprobs": [token_logprob(piece) for piece in pieces],
        "tokens": list(pieces),
        # The token itself and `top` others, as in the documented sample.
        "top_logprobs": [token_alternatives(piece, top + 1) for piece in pieces],
    }


def _closing(completion: TextCompletion) -> dict[str, Any]:
    return {
        "usage": usage_json(completion.usage, is_stream=False),
        "time_info": asdict(completion.timing),
    }
