"""Parsed chunks in, deltas out, and what the chunks add up to; one assembler a completion kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from cerebras_ext._json import dump_json, is_array, is_object
from cerebras_ext._sums import ChatChoiceSum, TextChoiceSum, joined_logprobs
from cerebras_ext._surrogates import SurrogateJoiner
from cerebras_ext.deltas import (
    ChatDelta,
    CompletionDelta,
    ContentDelta,
    Finish,
    ReasoningDelta,
    StreamStart,
    TextDelta,
    TextFinish,
    ToolCallDelta,
)
from cerebras_ext.errors import ProtocolError
from cerebras_ext.reply import ChatCompletion, ResponseMeta, TextCompletion, read_reply

if TYPE_CHECKING:
    from cerebras_ext.wire import JsonObject

__all__ = ["Assembler", "ChatAssembler", "TextAssembler", "unreadable"]

Delta = TypeVar("Delta")
Kind = Literal["content", "reasoning", "text", "tool_calls"]
RunKey = tuple[Kind, int, int]
"""What a text belongs to: its kind, the choice, and the tool call's index (0 for other kinds)."""


def unreadable(problem: str) -> ProtocolError:
    """The error for a chunk whose shape is not the documented one."""
    return ProtocolError(f"a chunk of the event stream {problem}", where="event stream chunk")


def _text_of(value: Any) -> str:
    """The text of a field that is a string or, from some servers, a list of text parts."""
    if isinstance(value, str):
        return value
    if is_array(value):
        return "".join(_text_of(part.get("text", "")) for part in value if is_object(part))
    raise unreadable(f"holds a {type(value).__name__} where text belongs")


def _object(value: Any, what: str) -> JsonObject:
    if not is_object(value):
        raise unreadable(f"has {what} that is not an object")
    return value


def _array(value: Any, what: str) -> list[Any]:
    if not is_array(value):
        raise unreadable(f"has {what} that are not an array")
    return value


class _Run:
    """Neighbouring pieces of one text, to become one delta."""

    __slots__ = ("choice", "key", "logprobs", "opening", "raw", "texts")

    def __init__(self, key: RunKey, choice: JsonObject, raw: JsonObject, text: str) -> None:
        self.key = key
        self.choice = choice
        self.raw = raw
        self.texts = [text]
        self.logprobs: list[JsonObject] = []
        self.opening: tuple[str | None, str | None] = (None, None)


class Assembler(ABC, Generic[Delta]):
    """Turns the chunks of one stream into deltas and, in the end, into one reply.

    Attributes:
        meta: Facts of the exchange, for the reply.
    """

    def __init__(self, meta: ResponseMeta) -> None:
        self.meta = meta
        self._envelope: JsonObject = {}
        self._last_chunk: JsonObject | None = None
        self._out: list[Delta] = []
        self._run: _Run | None = None
        self._halves: SurrogateJoiner[RunKey] | None = None

    def take(self, chunk: JsonObject, *, has_halves: bool = False) -> None:
        """Reads one chunk.

        Args:
            chunk: The parsed event.
            has_halves: Whether its strings may hold half surrogate pairs.

        Raises:
            ProtocolError: The chunk's shape is not the documented one.
        """
        if has_halves and self._halves is None:
            self._halves = SurrogateJoiner()
        choices = chunk.get("choices")
        if self._last_chunk is None:
            self._envelope = _without_choices(chunk)
            self._out.append(self._start(chunk))
        elif not choices or "usage" in chunk or "time_info" in chunk:
            self._envelope.update(_without_choices(chunk))
        if choices:
            self._last_chunk = chunk
            for choice in _array(choices, "choices"):
                self._take_choice(_object(choice, "a choice"), chunk)
        else:  # usage alone, after the finish: one last chunk carries both
            self._last_chunk = {**(self._last_chunk or {}), **_without_choices(chunk)}

    def flush(self) -> None:
        """Ends the current run: what comes next is a delta of its own."""
        run, self._run = self._run, None
        if run is not None:
            self._emit(run, run.texts[0] if len(run.texts) == 1 else "".join(run.texts))

    def drain(self) -> list[Delta]:
        """The deltas that are ready."""
        out, self._out = self._out, []
        return out

    def finish(self) -> None:
        """Makes the last deltas ready, the finish among them.

        Raises:
            ProtocolError: The finished reply lacks something it must have.
        """
        self.release_halves()
        self._check()
        self._out.append(self._finish(self._last_chunk or {}))

    def release_halves(self) -> None:
        """Ends texts that stopped in the middle of a surrogate pair."""
        if self._halves is not None and self._last_chunk is not None:
            for key in self._halves.remains():
                self._extend(key, {"index": key[1]}, self._last_chunk, "\ufffd")
        self.flush()

    def _extend(
        self, key: RunKey, choice: JsonObject, chunk: JsonObject, text: str, logprobs: Any = None
    ) -> _Run:
        """Adds text to the current run if it is of the same key, else begins a new run."""
        if self._halves is not None:
            text = self._halves.join(key, text)
        run = self._run
        if run is None or run.key != key:
            self.flush()
            run = self._run = _Run(key, choice, chunk, text)
        else:
            run.texts.append(text)
            run.choice = choice
            run.raw = chunk
        if logprobs:
            run.logprobs.append(logprobs)
        return run

    def _raw_of(self, run: _Run, changes: JsonObject) -> JsonObject:
        """The chunk that shows a run: the wire's own, or one in its shape with the merged text."""
        if len(run.texts) == 1 and self._halves is None:
            return run.raw
        return {**run.raw, "choices": [{**run.choice, **changes}]}

    def _wire_reply(self, kind: str, choices: list[JsonObject]) -> JsonObject:
        return {**self._envelope, "object": kind, "choices": choices}

    @property
    @abstractmethod
    def is_finished(self) -> bool:
        """Whether every choice that was seen has a finish reason."""

    @abstractmethod
    def partial(self) -> ChatCompletion | TextCompletion | None:
        """What has arrived so far as an unfinished reply; None before the first chunk."""

    @abstractmethod
    def _start(self, chunk: JsonObject) -> Delta: ...

    @abstractmethod
    def _take_choice(self, choice: JsonObject, chunk: JsonObject) -> None: ...

    @abstractmethod
    def _emit(self, run: _Run, text: str) -> None: ...

    @abstractmethod
    def _check(self) -> None: ...

    @abstractmethod
    def _finish(self, raw: JsonObject) -> Delta: ...


class ChatAssembler(Assembler[ChatDelta]):
    """Chunks of a chat completion in, chat deltas out."""

    def __init__(self, meta: ResponseMeta) -> None:
        super().__init__(meta)
        self._sums: dict[int, ChatChoiceSum] = {}

    @property
    def is_finished(self) -> bool:
        """Whether every choice that was seen has a finish reason."""
        return bool(self._sums) and all(s.finish_reason is not None for s in self._sums.values())

    def partial(self) -> ChatCompletion | None:
        """What has arrived so far as an unfinished reply; None before the first chunk."""
        if self._last_chunk is None:
            return None
        choices = [self._sums[index].to_wire() for index in sorted(self._sums)]
        return read_reply(ChatCompletion, self._wire_reply("chat.completion", choices), self.meta)

    def _start(self, chunk: JsonObject) -> ChatDelta:
        return StreamStart(chunk)

    def _take_choice(self, choice: JsonObject, chunk: JsonObject) -> None:
        index = choice.get("index") or 0
        total = self._sums.get(index)
        if total is None:
            total = self._sums[index] = ChatChoiceSum(_checked_index(index))
        delta = choice.get("delta")
        if delta:
            self._take_delta(_object(delta, "a delta"), total, choice, chunk)
        reason = choice.get("finish_reason")
        if reason:
            total.finish_reason = str(reason)

    def _take_delta(
        self, delta: JsonObject, total: ChatChoiceSum, choice: JsonObject, chunk: JsonObject
    ) -> None:
        thought = delta.get("reasoning") or delta.get("reasoning_content")
        if thought:
            key: RunKey = ("reasoning", total.index, 0)
            logprobs = choice.get("reasoning_logprobs")
            self._extend(key, choice, chunk, _text_of(thought), logprobs)
        content = delta.get("content")
        if content:
            key = ("content", total.index, 0)
            self._extend(key, choice, chunk, _text_of(content), choice.get("logprobs"))
        elif content is not None and total.content is None:
            total.content = []
        calls = delta.get("tool_calls")
        if calls:
            for call in _array(calls, "tool calls"):
                if call is not None:
                    self._take_call(_object(call, "a tool call"), total, choice, chunk)
        if len(delta) > 1 or not (thought or content or calls):
            self._take_rest(delta, total)

    def _take_rest(self, delta: JsonObject, total: ChatChoiceSum) -> None:
        role = delta.get("role")
        if role:
            total.role = str(role)
        refusal = delta.get("refusal")
        if refusal:
            total.refusal = [*(total.refusal or ()), _text_of(refusal)]

    def _take_call(
        self, call: JsonObject, total: ChatChoiceSum, choice: JsonObject, chunk: JsonObject
    ) -> None:
        call_id = call.get("id") or None
        index, known = total.tool_call(call.get("index"), call_id)
        function = _object(call.get("function") or {}, "a function")
        name = function.get("name") or None
        new_id = call_id if known.id is None else None
        new_name = name if name != known.name else None
        known.id = known.id or call_id
        if new_name:
            known.name = (known.name or "") + new_name
        if call.get("type"):
            known.type = str(call["type"])
        arguments = function.get("arguments")
        if is_object(arguments) or is_array(arguments):
            arguments = dump_json(arguments).decode()
        key: RunKey = ("tool_calls", total.index, index)
        if new_id or new_name:
            self.flush()
        run = self._extend(key, choice, chunk, _text_of(arguments or ""))
        if new_id or new_name:
            run.opening = (new_id, new_name)

    def _emit(self, run: _Run, text: str) -> None:
        kind, choice, index = run.key
        total = self._sums[choice]
        logprobs = joined_logprobs(run.logprobs)
        if kind == "tool_calls":
            total.tool_calls[index].add_arguments(text)
            call_id, name = run.opening
            raw = self._raw_of(run, {"delta": _tool_call_delta(index, call_id, name, text)})
            self._out.append(ToolCallDelta(index, call_id, name, text, raw, choice))
        elif kind == "reasoning":
            total.reasoning = _appended(total.reasoning, text)
            total.reasoning_logprobs += run.logprobs
            raw = self._raw_of(
                run, {"delta": {"reasoning": text}} | _named(reasoning_logprobs=logprobs)
            )
            self._out.append(ReasoningDelta(text, raw, logprobs, choice))
        else:
            total.content = _appended(total.content, text)
            total.logprobs += run.logprobs
            raw = self._raw_of(run, {"delta": {"content": text}} | _named(logprobs=logprobs))
            self._out.append(ContentDelta(text, raw, logprobs, choice))

    def _check(self) -> None:
        for total in self._sums.values():
            total.check_calls()

    def _finish(self, raw: JsonObject) -> ChatDelta:
        reply = self.partial()
        if reply is None:
            raise unreadable("never came before the end of the stream")
        return Finish(reply, raw)


class TextAssembler(Assembler[CompletionDelta]):
    """Chunks of a text completion in, text deltas out."""

    def __init__(self, meta: ResponseMeta) -> None:
        super().__init__(meta)
        self._sums: dict[int, TextChoiceSum] = {}

    @property
    def is_finished(self) -> bool:
        """Whether every choice that was seen has a finish reason."""
        return bool(self._sums) and all(s.finish_reason is not None for s in self._sums.values())

    def partial(self) -> TextCompletion | None:
        """What has arrived so far as an unfinished reply; None before the first chunk."""
        if self._last_chunk is None:
            return None
        choices = [self._sums[index].to_wire() for index in sorted(self._sums)]
        return read_reply(TextCompletion, self._wire_reply("text_completion", choices), self.meta)

    def _start(self, chunk: JsonObject) -> CompletionDelta:
        return StreamStart(chunk)

    def _take_choice(self, choice: JsonObject, chunk: JsonObject) -> None:
        index = choice.get("index") or 0
        total = self._sums.get(index)
        if total is None:
            total = self._sums[index] = TextChoiceSum(_checked_index(index))
        tokens = choice.get("tokens")
        if tokens:
            total.tokens = [*(total.tokens or ()), *tokens]
        text = choice.get("text")
        if text or tokens:
            key: RunKey = ("text", total.index, 0)
            self._extend(key, choice, chunk, _text_of(text or ""), choice.get("logprobs"))
        elif text is not None and total.text is None:
            total.text = []
        reason = choice.get("finish_reason")
        if reason:
            total.finish_reason = str(reason)

    def _emit(self, run: _Run, text: str) -> None:
        choice = run.key[1]
        total = self._sums[choice]
        total.text = _appended(total.text, text)
        total.logprobs += run.logprobs
        logprobs = joined_logprobs(run.logprobs)
        raw = self._raw_of(run, {"text": text} | _named(logprobs=logprobs))
        self._out.append(TextDelta(text, raw, logprobs, choice))

    def _check(self) -> None:
        """A text completion has nothing that could be missing."""

    def _finish(self, raw: JsonObject) -> CompletionDelta:
        reply = self.partial()
        if reply is None:
            raise unreadable("never came before the end of the stream")
        return TextFinish(reply, raw)


def _appended(pieces: list[str] | None, text: str) -> list[str]:
    if pieces is None:
        return [text]
    pieces.append(text)
    return pieces


def _named(**values: Any) -> JsonObject:
    return {key: value for key, value in values.items() if value is not None}


def _tool_call_delta(
    index: int, call_id: str | None, name: str | None, arguments: str
) -> JsonObject:
    function = _named(name=name, arguments=arguments)
    call = _named(id=call_id, type="function", index=index, function=function)
    return {"tool_calls": [call]}


def _without_choices(chunk: JsonObject) -> JsonObject:
    return {key: value for key, value in chunk.items() if key != "choices"}


def _checked_index(index: Any) -> int:
    if not isinstance(index, int):
        raise unreadable("has a choice whose index is not a number")
    return index
