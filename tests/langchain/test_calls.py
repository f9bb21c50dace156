"""Calls that the service should not send: shown as invalid, and no obstacle to the next turn."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage

from langchain_cerebras_ext.errors import StructuredOutputError
from tests.langchain.paths import PATHS
from tests.langchain.replies import ADD, SEND
from tests.langchain.support import QUIET_BETA, Reply, chat

pytestmark = QUIET_BETA

TOO_LARGE = '{"a": 1e400}'
SCHEMA = {
    "title": "add",
    "type": "object",
    "properties": {"a": {"type": "number"}},
    "required": ["a"],
}


def test_call_without_a_name_is_invalid() -> None:
    """LC-24, LC-41: nobody can run it; answered all the same, it goes back under some name."""
    nameless = Reply(calls=(("c1", "", "{}"),), finish_reason="tool_calls")
    model, service = chat(nameless, Reply(content="ok"))
    message = model.invoke("Hi")
    assert message.tool_calls == []
    assert message.invalid_tool_calls[0]["error"] == "the call names no tool"
    model.invoke([HumanMessage("Hi"), message, ToolMessage("no such tool", tool_call_id="c1")])
    assert service.last["messages"][1]["tool_calls"][0]["function"]["name"] == "tool"


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("path", PATHS)
def test_calls_with_one_id_go_back_apart(path: str, output_version: str) -> None:
    """LC-41: the service takes each id once; of both calls, each is sent with its own answer."""
    twice = Reply(calls=(ADD, (ADD[0], *SEND[1:])), finish_reason="tool_calls")
    model, service = chat(twice, Reply(content="ok"), output_version=output_version)
    message = PATHS[path](model, "Hi")
    answers = [ToolMessage(text, tool_call_id=ADD[0]) for text in ("7", "sent")]
    model.invoke([HumanMessage("Hi"), message, *answers])
    _, said, first, second = service.last["messages"]
    assert [call["function"]["name"] for call in said["tool_calls"]] == ["add", "send"]
    ids = [call["id"] for call in said["tool_calls"]]
    assert ids == [first["tool_call_id"], second["tool_call_id"]]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("path", PATHS)
def test_number_beyond_floats_makes_a_call_invalid(path: str) -> None:
    """LC-24: a value that could not be sent again is no argument."""
    model, _ = chat(Reply(calls=(("c1", "add", TOO_LARGE),), finish_reason="tool_calls"))
    message = PATHS[path](model, "Hi")
    assert message.tool_calls == []
    assert [call["name"] for call in message.invalid_tool_calls] == ["add"]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_number_beyond_floats_is_no_structured_reply(method: Any) -> None:
    """LC-61: the same text is refused wherever it stands."""
    called = Reply(calls=(("c1", "add", TOO_LARGE),), finish_reason="tool_calls")
    said = Reply(content=TOO_LARGE)
    model, _ = chat(said if method == "json_schema" else called)
    with pytest.raises(StructuredOutputError, match="number that is too large"):
        model.with_structured_output(SCHEMA, method=method).invoke("Hi")
