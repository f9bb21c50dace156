"""For recorded requests the emulator's replies have the shape of the recorded ones.

The model's words are the recording's, by a script; everything around them is the emulator's. Values
are not compared, only which keys there are, at every level, and in which order chunks come.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import groupby
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cerebras_ext.emulator import EmulatorOptions, running_emulator
from tests.captures import Capture, captures, needs_captures
from tests.emulator.streams import events_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.emulator import RunningEmulator

pytestmark = needs_captures

SENT = [one for one in captures() if one.request is not None]
CHATS = [one for one in SENT if one.kind == "chat"]
STREAMS = [one for one in SENT if one.kind == "chat-stream"]
LISTS = [one for one in SENT if one.kind == "models"]

REFUSED_NOW = {
    "004-llamastack-llama33-completions": "`extra_body` is the recording client's, never sent",
    "007-reqllm-gptoss-tools-202510": "strict schemas must be closed since API version 2 (§1.2)",
    "009-reqllm-gptoss-object-tool-stream-202510": "the same",
}
"""Requests that got an answer then and get a 400 now, and why."""

USAGE_2025 = "completion_tokens_details came in 2026 (§3)"
USAGE_2025_02 = f"{USAGE_2025}, prompt_tokens_details during 2025"
CHANGED: dict[str, tuple[str, set[str]]] = {
    "001-hfjs-llama31-chat-2025": (
        USAGE_2025_02,
        {"usage.completion_tokens_details", "usage.prompt_tokens_details"},
    ),
    **{
        one.id: (USAGE_2025, {"usage.completion_tokens_details"})
        for one in SENT
        if str(one.raw["recorded"]).startswith("2025-") and not one.id.startswith("001")
    },
}
"""Where today's replies have more keys than the recorded one: why, and which."""

PAUSE_2025 = "llama sent an empty delta before the finish in September 2025, in December no longer"
OTHER_ORDER = {"003-llamastack-llama33-stream": PAUSE_2025}
"""Streams whose chunks come in another order now, and why."""


def ids(one: Capture) -> str:
    """The name of a case."""
    return one.id


def body_of(one: Capture) -> dict[str, Any]:
    """The request, without what the recording's own software did to it."""
    assert one.request is not None
    body = deepcopy(one.request["body"])
    if "via" in one.raw:  # a router had its own name for the model
        body["model"] = reply_of(one)["model"]
    if one.id in REFUSED_NOW:
        body.pop("extra_body", None)
        for tool in body.get("tools", []):
            tool["function"]["parameters"]["additionalProperties"] = False
    return body


def events_in(one: Capture) -> list[Any]:
    """The events of a recorded stream."""
    recorded = one.response.get("events")
    return without_nulls(recorded) if recorded else events_of(one.response["sse"])


def reply_of(one: Capture) -> dict[str, Any]:
    """The recorded body, or the first chunk."""
    return without_nulls(one.response["body"]) if "body" in one.response else events_in(one)[0]


def without_nulls(value: Any) -> Any:
    """A value without the nulls that an SDK filled in; the service sends none."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def emulators() -> Iterator[dict[str, RunningEmulator]]:
    """One emulator of each generation: `[DONE]` and the rate-limit headers differ."""
    models = sorted({body_of(one)["model"] for one in CHATS + STREAMS})

    def options(*, is_old: bool) -> EmulatorOptions:
        return EmulatorOptions(
            models=models,
            send_done=not is_old,
            legacy_headers=is_old,
            rate_limits="developer",
            clock=lambda: 1780000000.0,
        )

    with (
        running_emulator(options(is_old=True)) as old,
        running_emulator(options(is_old=False)) as new,
    ):
        yield {"old": old, "new": new}


def replayed(emulator: RunningEmulator, one: Capture, step: Any) -> httpx.Response:
    """The emulator's reply when the model says what it said then."""
    emulator.reset()
    emulator.script(step)
    body = body_of(one)
    path = "completions" if "prompt" in body else "chat/completions"
    headers = {"authorization": "Bearer csk-test"}
    return httpx.post(f"{emulator.base_url}/{path}", json=body, headers=headers, timeout=10)


# Shapes.


def shape_of(value: Any) -> Any:
    """A value with its scalars replaced by their kinds; lists have the shape of all their items."""
    if isinstance(value, dict):
        return {key: shape_of(one) for key, one in value.items()}
    if isinstance(value, list):
        shapes: list[Any] = []
        for shape in map(shape_of, value):
            if shape not in shapes:
                shapes.append(shape)
        return shapes
    return "number" if isinstance(value, int | float) else type(value).__name__


def without_changes(shape: dict[str, Any], one: Capture) -> dict[str, Any]:
    """The shape of a reply without the keys that came later."""
    _, paths = CHANGED.get(one.id, ("", set()))
    for path in paths:
        *parents, key = path.split(".")
        inner = shape
        for parent in parents:
            inner = inner.get(parent, {})
        inner.pop(key, None)
    return shape


@pytest.mark.parametrize("one", CHATS, ids=ids)
def test_body_has_the_recorded_shape(emulators: dict[str, RunningEmulator], one: Capture):
    """API specification §3: keys, nesting, and the keys that are not there."""
    recorded = reply_of(one)
    choice = recorded["choices"][0]
    message = choice["message"]
    step = {
        "content": message.get("content"),
        "reasoning": message.get("reasoning"),
        "tool_calls": [call["function"] for call in message.get("tool_calls", [])],
        "finish_reason": choice["finish_reason"],
    }
    reply = replayed(emulators["new"], one, step)
    assert reply.status_code == one.response["status"]
    assert without_changes(shape_of(reply.json()), one) == shape_of(recorded)


def kind_of(event: Any) -> str:
    """What a chunk is for."""
    if event == "[DONE]":
        return "done"
    choice = event["choices"][0]
    if "finish_reason" in choice:
        return "finish"
    calls = choice["delta"].get("tool_calls")
    if calls is None:
        return next(iter(choice["delta"]), "pause")
    if "id" not in calls[0]:
        return "arguments"
    return "whole call" if calls[0]["function"]["arguments"] else "call"


def said_by(events: list[Any]) -> dict[str, Any]:
    """A script step that says what a stream says."""
    chunks = [event["choices"][0] for event in events if event != "[DONE]"]
    calls: list[dict[str, str]] = []
    for call in (call for c in chunks for call in c["delta"].get("tool_calls", [])):
        if "id" in call:
            calls.append({"name": call["function"]["name"], "arguments": ""})
        calls[-1]["arguments"] += call["function"].get("arguments", "")
    text = {
        part: "".join(choice["delta"].get(part, "") for choice in chunks)
        for part in ("content", "reasoning")
    }
    return {**{part: said or None for part, said in text.items()}, "tool_calls": calls}


@pytest.mark.parametrize("one", STREAMS, ids=ids)
def test_stream_has_the_recorded_order_and_shapes(
    emulators: dict[str, RunningEmulator], one: Capture
):
    """API specification §4.3, §4.4: kinds of chunks in their order, each with its keys."""
    recorded = events_in(one)
    generation = "new" if "[DONE]" in recorded else "old"
    reply = replayed(emulators[generation], one, said_by(recorded))
    assert reply.status_code == one.response["status"]
    events = events_of(reply.text)
    orders = [[kind for kind, _ in groupby(map(kind_of, each))] for each in (events, recorded)]
    if one.id in OTHER_ORDER:
        orders[1].remove("pause")
        recorded = [event for event in recorded if kind_of(event) != "pause"]
    assert orders[0] == orders[1]
    for kind in set(orders[0]) - {"done"}:
        shapes = [shape_of([event for event in each if kind_of(event) == kind])
                  for each in (events, recorded)]  # fmt: skip
        assert [without_changes(shape, one) for shape in shapes[0]] == shapes[1]


WITH_LIMITS = [
    one
    for one in CHATS + STREAMS
    if any(n.startswith("x-ratelimit") for n in one.response["headers"])
]


@pytest.mark.parametrize("one", WITH_LIMITS, ids=ids)
def test_headers_are_the_recorded_ones(emulators: dict[str, RunningEmulator], one: Capture):
    """API specification §1.3: ids and the rate-limit headers of each generation."""
    names = {"inference-id", "x-request-id", "cf-ray", "cf-cache-status", "referrer-policy"}
    recorded = {n for n in one.response["headers"] if n in names or n.startswith("x-ratelimit")}
    generation = "old" if any("-reset-" in name for name in recorded) else "new"
    reply = replayed(emulators[generation], one, "ok")
    assert reply.headers["content-type"] == one.response["headers"]["content-type"]
    assert recorded <= set(reply.headers)
    if "via" not in one.raw:  # the router keeps some to itself
        ours = {name for name in reply.headers if name.startswith("x-ratelimit")}
        assert ours == {name for name in recorded if name.startswith("x-ratelimit")}


@pytest.mark.parametrize("one", LISTS, ids=ids)
def test_model_list_has_the_recorded_shape(one: Capture):
    """API specification §6.1."""
    recorded = one.response["body"]
    models = [model["id"] for model in recorded["data"]]
    with running_emulator(EmulatorOptions(models=models)) as emulator:
        headers = {"authorization": "Bearer csk-test"}
        listed = httpx.get(f"{emulator.base_url}/models", headers=headers).json()
    assert shape_of(listed) == shape_of(recorded)
    assert {model["id"] for model in listed["data"]} == set(models)


@pytest.mark.parametrize("one", [o for o in CHATS + STREAMS if not o.id.startswith("012")], ids=ids)
def test_responder_finishes_as_the_model_did(emulators: dict[str, RunningEmulator], one: Capture):
    """Design §5: without a script, a tool is called where the model called one (012 is a novel)."""
    recorded = str(reply_of(one) if one.kind == "chat" else events_in(one)[-2:])
    reply = replayed(emulators["new"], one, {"times": 1})
    assert ("'tool_calls'" in recorded) == ('"tool_calls"' in reply.text)
