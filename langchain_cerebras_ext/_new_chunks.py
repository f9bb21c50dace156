"""The chunks in the middle of a stream: the only place that makes them.

They are filled in from templates, at a third of what LangChain's constructors cost; see
`cerebras_ext._template`. What a constructor works out, the fill-in knows beforehand: that a
fragment of arguments which does not begin with a brace is an invalid call as long as it is alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk, InvalidToolCall
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk

from cerebras_ext._template import templated
from langchain_cerebras_ext._names import PROVIDER

if TYPE_CHECKING:
    from cerebras_ext.wire import JsonObject

__all__ = ["new_chunk"]


def new_chunk(
    text: str = "",
    *,
    message_id: str | None,
    reasoning: str = "",
    call: ToolCallChunk | None = None,
    metadata: JsonObject | None = None,
) -> ChatGenerationChunk:
    """One chunk.

    Args:
        text: New text of the answer.
        message_id: The same for all chunks of a stream.
        reasoning: New reasoning text.
        call: A fragment of a tool call.
        metadata: Response metadata beside the provider's name.
    """
    about: JsonObject = {"model_provider": PROVIDER}
    if metadata:
        about.update(metadata)
    kept = {"reasoning_content": reasoning} if reasoning else {}
    if call is None:
        message = _text_message(
            content=text,
            additional_kwargs=kept,
            response_metadata=about,
            id=message_id,
            tool_calls=[],
            invalid_tool_calls=[],
            tool_call_chunks=[],
        )
    elif _is_invalid_alone(call):
        message = _fragment_message(
            content=text,
            additional_kwargs=kept,
            response_metadata=about,
            id=message_id,
            tool_calls=[],
            invalid_tool_calls=[_nameless(call["args"])],
            tool_call_chunks=[call],
        )
    else:
        message = _constructed_message(
            content=text,
            additional_kwargs=kept,
            response_metadata=about,
            id=message_id,
            tool_call_chunks=[call],
        )
    return _generation(message=message, text=text)


def _is_invalid_alone(call: ToolCallChunk) -> bool:
    """Whether LangChain finds an invalid call in this fragment, and knows nothing but its text."""
    arguments = call["args"] or ""
    begins_object = arguments.lstrip()[:1] in ("", "{")
    return not begins_object and call["name"] is None and call["id"] is None


def _nameless(arguments: str | None) -> InvalidToolCall:
    """What `invalid_tool_call(args=...)` gives; that costs more than all else of a fragment."""
    return {
        "name": None,
        "args": arguments,
        "id": None,
        "error": None,
        "type": "invalid_tool_call",
    }


def _constructed_message(
    *,
    tool_calls: object = None,
    invalid_tool_calls: object = None,
    **fields: Any,
) -> AIMessageChunk:
    """A message by its constructor, which finds out about tool calls for itself."""
    return AIMessageChunk(**fields)


def _constructed_generation(*, message: AIMessageChunk, text: str) -> ChatGenerationChunk:
    """A generation by its constructor, with the plain text that its field is declared to hold.

    The constructor puts the message's accessor there, for the collector one object more to go over.
    """
    generation = ChatGenerationChunk(message=message)
    generation.text = text
    return generation


def _example(
    text: str, kept: JsonObject, about: JsonObject, *calls: ToolCallChunk
) -> dict[str, Any]:
    return {
        "content": text,
        "additional_kwargs": kept,
        "response_metadata": {"model_provider": PROVIDER, **about},
        "id": "chatcmpl-1",
        "tool_calls": [],
        "invalid_tool_calls": [_nameless(call["args"]) for call in calls],
        "tool_call_chunks": list(calls),
    }


def _fragment(text: str) -> ToolCallChunk:
    return ToolCallChunk(name=None, args=text, id=None, index=1, type="tool_call_chunk")


_text_message = templated(
    _constructed_message,
    _example("Hello", {}, {}),
    _example("", {"reasoning_content": "Hm"}, {"reasoning_logprobs": {"content": []}}),
    _example("", {}, {}) | {"id": None},
)
_fragment_message = templated(
    _constructed_message,
    *[
        _example("", {}, {}, _fragment(text))
        for text in ("a", '"a":', ' "', "1", "[1]", "[", "}", '"}', "null", "true", "\n", "\\")
    ],
)
_generation = templated(
    _constructed_generation,
    *[{"message": AIMessageChunk(content=text), "text": text} for text in ("Hello", "")],
)
