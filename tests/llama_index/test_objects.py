"""Items of a stream: what core's constructors make, only faster."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from llama_index_cerebras_ext import _objects
from llama_index_cerebras_ext._objects import (
    chat_response,
    completion_response,
    message_of,
    text_block,
    thinking_block,
    tool_call_block,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

BLOCKS = [TextBlock(text="Hello"), ToolCallBlock(tool_name="search", tool_kwargs="{}")]
KWARGS = {"tool_calls": [{"id": "1", "type": "function", "function": {"name": "search"}}]}
TOLD: dict[str, Any] = {
    "raw": {"id": "1"},
    "delta": "Hello",
    "logprobs": [[LogProb(logprob=-1.0)]],
    "additional_kwargs": {"thinking_delta": "Hm"},
}


@pytest.mark.parametrize(
    "name",
    ["_text", "_thinking", "_tool_call", "_message", "_chat_response", "_completion_response"],
)
def test_templates_are_in_use(name: str) -> None:
    """Fails when a release of core or pydantic makes them fall back to the constructors."""
    assert getattr(_objects, name).__name__ == "fill"


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (text_block("Hello"), TextBlock(text="Hello")),
        (thinking_block("Hm"), ThinkingBlock(content="Hm")),
        (
            tool_call_block("1", "search", '{"a'),
            ToolCallBlock(tool_call_id="1", tool_name="search", tool_kwargs='{"a'),
        ),
        (
            message_of([*BLOCKS], {**KWARGS}),
            ChatMessage(role=MessageRole.ASSISTANT, blocks=BLOCKS, additional_kwargs=KWARGS),
        ),
        (
            chat_response(message_of([], {}), **TOLD),
            ChatResponse(
                message=ChatMessage(role=MessageRole.ASSISTANT, blocks=[], additional_kwargs={}),
                **TOLD,
            ),
        ),
        (completion_response("Hello", **TOLD), CompletionResponse(text="Hello", **TOLD)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_objects_are_those_of_the_constructors(made: BaseModel, wanted: BaseModel) -> None:
    """Equal in everything that somebody could look at."""
    assert made == wanted
    assert repr(made) == repr(wanted)
    assert made.model_dump() == wanted.model_dump()
    assert made.model_dump_json(exclude_unset=True) == wanted.model_dump_json(exclude_unset=True)
    assert pickle.loads(pickle.dumps(made)) == wanted
    assert copy.deepcopy(made) == wanted
    assert made.model_fields_set == wanted.model_fields_set


def test_objects_share_nothing() -> None:
    """What is done to one item does not show in the next."""
    first, second = thinking_block("a"), thinking_block("a")
    first.additional_information["x"] = 1
    first.num_tokens = 1
    assert second == ThinkingBlock(content="a")
