"""A reply put back into the history is the same on the wire, however it was obtained (LC-41)."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.langchain.paths import PATHS
from tests.langchain.replies import REPLIES
from tests.langchain.support import QUIET_BETA, Reply, chat

pytestmark = QUIET_BETA


def history_with(message: AIMessage) -> list[AIMessage | HumanMessage | ToolMessage]:
    """A conversation in which every call of the message, valid or not, was answered."""
    calls = [*message.tool_calls, *message.invalid_tool_calls]
    answers = [ToolMessage("done", tool_call_id=str(call["id"])) for call in calls]
    return [HumanMessage("Hi"), message, *answers, HumanMessage("Go on")]


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", REPLIES)
def test_reply_goes_back_the_same_from_every_path(
    kind: str, path: str, output_version: str
) -> None:
    """LC-41: text, reasoning, calls and invalid calls survive the way through a message."""
    plain, expected = chat(REPLIES[kind], Reply(content="ok"))
    plain.invoke(history_with(plain.invoke("Hi")))
    model, service = chat(REPLIES[kind], Reply(content="ok"), output_version=output_version)
    model.invoke(history_with(PATHS[path](model, "Hi")))
    assert service.last["messages"] == expected.last["messages"]


def test_whole_reply_goes_back() -> None:
    """LC-17, LC-18: what was said is said again, in the wire's own spelling."""
    model, service = chat(REPLIES["all"], Reply(content="ok"))
    model.invoke(history_with(model.invoke("Hi")))
    assistant = service.last["messages"][1]
    assert assistant == {
        "role": "assistant",
        "content": "Both.",
        "reasoning": "Hm.",
        "tool_calls": [
            {
                "id": "a1b2c3d4e",
                "type": "function",
                "function": {"name": "add", "arguments": '{"a": 3, "b": [4, "x"]}'},
            },
            {
                "id": "b2c3d4e5f",
                "type": "function",
                "function": {
                    "name": "send",
                    "arguments": '{"to": "Åsa", "body": "hello {world}"}',
                },
            },
        ],
    }
