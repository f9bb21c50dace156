"""Tool calls and their results in LlamaIndex histories: LI-25, LI-28, LI-29, LI-36, LI-53."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    TextBlock,
)

from cerebras_ext.errors import ConfigError
from tests.llama_index.histories import assistant, call, tool, translated

pytestmark = pytest.mark.once


def test_an_empty_tool_result_is_an_empty_string() -> None:
    """LI-28: no blocks become "", not null."""
    sent = translated(assistant(call("c1", {})), tool(None, tool_call_id="c1"))
    assert sent[1]["content"] == ""


def test_several_texts_of_a_tool_result_are_joined() -> None:
    """LI-28: a tool result may have several text blocks."""
    message = ChatMessage(
        role="tool",
        blocks=[TextBlock(text="a"), TextBlock(text="b")],
        additional_kwargs={"tool_call_id": "c1"},
    )
    assert translated(assistant(call("c1", {})), message)[1]["content"] == "a\nb"


def test_results_without_ids_answer_calls_in_order() -> None:
    """LI-28, LI-29: missing ids are made up once and match."""
    sent = translated(assistant(call(None, {}), call(None, {})), tool("1"), tool("2"))
    made_up = [made["id"] for made in sent[0]["tool_calls"]]
    assert len(set(made_up)) == 2
    assert [sent[1]["tool_call_id"], sent[2]["tool_call_id"]] == made_up


def test_a_result_without_id_answers_the_call_that_is_still_open() -> None:
    """LI-28: pairing by order skips calls that were answered by id."""
    sent = translated(
        assistant(call("a", {}), call("b", {})), tool("1", tool_call_id="a"), tool("2")
    )
    assert sent[2]["tool_call_id"] == "b"


def test_a_result_that_answers_no_call_is_an_error() -> None:
    """LI-28: without an id and without an open call there is nothing to pair with."""
    with pytest.raises(ConfigError, match=r"messages\.0: this tool message answers no call"):
        translated(tool("1"))


@pytest.mark.parametrize(
    "before", [[], [ChatMessage(content="x")], [assistant(call("a", {})), tool("1")]]
)
def test_a_result_whose_call_is_not_there_goes_as_text(before: list[ChatMessage]) -> None:
    """§13: core's code agent drops the calls of handoffs; the service refuses results alone."""
    sent = translated(*before, tool("Sunny", tool_call_id="gone"))[-1]
    assert sent == {"role": "user", "content": "Result of an earlier tool call:\n\nSunny"}


NO_RESULT = "There is no result of this call."


@pytest.mark.parametrize("results", [[], [tool("1", tool_call_id="a")]])
@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_a_past_call_without_result_says_so(
    role: str, results: list[ChatMessage], caplog: pytest.LogCaptureFixture
) -> None:
    """§13: core forgets results of a turn with a return-direct tool; the service wants them all."""
    caplog.set_level(logging.DEBUG, logger="llama_index_cerebras_ext")
    calls = assistant(call("a", {}), call("b", {}))
    sent = translated(calls, *results, ChatMessage(role=role, content="x"))
    answers = {message["tool_call_id"]: message["content"] for message in sent[1:3]}
    assert answers == {"a": "1" if results else NO_RESULT, "b": NO_RESULT}
    assert sent[3] == {"role": role, "content": "x"}
    assert "messages.0: tool call 'b' has no result" in caplog.text


def test_calls_that_a_history_ends_with_wait_for_their_results() -> None:
    """§13: who forgot to answer them is told so by the service, rather than the model."""
    sent = translated(assistant(call("a", {}), call("b", {})), tool("1", tool_call_id="a"))
    assert [message["content"] for message in sent[1:]] == ["1"]


def test_results_go_behind_their_calls() -> None:
    """§13: whatever stands between, since the service wants them there."""
    sent = translated(
        assistant(call("a", {})),
        ChatMessage(content="x"),
        assistant(call("b", {})),
        tool("2", tool_call_id="b"),
        tool("1", tool_call_id="a"),
    )
    shown = [message.get("tool_call_id", message["role"]) for message in sent]
    assert shown == ["assistant", "a", "user", "assistant", "b"]


def test_a_repeated_id_means_the_newest_call() -> None:
    """LI-29: an earlier call of that id that nobody answered is another one."""
    sent = translated(
        assistant(call("f", {"n": 1})),
        ChatMessage(content="x"),
        assistant(call("f", {"n": 2})),
        tool("2", tool_call_id="f"),
    )
    assert [message.get("content") for message in sent] == [None, NO_RESULT, "x", None, "2"]


def test_ids_that_repeat_are_told_apart() -> None:
    """LI-29: some providers use a tool's name as the id; the service wants each id once."""
    twice = assistant(call("f", {"n": 1}), call("f", {"n": 2}))
    results = (tool("1", tool_call_id="f"), tool("2", tool_call_id="f"))
    sent = translated(twice, *results, twice, *results)
    called = [made["id"] for message in sent for made in message.get("tool_calls", ())]
    answered = [message["tool_call_id"] for message in sent if message["role"] == "tool"]
    assert called == answered
    assert len(set(called)) == 4
    assert called[0] == "f"


def test_results_may_come_in_any_order() -> None:
    """LI-53: ids decide, not positions."""
    sent = translated(
        assistant(call("a", {}), call("b", {})),
        tool("2", tool_call_id="b"),
        tool("1", tool_call_id="a"),
    )
    assert [message["tool_call_id"] for message in sent[1:]] == ["b", "a"]


@pytest.mark.parametrize(
    ("kwargs", "arguments"),
    [
        ({"city": "Malmö", "n": 1}, '{"city":"Malmö","n":1}'),
        ({}, "{}"),
        ('{ "city": "Oslo" }', '{ "city": "Oslo" }'),
        ('{"city": "Os', '{"city": "Os'),
        ("", "{}"),
        ("  ", "{}"),
        ({"x": float("nan"), "y": float("inf")}, '{"x":null,"y":null}'),
    ],
)
def test_arguments_are_strings_on_the_wire(kwargs: Any, arguments: str) -> None:
    """LI-29: an object becomes compact JSON with its letters kept, text stays as it was."""
    sent = translated(assistant(call("c1", kwargs)))[0]
    assert sent["tool_calls"][0]["function"] == {"name": "f", "arguments": arguments}


@pytest.mark.parametrize(
    "message",
    [
        assistant(call("c1", {"a": object()})),
        assistant(tool_calls=[{"id": "c1", "function": {"name": "f", "arguments": [object()]}}]),
    ],
)
def test_arguments_that_are_no_data_are_named(message: ChatMessage) -> None:
    """LI-64: by an error of ours; core swallows a ValueError."""
    with pytest.raises(ConfigError, match="call of 'f' are not JSON data"):
        translated(message)


def test_a_message_of_calls_alone_has_no_content() -> None:
    """LI-29: the shape that the service is known to accept."""
    assert "content" not in translated(assistant(call("c1", {})))[0]


def test_text_beside_calls_is_kept() -> None:
    """LI-29: a model may say something and call a tool."""
    sent = translated(assistant(TextBlock(text="wait"), call("c1", {})))[0]
    assert sent["content"] == "wait"
    assert sent["tool_calls"][0]["id"] == "c1"


@pytest.mark.parametrize(
    "kept",
    [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        SimpleNamespace(id="c1", function=SimpleNamespace(name="f", arguments='{"a":1}')),
        SimpleNamespace(tool_id="c1", tool_name="f", tool_kwargs={"a": 1}),
    ],
    ids=["dict", "SDK object", "selection"],
)
def test_calls_of_older_histories_are_read(kept: Any) -> None:
    """LI-29: calls that only `additional_kwargs` hold, as dicts or objects."""
    assert translated(assistant(tool_calls=[kept]))[0]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    ]


@pytest.mark.parametrize(
    "message",
    [
        assistant(call("c1", {}, name="")),
        assistant(tool_calls=[{"id": "c1", "function": {"arguments": "{}"}}]),
    ],
)
def test_a_call_without_name_is_an_error(message: ChatMessage) -> None:
    """LI-36: it cannot be sent; the message is named."""
    with pytest.raises(ConfigError, match=r"messages\.1: a tool call has no name"):
        translated(ChatMessage(content="x"), message)


def test_blocks_win_over_kept_calls() -> None:
    """LI-25: the blocks are the source of truth."""
    kept = {"id": "old", "function": {"name": "old", "arguments": "{}"}}
    sent = translated(assistant(call("c1", {}), tool_calls=[kept]))[0]
    assert [made["id"] for made in sent["tool_calls"]] == ["c1"]


def test_other_message_kwargs_are_not_sent() -> None:
    """LI-29: what core and memories leave in `additional_kwargs` stays there."""
    kwargs = {"tool_call_id": "c1", "cache_control": {}, "session_id": "s", "refusal": None}
    assert translated(assistant(TextBlock(text="x"), **kwargs)) == [
        {"role": "assistant", "content": "x"}
    ]


def test_names_are_sanitised_in_history_too() -> None:
    """LI-36: a call goes back under the name that its tool has on the wire."""
    sent = translated(assistant(call("c1", {}, name="Box[int]")))[0]
    assert sent["tool_calls"][0]["function"]["name"] == "Box_int"
