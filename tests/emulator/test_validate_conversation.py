"""Order and roles of a conversation: API specification §1.2 (version 2), §2.3 and §9.3."""

from __future__ import annotations

import pytest

from tests.emulator.requests import accepted, chat_body, refused, user


def calls(*ids):
    """An assistant turn that calls a tool once for each id."""
    return {
        "role": "assistant",
        "tool_calls": [
            {"id": id, "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
            for id in ids
        ],
    }


def answer(id):
    """The tool message for a call."""
    return {"role": "tool", "tool_call_id": id, "content": f"result of {id}"}


def conversation(*messages):
    """A request that begins with a user message."""
    return chat_body(messages=[user(), *messages])


@pytest.mark.parametrize(
    "messages",
    [
        (calls("a"), answer("a")),
        (calls("a", "b"), answer("b"), answer("a"), user("Thanks")),
        (calls("a"), answer("a"), calls("b"), answer("b")),
        ({"role": "assistant", "content": "Hi", "tool_calls": []}, user()),
        ({"role": "assistant", "reasoning": "Hm."}, {"role": "assistant", "content": "Hi"}),
        ({"role": "assistant", "content": "Hi"},),
    ],
)
def test_conversation_is_accepted(messages):
    """§9.3: every call answered right behind its turn; §2.3: turns of reasoning alone are fine."""
    assert len(accepted(conversation(*messages)).messages) == 1 + len(messages)


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ((calls("a"),), "messages.2: every tool call must be answered"),
        ((calls("a"), user()), "missing: 'a'"),
        ((calls("a", "b"), answer("a"), user(), answer("b")), "missing: 'b'"),
        ((calls("a", "b"), answer("a"), calls("c")), "missing: 'b'"),
    ],
)
def test_unanswered_call_is_refused(messages, message):
    """§1.2: every tool call must be answered immediately after its turn."""
    problem = refused(conversation(*messages))

    assert message in problem.message
    assert (problem.status, problem.param, problem.code) == (400, "messages", "wrong_api_format")


@pytest.mark.parametrize(
    "messages",
    [
        (answer("a"),),
        (calls("a"), answer("b")),
        (calls("a"), answer("a"), answer("a")),
        (calls("a"), answer("a"), user(), answer("a")),
    ],
)
def test_orphan_answer_is_refused(messages):
    """§1.2: no tool message without its call immediately before."""
    assert "does not answer a tool call" in refused(conversation(*messages)).message


@pytest.mark.parametrize(
    "messages", [(calls("a", "a"), answer("a")), (calls("a"), answer("a"), calls("a"), answer("a"))]
)
def test_duplicate_call_id_is_refused(messages):
    """§1.2: ids are unique in the request, not only in their turn."""
    assert "duplicate tool call id 'a'" in refused(conversation(*messages)).message


def test_developer_role_is_taken_by_gpt_oss():
    """§2.3: the role exists for gpt-oss."""
    body = chat_body(messages=[{"role": "developer", "content": "Be brief."}, user()])

    assert accepted(body).messages[0].role == "developer"


def test_developer_role_is_refused_by_other_models():
    """§2.3: documented for gpt-oss only; that others refuse it is assumed."""
    messages = [user(), {"role": "developer", "content": "Be brief."}]

    problem = refused(chat_body(model="qwen-3.8-27b", messages=messages))

    assert problem.message == "messages.1: role 'developer' is not supported by this model."


def test_message_joins_text_parts_by_lines():
    """§2.3: parts and plain strings say the same."""
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]

    assert accepted(chat_body(messages=[user(parts)])).messages[0].text == "one\ntwo"


def test_message_keeps_calls_and_reasoning():
    """§9.3: whoever answers sees the whole turn."""
    turn = {**calls("a"), "reasoning": "Use it.", "content": None}

    request = accepted(conversation(turn, answer("a")))

    assistant, tool = request.messages[1:]
    assert (assistant.text, assistant.reasoning) == ("", "Use it.")
    (call,) = assistant.tool_calls
    assert (call.id, call.name, call.arguments) == ("a", "f", '{"a": 1}')
    assert (tool.tool_call_id, tool.text) == ("a", "result of a")
