"""The error answers of the service, as one table.

Each row is one error of API specification §11.3 with the text that was recorded; `evidence` says
what is known and what had to be assumed. Code that refuses a request raises `ROW.problem(...)`:

    raise MODEL_NOT_FOUND.problem(model="nope")

`ApiProblem.body()` is what goes over the wire: a flat object, never nested under `error`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CONTEXT_LENGTH_EXCEEDED",
    "FORBIDDEN",
    "IMAGE_TOO_LARGE",
    "INTERNAL_ERROR",
    "INVALID_REQUEST",
    "KNOWN_ERRORS",
    "METHOD_NOT_ALLOWED",
    "MODEL_ARCHIVED",
    "MODEL_NOT_FOUND",
    "OVERLOADED",
    "PAYLOAD_TOO_LARGE",
    "PAYMENT_REQUIRED",
    "QUEUE_EXCEEDED",
    "REQUEST_QUOTA_EXCEEDED",
    "ROUTE_NOT_FOUND",
    "TOKEN_QUOTA_EXCEEDED",
    "TOTAL_TOKEN_QUOTA_EXCEEDED",
    "UNAVAILABLE",
    "UNSUPPORTED_MEDIA_TYPE",
    "WRONG_API_KEY",
    "ApiProblem",
    "KnownError",
    "invalid_request",
]


class ApiProblem(Exception):
    """An error answer: status, the four fields of its body, and headers of its own.

    `id` is None unless the service was seen sending the key; it was then always empty.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str,
        param: str,
        code: str,
        id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.param = param
        self.code = code
        self.id = id
        self.headers: dict[str, str] = dict(headers or {})

    def body(self) -> dict[str, str]:
        """The flat JSON object, keys in the order the service sends them."""
        fields = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        return fields if self.id is None else {**fields, "id": self.id}


@dataclass(frozen=True, slots=True)
class KnownError:
    """One row: what the service answers in one situation.

    `message` is a format string; `evidence` is "observed" (recorded traffic), "documented" or
    "assumed", with the reason after a colon where one is needed.
    """

    status: int
    message: str
    type: str
    param: str
    code: str
    evidence: str
    id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def problem(
        self, *, headers: Mapping[str, str] | None = None, **fields: str | int
    ) -> ApiProblem:
        """The row as an exception, its message filled with `fields`.

        Args:
            headers: More response headers, besides the row's own.
            **fields: Values for the placeholders of `message`.
        """
        return ApiProblem(
            self.status,
            self.message.format(**fields),
            type=self.type,
            param=self.param,
            code=self.code,
            id=self.id,
            headers={**self.headers, **(headers or {})},
        )


INVALID_REQUEST: Final = KnownError(
    400,
    "{message}",
    type="invalid_request_error",
    param="validation_error",
    code="wrong_api_format",
    evidence="observed: captures 040 and 041; status 422 before 2026-04-24",
)
CONTEXT_LENGTH_EXCEEDED: Final = KnownError(
    400,
    "Please reduce the length of the messages or completion. "
    "Current length is {current} while limit is {limit}",
    type="invalid_request_error",
    param="messages",
    code="context_length_exceeded",
    id="",
    evidence="observed: capture 045",
)
WRONG_API_KEY: Final = KnownError(
    401,
    "Wrong API Key",
    type="invalid_request_error",
    param="api_key",
    code="wrong_api_key",
    evidence="observed: capture 046",
)
PAYMENT_REQUIRED: Final = KnownError(
    402,
    "Payment required to access this resource. Visit your billing tab.",
    type="payment_required_error",
    param="quota",
    code="payment_required",
    evidence="observed: capture 047",
)
FORBIDDEN: Final = KnownError(
    403,
    "You do not have permission to access this resource.",
    type="permission_error",
    param="api_key",
    code="permission_denied",
    evidence="assumed: the status is documented, no body is known",
)
MODEL_NOT_FOUND: Final = KnownError(
    404,
    "Model {model} does not exist or you do not have access to it.",
    type="not_found_error",
    param="model",
    code="model_not_found",
    evidence="observed: capture 048",
)
MODEL_ARCHIVED: Final = KnownError(
    404,
    "Model {model} has been archived and is no longer available.",
    type="not_found_error",
    param="model",
    code="model_archived",
    evidence="observed status and code; the text is assumed",
)
ROUTE_NOT_FOUND: Final = KnownError(
    404,
    "No route for {method} {path}.",
    type="not_found_error",
    param="path",
    code="not_found",
    evidence="assumed",
)
METHOD_NOT_ALLOWED: Final = KnownError(
    405,
    "{method} is not allowed for {path}.",
    type="invalid_request_error",
    param="method",
    code="method_not_allowed",
    evidence="assumed",
)
PAYLOAD_TOO_LARGE: Final = KnownError(
    413,
    "The request body is larger than {limit_bytes} bytes.",
    type="invalid_request_error",
    param="validation_error",
    code="payload_too_large",
    evidence="assumed: the limit is documented for requests with images, its answer is not",
)
IMAGE_TOO_LARGE: Final = KnownError(
    413,
    "Image of {width}x{height} pixels is too large: a side may have at most {limit} pixels.",
    type="invalid_request_error",
    param="messages",
    code="image_too_large",
    evidence="documented status and code; the rest is assumed",
)
UNSUPPORTED_MEDIA_TYPE: Final = KnownError(
    415,
    "{message}",
    type="invalid_request_error",
    param="content-type",
    code="unsupported_media_type",
    evidence="assumed",
)
REQUEST_QUOTA_EXCEEDED: Final = KnownError(
    429,
    "Requests per {period} limit exceeded - too many requests sent.",
    type="too_many_requests_error",
    param="quota",
    code="request_quota_exceeded",
    evidence="observed: capture 050",
)
TOKEN_QUOTA_EXCEEDED: Final = KnownError(
    429,
    "Tokens per {period} limit exceeded - too many tokens processed.",
    type="too_many_tokens_error",
    param="quota",
    code="token_quota_exceeded",
    evidence="observed: capture 049",
)
TOTAL_TOKEN_QUOTA_EXCEEDED: Final = KnownError(
    429,
    "Total tokens per {period} limit exceeded - too many tokens processed.",
    type="too_many_tokens_error",
    param="quota",
    code="token_quota_exceeded",
    evidence="documented: the message names the bucket; its words are assumed",
)
QUEUE_EXCEEDED: Final = KnownError(
    429,
    "We're experiencing high traffic right now! Please try again soon.",
    type="too_many_requests_error",
    param="queue",
    code="queue_exceeded",
    headers={"x-should-retry": "false"},
    evidence="observed: capture 051",
)
INTERNAL_ERROR: Final = KnownError(
    500,
    "Encountered a server error, please try again.",
    type="server_error",
    param="",
    code="",
    evidence="assumed: no body of a 5xx answer is known",
)
UNAVAILABLE: Final = KnownError(
    503,
    "The service is temporarily unavailable.",
    type="server_error",
    param="",
    code="service_unavailable",
    evidence="assumed: no body of a 5xx answer is known",
)
OVERLOADED: Final = KnownError(
    529,
    "The service is overloaded.",
    type="server_error",
    param="",
    code="overloaded",
    evidence="assumed: reliability contract fault F24",
)

KNOWN_ERRORS: Final = (
    INVALID_REQUEST,
    CONTEXT_LENGTH_EXCEEDED,
    WRONG_API_KEY,
    PAYMENT_REQUIRED,
    FORBIDDEN,
    MODEL_NOT_FOUND,
    MODEL_ARCHIVED,
    ROUTE_NOT_FOUND,
    METHOD_NOT_ALLOWED,
    PAYLOAD_TOO_LARGE,
    IMAGE_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    REQUEST_QUOTA_EXCEEDED,
    TOKEN_QUOTA_EXCEEDED,
    TOTAL_TOKEN_QUOTA_EXCEEDED,
    QUEUE_EXCEEDED,
    INTERNAL_ERROR,
    UNAVAILABLE,
    OVERLOADED,
)
"""Every row above, in order of status."""


def invalid_request(message: str, *, param: str = "validation_error") -> ApiProblem:
    """A 400 `wrong_api_format` about `param`, the form of every refused field.

    Args:
        message: What is wrong, in the service's words where they are known.
        param: `validation_error` for the request schema, else the field at fault.
    """
    problem = INVALID_REQUEST.problem(message=message)
    problem.param = param
    return problem
