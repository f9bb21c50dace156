"""The errors of `cerebras_ext`, each also the LangChain error for the same condition.

Every class here derives from the client's class of the same name and from the class of
`langchain_core.exceptions` for the condition, so either `except` works, and LangChain's retry,
fallback and summarisation middleware know what they deal with.

    client error            LangChain error              when
    ConfigError             ModelInvalidRequestError     nothing was sent
      MissingKey            ModelAuthenticationError     there is no API key
      UnsupportedInput      ModelInvalidRequestError     no form on the wire
      UnknownParameter      ModelInvalidRequestError     no such option
    BadRequest              ModelInvalidRequestError     400
      ContextOverflow       ContextOverflowError         the prompt does not fit
    Unauthorized            ModelAuthenticationError     401
    PaymentRequired         ModelPermissionDeniedError   402
    Forbidden               ModelPermissionDeniedError   403
    NotFound                ModelNotFoundError           404
    TooLarge                ModelInvalidRequestError     413
    Unprocessable           ModelInvalidRequestError     422
    RateLimited             ModelRateLimitError          429
    ServerError             ModelAPIError                5xx
    Conflict                ModelAPIError                409
    RequestTimedOut         ModelTimeoutError            408
    StatusError             ModelInvalidRequestError     any other status
    ConnectionFailed        ModelConnectionError         no reply
      TimedOut              ModelTimeoutError            a time limit of ours
    StreamInterrupted       ModelConnectionError         the connection died mid-stream
      StreamTimedOut        ModelTimeoutError            a time limit of ours, mid-stream
    StreamIncomplete        ModelConnectionError         the stream ended without a finish
    StreamFailed            ModelAPIError                an error event inside a stream
      StreamOverflow        ContextOverflowError         … because the prompt does not fit
    ProtocolError           ModelAPIError                a reply that cannot be read

`StructuredOutputError` is LangChain's `OutputParserException`: the reply arrived, but it is not
what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
    OutputParserException,
)

from cerebras_ext import errors as client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.messages import BaseMessage

__all__ = [
    "BadRequest",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "ContextOverflow",
    "ErrorResponse",
    "Forbidden",
    "MissingKey",
    "NotFound",
    "PaymentRequired",
    "ProtocolError",
    "RateLimited",
    "RequestTimedOut",
    "ServerError",
    "StatusError",
    "StreamFailed",
    "StreamIncomplete",
    "StreamInterrupted",
    "StreamOverflow",
    "StreamTimedOut",
    "StructuredOutputError",
    "TimedOut",
    "TooLarge",
    "Unauthorized",
    "UnknownParameter",
    "Unprocessable",
    "UnsupportedInput",
]


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """What a tracer may see of an error reply: status, request id, and the service's own words.

    LangChain reads `response` of an error into the trace; the HTTP response itself would carry the
    request with its key.
    """

    status_code: int
    text: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: dict[str, str | None] = field(default_factory=dict[str, "str | None"], repr=False)

    def json(self) -> dict[str, str | None]:
        """The error as the service describes it."""
        return dict(self.body)


class _HasResponse(client.StatusError):
    """An error with a reply to show."""

    @property
    def response(self) -> ErrorResponse:
        """The reply, without anything that does not belong in a trace."""
        return ErrorResponse(
            status_code=self.status,
            text=self.detail,
            headers={"x-request-id": self.request_id} if self.request_id else {},
            body={
                "message": self.detail,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            },
        )


class ConfigError(client.ConfigError, ModelInvalidRequestError):
    """An option that cannot work; nothing was sent."""


class MissingKey(client.ConfigError, ModelAuthenticationError):
    """There is no API key; nothing was sent."""


class UnsupportedInput(ConfigError, ValueError):
    """A message, tool or schema that the service has no form for; nothing was sent."""


class UnknownParameter(ConfigError, TypeError):
    """An option that does not exist; nothing was sent."""

    @classmethod
    def among(
        cls, name: str, known: Iterable[str], *, where: str, remedy: str = ""
    ) -> UnknownParameter:
        """The error for an unknown name, with the nearest known one.

        Args:
            name: What was given.
            known: What could have been given.
            where: Who does not know the name.
            remedy: What else helps.
        """
        nearest = get_close_matches(name, known, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        return cls(f"{where} has no option {name!r}{hint}{remedy}")


class BadRequest(client.BadRequest, _HasResponse, ModelInvalidRequestError):
    """400."""


class ContextOverflow(client.ContextOverflow, _HasResponse, ContextOverflowError):
    """The prompt and the completion asked for do not fit the model's window."""


class Unauthorized(client.Unauthorized, _HasResponse, ModelAuthenticationError):
    """401."""


class PaymentRequired(client.PaymentRequired, _HasResponse, ModelPermissionDeniedError):
    """402."""


class Forbidden(client.Forbidden, _HasResponse, ModelPermissionDeniedError):
    """403."""


class NotFound(client.NotFound, _HasResponse, ModelNotFoundError):
    """404."""


class TooLarge(client.TooLarge, _HasResponse, ModelInvalidRequestError):
    """413."""


class Unprocessable(client.Unprocessable, _HasResponse, ModelInvalidRequestError):
    """422."""


class RateLimited(client.RateLimited, _HasResponse, ModelRateLimitError):
    """429; `is_retryable` is false where the service asked not to be tried again."""


class ServerError(client.ServerError, _HasResponse, ModelAPIError):
    """5xx."""


class StatusError(_HasResponse, ModelInvalidRequestError):
    """Any other error status."""


class RequestTimedOut(_HasResponse, ModelTimeoutError):
    """408."""


class Conflict(_HasResponse, ModelAPIError):
    """409."""


class ConnectionFailed(client.ConnectionFailed, ModelConnectionError):
    """No reply came."""


class TimedOut(client.TimedOut, ModelTimeoutError):
    """A time limit ran out."""


class StreamInterrupted(client.StreamInterrupted, ModelConnectionError):
    """The connection died in the middle of a stream."""


class StreamTimedOut(client.StreamTimedOut, ModelTimeoutError):
    """The stream fell silent for too long, or the call's deadline passed in the middle of it."""


class StreamIncomplete(client.StreamIncomplete, ModelConnectionError):
    """The stream ended without a finish."""


class StreamFailed(client.StreamFailed, _HasResponse, ModelAPIError):
    """The service reported an error inside a stream."""


class StreamOverflow(client.StreamFailed, _HasResponse, ContextOverflowError):
    """The service found in the middle of a stream that the prompt does not fit."""


class ProtocolError(client.ProtocolError, ModelAPIError):
    """A reply that cannot be read."""


class StructuredOutputError(OutputParserException):
    """The reply arrived, but it is not what the schema asks for.

    Attributes:
        raw_message: The reply.
    """

    def __init__(self, message: str, *, raw_message: BaseMessage, llm_output: str = "") -> None:
        super().__init__(message, llm_output=llm_output)
        self.raw_message = raw_message

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles by the arguments that are there, not through `__init__`, which has more."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[StructuredOutputError], args: tuple[Any, ...], state: dict[str, Any]
) -> StructuredOutputError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error
