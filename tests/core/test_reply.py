"""Replies as typed objects: what is absent stays absent, what is new is kept."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext.errors import ProtocolError
from cerebras_ext.reply import (
    AssistantReply,
    ChatCompletion,
    Model,
    ModelList,
    ResponseMeta,
    TextCompletion,
    ToolCallReply,
    read_reply,
)
from tests.captures import Capture, captures, needs_captures

CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CHAT: dict[str, Any] = {"choices": [{"message": {"role": "assistant", "content": "Hi"}}]}


@needs_captures
@pytest.mark.parametrize(
    "recorded",
    [one for one in captures("chat", "completions", "models") if one.response["status"] == 200],
    ids=lambda one: one.id,
)
def test_recorded_reply_comes_back_as_it_came(recorded: Capture) -> None:
    """`to_wire()` is the reply's JSON again, key for key (§8.2)."""
    kinds = {"chat": ChatCompletion, "completions": TextCompletion, "models": ModelList}
    body = recorded.response["body"]
    assert read_reply(kinds[recorded.kind], body).to_wire() == body


@pytest.mark.parametrize("key", ["usage", "time_info", "model", "id", "service_tier_used"])
def test_absent_keys_read_none_and_stay_absent(key: str) -> None:
    """Usage that did not come is None, never zero (§8.2)."""
    reply = read_reply(ChatCompletion, CHAT)
    assert getattr(reply, key) is None
    assert key not in reply.to_wire()


def test_null_and_absent_are_told_apart() -> None:
    """Absent and null are different things on this wire (API §3)."""
    message = read_reply(AssistantReply, {"content": None})
    assert message.to_wire() == {"content": None}


def test_new_keys_are_kept_at_every_level() -> None:
    """The service may add fields any day (API §14.22)."""
    body = {
        "choices": [{"message": {"content": "Hi", "new": 1}, "new": 2}],
        "usage": {"new": 3, "prompt_tokens_details": {"new": 4}},
        "new": {"a": [5]},
    }
    assert read_reply(ChatCompletion, body).to_wire() == body


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ({"content": [{"type": "text", "text": "a"}, {"text": "b"}, {}]}, {"content": "ab"}),
        ({"reasoning": [{"text": "a"}]}, {"reasoning": "a"}),
        ({"reasoning_content": "a"}, {"reasoning": "a"}),
        ({"reasoning": None, "reasoning_content": "a"}, {"reasoning": "a"}),
        (
            {"reasoning": "a", "reasoning_content": "b"},
            {"reasoning": "a", "reasoning_content": "b"},
        ),
    ],
)
def test_other_spellings_are_understood(message: dict[str, Any], read: dict[str, Any]) -> None:
    """Gateways in front of the service read as the service itself (API §10.3)."""
    assert read_reply(AssistantReply, message).to_wire() == read


def test_null_arguments_are_none() -> None:
    """A call without arguments has an empty text."""
    call = read_reply(ToolCallReply, {**CALL, "function": {"name": "f", "arguments": None}})
    assert call.function.arguments == ""


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (None, ""),
        ("secret", ""),
        ([], ""),
        ({}, "choices"),
        ({"choices": "secret"}, "choices"),
        ({"choices": [{}]}, "choices.0.message"),
        ({"choices": [{"message": {"tool_calls": [{"id": "a"}]}}]}, None),
        ({**CHAT, "usage": {"prompt_tokens": "secret"}}, "usage.prompt_tokens"),
        ({**CHAT, "id": ["secret"]}, "id"),
    ],
)
def test_other_shapes_are_protocol_errors(body: Any, where: str | None) -> None:
    """The place is named, never the content (style guide §7)."""
    with pytest.raises(ProtocolError, match=r"^the reply is not a ChatCompletion: ") as caught:
        read_reply(ChatCompletion, body)
    assert where is None or caught.value.where == where
    assert "secret" not in caught.value.message
    assert caught.value.__cause__ is None


def test_reply_has_the_facts_of_its_exchange() -> None:
    """`.meta` is what was given, or empty."""
    meta = ResponseMeta(request_id="r")
    assert read_reply(ChatCompletion, CHAT, meta).meta is meta
    assert read_reply(ChatCompletion, CHAT).meta == ResponseMeta()
    assert read_reply(Model, {"id": "m"}, meta).id == "m"


def test_meta_does_not_show_headers() -> None:
    """Headers of a reply may hold what does not belong in logs."""
    assert "secret" not in repr(ResponseMeta(headers={"x-a": "secret"}))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda reply: pickle.loads(pickle.dumps(reply))])
def test_reply_copies_as_itself(copied: Any) -> None:
    """Replies are in errors and caches, and so are their facts (§5.5)."""
    reply = read_reply(ChatCompletion, CHAT, ResponseMeta(request_id="r"))
    assert copied(reply) == reply
    assert copied(reply).meta == reply.meta


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.floats(),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["choices", "message", "content", "usage", "id"]), inner
            )
        ),
    )
)
def test_reading_raises_protocol_errors_only(body: Any) -> None:
    """Whatever JSON comes, it is a reply or our error (§10)."""
    try:
        read = read_reply(ChatCompletion, body)
    except ProtocolError as error:
        message = error.message
    else:
        message = read.to_wire()
    assert message
