"""Every kind of reply the contract names (section 22.3)."""

from __future__ import annotations

from tests.langchain.support import Reply

ADD = ("a1b2c3d4e", "add", '{"a": 3, "b": [4, "x"]}')
SEND = ("b2c3d4e5f", "send", '{"to": "Åsa", "body": "hello {world}"}')
REPLIES = {
    "text": Reply(content="Hello, wörld!"),
    "reasoning": Reply(content="It is 4.", reasoning="2 + 2 is 4."),
    "one call": Reply(calls=(ADD,), finish_reason="tool_calls"),
    "parallel calls": Reply(calls=(ADD, SEND), finish_reason="tool_calls"),
    "interleaved calls": Reply(calls=(ADD, SEND), finish_reason="tool_calls", interleaved=True),
    "text and call": Reply(content="Let me add.", calls=(ADD,), finish_reason="tool_calls"),
    "reasoning and call": Reply(
        reasoning="Needs a tool.", calls=(ADD,), finish_reason="tool_calls"
    ),
    "all": Reply(content="Both.", reasoning="Hm.", calls=(ADD, SEND), finish_reason="tool_calls"),
    "call without arguments": Reply(calls=(("c1", "now", ""),), finish_reason="tool_calls"),
    "null arguments": Reply(calls=(("c1", "now", "null"),), finish_reason="tool_calls"),
    "truncated call": Reply(calls=(("c1", "rm", '{"path": "data/tmp'),), finish_reason="length"),
    "truncated after a whole call": Reply(
        calls=(ADD, ("c2", "rm", '{"path": ["a", {"b": "c\\')), finish_reason="length"
    ),
    "array arguments": Reply(calls=(("c1", "add", '["x"]'),), finish_reason="tool_calls"),
    "number arguments": Reply(calls=(("c1", "add", "3"),), finish_reason="tool_calls"),
    "number beyond floats": Reply(
        calls=(("c1", "add", '{"a": 1e400}'),), finish_reason="tool_calls"
    ),
    "words for arguments": Reply(calls=(("c1", "add", "three"),), finish_reason="tool_calls"),
    "empty": Reply(content="", finish_reason="length"),
    "nothing": Reply(finish_reason="length"),
    "refusal": Reply(refusal="I cannot help with that."),
}
