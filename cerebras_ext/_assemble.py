"""Parsed chunks in, deltas out, and what the chunks add up to; chat, and what all kinds share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from cerebras_ext._json import without_halves
from cerebras_ext._run import Run, RunKey, tool_call_delta
from cerebras_ext._shapes import (
    array_of,
    index_of,
    object_of,
    text_of,
    without_choices,
    without_logprobs,
    word_of,
)
from cerebras_ext._sums import ChatChoiceSum, TextChoiceSum, appended, joined_logprobs
from cerebras_ext._surrogates import SurrogateJoiner
from cerebras_ext.deltas import (
    ChatDelta,
    ContentDelta,
    Finish,
    ReasoningDelta,
    StreamStart,
    ToolCallDelta,
)
from cerebras_ext.errors import ProtocolError
from cerebras_ext.reply import (
    ChatCompletion,
    Envelope,
    Logprobs,
    ReplyT,
    ResponseMeta,
    TextCompletion,
    TextLogprobs,
    is_readable,
    read_reply,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.deltas import LogprobsField
    from cerebras_ext.wire import JsonObject

__all__ = ["Assembler", "ChatAssembler"]

Delta = TypeVar("Delta")


class Assembler(ABC, Generic[Delta]):
    """Turns the chunks of one stream into deltas and, in the end, into one reply.

    Attributes:
        meta: Facts of the exchange, for the reply.
        reply: The reply, once it is finished.
    """

    _logprobs_kind: ClassVar[type[Logprobs | TextLogprobs]]

    def __init__(self, meta: ResponseMeta, *, n_choices: int = 1) -> None:
        """Begins a reply of so many choices."""
        self.meta = meta
        self.reply: ChatCompletion | TextCompletion | None = None
        self._n_choices = n_choices
        self._envelope: JsonObject = {}
        self._last_chunk: JsonObject | None = None
        self._out: list[Delta] = []
        self._run: Run | None = None
        self._halves: SurrogateJoiner[RunKey] | None = None

    @property
    def is_finished(self) -> bool:
        """Whether every choice was seen and has a finish reason."""
        sums = self._choice_sums()
        is_whole = len(sums) >= self._n_choices
        return is_whole and all(one.finish_reason is not None for one in sums.values())

    def goes_on_unread(self, event: bytes) -> bool:
        """Takes an event that differs from an earlier one in its text alone, without parsing it.

        Raises:
            ProtocolError: The arguments of a tool call are longer than the limit.
        """
        run = self._run
        if run is None or self._halves is not None or not run.goes_on_unread(event):
            return False
        self._last_chunk = run.raw
        return True

    def take(self, chunk: JsonObject, event: bytes = b"", *, has_halves: bool = False) -> None:
        """Reads one chunk.

        Args:
            chunk: The parsed event.
            event: The event as it came; later ones like it may go on unread.
            has_halves: Whether its strings may hold half surrogate pairs.

        Raises:
            ProtocolError: The chunk's shape is not the documented one.
        """
        run = self._run
        is_whole = self._halves is None and not has_halves
        if run is not None and is_whole and run.goes_on_in(chunk, event):
            self._last_chunk = chunk
            return
        choices = array_of(chunk.get("choices") or [], "choices")
        if has_halves:
            self._halves = self._halves or SurrogateJoiner()
            chunk = without_halves(chunk)  # whole is what is shown; `choices` keeps the halves
        if self._last_chunk is None:
            self._envelope = without_choices(chunk)
            # what is odd beside the choices is told at the finish, with the texts on the error
            is_sound = is_readable(Envelope, self._envelope)
            self._out.append(self._start(chunk if is_sound else {"choices": choices}))
        elif not choices or "usage" in chunk or "time_info" in chunk:
            self._envelope.update(without_choices(chunk))
        if choices:
            self._last_chunk = chunk
            for choice in choices:
                self._take_choice(object_of(choice, "a choice"), chunk)
        else:  # usage alone, after the finish: one last chunk carries both
            self._last_chunk = {**(self._latest() or {}), **without_choices(chunk)}

    def flush(self) -> None:
        """Hands over what the run holds. It stays, empty: more of its text is likely to come."""
        run = self._run
        if run is not None and run.texts:
            self._emit(run, run.texts[0] if len(run.texts) == 1 else "".join(run.texts))
            run.clear()

    def drain(self) -> list[Delta]:
        """The deltas of all that was taken."""
        self.flush()
        out, self._out = self._out, []
        return out

    def finish(self) -> None:
        """Makes the last deltas ready, the finish among them.

        Raises:
            ProtocolError: The finished reply lacks something it must have.
        """
        last_chunk = self._latest()
        if last_chunk is None:
            raise ProtocolError(
                "the event stream ended before its first chunk", where="event stream"
            )
        self.release_halves()
        self._check()
        self._out.append(self._finish(last_chunk))

    def release_halves(self) -> None:
        """Ends texts that stopped in the middle of a surrogate pair."""
        if self._halves is not None and self._last_chunk is not None:
            for key in self._halves.remains():
                self._extend(key, {"index": key[1]}, self._last_chunk, "\ufffd")
        self.flush()

    def _extend(
        self,
        key: RunKey,
        choice: JsonObject,
        chunk: JsonObject,
        text: str,
        field: LogprobsField | None = None,
    ) -> Run:
        """Adds text to the current run if it is of the same key, else begins a new run.

        Log probabilities come in a field of the choice; a run has them of one field only.
        """
        logprobs = choice.get(field) if field else None
        if self._halves is not None:
            text = self._halves.join(key, text)
            logprobs = without_halves(logprobs)
        run = self._run
        if run is None or run.key != key:
            self.flush()
            run = self._run = Run(key, choice, chunk, text)
        else:
            if logprobs and run.logprobs and run.logprobs_field != field:
                self.flush()
            run.go_on(text, choice, chunk)
        if field and logprobs:
            run.logprobs_field = field
            run.logprobs.append(object_of(logprobs, "log probabilities"))
        return run

    def _logprobs_of(self, run: Run) -> JsonObject | None:
        """The log probabilities of a run; odd ones are told at the finish."""
        logprobs = joined_logprobs(run.logprobs)
        is_sound = logprobs is not None and is_readable(self._logprobs_kind, logprobs)
        return logprobs if is_sound else None

    def _latest(self) -> JsonObject | None:
        """The last chunk, whether it was parsed or not."""
        run = self._run
        is_of_run = run is not None and run.raw is self._last_chunk
        return run.latest() if run is not None and is_of_run else self._last_chunk

    def _is_merged(self, run: Run) -> bool:
        """Whether no chunk of the wire shows this run, so that one in its shape has to."""
        return len(run.texts) > 1 or self._halves is not None

    def _whole(self, kind: type[ReplyT], object_name: str) -> ReplyT:
        """The chunks as one reply.

        Raises:
            ProtocolError: They do not add up to one.
        """
        return read_reply(
            kind,
            {**self._envelope, "object": object_name, "choices": self._wire_choices()},
            self.meta,
        )

    def _unfinished(self, kind: type[ReplyT], object_name: str) -> ReplyT | None:
        if self._last_chunk is None:
            return None
        try:
            return self._whole(kind, object_name)
        except ProtocolError:  # the texts are sound; what else there is, is as the service sent it
            bare = [without_logprobs(choice) for choice in self._wire_choices()]
            return read_reply(kind, {"object": object_name, "choices": bare}, self.meta)

    def _wire_choices(self) -> list[JsonObject]:
        sums = self._choice_sums()
        return [sums[index].to_wire() for index in sorted(sums)]

    @abstractmethod
    def partial(self) -> ChatCompletion | TextCompletion | None:
        """What has arrived so far as an unfinished reply; None before the first chunk.

        Where what came beside the texts cannot be read, the texts come without it.
        """

    @abstractmethod
    def _choice_sums(self) -> Mapping[int, ChatChoiceSum | TextChoiceSum]: ...

    @abstractmethod
    def _start(self, chunk: JsonObject) -> Delta: ...

    @abstractmethod
    def _take_choice(self, choice: JsonObject, chunk: JsonObject) -> None: ...

    @abstractmethod
    def _emit(self, run: Run, text: str) -> None: ...

    @abstractmethod
    def _check(self) -> None: ...

    @abstractmethod
    def _finish(self, raw: JsonObject) -> Delta: ...


class ChatAssembler(Assembler[ChatDelta]):
    """Chunks of a chat completion in, chat deltas out."""

    _logprobs_kind = Logprobs

    def __init__(self, meta: ResponseMeta, *, n_choices: int = 1) -> None:
        """Begins a reply of so many choices."""
        super().__init__(meta, n_choices=n_choices)
        self._sums: dict[int, ChatChoiceSum] = {}

    def partial(self) -> ChatCompletion | None:
        """What has arrived so far as an unfinished reply; None before the first chunk."""
        return self._unfinished(ChatCompletion, "chat.completion")

    def _choice_sums(self) -> Mapping[int, ChatChoiceSum]:
        return self._sums

    def _start(self, chunk: JsonObject) -> ChatDelta:
        return StreamStart(chunk)

    def _take_choice(self, choice: JsonObject, chunk: JsonObject) -> None:
        index = index_of(choice.get("index"), "a choice") or 0
        total = self._sums.get(index)
        if total is None:
            total = self._sums[index] = ChatChoiceSum(index)
        delta = choice.get("delta")
        if delta:
            self._take_delta(object_of(delta, "a delta"), total, choice, chunk)
        reason = word_of(choice.get("finish_reason"), "a finish reason")
        if reason:
            total.finish_reason = reason

    def _take_delta(
        self, delta: JsonObject, total: ChatChoiceSum, choice: JsonObject, chunk: JsonObject
    ) -> None:
        thought = delta.get("reasoning") or delta.get("reasoning_content")
        if thought:
            key: RunKey = ("reasoning", total.index, 0)
            is_split = choice.get("reasoning_logprobs") or delta.get("content")
            field: LogprobsField = "reasoning_logprobs" if is_split else "logprobs"
            self._extend(key, choice, chunk, text_of(thought), field)
        content = delta.get("content")
        if content:
            key = ("content", total.index, 0)
            self._extend(key, choice, chunk, text_of(content), "logprobs")
        elif content is not None and total.content is None:
            total.content = []
        calls = delta.get("tool_calls")
        if calls:
            for call in array_of(calls, "tool calls"):
                if call is not None:
                    self._take_call(object_of(call, "a tool call"), total, choice, chunk)
        if len(delta) > 1 or not (thought or content or calls):
            total.role = word_of(delta.get("role"), "a role") or total.role
            refusal = delta.get("refusal")
            if refusal:
                total.refusal = appended(total.refusal, text_of(refusal))

    def _take_call(
        self, fragment: JsonObject, total: ChatChoiceSum, choice: JsonObject, chunk: JsonObject
    ) -> None:
        call_id = word_of(fragment.get("id"), "a tool call id")
        wire_index = index_of(fragment.get("index"), "a tool call")
        call = total.tool_call(wire_index, call_id)
        call.type = word_of(fragment.get("type"), "a tool call type") or call.type
        function = object_of(fragment.get("function") or {}, "a function")
        opening = call.open_with(call_id, word_of(function.get("name"), "a function name"))
        arguments = text_of(function.get("arguments") or "")
        call.count_arguments(arguments)
        if opening != (None, None):
            self.flush()
        run = self._extend(("tool_calls", total.index, call.index), choice, chunk, arguments)
        run.call, run.wire_index = call, wire_index
        if opening != (None, None):
            run.opening = opening

    def _emit(self, run: Run, text: str) -> None:
        kind, choice, index = run.key
        total = self._sums[choice]
        logprobs = None
        if run.logprobs:
            logprobs = self._logprobs_of(run)
            total.logprobs_in(run.logprobs_field).extend(run.logprobs)
        raw, is_merged = run.latest(), self._is_merged(run)
        if kind == "tool_calls":
            total.tool_calls[index].arguments.append(text)
            if is_merged:
                raw = run.shown_with(delta=tool_call_delta(index, *run.opening, text))
            self._out.append(ToolCallDelta(index, *run.opening, text, raw, choice))
        elif kind == "reasoning":
            total.reasoning = appended(total.reasoning, text)
            if is_merged:
                raw = run.shown_with(delta={"reasoning": text}, **{run.logprobs_field: logprobs})
            self._out.append(ReasoningDelta(text, raw, logprobs, choice, run.logprobs_field))
        else:
            total.content = appended(total.content, text)
            if is_merged:
                raw = run.shown_with(delta={"content": text}, logprobs=logprobs)
            self._out.append(ContentDelta(text, raw, logprobs, choice))

    def _check(self) -> None:
        for total in self._sums.values():
            total.check_calls()

    def _finish(self, raw: JsonObject) -> ChatDelta:
        self.reply = reply = self._whole(ChatCompletion, "chat.completion")
        return Finish(reply, raw)
