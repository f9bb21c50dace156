"""Filled-in objects, of streams and whole replies: what LangChain's constructors make."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from cerebras_ext.reply import ChatCompletion, read_reply
from cerebras_ext.tool_names import ToolNames
from langchain_cerebras_ext import _new_chunks, _reply
from langchain_cerebras_ext._names import PROVIDER
from langchain_cerebras_ext._new_chunks import new_chunk

pytestmark = pytest.mark.once


def constructed(
    text: str = "",
    *,
    reasoning: str = "",
    call: ToolCallChunk | None = None,
    metadata: dict[str, Any] | None = None,
) -> ChatGenerationChunk:
    """The same chunk by the constructors alone."""
    message = AIMessageChunk(
        content=text,
        id="1",
        additional_kwargs={"reasoning_content": reasoning} if reasoning else {},
        tool_call_chunks=[] if call is None else [call],
        response_metadata={"model_provider": PROVIDER, **(metadata or {})},
    )
    return ChatGenerationChunk(message=message)


def fragment(text: str | None, name: str | None = None, id_: str | None = None) -> ToolCallChunk:
    """A fragment of a tool call."""
    return ToolCallChunk(name=name, args=text, id=id_, index=0, type="tool_call_chunk")


def assert_same(made: ChatGenerationChunk, wanted: ChatGenerationChunk) -> None:
    """Equal in everything that somebody could look at."""
    assert made == wanted
    assert repr(made) == repr(wanted)
    assert made.model_dump() == wanted.model_dump()
    assert pickle.loads(pickle.dumps(made)) == wanted
    assert copy.deepcopy(made) == wanted
    assert made + wanted == wanted + made == wanted + wanted
    assert type(made.text) is str  # as its field is declared; the constructor leaves an accessor
    assert made.message.model_fields_set == wanted.message.model_fields_set


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *((_new_chunks, name) for name in ("_text_message", "_fragment_message", "_generation")),
        *((_reply, name) for name in ("_message", "_generation", "_result")),
    ],
)
def test_templates_are_in_use(module: Any, name: str) -> None:
    """Fails when a release of LangChain or pydantic makes them fall back to the constructors."""
    assert getattr(module, name).__name__ == "fill"


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}
CALLS = [
    {"id": f"call_{number}", "type": "function", "function": {"name": "f", "arguments": arguments}}
    for number, arguments in enumerate(('{"x": [1, {"y": null}]}', "{", "[]", ""))
]


@pytest.mark.parametrize(
    ("message", "more"),
    [
        ({"content": "Hello"}, {"usage": USAGE, "id": "chatcmpl-1", "model": "m"}),
        ({"content": None, "reasoning": "Hm", "refusal": "No"}, {}),
        ({"tool_calls": CALLS}, {"usage": {"total_tokens": 1}}),
        ({"content": "a", "tool_calls": CALLS[:1]}, {"time_info": {"queue_time": 0.1}}),
    ],
    ids=["text", "no text", "calls", "text and a call"],
)
@pytest.mark.parametrize("reason", ["stop", None])
def test_whole_replies_are_those_of_the_constructors(
    message: dict[str, Any],
    more: dict[str, Any],
    reason: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Content, calls, counts, metadata: the same values, types and order."""
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", **message}}
    reply = read_reply(ChatCompletion, {"choices": [choice], **more})
    rules = _reply.RenderRules(ToolNames.of(["f"]), "gpt-oss-120b")
    made = _reply.result_from_reply(reply, rules)
    monkeypatch.setattr(_reply, "_message", AIMessage)
    monkeypatch.setattr(_reply, "_generation", _reply._constructed_generation)
    monkeypatch.setattr(_reply, "_result", ChatResult)
    wanted = _reply.result_from_reply(reply, rules)
    assert made == wanted
    assert repr(made) == repr(wanted)
    assert made.model_dump_json() == wanted.model_dump_json()
    assert made.model_dump(exclude_unset=True) == wanted.model_dump(exclude_unset=True)
    assert type(made.generations[0].text) is type(wanted.generations[0].text)
    assert pickle.loads(pickle.dumps(made)) == wanted


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"text": "Hello"},
        {"reasoning": "Hm"},
        {"text": "Hello", "metadata": {"logprobs": {"content": [{"token": "Hello"}]}}},
        {"call": fragment("", "search", "call_1")},
        {"call": fragment('{"query": ', "search", "call_1")},
        {"call": fragment('{"query": "x"}')},
        {"call": fragment(' {"a"')},
        {"call": fragment("")},
        {"call": fragment(None)},
        {"call": fragment("null")},
    ],
)
def test_chunks_are_those_of_the_constructors(parts: dict[str, Any]) -> None:
    """Every kind of chunk, whether a template makes it or not."""
    assert_same(new_chunk(message_id="1", **parts), constructed(**parts))


@given(st.text() | st.text('{}[]":, \n\\tru1.eE-nabcdef', max_size=12))
def test_fragments_of_arguments_are_those_of_the_constructors(text: str) -> None:
    """Core's own verdict on any fragment: a call, or an invalid call."""
    call = fragment(text)
    assert_same(new_chunk(message_id="1", call=call), constructed(call=call))


def test_chunks_share_nothing() -> None:
    """What core or a user does to one chunk does not show in the next."""
    first, second = (new_chunk("a", message_id="1") for _ in range(2))
    first.message.response_metadata["x"] = 1
    first.message.additional_kwargs["x"] = 1
    first.message.tool_call_chunks.append(fragment("a"))  # type: ignore[attr-defined]
    first.message.id = "2"
    assert second == constructed("a")
