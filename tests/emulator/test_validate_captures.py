"""Recorded requests meet the answer they met at the service."""

from __future__ import annotations

from typing import Any

import pytest

from cerebras_ext.emulator.problems import ApiProblem
from cerebras_ext.emulator.service import Service
from cerebras_ext.emulator.validate import validate_chat, validate_completion
from tests.captures import captures, needs_captures

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
