"""Tool calls of a history: which a message makes, and under which ids they are sent.

A reply's calls stand in its fields, where users edit them; a stream's fragments tell which of them
core only guessed. Content blocks and OpenAI-style leftovers are copies there, and count in messages
made by hand only. Ids that repeat are told apart on the wire, which wants each of them once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, AIMessageChunk

from cerebras_ext import wire
from cerebras_ext.partial_json import read_arguments
from langchain_cerebras_ext._content import Call, Pieces, Place, encoded_arguments, raw_call
from langchain_cerebras_ext._names import UNSEALED_ARGUMENTS
from langchain_cerebras_ext._shapes import list_in, object_in

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage, ToolCall

__all__ = ["OpenCalls", "calls_of"]


def calls_of(message: BaseMessage, pieces: Pieces, place: Place) -> list[Call]:
    """Every call of a message, valid or not.

    Args:
        message: What may make calls.
        pieces: What its content holds.
        place: Where it stands.

    Raises:
        UnsupportedInput: Arguments hold something that JSON does not know.
    """
    calls = _calls_in_fields(message, place) if isinstance(message, AIMessage) else []
    if not message.response_metadata:
        for records in (pieces.calls, _leftovers(message, place)):
            known = {call.id for call in calls if call.is_valid}
            calls += [call for call in records if call.id not in known]
    if not calls and (function := object_in(message.additional_kwargs.get("function_call"))):
        made_id = (
            f"call_{place.position}"  # the legacy form has no ids; its answer finds it by name
        )
        calls.append(raw_call(made_id, function.get("name"), function.get("arguments"), place))
    return [_unsealed(call, message) for call in calls]


def _calls_in_fields(message: AIMessage, place: Place) -> list[Call]:
    calls = [_call_made(call, message, place) for call in message.tool_calls]
    invalid = [
        Call(bad["id"], bad["name"] or "", bad["args"] or "", is_valid=False)
        for bad in message.invalid_tool_calls
    ]
    return [*calls, *invalid]


def _call_made(call: ToolCall, message: AIMessage, place: Place) -> Call:
    raw = _repaired_text(call, message)
    if raw is not None:
        return Call(call["id"], call["name"], raw, is_valid=False)
    return Call(call["id"], call["name"], encoded_arguments(call["args"], call["name"], place))


def _repaired_text(call: ToolCall, message: AIMessage) -> str | None:
    """The broken text that core guessed a call from; None for a call that a model or user made."""
    for fragment in getattr(message, "tool_call_chunks", ()):
        text: str = fragment["args"] or ""
        if not isinstance(read_arguments(text), dict):
            guesses = AIMessageChunk(content="", tool_call_chunks=[fragment]).tool_calls
            if repr(guesses) == repr([call]):  # by their text, since NaN is unequal to itself
                return text
    return None


def _leftovers(message: BaseMessage, place: Place) -> list[Call]:
    """Calls as OpenAI's chat completions write them."""
    calls: list[Call] = []
    for raw in map(object_in, list_in(message.additional_kwargs.get("tool_calls"))):
        function = object_in(raw.get("function"))
        calls.append(
            raw_call(raw.get("id"), function.get("name"), function.get("arguments"), place)
        )
    return calls


def _unsealed(call: Call, message: BaseMessage) -> Call:
    """A call as the model wrote it, without what marks it as invalid in a stream."""
    texts = object_in(message.response_metadata.get(UNSEALED_ARGUMENTS))
    raw = texts.get(call.id or "")
    return call if call.is_valid or raw is None else Call(call.id, call.name, raw, is_valid=False)


@dataclass(frozen=True, slots=True)
class _OpenCall:
    given_id: str
    wire_id: str
    name: str


class OpenCalls:
    """The calls that wait for their answers, as a history is gone through."""

    def __init__(self) -> None:
        self._used_ids: set[str] = set()
        self._open: list[_OpenCall] = []

    def close(self) -> None:
        """Ends a turn; its calls can no longer be answered."""
        self._open = []

    def add(self, call: Call, place: Place) -> wire.ToolCall:
        """The call as it is sent.

        Raises:
            UnsupportedInput: It has no id.
        """
        if not call.id:
            raise place.error(
                f"tool call {call.name!r} has no id, so no tool message can answer it; give the "
                "call an id"
            )
        wire_id = given_id = str(call.id)
        while wire_id in self._used_ids:  # some providers take the tool's name, turn after turn
            wire_id += "_"
        self._used_ids.add(wire_id)
        self._open.append(_OpenCall(given_id, wire_id, call.name))
        function = wire.FunctionCall(name=call.name, arguments=call.arguments)
        return wire.ToolCall(id=wire_id, type="function", function=function)

    def answer(self, given_id: str) -> str:
        """The id to answer under: of the first open call with that id, else the id itself."""
        found = next((call for call in self._open if call.given_id == given_id), None)
        return given_id if found is None else self._answered(found)

    def answer_named(self, name: str) -> str | None:
        """The id of the first open call of a name."""
        found = next((call for call in self._open if call.name == name), None)
        return None if found is None else self._answered(found)

    def _answered(self, call: _OpenCall) -> str:
        self._open.remove(call)
        return call.wire_id
