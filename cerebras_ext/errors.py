"""Every error this package raises on purpose.

    CerebrasError
      ConfigError            bad key, URL, option or request field, found before anything is sent
      ConnectionFailed       no reply: DNS, TLS, refused, reset
        TimedOut             a limit of ours ran out; `.phase` says which
      StatusError            the service answered with an error status
        BadRequest           400            Unauthorized     401      PaymentRequired  402
        Forbidden            403            NotFound         404      TooLarge         413
        Unprocessable        422            RateLimited      429      ServerError      5xx
        ContextOverflow      400, 413 or 429 because the prompt does not fit (a BadRequest)
      StreamError            a stream broke after it had begun; `.partial` holds what had arrived
        StreamInterrupted    the transport died
          StreamTimedOut     the transport fell silent, or the call's deadline passed (a TimedOut)
        StreamIncomplete     the body ended without a finish
        StreamFailed         the server sent an error event
      ProtocolError          a reply that cannot be read

Fields are plain data. An error holds no HTTP object, no header mapping, no prompt, and of a reply
only what the server said about the failure, cut to `MAX_QUOTED_CHARS`. Every error pickles and
copies as itself.

`CerebrasError` derives from `Exception` directly: LlamaIndex swallows `ValueError` and `TypeError`
raised inside a query engine, and reads `RuntimeError` as a nested event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cerebras_ext.limits import RateLimits
    from cerebras_ext.reply import ChatCompletion, TextCompletion

__all__ = [
    "BadRequest",
    "CerebrasError",
    "ConfigError",
    "ConnectionFailed",
    "ContextOverflow",
    "Forbidden",
    "NotFound",
    "PaymentRequired",
    "ProtocolError",
    "RateLimited",
    "ServerError",
    "StatusError",
    "StreamError",
    "StreamFailed",
    "StreamIncomplete",
    "StreamInterrupted",
    "StreamTimedOut",
    "TimedOut",
    "TooLarge",
    "Unauthorized",
    "Unprocessable",
]

MAX_QUOTED_CHARS = 500
"""How much of a server's own message an error repeats."""

Phase = Literal["connect", "write", "read", "pool", "total"]


class CerebrasError(Exception):
    """Base of all errors of this package.

    Attributes:
        request_id: The service's id of the exchange (`x-request-id`), when it gave one.
        retries_taken: How many times the request had been sent again before this error was raised.
    """

    request_id: str | None = None
    retries_taken: int = 0

    @property
    def message(self) -> str:
        """What failed and what to do about it."""
        return str(self.args[0]) if self.args else ""


class ConfigError(CerebrasError):
    """A key, URL, option or request field that cannot work; nothing was sent."""


class ConnectionFailed(CerebrasError):
    """No reply came: name resolution, TLS, a refused or a reset connection.

    Attributes:
        was_sent: Whether the request may have reached the service (and been billed); None when
            unknown.
    """

    was_sent: bool | None = None

    def __init__(self, message: str, *, was_sent: bool | None = None) -> None:
        super().__init__(message)
        self.was_sent = was_sent


class TimedOut(ConnectionFailed):
    """A time limit ran out.

    Attributes:
        phase: Which limit: connecting, writing, waiting for bytes, waiting for a pooled connection,
            or the total deadline of the call.
    """

    phase: Phase = "read"

    def __init__(
        self, message: str, *, phase: Phase = "read", was_sent: bool | None = None
    ) -> None:
        super().__init__(message, was_sent=was_sent)
        self.phase = phase


class StatusError(CerebrasError):
    """The service answered with an error status.

    Attributes:
        status: HTTP status; for an error event inside a stream, the status that the event names.
        code: The service's error code, e.g. `wrong_api_format`.
        type: The service's error type, e.g. `invalid_request_error`.
        param: The request field that the service blames.
        detail: The service's own message, at most `MAX_QUOTED_CHARS` characters.
        retry_after_s: Seconds the service asked to wait, when it said so.
        should_retry: Whether the service said to try again (`x-should-retry`); None when it did not
            say.
        rate_limits: What the reply's rate-limit headers said; None without such headers.
    """

    status: int = 0
    code: str | None = None
    type: str | None = None
    param: str | None = None
    detail: str = ""
    retry_after_s: float | None = None
    should_retry: bool | None = None
    rate_limits: RateLimits | None = None


class BadRequest(StatusError):
    """400: the request breaks a rule of the API; sending it again cannot help."""


class ContextOverflow(BadRequest):
    """The prompt and the completion asked for do not fit the model's window.

    Attributes:
        current_tokens: How long the service found the request, when it said so.
        limit_tokens: How long it may be, when the service said so.
    """

    current_tokens: int | None = None
    limit_tokens: int | None = None


class Unauthorized(StatusError):
    """401: the API key is missing or wrong."""


class PaymentRequired(StatusError):
    """402: the account has no credit for this request."""


class Forbidden(StatusError):
    """403: the key may not do this, or a proxy in front of the service refused the client."""


class NotFound(StatusError):
    """404: the model or path does not exist, is retired, or is not visible to this key."""


class TooLarge(StatusError):
    """413: the body or an image is too large."""


class Unprocessable(StatusError):
    """422: the request was read but refused."""


class RateLimited(StatusError):
    """429: a quota is used up or the service is over capacity; see `rate_limits` and `code`."""


class ServerError(StatusError):
    """5xx: the service failed."""


class StreamError(CerebrasError):
    """A stream broke after it had begun.

    Attributes:
        partial: What had arrived, as an unfinished reply; None when nothing had.
    """

    partial: ChatCompletion | TextCompletion | None = None


class StreamInterrupted(StreamError, ConnectionFailed):
    """The connection died in the middle of a stream."""

    def __init__(self, message: str) -> None:
        super().__init__(message, was_sent=True)


class StreamTimedOut(StreamInterrupted, TimedOut):
    """The stream fell silent for too long, or the call's deadline passed in the middle of it."""

    def __init__(self, message: str, *, phase: Phase = "read") -> None:
        super().__init__(message)
        self.phase = phase


class StreamIncomplete(StreamError):
    """The body ended cleanly, but neither a finish reason nor `[DONE]` had come."""


class StreamFailed(StreamError, StatusError):
    """The service reported an error inside a stream; status, code and type as it gave them."""


class ProtocolError(CerebrasError):
    """A reply that cannot be read: not JSON, not the documented shape, or beyond a limit.

    Attributes:
        where: The place in the reply, never its content.
        partial: What had arrived of a stream before.
    """

    where: str = ""
    partial: ChatCompletion | TextCompletion | None = None

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(message)
        self.where = where
