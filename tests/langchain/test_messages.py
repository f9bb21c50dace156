"""Messages to the wire: every message, block and history of the contract's section 3."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from cerebras_ext.catalog import facts_of
from cerebras_ext.tool_names import ToolNames
from langchain_cerebras_ext._messages import (
    MessageRules,
    call_names_in,
    rename_calls,
    wire_messages_from_langchain,
)
from langchain_cerebras_ext.errors import UnsupportedInput

pytestmark = pytest.mark.once

GPT_OSS = facts_of("gpt-oss-120b")
QWEN = facts_of("qwen-3.8-27b")
PNG = "iVBORw0KGgo="
CALL = {"name": "add", "args": {"a": 1}, "id": "c1", "type": "tool_call"}
WIRE_CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
ANSWER = ToolMessage("2", tool_call_id="c1")
WIRE_ANSWER = {"role": "tool", "content": "2", "tool_call_id": "c1"}


def wire(*messages: BaseMessage, facts: Any = GPT_OSS, **rules: Any) -> list[Any]:
    """The messages on the wire."""
    return wire_messages_from_langchain(messages, MessageRules(facts, **rules))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (SystemMessage("s"), {"role": "system", "content": "s"}),
        (
            SystemMessage("s", additional_kwargs={"__openai_role__": "developer"}),
            {"role": "developer", "content": "s"},
        ),
        (HumanMessage("h"), {"role": "user", "content": "h"}),
        (HumanMessage("h", name="ann"), {"role": "user", "content": "h", "name": "ann"}),
        (HumanMessageChunk("h"), {"role": "user", "content": "h"}),
        (AIMessage("a"), {"role": "assistant", "content": "a"}),
        (AIMessage("a", name="bot"), {"role": "assistant", "content": "a", "name": "bot"}),
        (AIMessageChunk("a"), {"role": "assistant", "content": "a"}),
        (AIMessage(""), {"role": "assistant", "content": ""}),
        (ChatMessage("c", role="user"), {"role": "user", "content": "c"}),
        (ChatMessage("c", role="human"), {"role": "user", "content": "c"}),
        (ChatMessage("c", role="assistant"), {"role": "assistant", "content": "c"}),
        (ChatMessage("c", role="system"), {"role": "system", "content": "c"}),
        (ChatMessage("c", role="developer"), {"role": "developer", "content": "c"}),
    ],
)
def test_role_of_each_message(message: BaseMessage, expected: dict[str, Any]) -> None:
    """LC-13: each class has its role; `name` goes along."""
    assert wire(message) == [expected]


def test_developer_becomes_system_where_the_model_has_no_such_role() -> None:
    """LC-13: the developer role is for the models that take it."""
    message = SystemMessage("s", additional_kwargs={"__openai_role__": "developer"})
    assert wire(message, facts=QWEN) == [{"role": "system", "content": "s"}]


def test_tool_message_takes_its_call_along() -> None:
    """LC-13: a tool message is answer and id; artifact and status stay behind."""
    answer = ToolMessage(
        "2", tool_call_id="c1", artifact={"big": object()}, status="error", name="add"
    )
    sent = wire(AIMessage("", tool_calls=[CALL]), answer)
    assert sent == [
        {"role": "assistant", "tool_calls": [WIRE_CALL]},
        {**WIRE_ANSWER, "name": "add"},
    ]


def test_nothing_but_role_and_content_travels() -> None:
    """LC-14: the wire's schema is closed; metadata of LangChain must not reach it."""
    message = AIMessage(
        [
            {
                "type": "text",
                "text": "a",
                "id": "b1",
                "index": 0,
                "annotations": [],
                "extras": {"x": 1},
            }
        ],
        id="m1",
        additional_kwargs={"lc_source": "summary", "refusal": None},
        response_metadata={"model_provider": "cerebras", "finish_reason": "stop"},
        usage_metadata={"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    )
    assert wire(message) == [{"role": "assistant", "content": "a"}]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (RemoveMessage(id="x"), "RemoveMessage"),
        (ChatMessage("c", role="narrator"), "narrator"),
        (ChatMessage("c", role="tool"), "ToolMessage"),
        (FunctionMessage("1", name="add"), "FunctionMessage"),
        (AIMessage("", tool_calls=[{**CALL, "id": None}]), "no id"),
        (AIMessage("", tool_calls=[{**CALL, "args": {"a": {1}}}]), "not JSON data"),
        (AIMessage("", tool_calls=[{**CALL, "args": {"a": float("nan")}}]), "not JSON data"),
    ],
)
def test_message_without_a_form_on_the_wire_says_so(message: BaseMessage, words: str) -> None:
    """LC-13, LC-17: an error names the message and what to do; nothing is sent."""
    with pytest.raises(UnsupportedInput, match=r"message 1 ") as caught:
        wire(HumanMessage("h"), message, ANSWER)
    assert words in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_message_of_an_unknown_class_says_so() -> None:
    """LC-13: a class of somebody's own has no role."""

    class Telegram(BaseMessage):
        type: str = "telegram"

    with pytest.raises(UnsupportedInput, match="Telegram"):
        wire(Telegram(content="stop"))


def test_ids_that_repeat_are_told_apart() -> None:
    """Wire rule (API version 2): some providers use a tool's name as the id, turn after turn."""
    twice = AIMessage("", tool_calls=[CALL, {**CALL, "name": "sub"}])
    sent = wire(*[twice, ANSWER, ToolMessage("0", tool_call_id="c1")] * 2)
    called = [call["id"] for message in sent for call in message.get("tool_calls", ())]
    assert called == [message["tool_call_id"] for message in sent if message["role"] == "tool"]
    assert len(set(called)) == 4
    assert called[0] == "c1"


def test_call_without_a_name_goes_back() -> None:
    """LC-41, LC-53: what has an answer is sent, under a name that the service takes."""
    nameless = {"name": "", "args": "{}", "id": "c1", "error": "?", "type": "invalid_tool_call"}
    sent = wire(AIMessage("", invalid_tool_calls=[nameless]), ANSWER)
    rename_calls(sent, ToolNames.of(call_names_in(sent)))
    assert sent[0]["tool_calls"][0]["function"]["name"] == "tool"


def test_openai_leftovers_are_read_beside_calls() -> None:
    """LC-15: raw calls that the message's own field does not have."""
    other = {**WIRE_CALL, "id": "c2"}
    message = AIMessage("", tool_calls=[CALL], additional_kwargs={"tool_calls": [WIRE_CALL, other]})
    sent = wire(message, ANSWER, ToolMessage("3", tool_call_id="c2"))
    assert [call["id"] for call in sent[0]["tool_calls"]] == ["c1", "c2"]


def test_input_is_never_changed() -> None:
    """LC-13: messages are shared with the user's history and with graph state."""
    history = [
        HumanMessage([{"type": "image", "base64": PNG, "mime_type": "image/png"}]),
        AIMessage([{"type": "reasoning", "reasoning": "r"}, "t"], tool_calls=[CALL]),
        ToolMessage([{"type": "text", "text": "2"}], tool_call_id="c1"),
    ]
    before = copy.deepcopy(history)
    wire(*history, facts=QWEN)
    assert history == before


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("", tool_calls=[CALL]),
        AIMessage([{"type": "tool_call", "id": "c1", "name": "add", "args": {"a": 1}}]),
        AIMessage([{"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1}}]),
        AIMessage(
            [{"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1}}], tool_calls=[CALL]
        ),
        AIMessage([{"type": "tool_call_chunk", "id": "c1", "name": "add", "args": '{"a":1}'}]),
        AIMessage(
            [{"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a":1}'}],
            tool_calls=[CALL],
        ),
        AIMessage("", additional_kwargs={"tool_calls": [WIRE_CALL]}),
        AIMessageChunk(
            "",
            tool_call_chunks=[{"id": "c1", "name": "add", "args": '{"a": 1}', "index": 0}],
        ),
        AIMessage(
            "", invalid_tool_calls=[{"id": "c1", "name": "add", "args": '{"a": 1}', "error": "?"}]
        ),
    ],
)
def test_call_in_any_form_goes_back_once(message: BaseMessage) -> None:
    """LC-15, LC-17, LC-19: one call an id, whoever wrote it down and how often."""
    assert wire(message, ANSWER) == [
        {"role": "assistant", "tool_calls": [WIRE_CALL]},
        WIRE_ANSWER,
    ]


def test_arguments_keep_their_letters() -> None:
    """LC-17: arguments are JSON text without escapes of what UTF-8 can say."""
    call = {**CALL, "args": {"city": "København"}}
    sent = wire(AIMessage("", tool_calls=[call]), ANSWER)
    assert sent[0]["tool_calls"][0]["function"]["arguments"] == '{"city": "København"}'


def test_invalid_call_goes_back_raw_when_it_was_answered() -> None:
    """LC-19: an answer needs its call, so the text goes back as the model wrote it."""
    bad = {"id": "c1", "name": "add", "args": '{"a": ', "error": "cut", "type": "invalid_tool_call"}
    sent = wire(AIMessage("", invalid_tool_calls=[bad]), ANSWER)
    assert sent[0]["tool_calls"][0]["function"]["arguments"] == '{"a": '


def test_valid_record_of_a_call_wins_over_an_invalid_one() -> None:
    """LC-15, LC-19: two records of one id are one call, and the readable one is sent."""
    bad = {"id": "c1", "name": "add", "args": '{"a": ', "error": "cut", "type": "invalid_tool_call"}
    assert wire(AIMessage([CALL], invalid_tool_calls=[bad]), ANSWER) == [
        {"role": "assistant", "tool_calls": [WIRE_CALL]},
        WIRE_ANSWER,
    ]


def test_invalid_call_without_an_answer_is_left_out() -> None:
    """LC-19: the service refuses calls that nothing answers."""
    bad = {"id": "c1", "name": "add", "args": '{"a": ', "error": "cut", "type": "invalid_tool_call"}
    sent = wire(AIMessage("Let me", invalid_tool_calls=[bad]), HumanMessage("go on"))
    assert sent[0] == {"role": "assistant", "content": "Let me"}


def test_interrupted_stream_put_back_counts_as_invalid() -> None:
    """LC-15: core's repaired guess of a cut call is not what the model asked for."""
    chunk = AIMessageChunk(
        "", tool_call_chunks=[{"id": "c1", "name": "rm", "args": '{"path": "da', "index": 0}]
    )
    assert chunk.tool_calls  # core's guess
    assert wire(chunk, HumanMessage("go on"))[0] == {"role": "assistant", "content": ""}


def test_edited_calls_of_a_stream_are_sent() -> None:
    """LC-17: `tool_calls` says what was called; fragments tell only what core guessed."""
    cut = {"id": "c2", "name": "rm", "args": '{"path": "da', "index": 1}
    whole = {"id": "c1", "name": "add", "args": '{"a": 9}', "index": 0}
    chunk = AIMessageChunk("", tool_call_chunks=[whole, cut])
    edited = chunk.model_copy(update={"tool_calls": [CALL, chunk.tool_calls[1]]})
    assert wire(edited, ANSWER)[0] == {"role": "assistant", "tool_calls": [WIRE_CALL]}
    approved = {**chunk.tool_calls[1], "args": {"path": "data"}}
    sent = wire(
        chunk.model_copy(update={"tool_calls": [approved]}), ToolMessage("ok", tool_call_id="c2")
    )
    assert sent[0]["tool_calls"][0]["function"]["arguments"] == '{"path": "data"}'


def test_guessed_call_goes_back_raw_when_it_was_answered() -> None:
    """LC-19: of core's guess, what the model wrote; numbers JSON does not know are no exception."""
    for text in ('{"a": ', '{"a": 1e400}', '{"a": NaN}'):
        fragment = {"id": "c1", "name": "add", "args": text, "index": 0}
        sent = wire(AIMessageChunk("", tool_call_chunks=[fragment]), ANSWER)
        assert sent[0]["tool_calls"][0]["function"]["arguments"] == text


@pytest.mark.parametrize(
    "reply",
    [
        AIMessageChunk(
            "",
            tool_call_chunks=[{"id": "c1", "name": "add", "args": '{"a": 1}', "index": 0}],
        ),
        AIMessage(
            [CALL],
            tool_calls=[CALL],
            response_metadata={"model_provider": "cerebras", "output_version": "v1"},
        ),
        AIMessage(
            [{"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1}}],
            tool_calls=[CALL],
            response_metadata={"model_provider": "anthropic"},
        ),
        AIMessage(
            "",
            additional_kwargs={"tool_calls": [WIRE_CALL]},
            response_metadata={"model_provider": "openai"},
        ),
    ],
)
def test_removed_call_stays_away(reply: AIMessage) -> None:
    """LC-15: copies of a reply's calls in fragments, blocks and leftovers do not bring it back."""
    assert wire(reply, ANSWER)[0]["tool_calls"] == [WIRE_CALL]
    removed = reply.model_copy(update={"tool_calls": []})
    assert wire(removed, HumanMessage("go on"))[0] == {"role": "assistant", "content": ""}


def test_legacy_function_call_is_answered_by_name() -> None:
    """LC-13: the form without ids gets one, the same for call and answer."""
    asked = AIMessage("", additional_kwargs={"function_call": {"name": "add", "arguments": "{}"}})
    sent = wire(HumanMessage("h"), asked, FunctionMessage("2", name="add"))
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] == "call_1"


def test_legacy_answers_skip_calls_that_were_answered() -> None:
    """LC-13: of two calls of one name, the one that is still open is meant."""
    calls = [CALL, {**CALL, "id": "c2"}]
    sent = wire(AIMessage("", tool_calls=calls), ANSWER, FunctionMessage("3", name="add"))
    assert [message["tool_call_id"] for message in sent[1:]] == ["c1", "c2"]


def test_anthropic_tool_result_becomes_a_tool_message() -> None:
    """LC-70: results inside user messages stand before the rest of the message."""
    result = {
        "type": "tool_result",
        "tool_use_id": "c1",
        "content": [{"type": "text", "text": "2"}],
    }
    sent = wire(AIMessage("", tool_calls=[CALL]), HumanMessage([result, "and now?"]))
    assert sent[1:] == [WIRE_ANSWER, {"role": "user", "content": "and now?"}]


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ([AIMessage("", tool_calls=[CALL])], "no answer"),
        ([AIMessage("", tool_calls=[CALL]), HumanMessage("h"), ANSWER], "no answer"),
        ([HumanMessage("h"), ANSWER], "no call with that id"),
        ([AIMessage("", tool_calls=[CALL]), ANSWER, ANSWER], "no call with that id"),
    ],
)
def test_calls_and_answers_must_belong_together(history: list[BaseMessage], words: str) -> None:
    """Wire rule (API version 2): what the service would refuse is an error that says what to do."""
    with pytest.raises(UnsupportedInput, match=words):
        wire(*history)


@pytest.mark.parametrize(
    "history",
    [
        [SystemMessage("a"), SystemMessage("b"), HumanMessage("c")],
        [HumanMessage("a"), HumanMessage("b")],
        [HumanMessage("a"), AIMessage("b"), AIMessage("c")],
        [HumanMessage("a"), SystemMessage("late")],
    ],
)
def test_any_order_of_speakers_is_sent_as_it_is(history: list[BaseMessage]) -> None:
    """LC-16: LangChain enforces no order, and neither do we."""
    assert [message["content"] for message in wire(*history)] == [m.content for m in history]


def test_tool_names_are_renamed_in_history() -> None:
    """LC-53: names the service does not take are mapped in calls and answers alike."""
    call = {**CALL, "name": "files.read all"}
    sent = wire(
        AIMessage("", tool_calls=[call]), ToolMessage("2", tool_call_id="c1", name=call["name"])
    )
    names = ToolNames.of(call_names_in(sent))
    rename_calls(sent, names)
    assert sent[0]["tool_calls"][0]["function"]["name"] == sent[1]["name"] == "files_read_all"
