"""Chunks of a text completion in, text deltas out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cerebras_ext._assemble import Assembler
from cerebras_ext._shapes import index_of, numbers_of, text_of, word_of
from cerebras_ext._sums import TextChoiceSum, appended
from cerebras_ext.deltas import CompletionDelta, StreamStart, TextDelta, TextFinish
from cerebras_ext.reply import ResponseMeta, TextCompletion, TextLogprobs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext._run import Run, RunKey
    from cerebras_ext.wire import JsonObject

__all__ = ["TextAssembler"]


class TextAssembler(Assembler[CompletionDelta]):
    """Chunks of a text completion in, text deltas out."""

    _logprobs_kind = TextLogprobs

    def __init__(self, meta: ResponseMeta, *, n_choices: int = 1) -> None:
        """Begins a reply of so many choices."""
        super().__init__(meta, n_choices=n_choices)
        self._sums: dict[int, TextChoiceSum] = {}

    def partial(self) -> TextCompletion | None:
        """What has arrived so far as an unfinished reply; None before the first chunk."""
        return self._unfinished(TextCompletion, "text_completion")

    def _choice_sums(self) -> Mapping[int, TextChoiceSum]:
        return self._sums

    def _start(self, chunk: JsonObject) -> CompletionDelta:
        return StreamStart(chunk)

    def _take_choice(self, choice: JsonObject, chunk: JsonObject) -> None:
        index = index_of(choice.get("index"), "a choice") or 0
        total = self._sums.get(index)
        if total is None:
            total = self._sums[index] = TextChoiceSum(index)
        text, tokens = choice.get("text"), numbers_of(choice.get("tokens") or [], "tokens")
        if text is not None and total.text is None:
            total.text = []
        if text or tokens:
            key: RunKey = ("text", total.index, 0)
            run = self._extend(key, choice, chunk, text_of(text or ""), "logprobs")
            run.tokens += tokens
        reason = word_of(choice.get("finish_reason"), "a finish reason")
        if reason:
            total.finish_reason = reason

    def _emit(self, run: Run, text: str) -> None:
        choice = run.key[1]
        total = self._sums[choice]
        if text:
            total.text = appended(total.text, text)
        if run.tokens:
            total.tokens = [] if total.tokens is None else total.tokens
            total.tokens += run.tokens
        total.logprobs += run.logprobs
        logprobs = self._logprobs_of(run)
        raw = run.latest()
        if self._is_merged(run):
            raw = run.shown_with(text=text, logprobs=logprobs, tokens=run.tokens or None)
        self._out.append(TextDelta(text, raw, logprobs, choice, tuple(run.tokens)))

    def _check(self) -> None:
        """A text completion has nothing that could be missing."""

    def _finish(self, raw: JsonObject) -> CompletionDelta:
        self.reply = reply = self._whole(TextCompletion, "text_completion")
        return TextFinish(reply, raw)
