"""What the service says when it fails, read into errors.

Error bodies come flat (`{"message", "type", "param", "code"}`, nearly every HTTP error), nested
under `error` (inside streams, and in 200 bodies), as `detail` (validation errors of older
versions), and as HTML or plain text from what stands in front of the service.

Source: API specification section 11; recorded bodies of 2025-03 to 2026-09.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from cerebras_ext._json import is_array, is_object, load_json
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
from cerebras_ext.limits import read_rate_limits
from cerebras_ext.retry import read_advice_s

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_ERROR_BODY_BYTES", "find_embedded_failure", "read_failure", "read_stream_failure"]

MAX_ERROR_BODY_BYTES = 64 << 10
"""How much of an error body is read."""

Failure = TypeVar("Failure", bound=StatusError)

_CLASS_OF_STATUS: dict[int, type[StatusError]] = {
    400: BadRequest,
    401: Unauthorized,
    402: PaymentRequired,
    403: Forbidden,
    404: NotFound,
    413: TooLarge,
    422: Unprocessable,
    429: RateLimited,
}

_REMEDY_OF_CODE = {
    "context_length_exceeded": "shorten the messages or lower max_completion_tokens",
    "model_archived": "the model is retired; see the model catalogue for its replacement",
    "model_not_found": "check the id against the models your key can see",
    "queue_exceeded": "the service is over capacity; try again in a moment",
    "request_quota_exceeded": "send fewer requests, or wait for the quota to refill",
    "token_quota_exceeded": "wait for it to refill; a small max_completion_tokens reserves less",
    "wrong_api_key": "check the key in CEREBRAS_API_KEY or api_key",
}
_REMEDY_OF_STATUS = {
    400: "change the request: the same one would fail again",
    401: "check the key in CEREBRAS_API_KEY or api_key",
    402: "add credit to the account",
    403: "the key may not do this, or a proxy in front of the service refused the client",
    404: "check the model and the address",
    408: "try again in a moment",
    409: "try again in a moment",
    413: "shorten the messages or make images smaller",
    422: "change the request: the same one would fail again",
    429: "wait for the rate limit to refill",
}
_OVERFLOW_NUMBERS = re.compile(r"[Cc]urrent length is (\d+) while limit is (\d+)")
_TITLE = re.compile(r"<title>([^<]{0,200})</title>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Problem:
    """The service's own words about a failure."""

    message: str
    type: str | None = None
    param: str | None = None
    code: str | None = None
    status: int | None = None


def read_failure(
    status: int, headers: Mapping[str, str], body: bytes, *, now_unix_s: float
) -> StatusError:
    """The error for a reply with an error status.

    Args:
        status: HTTP status, 300 or more.
        headers: Lower-case names.
        body: As much of the body as was read.
        now_unix_s: For advice that is a date.
    """
    if 300 <= status < 400:
        host = _host_of(headers.get("location", ""))
        problem = _Problem(f"redirected to {host}; redirects are never followed, check base_url")
    else:
        problem = _read_problem(_parsed(body))
    return _filled(_class_of(status, problem), status, headers, problem, now_unix_s)


def find_embedded_failure(
    body: object, headers: Mapping[str, str], *, now_unix_s: float
) -> StatusError | None:
    """The error that a reply with status 200 holds instead of an answer, if it does."""
    if not is_object(body) or not body.get("error") or "choices" in body:
        return None
    problem = _read_problem(body)
    status = problem.status or 500
    return _filled(_class_of(status, problem), status, headers, problem, now_unix_s)


def read_stream_failure(payload: object) -> StreamFailed:
    """The error for an error event inside a stream."""
    problem = _read_problem(payload)
    status = problem.status or 500
    return _filled(StreamFailed, status, {}, problem, 0.0)


def _host_of(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return _quoted(host) if host else "an unnamed host"


def _class_of(status: int, problem: _Problem) -> type[StatusError]:
    says_overflow = status in (400, 413, 422) and _OVERFLOW_NUMBERS.search(problem.message)
    if problem.code == "context_length_exceeded" or says_overflow:
        return ContextOverflow
    return _CLASS_OF_STATUS.get(status, ServerError if status >= 500 else StatusError)


def _filled(
    kind: type[Failure],
    status: int,
    headers: Mapping[str, str],
    problem: _Problem,
    now_unix_s: float,
) -> Failure:
    midway = "the service broke the stream off with " if kind is StreamFailed else ""
    named = f" ({problem.code})" if problem.code else ""
    limited = "rate limit: " if status == 429 else ""
    remedy = _remedy(status, problem.code)
    error = kind(f"{midway}status {status}{named}: {limited}{problem.message}{remedy}")
    error.status = status
    error.code = problem.code
    error.type = problem.type
    error.param = problem.param
    error.detail = problem.message
    error.request_id = headers.get("x-request-id")
    error.rate_limits = read_rate_limits(headers) or None
    error.retry_after_s = read_advice_s(headers, now_unix_s)
    error.should_retry = _read_should_retry(headers)
    if isinstance(error, ContextOverflow):
        numbers = _OVERFLOW_NUMBERS.search(problem.message)
        if numbers:
            error.current_tokens, error.limit_tokens = (int(text) for text in numbers.groups())
    return error


def _remedy(status: int, code: str | None) -> str:
    otherwise = "try again in a moment" if status >= 500 else None
    remedy = _REMEDY_OF_CODE.get(code or "") or _REMEDY_OF_STATUS.get(status, otherwise)
    return f"; {remedy}" if remedy else ""


def _read_should_retry(headers: Mapping[str, str]) -> bool | None:
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def _parsed(body: bytes) -> object:
    try:
        return load_json(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _read_problem(payload: object) -> _Problem:
    if not is_object(payload):
        return _Problem(_quoted(payload))
    status = payload.get("status_code")
    nested = payload.get("error")
    source = nested if is_object(nested) else payload
    message = source.get("message") or source.get("detail") or nested or payload.get("detail")
    return _Problem(
        _quoted(_detail_text(message)),
        type=_word(source.get("type")),
        param=_word(source.get("param")),
        code=_word(source.get("code")),
        status=status if isinstance(status, int) and not isinstance(status, bool) else None,
    )


def _detail_text(detail: object) -> object:
    """Validation problems as one text: `[{"loc": ["body", "messages"], "msg": …}]`."""
    if not is_array(detail):
        return detail
    return "\n".join(
        f"{_path_text(item.get('loc'))}: {item.get('msg')}" for item in detail if is_object(item)
    )


def _path_text(steps: object) -> str:
    return ".".join(map(str, steps)) if is_array(steps) else str(steps)


def _word(value: object) -> str | None:
    """A code or type as text; empty ones count as not given."""
    return str(value) if isinstance(value, str | int) and value != "" else None


def _quoted(text: object) -> str:
    """The server's words, in at most `MAX_QUOTED_CHARS` characters; of an HTML page its title."""
    if text is None or text == "" or isinstance(text, dict | list):
        return "the service gave no message"
    words = str(text)
    title = _TITLE.search(words[:5_000])
    if title:
        words = title.group(1)
    words = words.strip() or "the service gave no message"
    return words if len(words) <= MAX_QUOTED_CHARS else words[: MAX_QUOTED_CHARS - 1] + "…"
