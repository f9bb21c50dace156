"""Completions become the JSON that was recorded: keys, their order and their absence."""

from __future__ import annotations

from typing import Any

import pytest

from cerebras_ext.emulator.answer import Answer, CalledTool
from cerebras_ext.emulator.completion import Completion, Moment, chat_completion
from cerebras_ext.emulator.render import chat_body, chat_chunks, sse_event
from tests.emulator.requests import accepted
from tests.emulator.requests import chat_body as request_body

ANSWER = Answer(content="Hi there, you all.", reasoning="Greet them.")
CALLS = Answer(
    reasoning="Use it.",
    tool_calls=(CalledTool("f", '{"city":"Oslo"}'), CalledTool("g", "{}")),
)


def completed(answer: Answer, **fields: Any) -> Completion:
    """The completion of a small request."""
    return chat_completion(accepted(request_body(**fields)), answer, Moment(b"seed", 1780000000.5))


def choices(answer: Answer, size: int = 2, **fields: Any) -> list[dict[str, Any]]:
    """The choice of each chunk of a stream."""
    return [chunk.body["choices"][0] for chunk in chat_chunks(completed(answer, **fields), size)]


def test_body_has_the_recorded_keys_in_the_recorded_order():
    """Capture 030: order of the keys at every level."""
    body = chat_body(completed(ANSWER))
    assert list(body) == [
        *(
            "id",
            "choices",
            "created",
            "model",
            "system_fingerprint",
            "object",
            "usage",
            "time_info",
        ),
    ]
    assert list(body["choices"][0]) == ["finish_reason", "index", "message"]
    assert body["choices"][0]["message"] == {
        "content": "Hi there, you all.",
        "reasoning": "Greet them.",
        "role": "assistant",
    }
    assert list(body["usage"]) == [
        *("total_tokens", "completion_tokens", "completion_tokens_details"),
        *("prompt_tokens", "prompt_tokens_details"),
    ]
    assert list(body["time_info"]) == [
        *("created", "queue_time", "prompt_time", "completion_time", "total_time"),
    ]


def test_body_with_tool_calls_only_has_no_content():
    """API specification §3: content is absent for tool-only turns, and calls have no index."""
    message = chat_body(completed(CALLS))["choices"][0]["message"]
    assert "content" not in message
    first = message["tool_calls"][0]
    assert list(first) == ["function", "type", "id"]
    assert first["function"] == {"name": "f", "arguments": '{"city":"Oslo"}'}
    assert len(first["id"]) == 9
    assert int(first["id"], 16) >= 0


def test_stream_begins_with_the_role_and_ends_with_everything_known():
    """API specification §4.3: role alone first; finish, usage and timing in one last chunk."""
    chunks = [chunk.body for chunk in chat_chunks(completed(ANSWER), 2)]
    assert chunks[0]["choices"] == [{"delta": {"role": "assistant"}, "index": 0}]
    assert chunks[-1]["choices"] == [{"delta": {}, "finish_reason": "stop", "index": 0}]
    assert [("usage" in chunk, "time_info" in chunk) for chunk in chunks] == [
        *[(False, False)] * (len(chunks) - 1),
        (True, True),
    ]


def test_stream_says_reasoning_before_text():
    """API specification §4.3: all reasoning, then all text."""
    parts = [next(iter(choice["delta"]), None) for choice in choices(ANSWER)]
    assert parts == ["role", "reasoning", "reasoning", "content", "content", "content", None]


def test_stream_and_body_say_the_same():
    """Reliability contract §3.7: the deltas joined are the whole message."""
    body = chat_body(completed(ANSWER))["choices"][0]["message"]
    deltas = [choice["delta"] for choice in choices(ANSWER, 1)]
    for part in ("content", "reasoning"):
        assert "".join(delta.get(part, "") for delta in deltas) == body[part]


def test_stream_of_gpt_oss_fragments_arguments():
    """API specification §4.4: id and name open the call, only its arguments follow."""
    calls = [c["delta"]["tool_calls"][0] for c in choices(CALLS) if "tool_calls" in c["delta"]]
    first = [call for call in calls if call["index"] == 0]
    assert list(first[0]) == ["function", "type", "id", "index"]
    assert first[0]["function"] == {"name": "f", "arguments": ""}
    assert all(list(call) == ["function", "type", "index"] for call in first[1:])
    assert all(list(call["function"]) == ["arguments"] for call in first[1:])
    assert "".join(call["function"]["arguments"] for call in first) == '{"city":"Oslo"}'
    assert calls[-1]["index"] == 1


@pytest.mark.parametrize("model", ["qwen-3.8-27b", "zai-glm-4.7"])
def test_stream_of_other_families_sends_calls_whole(model: str):
    """API specification §4.4: one delta for each call, with everything in it."""
    calls = [c["delta"] for c in choices(CALLS, model=model) if "tool_calls" in c["delta"]]
    assert [len(one["tool_calls"]) for one in calls] == [1, 1]
    assert list(calls[0]["tool_calls"][0]) == ["function", "type", "id", "index"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("zai-glm-4.7", ["role", "reasoning", None, "content", None]),
        ("gpt-oss-120b", ["role", "reasoning", "content", None]),
        ("qwen-3-coder-480b", ["role", "content", None, None]),
    ],
)
def test_stream_pauses_where_the_family_does(model: str, expected: list[str | None]):
    """API specification §4.3: a delta without keys, between or after the parts."""
    reasoning = None if model == "qwen-3-coder-480b" else "Greet."
    said = choices(Answer(content="Hi.", reasoning=reasoning), 9, model=model)
    assert [next(iter(choice["delta"]), None) for choice in said] == expected


def test_usage_of_a_model_without_predictions_has_no_prediction_keys():
    """API specification §3: gemma sends neither accepted nor rejected prediction tokens."""
    usage = chat_body(completed(Answer(content="ok"), model="gemma-4-31b"))["usage"]
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 0}


def test_usage_of_a_vision_model_counts_images_where_recorded():
    """Captures 029 and 036: among the details in a body, beside the totals in a stream."""
    done = completed(Answer(content="ok"), model="gemma-4-31b")
    *_, last = chat_chunks(done, 2)
    assert chat_body(done)["usage"]["prompt_tokens_details"] == {
        "cached_tokens": 0,
        "image_tokens": 0,
    }
    assert last.body["usage"]["image_tokens"] == 0


def test_logprobs_have_an_entry_for_each_token():
    """API specification §3: token, logprob, bytes and the alternatives asked for."""
    body = chat_body(completed(ANSWER, logprobs=True, top_logprobs=2))
    entries = body["choices"][0]["logprobs"]["content"]
    assert "".join(one["token"] for one in entries) == "Greet them.Hi there, you all."
    assert all(list(one) == ["token", "logprob", "bytes", "top_logprobs"] for one in entries)
    assert all(len(one["top_logprobs"]) == 2 for one in entries)
    assert bytes(entries[0]["bytes"]).decode() == entries[0]["token"]
    assert all(-1 <= one["logprob"] <= 0 for one in entries)


def test_logprobs_of_parsed_reasoning_are_apart():
    """API specification §10.2: `parsed` splits off `reasoning_logprobs`."""
    fields: dict[str, Any] = {"logprobs": True, "reasoning_format": "parsed"}
    choice = chat_body(completed(ANSWER, **fields))["choices"][0]
    split = {name: choice[name]["content"] for name in ("logprobs", "reasoning_logprobs")}
    said = {name: "".join(e["token"] for e in entries) for name, entries in split.items()}
    assert said == {"logprobs": "Hi there, you all.", "reasoning_logprobs": "Greet them."}


def test_logprobs_of_a_stream_are_those_of_the_body():
    """API specification §4.5: each chunk has the entries of its own tokens."""
    whole = chat_body(completed(ANSWER, logprobs=True))["choices"][0]["logprobs"]["content"]
    streamed = [
        entry
        for choice in choices(ANSWER, logprobs=True)
        for entry in choice.get("logprobs", {"content": []})["content"]
    ]
    assert streamed == whole


def test_scripted_deltas_are_the_chunks():
    """A script decides how a stream cuts its text."""
    answer = Answer(content="abcdef", deltas=("ab", "", "cdef"))
    said = [c["delta"]["content"] for c in choices(answer, 1) if "content" in c["delta"]]
    assert said == ["ab", "", "cdef"]


def test_event_is_one_line_and_a_blank_one():
    """API specification §4.1: `data: <json>`, then a blank line; text is not escaped."""
    assert sse_event({"a": "é\n"}) == 'data: {"a":"é\\n"}\n\n'.encode()
