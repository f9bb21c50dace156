"""Replies in place of an endpoint's: error statuses with the bodies known for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cerebras_ext.emulator.problems import (
    CONTEXT_LENGTH_EXCEEDED,
    FORBIDDEN,
    INTERNAL_ERROR,
    MODEL_ARCHIVED,
    MODEL_NOT_FOUND,
    OVERLOADED,
    PAYLOAD_TOO_LARGE,
    PAYMENT_REQUIRED,
    QUEUE_EXCEEDED,
    REQUEST_QUOTA_EXCEEDED,
    TOKEN_QUOTA_EXCEEDED,
    UNAVAILABLE,
    WRONG_API_KEY,
    ApiProblem,
    invalid_request,
)
from cerebras_ext.emulator.replies import json_reply, problem_reply, text_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cerebras_ext.emulator.outgoing import Outgoing

__all__ = ["STATUS_ANSWERS", "error_body", "error_json", "redirect", "status_answer"]

_SEED = b"fault"


def _validation_422() -> ApiProblem:
    problem = invalid_request("messages: Field required")
    problem.status = 422
    return problem


def _timeout_408() -> ApiProblem:
    message = "The request took too long."
    return ApiProblem(408, message, type="timeout_error", param="", code="request_timeout")


def _conflict_409() -> ApiProblem:
    message = "The request conflicts with another one."
    return ApiProblem(409, message, type="conflict_error", param="", code="conflict")


_PROBLEMS: Mapping[str, Callable[[], ApiProblem]] = {
    "400": lambda: invalid_request("property 'store' is unsupported"),
    "400-context": lambda: CONTEXT_LENGTH_EXCEEDED.problem(current=200_015, limit=131_000),
    "401": WRONG_API_KEY.problem,
    "402": PAYMENT_REQUIRED.problem,
    "403": FORBIDDEN.problem,
    "404": lambda: MODEL_NOT_FOUND.problem(model="nope"),
    "404-archived": lambda: MODEL_ARCHIVED.problem(model="llama3.1-8b"),
    "408": _timeout_408,
    "409": _conflict_409,
    "413": lambda: PAYLOAD_TOO_LARGE.problem(limit_bytes=10 * 1024 * 1024),
    "422": _validation_422,
    "429": lambda: REQUEST_QUOTA_EXCEEDED.problem(period="minute"),
    "429-day": lambda: REQUEST_QUOTA_EXCEEDED.problem(period="day"),
    "429-tokens": lambda: TOKEN_QUOTA_EXCEEDED.problem(period="minute"),
    "429-queue": QUEUE_EXCEEDED.problem,
    "500": INTERNAL_ERROR.problem,
    "503": UNAVAILABLE.problem,
    "529": OVERLOADED.problem,
}

_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n"
    "<body><h1>{title}</h1><p>cloudflare</p></body></html>\n"
)

# What the front answers by itself, when no JSON comes from behind it.
_PAGES: Mapping[str, tuple[int, str, str]] = {
    "403-front": (403, "text/plain; charset=UTF-8", "error code: 1010"),
    "502": (502, "text/html; charset=UTF-8", _PAGE.format(title="502 Bad Gateway")),
    "504": (504, "text/html; charset=UTF-8", _PAGE.format(title="504 Gateway Time-out")),
}

STATUS_ANSWERS = frozenset(_PROBLEMS) | frozenset(_PAGES)
"""Arguments of the fault `status` that have a body of their own; other numbers get a bare one."""


def status_answer(argument: str) -> Outgoing:
    """An error status, with the body that is known for it.

    Raises:
        ValueError: Neither a known name nor a status of an error.
    """
    if argument in _PAGES:
        status, content_type, text = _PAGES[argument]
        return text_reply(text, status=status, content_type=content_type, seed=_SEED)
    if argument in _PROBLEMS:
        return problem_reply(_PROBLEMS[argument](), seed=_SEED)
    if not (argument.isascii() and argument.isdigit() and 300 <= int(argument) <= 599):
        known = ", ".join(sorted(STATUS_ANSWERS))
        raise ValueError(f"{argument!r} must be a status from 300 to 599 or one of {known}")
    return text_reply("", status=int(argument), content_type="text/plain", seed=_SEED)


def redirect(argument: str) -> Outgoing:
    """307 to the address `argument`."""
    outgoing = text_reply("", status=307, content_type="text/plain", seed=_SEED)
    return outgoing.with_headers({"location": argument})


def error_body(argument: str) -> Outgoing:
    """Status 200 with the error `argument` of `status` in its body, nested as in a stream."""
    problem = _PROBLEMS.get(argument)
    if problem is None:
        raise ValueError(f"{argument!r} must be one of {', '.join(sorted(_PROBLEMS))}")
    return json_reply(error_json(problem()), seed=_SEED)


def error_json(problem: ApiProblem) -> dict[str, Any]:
    """A problem as it appears in a reply that began well (API specification §4.6)."""
    return {"error": {**problem.body(), "id": ""}, "status_code": problem.status}
