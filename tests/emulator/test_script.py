"""Scripts: which step answers, what it says, and what is said about bad ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext.emulator import EmulatorOptions, ScriptError, ScriptStep, read_script
from cerebras_ext.emulator.script import Script, steps_of
from cerebras_ext.emulator.server import running_emulator
from tests.emulator.requests import chat_body, user
from tests.emulator.streams import choices_of, deltas_of, events_of, said_in

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from cerebras_ext.emulator import RunningEmulator

CHAT = "/chat/completions"
TOOL_RESULT = [
    user("Weather?"),
    {"role": "assistant", "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "a", "content": "It is cold."},
]  # fmt: skip


def contents(steps: list[Any], bodies: list[dict[str, Any]]) -> list[str | None]:
    """What the steps taken for the bodies say; None where there is none."""
    script = Script(steps_of(steps))
    taken = [script.take(body) for body in bodies]
    return [None if step is None else step.content for step in taken]


# Which step.


def test_steps_are_used_in_order_and_once():
    """Each request takes the first step left; then there is none."""
    assert contents(["a", {"content": "b"}], [chat_body()] * 3) == ["a", "b", None]


def test_step_may_answer_several_requests():
    """`times` repeats a step."""
    assert contents([{"content": "a", "times": 2}, "b"], [chat_body()] * 3) == ["a", "a", "b"]


@pytest.mark.parametrize(
    ("condition", "body"),
    [
        ({"model": "qwen-3.8-27b"}, chat_body(model="qwen-3.8-27b")),
        ({"contains": 'wolves "and"'}, chat_body(messages=[user('Of wolves "and" men')])),
        ({"contains": "wolves"}, {"model": "gpt-oss-120b", "prompt": "wolves eat"}),
        ({"has_tool_result": True}, chat_body(messages=TOOL_RESULT)),
        ({"stream": True}, chat_body(stream=True)),
    ],
)
def test_step_waits_for_a_request_that_meets_its_conditions(condition: Any, body: Any):
    """A step with conditions is passed over by other requests."""
    steps = [{"content": "special", **condition}, {"content": "any", "times": 2}]
    assert contents(steps, [chat_body(), body, body]) == ["any", "special", "any"]


def test_conditions_can_exclude():
    """`false` is a condition too."""
    steps = [{"content": "first", "has_tool_result": False}]
    assert contents(steps, [chat_body(messages=TOOL_RESULT), chat_body()]) == [None, "first"]


# What it says.


def ask(http: httpx.Client, **fields: Any) -> dict[str, Any]:
    """The body of a chat reply."""
    return http.post(CHAT, json=chat_body(**fields)).json()


def test_answer_has_all_the_parts_of_the_step(
    cerebras_emulator: RunningEmulator, http: httpx.Client
):
    """Text, reasoning, tool calls and finish reason come as written."""
    cerebras_emulator.script(
        {
            "content": "Hello",
            "reasoning": "Hm.",
            "tool_calls": [
                {"name": "f", "arguments": {"a": 1}},
                {"name": "g", "arguments": '{ "b"'},
            ],
            "finish_reason": "content_filter",
        }
    )
    choice = ask(http)["choices"][0]
    assert choice["finish_reason"] == "content_filter"
    assert (choice["message"]["content"], choice["message"]["reasoning"]) == ("Hello", "Hm.")
    functions = [call["function"] for call in choice["message"]["tool_calls"]]
    assert functions == [{"name": "f", "arguments": '{"a":1}'}, {"name": "g", "arguments": '{ "b"'}]


def test_exhausted_script_leaves_the_rest_to_the_responder(
    cerebras_emulator: RunningEmulator, http: httpx.Client
):
    """Falling back is the default."""
    cerebras_emulator.script("scripted")
    said = [ask(http, messages=[user("What is 1 + 1?")])["choices"][0]["message"]["content"]
            for _ in range(2)]  # fmt: skip
    assert said == ["scripted", "1 + 1 = 2."]


def test_exhausted_script_can_be_an_error():
    """`on_script_end="error"` finds the test that asks more than it planned."""
    import httpx

    options = EmulatorOptions(script=steps_of(["only"]), on_script_end="error")
    with running_emulator(options) as emulator:
        headers = {"authorization": "Bearer csk-test"}
        with httpx.Client(base_url=emulator.base_url, headers=headers) as http:
            replies = [http.post(CHAT, json=chat_body()) for _ in range(2)]
            emulator.reset()
            assert http.post(CHAT, json=chat_body()).status_code == 200
    assert [reply.status_code for reply in replies] == [200, 500]
    assert replies[1].json()["code"] == "script_exhausted"


def test_deltas_are_the_chunks_of_the_stream(
    cerebras_emulator: RunningEmulator, http: httpx.Client
):
    """A step can say how its text is cut."""
    cerebras_emulator.script({"deltas": ["He", "llo"]})
    deltas = deltas_of(http.post(CHAT, json=chat_body(stream=True)).text)
    assert [delta["content"] for delta in deltas if "content" in delta] == ["He", "llo"]


def test_chunks_are_sent_verbatim(cerebras_emulator: RunningEmulator, http: httpx.Client):
    """A step can spell out every chunk; `[DONE]` follows."""
    chunks = [{"choices": [{"delta": {"content": "x"}}], "unheard": [1]}, {"choices": None}]
    cerebras_emulator.script({"chunks": chunks})
    assert events_of(http.post(CHAT, json=chat_body(stream=True)).text) == [*chunks, "[DONE]"]


@pytest.mark.parametrize(
    ("is_stream", "content_type"),
    [(True, "text/event-stream; charset=utf-8"), (False, "application/json")],
)
def test_raw_body_is_sent_verbatim(
    cerebras_emulator: RunningEmulator, http: httpx.Client, is_stream: bool, content_type: str
):
    """A step can be the very text of a body."""
    cerebras_emulator.script({"raw": ": comment\r\ndata: [DONE]\r\n\r\n"})
    reply = http.post(CHAT, json=chat_body(stream=is_stream))
    assert reply.text == ": comment\r\ndata: [DONE]\r\n\r\n"
    assert reply.headers["content-type"] == content_type


def test_status_alone_has_its_known_body(cerebras_emulator: RunningEmulator, http: httpx.Client):
    """An error can be scripted by its number, with headers."""
    cerebras_emulator.script({"status": 402, "headers": {"Retry-After": 3}})
    reply = http.post(CHAT, json=chat_body())
    assert (reply.status_code, reply.json()["code"]) == (402, "payment_required")
    assert reply.headers["retry-after"] == "3"


def test_status_with_a_body_is_sent_as_written(
    cerebras_emulator: RunningEmulator, http: httpx.Client
):
    """An error can be scripted in full."""
    cerebras_emulator.script({"status": 418, "body": {"detail": "teapot"}})
    reply = http.post(CHAT, json=chat_body())
    assert (reply.status_code, reply.json()) == (418, {"detail": "teapot"})


def test_fault_strikes_the_answer_of_the_step(
    cerebras_emulator: RunningEmulator, http: httpx.Client
):
    """A step's fault damages what the step says."""
    cerebras_emulator.script({"content": "Hello", "fault": "no-finish"})
    text = http.post(CHAT, json=chat_body(stream=True)).text
    assert said_in(text) == "Hello"
    assert not any("finish_reason" in choice for choice in choices_of(events_of(text)))


def test_fault_that_answers_needs_no_answer(cerebras_emulator: RunningEmulator, http: httpx.Client):
    """A step may be nothing but a fault."""
    cerebras_emulator.script({"fault": "status:429-queue"}, {"fault": "error-body:402"})
    replies = [http.post(CHAT, json=chat_body()) for _ in range(2)]
    assert replies[0].headers["x-should-retry"] == "false"
    assert replies[1].json()["status_code"] == 402


def test_refused_request_uses_no_step(cerebras_emulator: RunningEmulator, http: httpx.Client):
    """What the service refuses never reaches the model."""
    cerebras_emulator.script("Hello")
    assert http.post(CHAT, json=chat_body(store=True)).status_code == 400
    assert ask(http)["choices"][0]["message"]["content"] == "Hello"


def test_text_completion_is_scripted_alike(cerebras_emulator: RunningEmulator, http: httpx.Client):
    """Both endpoints play the same script."""
    cerebras_emulator.script(" and on")
    body = {"model": "gpt-oss-120b", "prompt": "On"}
    assert http.post("/completions", json=body).json()["choices"][0]["text"] == " and on"


# Files, and what is wrong with them.

STEPS = [{"content": "Hello"}, "Bye", {"status": 503}]


@pytest.mark.parametrize("name", ["script.json", "script.yaml", "script.yml"])
def test_file_holds_the_same_as_python(tmp_path: Path, name: str):
    """JSON, which is YAML as well."""
    path = tmp_path / name
    path.write_text(json.dumps(STEPS))
    assert read_script(path) == steps_of(STEPS)


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([{"contnet": "x"}], "script, step 1: there is no field 'contnet'; the fields are body,"),
        (["a", {"content": {}}], "script, step 2, field 'content': Input should be a valid string"),
        ([{"tool_calls": [{}]}], "script, step 1, field 'tool_calls.0.name': Field required"),
        ([{"content": "a", "raw": "b"}], "step 1: gives content, reasoning or tool calls and raw"),
        ([{"content": "a", "deltas": ["b"]}], "script, step 1: gives content and deltas: keep one"),
        ([{"content": "a", "status": 500}], "status goes with raw, with body, or alone"),
        ([{"fault": "cutt"}], "field 'fault': there is no fault 'cutt': did you mean 'cut'?"),
        ([{"fault": "cut:x"}], "field 'fault': 'x' must be a number of events"),
        ([{"times": 0}], "field 'times': Input should be greater than or equal to 1"),
        ([{"status": 99}], "field 'status': Input should be greater than or equal to 200"),
        (["\ud800"], "script, step 1: Error serializing to JSON: UnicodeEncodeError"),
        ([{"chunks": [{"a": "\ud800"}]}], "script, step 1: Error serializing to JSON"),
        ([{"body": object()}], "script, step 1: Unable to serialize unknown type"),
        ([{"headers": {"a b": "c"}}], "field 'headers': 'a b: c' is no header that HTTP can send"),
        ([{"headers": {"a": "b\r\nc: d"}}], "is no header that HTTP can send"),
        ([3], "script, step 1: must be an object or a text, not a number"),
        ([None], "script, step 1: must be an object or a text, not null"),
    ],
)  # fmt: skip
def test_bad_step_is_refused_with_its_place(steps: list[Any], complaint: str):
    """The text names the step, the field and the remedy."""
    with pytest.raises(ScriptError) as caught:
        steps_of(steps)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.json", '[\n{"content": }\n]', "a.json, line 2: Expecting value"),
        ("a.yaml", "- content: a\n  - b", "a.yaml, line 2: "),
        ("a.json", '{"content": "a"}', "a.json: the script must be a list of steps, not an object"),
        ("a.yaml", "", "a.yaml: the script must be a list of steps, not null"),
        ("a.json", '["a", {"x": 1}]', "a.json, step 2: there is no field 'x'"),
    ],
)
def test_bad_file_is_refused_with_its_line(tmp_path: Path, name: str, text: str, complaint: str):
    """The text names the file, and the line or the step."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ScriptError) as caught:
        read_script(path)
    assert complaint in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe["])
def test_unreadable_file_is_a_script_error(tmp_path: Path, content: bytes | None):
    """A missing file and one that is no text are named."""
    path = tmp_path / "none.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ScriptError, match=r"none\.json: "):
        read_script(path)


def test_yaml_without_its_library_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """JSON needs nothing; YAML needs PyYAML."""
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    path = tmp_path / "a.yaml"
    path.write_text("[]")
    with pytest.raises(ScriptError, match="pip install pyyaml"):
        read_script(path)


def test_steps_may_be_objects():
    """Python users get completion and type checks."""
    step = ScriptStep(content="a", times=2)
    assert steps_of([step]) == (step,)
