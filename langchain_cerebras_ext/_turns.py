"""The service's rules for tool calls in a history, checked before anything is sent.

API version 2: every call is answered by a tool message right after its turn, no tool message stands
without its call, and ids are unique in a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_cerebras_ext.errors import UnsupportedInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cerebras_ext import wire

__all__ = ["check_tool_turns"]


def check_tool_turns(messages: Iterable[tuple[int, wire.Message]]) -> None:
    """Makes sure that calls and answers belong together.

    Args:
        messages: Wire messages, each with its position in the user's input.

    Raises:
        UnsupportedInput: They do not; says which call or answer, and what to do.
    """
    open_ids: dict[str, int] = {}
    for position, message in messages:
        if message["role"] == "tool":
            call_id = message["tool_call_id"]
            if open_ids.pop(call_id, None) is None:
                raise _error(
                    position,
                    f"a tool message answers {call_id!r}, but no call with that id is open in the "
                    "turn before it; put it right after the message that makes the call, once",
                )
            continue
        _check_closed(open_ids)
        if message["role"] == "assistant":
            for call in message.get("tool_calls") or ():
                open_ids[call["id"]] = position
    _check_closed(open_ids)


def _check_closed(open_ids: dict[str, int]) -> None:
    for call_id, position in open_ids.items():
        raise _error(
            position,
            f"tool call {call_id!r} has no answer; add a ToolMessage with that tool_call_id right "
            "after this message, or leave the call out",
        )


def _error(position: int, problem: str) -> UnsupportedInput:
    return UnsupportedInput(f"message {position}: {problem}")
