"""Failures as the service tells them: every body shape, status and header (API §11)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext.errors import (
    MAX_QUOTED_CHARS,
    BadRequest,
    ContextOverflow,
    Forbidden,
    NotFound,
    PaymentRequired,
    RateLimited,
    ServerError,
    StatusError,
    StreamFailed,
    TooLarge,
    Unauthorized,
    Unprocessable,
)
from cerebras_ext.failures import find_embedded_failure, read_failure, read_stream_failure
from tests.captures import Capture, captures, needs_captures

FLAT = {
    "message": "property 'store' is unsupported",
    "type": "invalid_request_error",
    "param": "validation_error",
    "code": "wrong_api_format",
}
NESTED = {"error": {**FLAT, "id": ""}, "status_code": 400}


def failure(status: int, body: Any = b"", headers: dict[str, str] | None = None) -> StatusError:
    """The error for a status, a body (JSON unless bytes) and headers."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_failure(status, headers or {}, text, now_unix_s=1_780_000_000.0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, Unauthorized),
        (402, PaymentRequired),
        (403, Forbidden),
        (404, NotFound),
        (413, TooLarge),
        (422, Unprocessable),
        (429, RateLimited),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
        (504, ServerError),
        (529, ServerError),
        (307, StatusError),
        (405, StatusError),
        (408, StatusError),
        (409, StatusError),
        (418, StatusError),
    ],
)
def test_each_status_has_its_class(status: int, kind: type[StatusError]) -> None:
    """The class says the status, and the status is on the error."""
    error = failure(status)
    assert type(error) is kind
    assert error.status == status


SHAPES: dict[str, tuple[Any, str, str | None]] = {
    "A, flat": (FLAT, FLAT["message"], "wrong_api_format"),
    "A with an id": ({**FLAT, "id": ""}, FLAT["message"], "wrong_api_format"),
    "B, nested with a status": (NESTED, FLAT["message"], "wrong_api_format"),
    "C, nested": ({"error": FLAT}, FLAT["message"], "wrong_api_format"),
    "C, text": ({"error": "it broke"}, "it broke", None),
    "D, list": (
        {"detail": [{"loc": ["body", "messages", 0], "msg": "Field required", "type": "missing"}]},
        "body.messages.0: Field required",
        None,
    ),
    "D, two": (
        {"detail": [{"loc": ["a"], "msg": "x"}, {"loc": ["b"], "msg": "y"}, "z"]},
        "a: x\nb: y",
        None,
    ),
    "D, no list in loc": ({"detail": [{"loc": "a", "msg": "x"}]}, "a: x", None),
    "D, number in loc": ({"detail": [{"loc": 5, "msg": "x"}]}, "5: x", None),
    "D, text": ({"detail": "Not Found"}, "Not Found", None),
    "D inside error": ({"error": {"detail": "odd"}}, "odd", None),
    "E, HTML": (
        b"<html><head><TITLE>502 Bad\nGateway</TITLE></head><body><h1>no</h1></body></html>",
        "502 Bad\nGateway",
        None,
    ),
    "E, HTML without a title": (b"<html><b>no</b></html>", "<html><b>no</b></html>", None),
    "E, plain": (b"error code: 1010\n", "error code: 1010", None),
    "E, broken UTF-8": (b"\xff broke", "\ufffd broke", None),
    "JSON text": ("it broke", "it broke", None),
    "JSON number": (5, "5", None),
    "JSON array": ([1], "the service gave no message", None),
    "empty": (b"", "the service gave no message", None),
    "blank": (b"  \n", "the service gave no message", None),
    "null": (None, "the service gave no message", None),
    "nothing in it": ({}, "the service gave no message", None),
    "null message": ({"message": None, "code": None}, "the service gave no message", None),
    "object as message": ({"message": {"a": 1}}, "the service gave no message", None),
    "number as message": ({"message": 5, "code": 7}, "5", "7"),
    "empty code": ({"message": "x", "code": ""}, "x", None),
    "list as code": ({"message": "x", "code": ["y"]}, "x", None),
}


@pytest.mark.parametrize(("body", "detail", "code"), SHAPES.values(), ids=SHAPES)
def test_every_shape_of_body_is_read(body: Any, detail: str, code: str | None) -> None:
    """The service's own words and code come out of every shape ever seen (API §11.1)."""
    error = failure(400, body)
    assert (error.detail, error.code) == (detail, code)
    assert detail in error.message


def test_all_that_the_service_said_is_on_the_error() -> None:
    """Code, type, param, request id, advice and limits are plain fields."""
    error = failure(
        429,
        {**FLAT, "code": "token_quota_exceeded", "type": "too_many_requests_error"},
        {
            "x-request-id": "a039-ORD",
            "retry-after": "7",
            "x-should-retry": "TRUE ",
            "x-ratelimit-remaining-tokens-minute": "0",
        },
    )
    assert (error.code, error.type) == ("token_quota_exceeded", "too_many_requests_error")
    assert (error.param, error.request_id) == ("validation_error", "a039-ORD")
    assert (error.retry_after_s, error.should_retry) == (7, True)
    assert error.rate_limits is not None
    assert error.rate_limits.to_dict() == {"remaining_tokens_minute": 0}


def test_what_the_service_did_not_say_is_none() -> None:
    """Nothing is made up."""
    error = failure(500)
    assert (error.code, error.type, error.param, error.request_id) == (None, None, None, None)
    assert (error.retry_after_s, error.should_retry, error.rate_limits) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "should_retry"), [("true", True), ("False", False), ("yes", None), ("", None)]
)
def test_should_retry_is_true_or_false(text: str, should_retry: bool | None) -> None:
    """Other words count as not said."""
    assert failure(500, headers={"x-should-retry": text}).should_retry is should_retry


@pytest.mark.parametrize("n_chars", [MAX_QUOTED_CHARS, MAX_QUOTED_CHARS + 1, 100_000])
def test_long_messages_are_cut(n_chars: int) -> None:
    """At most 500 characters of the server's words are repeated (§7)."""
    error = failure(400, {"message": "x" * n_chars})
    assert len(error.detail) == MAX_QUOTED_CHARS
    assert error.detail.endswith("…") is (n_chars > MAX_QUOTED_CHARS)


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (400, "context_length_exceeded", "shorten the messages"),
        (401, "wrong_api_key", "check the key in CEREBRAS_API_KEY"),
        (401, "", "check the key in CEREBRAS_API_KEY"),
        (402, "payment_required", "add credit"),
        (403, "", "a proxy in front of the service"),
        (404, "model_not_found", "check the id"),
        (404, "model_archived", "the model is retired"),
        (429, "queue_exceeded", "over capacity"),
        (429, "request_quota_exceeded", "send fewer requests"),
        (429, "token_quota_exceeded", "a small max_completion_tokens reserves less"),
        (429, "", "wait for the rate limit"),
        (503, "", "try again"),
    ],
)
def test_message_says_what_to_do(status: int, code: str, remedy: str) -> None:
    """Status, code, the service's words and a remedy are in one line (style guide §7)."""
    error = failure(status, {"message": "The words.", "code": code})
    assert f"status {status}" in error.message
    assert (f"({code})" in error.message) is bool(code)
    assert "The words." in error.message
    assert remedy in error.message.partition("The words.")[2]


def test_rate_limits_say_so() -> None:
    """Frameworks and people look for the words."""
    assert "rate limit" in failure(429, {"message": "Too many."}).message


@pytest.mark.parametrize(
    ("status", "body", "numbers"),
    [
        (400, {"message": "too long", "code": "context_length_exceeded"}, (None, None)),
        (429, {"message": "too long", "code": "context_length_exceeded"}, (None, None)),
        *(
            (
                status,
                {"message": "Current length is 200015 while limit is 131000"},
                (200015, 131000),
            )
            for status in (400, 413, 422)
        ),
    ],
)
def test_overflow_has_its_class_and_numbers(
    status: int, body: dict[str, str], numbers: tuple[int | None, int | None]
) -> None:
    """A prompt that does not fit is told apart, with the lengths when given (API §11.3)."""
    error = failure(status, body)
    assert isinstance(error, ContextOverflow)
    assert error.status == status
    assert (error.current_tokens, error.limit_tokens) == numbers


def test_quota_message_is_no_overflow() -> None:
    """A 429 that speaks of lengths is a quota, which refills."""
    body = {"message": "Current length is 5 while limit is 3", "code": "token_quota_exceeded"}
    assert type(failure(429, body)) is RateLimited


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://elsewhere.example/path?key=secret#x", "elsewhere.example"),
        ("https://user:secret@elsewhere.example/", "elsewhere.example"),
        ("/login?key=secret", "an unnamed host"),
        ("", "an unnamed host"),
        ("http://[broken", "an unnamed host"),
        (f"https://{'x' * 9_000}.example/", "xxxx"),
    ],
)
def test_redirect_names_the_host_only(location: str, host: str) -> None:
    """Redirects are failures; of their target only the host is told (§1.5)."""
    error = failure(307, b"moved", {"location": location})
    assert f"redirected to {host}" in error.message
    assert "never followed" in error.message
    assert "secret" not in error.message
    assert len(error.message) < 2 * MAX_QUOTED_CHARS


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (NESTED, 400),
        ({"error": {"message": "x"}}, 500),
        ({"error": "x", "status_code": 503}, 503),
        ({"error": {"message": "x"}, "status_code": True}, 500),
        ({"error": {"message": "x"}, "status_code": "429"}, 500),
        ({"error": {"message": "x"}, "status_code": 0}, 500),
    ],
)
def test_error_in_a_good_reply_is_found(body: dict[str, Any], status: int) -> None:
    """Status 200 with an error in place of choices is a failure with that status (F39)."""
    headers = {"x-request-id": "r"}
    error = find_embedded_failure(body, headers, now_unix_s=0.0)
    assert error is not None
    assert (error.status, error.request_id) == (status, "r")
    assert type(error) is type(failure(status))


@pytest.mark.parametrize(
    "body", [{"choices": []}, {"choices": [], "error": "x"}, {"error": None}, {}, [], "error", None]
)
def test_good_reply_is_no_failure(body: Any) -> None:
    """A reply with choices, or without an error, is none."""
    assert find_embedded_failure(body, {}, now_unix_s=0.0) is None


@pytest.mark.parametrize(("body", "detail", "code"), SHAPES.values(), ids=SHAPES)
def test_every_shape_is_read_inside_a_stream(body: Any, detail: str, code: str | None) -> None:
    """An error event may have any of the shapes (API §4.6)."""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    error = read_stream_failure(body)
    assert isinstance(error, StreamFailed)
    assert (error.detail, error.code) == (detail, code)
    assert error.status == (400 if body is NESTED else 500)


@needs_captures
@pytest.mark.parametrize("recorded", captures("error"), ids=lambda one: one.id)
def test_recorded_error_is_understood(recorded: Capture) -> None:
    """Of every recorded error, the service's words, code, type and param are found."""
    response = recorded.response
    error = failure(response["status"], response["body"], response.get("headers") or {})
    assert str(response["status"]) in recorded.id
    assert error.detail == response["body"]["message"]
    for name in ("code", "type", "param"):
        assert getattr(error, name) == (response["body"].get(name) or None)
    assert isinstance(error, ContextOverflow) is ("context-length" in recorded.id)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "loc", "msg", "code", "status_code"]),
            inner,
        )
    ),
)


@given(st.integers(300, 599), st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_the_reader(status: int, body: bytes) -> None:
    """Whatever a failing server sends, the failure is told with its status."""
    error = failure(status, body)
    assert error.status == status
    assert len(error.detail) <= MAX_QUOTED_CHARS


@given(JSON)
def test_no_error_event_breaks_the_reader(payload: Any) -> None:
    """Whatever an error event holds, it is an error of the stream."""
    assert isinstance(read_stream_failure(payload), StreamFailed)
    find_embedded_failure(payload, {}, now_unix_s=0.0)
