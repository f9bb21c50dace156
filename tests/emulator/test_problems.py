"""Error answers of the emulator: API specification §11.1 and §11.3."""

from __future__ import annotations

import json

import pytest

from cerebras_ext.emulator import problems
from cerebras_ext.emulator.problems import (
    CONTEXT_LENGTH_EXCEEDED,
    INVALID_REQUEST,
    KNOWN_ERRORS,
    MODEL_NOT_FOUND,
    PAYMENT_REQUIRED,
    QUEUE_EXCEEDED,
    REQUEST_QUOTA_EXCEEDED,
    TOKEN_QUOTA_EXCEEDED,
    WRONG_API_KEY,
    ApiProblem,
    invalid_request,
)
from tests.captures import captures, needs_captures

RECORDED = {
    "040-error-400-reasoning-content": INVALID_REQUEST.problem(
        message="messages.1.assistant.reasoning_content: property "
        "'messages.1.assistant.reasoning_content' is unsupported"
    ),
    "041-error-400-json-schema-no-name": INVALID_REQUEST.problem(
        message="type: Input should be 'text'"
    ),
    "042-error-400-parallel-tool-calls": invalid_request(
        "parallel_tool_calls=False is not supported by this model.", param="parallel_tool_calls"
    ),
    "043-error-400-n": invalid_request('"n" > 1 is not currently supported', param="n"),
    "044-error-422-additional-properties": invalid_request(
        "'additionalProperties' is required to be supplied and set to false.",
        param="response_format",
    ),
    "045-error-400-context-length": CONTEXT_LENGTH_EXCEEDED.problem(current=200_015, limit=131_000),
    "046-error-401-wrong-key": WRONG_API_KEY.problem(),
    "047-error-402-payment": PAYMENT_REQUIRED.problem(),
    "048-error-404-model": MODEL_NOT_FOUND.problem(model="glm-4-9b"),
    "049-error-429-tokens-minute": TOKEN_QUOTA_EXCEEDED.problem(period="minute"),
    "050-error-429-requests-minute": REQUEST_QUOTA_EXCEEDED.problem(period="minute"),
    "051-error-429-queue": QUEUE_EXCEEDED.problem(),
}

# Validation failures moved from 422 to 400 on 2026-04-24 (§0.2).
STATUS_TODAY = {"044-error-422-additional-properties": 400}


@needs_captures
@pytest.mark.parametrize("capture", captures("error"), ids=lambda capture: capture.id)
def test_recorded_error_is_answered_to_the_byte(capture):
    """§11.3: status and body, order of its keys included, are those of the recording."""
    problem = RECORDED[capture.id]

    assert problem.status == STATUS_TODAY.get(capture.id, capture.response["status"])
    assert json.dumps(problem.body()) == json.dumps(capture.response["body"])


def test_body_has_no_id_where_none_was_seen():
    """§11.1: `id` is there only for the errors that were seen with it."""
    assert list(WRONG_API_KEY.problem().body()) == ["message", "type", "param", "code"]


def test_full_queue_forbids_retries():
    """§11.3: the capacity refusal carries `x-should-retry: false`."""
    assert QUEUE_EXCEEDED.problem().headers == {"x-should-retry": "false"}


def test_problem_adds_headers_to_those_of_its_row():
    """Headers of one answer neither replace nor change the row's own."""
    assert QUEUE_EXCEEDED.problem(headers={"a": "b"}).headers == {
        "x-should-retry": "false",
        "a": "b",
    }
    assert QUEUE_EXCEEDED.headers == {"x-should-retry": "false"}


def test_problem_is_an_exception_that_reads_as_its_message():
    """A problem that escapes says what it is."""
    assert str(ApiProblem(400, "no", type="t", param="p", code="c")) == "no"


def test_table_holds_every_row_once_by_status():
    """`KNOWN_ERRORS` is complete, so whoever walks it misses none."""
    rows = [value for value in vars(problems).values() if isinstance(value, problems.KnownError)]

    assert sorted(map(id, rows)) == sorted(map(id, KNOWN_ERRORS))
    assert [row.status for row in KNOWN_ERRORS] == sorted(row.status for row in KNOWN_ERRORS)


@pytest.mark.parametrize("row", KNOWN_ERRORS, ids=lambda row: f"{row.status}-{row.code}")
def test_row_says_how_its_text_is_known(row):
    """Every row states whether it was observed, documented or assumed."""
    assert row.evidence.startswith(("observed", "documented", "assumed"))
