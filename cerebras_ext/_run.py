"""Neighbouring pieces of one text in a stream, to become one delta."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic_core import from_json, to_json

if TYPE_CHECKING:
    from cerebras_ext._sums import ToolCallSum
    from cerebras_ext.deltas import LogprobsField
    from cerebras_ext.wire import JsonObject

__all__ = ["Run", "RunKey", "tool_call_delta"]

Kind = Literal["content", "reasoning", "text", "tool_calls"]
RunKey = tuple[Kind, int, int]
"""What a text belongs to: its kind, the choice, and the tool call's index (0 for other kinds)."""

_FRAGMENT_KEYS = frozenset({"function", "index", "type"})
_MAX_PATTERNS_UNUSED = 3


class _Alike(NamedTuple):
    """What the events of one text have in common: the bytes around the text, and one of them."""

    before: bytes
    after: bytes
    chunk: JsonObject
    choice: JsonObject


class Run:
    """A text that goes on.

    Attributes:
        key: What it belongs to.
        choice: The last choice that brought a piece.
        raw: The chunk of that choice; `latest` has it with its own text.
        texts: The pieces.
        tokens: Token ids that came with them.
        logprobs: Log probabilities that came with them.
        logprobs_field: The field of the choices that they came in.
        call: For arguments, the tool call.
        wire_index: For arguments, the call's index as the chunks have it.
        opening: The id and the name that the run brings to its call.
    """

    __slots__ = (
        *("call", "choice", "key", "logprobs", "opening", "raw", "texts", "tokens", "wire_index"),
        *("_alike", "_n_unused", "_unread", "logprobs_field"),
    )

    def __init__(self, key: RunKey, choice: JsonObject, raw: JsonObject, text: str) -> None:
        """Begins with one piece."""
        self.key = key
        self.choice = choice
        self.raw = raw
        self.texts = [text]
        self.tokens: list[int] = []
        self.logprobs: list[JsonObject] = []
        self.logprobs_field: LogprobsField = "logprobs"
        self.call: ToolCallSum | None = None
        self.wire_index: int | None = None
        self.opening: tuple[str | None, str | None] = (None, None)
        self._alike: _Alike | None = None
        self._n_unused = 0  # times it was looked for since an event last fitted
        self._unread: str | None = None  # the last piece, if it came in an event that fitted

    def clear(self) -> None:
        """Forgets the pieces and what came with them; the text goes on."""
        self.texts = []
        if self.tokens:
            self.tokens = []
        if self.logprobs:
            self.logprobs = []
        self.opening = (None, None)

    def goes_on_unread(self, event: bytes) -> bool:
        """Takes an event that differs from an earlier one of this text in nothing but the text.

        It is not parsed, only its text is: most of what is left to save on a streamed token.

        Raises:
            ProtocolError: The arguments of the tool call are longer than the limit.
        """
        if self._alike is None:
            return False
        before, after, chunk, choice = self._alike
        if not (event.startswith(before) and event.endswith(after)):
            return False
        try:
            text = from_json(event[len(before) : -len(after)])
        except ValueError:
            return False
        if not text or type(text) is not str:
            return False
        if self.call is not None:
            self.call.count_arguments(text)
        self.texts.append(text)
        self.raw, self.choice, self._unread = chunk, choice, text
        self._n_unused = 0
        return True

    def goes_on_in(self, chunk: JsonObject, event: bytes = b"") -> bool:
        """Takes a chunk that brings more of this text and nothing else, as nearly every one does.

        What is left, `Assembler.take` reads in full; what is taken, it would have taken the same
        way.

        Args:
            chunk: The parsed event.
            event: The event as it came; later ones like it go on unread.

        Raises:
            ProtocolError: The arguments of the tool call are longer than the limit.
        """
        text = self._text_alone_in(chunk)
        if text is None:
            return False
        if self.call is not None:
            self.call.count_arguments(text)
        self._take(text, chunk["choices"][0], chunk)
        if event and self._n_unused < _MAX_PATTERNS_UNUSED:
            self._learn(event, text)
        return True

    def go_on(self, text: str, choice: JsonObject, chunk: JsonObject) -> None:
        """Takes a piece of a chunk that was read in full, and may have brought more than that."""
        self._take(text, choice, chunk)
        self._alike = None

    def _take(self, text: str, choice: JsonObject, chunk: JsonObject) -> None:
        self.texts.append(text)
        self.choice, self.raw, self._unread = choice, chunk, None

    def _text_alone_in(self, chunk: JsonObject) -> str | None:
        """The text of a chunk that brings more of this text and nothing else; None for others."""
        kind, index, _ = self.key
        try:
            (choice,) = chunk["choices"]
            ((field, text),) = _brought_by(choice, kind).items()
            if kind == "tool_calls":
                text = self._arguments_alone(text)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        is_plain = (
            field == kind
            and text
            and isinstance(text, str)
            and len(choice) == 2
            and _is_number(choice.get("index"), index)
            and "usage" not in chunk
            and "time_info" not in chunk
        )
        return text if is_plain else None

    def _learn(self, event: bytes, text: str) -> None:
        """Cuts the text out of its event, and keeps what is around it if that is proved to be so.

        The proof is that another text is read when that is put there: then this is the string that
        the text is read from, and any string may stand in its place. A service whose events differ
        in more than the text costs a few vain tries.
        """
        self._n_unused += 1
        before, _, after = event.rpartition(to_json(text))
        other = text + "."
        try:
            again = from_json(before + to_json(other) + after, allow_inf_nan=False)
        except ValueError:
            return
        if self._text_alone_in(again) == other:
            self._alike = _Alike(before, after, self.raw, self.choice)

    def latest(self) -> JsonObject:
        """The last chunk as it came, whether it was parsed or not."""
        if self._unread is None:
            return self.raw
        kind = self.key[0]
        piece: Any = self._unread
        if kind == "tool_calls":
            (fragment,) = self.choice["delta"][kind]
            piece = [{**fragment, "function": {"arguments": piece}}]
        brought = {"text": piece} if kind == "text" else {"delta": {kind: piece}}
        return {**self.raw, "choices": [{**self.choice, **brought}]}

    def shown_with(self, **merged: Any) -> JsonObject:
        """A chunk in the shape of the last one, with the text of all of them."""
        return {**self.raw, "choices": [{**self.choice, **_named(**merged)}]}

    def _arguments_alone(self, calls: Any) -> Any:
        """The arguments of the one fragment; None if there is more to it.

        Raises:
            ValueError: There is not one fragment with one field; others for other shapes.
        """
        assert self.call is not None  # every fragment has one, and comes with it
        (fragment,) = calls
        ((field, arguments),) = fragment["function"].items()
        is_plain = (
            field == "arguments"
            and _is_number(fragment.get("index"), self.wire_index)
            and fragment.keys() <= _FRAGMENT_KEYS
            and fragment.get("type", self.call.type) == self.call.type
        )
        return arguments if is_plain else None


def _brought_by(choice: JsonObject, kind: Kind) -> JsonObject:
    """What a choice brings to a text of this kind."""
    delta: JsonObject = {"text": choice["text"]} if kind == "text" else choice["delta"]
    return delta


def _is_number(value: object, number: int | None) -> bool:
    return type(value) is int and value == number  # True and 1.0 equal 1, and are no index


def tool_call_delta(
    index: int, call_id: str | None, name: str | None, arguments: str
) -> JsonObject:
    """A delta with a piece of one tool call, as the wire has it."""
    function = _named(name=name, arguments=arguments)
    call = _named(id=call_id, type="function", index=index, function=function)
    return {"tool_calls": [call]}


def _named(**values: Any) -> JsonObject:
    return {key: value for key, value in values.items() if value is not None}
