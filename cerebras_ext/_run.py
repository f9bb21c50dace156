"""Neighbouring pieces of one text in a stream, to become one delta."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cerebras_ext._sums import ToolCallSum
    from cerebras_ext.wire import JsonObject

__all__ = ["Run", "RunKey", "tool_call_delta"]

Kind = Literal["content", "reasoning", "text", "tool_calls"]
RunKey = tuple[Kind, int, int]
"""What a text belongs to: its kind, the choice, and the tool call's index (0 for other kinds)."""

_FRAGMENT_KEYS = frozenset({"function", "index", "type"})


class Run:
    """A text that goes on.

    Attributes:
        key: What it belongs to.
        choice: The last choice that brought a piece.
        raw: The chunk of that choice.
        texts: The pieces.
        tokens: Token ids that came with them.
        logprobs: Log probabilities that came with them.
        call: For arguments, the tool call.
        wire_index: For arguments, the call's index as the chunks have it.
        opening: The id and the name that the run brings to its call.
    """

    __slots__ = (
        *("call", "choice", "key", "logprobs", "opening", "raw", "texts", "tokens", "wire_index"),
    )

    def __init__(self, key: RunKey, choice: JsonObject, raw: JsonObject, text: str) -> None:
        """Begins with one piece."""
        self.key = key
        self.choice = choice
        self.raw = raw
        self.texts = [text]
        self.tokens: list[int] = []
        self.logprobs: list[JsonObject] = []
        self.call: ToolCallSum | None = None
        self.wire_index: int | None = None
        self.opening: tuple[str | None, str | None] = (None, None)

    def clear(self) -> None:
        """Forgets the pieces and what came with them; the text goes on."""
        self.texts = []
        if self.tokens:
            self.tokens = []
        if self.logprobs:
            self.logprobs = []
        self.opening = (None, None)

    def goes_on_in(self, chunk: JsonObject) -> bool:
        """Takes a chunk that brings more of this text and nothing else, as nearly every one does.

        Two thirds of the work on a streamed token are saved so. What is left, `Assembler.take`
        reads in full; what is taken, it would have taken the same way.

        Raises:
            ProtocolError: The arguments of the tool call are longer than the limit.
        """
        kind, index, _ = self.key
        try:
            (choice,) = chunk["choices"]
            ((field, text),) = choice["delta"].items()
            if kind == "tool_calls":
                text = self._arguments_alone(text)
        except (AttributeError, KeyError, TypeError, ValueError):
            return False
        is_plain = (
            field == kind
            and text
            and isinstance(text, str)
            and len(choice) == 2
            and _is_number(choice.get("index"), index)
            and "usage" not in chunk
            and "time_info" not in chunk
        )
        if not is_plain:
            return False
        if self.call is not None:
            self.call.count_arguments(text)
        self.texts.append(text)
        self.choice = choice
        self.raw = chunk
        return True

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
