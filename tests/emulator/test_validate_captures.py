"""Recorded requests meet the answer they met at the service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cerebras_ext.catalog import facts_of
from cerebras_ext.emulator.problems import ApiProblem
from cerebras_ext.emulator.service import Service
from cerebras_ext.emulator.validate import validate_chat, validate_completion
from tests.captures import captures, needs_captures
from tests.emulator.requests import chat_body, user

V2_STRICT = "accepted before version 2 asked strict schemas for additionalProperties (§1.2, §9.2)"

CHANGED = {
    "004-llamastack-llama33-completions": "`extra_body` is the recording client's own, never sent",
    "007-reqllm-gptoss-tools-202510": V2_STRICT,
    "009-reqllm-gptoss-object-tool-stream-202510": V2_STRICT,
}
"""Requests that were answered then and are refused now, and why."""

SENT = [one for one in captures() if one.request is not None and one.request["body"] is not None]


def validated(body: dict[str, Any]):
    """The request as accepted by a service that has the recorded model."""
    validate = validate_completion if "prompt" in body else validate_chat
    return validate(body, Service.of([body["model"]]))


@needs_captures
@pytest.mark.parametrize(
    "capture",
    [one for one in SENT if one.response["status"] == 200 and one.id not in CHANGED],
    ids=lambda capture: capture.id,
)
def test_recorded_request_is_accepted(capture):
    """What the service answered, the emulator answers."""
    assert validated(capture.request["body"]).body == capture.request["body"]


@needs_captures
@pytest.mark.parametrize(
    "capture",
    [one for one in SENT if one.response["status"] >= 400],
    ids=lambda capture: capture.id,
)
def test_recorded_request_is_refused(capture):
    """What the service refused, the emulator refuses with the same body."""
    with pytest.raises(ApiProblem) as caught:
        validated(capture.request["body"])

    assert (caught.value.status, caught.value.body()) == (
        capture.response["status"],
        capture.response["body"],
    )


@needs_captures
@pytest.mark.parametrize(
    "capture", [one for one in SENT if one.id in CHANGED], ids=lambda capture: capture.id
)
def test_documented_change_is_followed(capture):
    """A request the service has since stopped taking is refused."""
    with pytest.raises(ApiProblem) as caught:
        validated(capture.request["body"])

    assert caught.value.code == "wrong_api_format"


GPT_OSS = facts_of("gpt-oss-120b")
OPEN_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}

PROVOKED = {
    "040-error-400-reasoning-content": (
        chat_body(
            messages=[
                user(),
                {"role": "assistant", "content": "Hi", "reasoning_content": "Greet."},
                user(),
            ]
        ),
        GPT_OSS,
    ),
    "042-error-400-parallel-tool-calls": (
        # gpt-oss refused the field in 2025; today only models that are gone do.
        chat_body(parallel_tool_calls=False),
        replace(GPT_OSS, supports_parallel_tool_calls=False),
    ),
    "043-error-400-n": (chat_body(n=2), GPT_OSS),
    "044-error-422-additional-properties": (
        chat_body(
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "n", "strict": True, "schema": OPEN_SCHEMA},
            }
        ),
        GPT_OSS,
    ),
    "045-error-400-context-length": (
        chat_body(messages=[user(" word" * (200_015 - 67))]),
        replace(GPT_OSS, context_window=131_000),
    ),
    "048-error-404-model": (chat_body(model="glm-4-9b"), GPT_OSS),
}
"""Requests that make the recorded errors come, and the model they are put to."""


@needs_captures
@pytest.mark.parametrize(
    "capture", [one for one in captures() if one.id in PROVOKED], ids=lambda capture: capture.id
)
def test_recorded_error_can_be_provoked(capture):
    """§11.3: the same body for the same mistake; 422 became 400 on 2026-04-24."""
    body, facts = PROVOKED[capture.id]

    with pytest.raises(ApiProblem) as caught:
        validate_chat(body, Service({facts.id: facts}))

    assert caught.value.body() == capture.response["body"]
    assert caught.value.status == {422: 400}.get(
        capture.response["status"], capture.response["status"]
    )
