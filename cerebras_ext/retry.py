"""When a request is sent again, and after how long. Pure: clock and randomness are arguments.

One layer of retries serves both frameworks. Nothing is retried after a delta was handed over.

Source: reliability contract section 2; the official SDK's policy (1.91.0) for statuses and advice
headers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol, TypeGuard

from cerebras_ext.errors import (
    CerebrasError,
    ConfigError,
    ConnectionFailed,
    ContextOverflow,
    ProtocolError,
    RateLimited,
    StatusError,
    StreamIncomplete,
    TimedOut,
)
from cerebras_ext.limits import read_rate_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HTTP_FRAMING", "RetryBudget", "RetryPolicy", "is_number", "read_advice_s"]

RETRIED_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
HTTP_FRAMING = "HTTP framing"
"""`ProtocolError.where` of a reply that is not HTTP: no answer, so it may be asked for again."""


class Rng(Protocol):
    """A source of random numbers, e.g. `random.Random`."""

    def uniform(self, a: float, b: float, /) -> float:
        """A number between a and b."""
        ...


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -math.inf < value < math.inf


def read_advice_s(headers: Mapping[str, str], now_unix_s: float) -> float | None:
    """Seconds the server asks to wait: `retry-after-ms`, `retry-after`, old reset headers.

    Args:
        headers: Lower-case names.
        now_unix_s: For a `retry-after` that is a date.

    Returns:
        A positive, finite number; None when there is no usable advice.
    """
    for advice in (
        _scaled(_number(headers.get("retry-after-ms")), 0.001),
        _number(headers.get("retry-after")),
        _seconds_until(headers.get("retry-after"), now_unix_s),
    ):
        if advice is not None and math.isfinite(advice) and advice > 0:
            return advice
    resets = [
        window.reset_after_s
        for window in read_rate_limits(headers)
        if window.is_exhausted and window.reset_after_s
    ]
    return max(resets, default=None)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _scaled(number: float | None, factor: float) -> float | None:
    return None if number is None else number * factor


def _seconds_until(text: str | None, now_unix_s: float) -> float | None:
    if text is None:
        return None
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now_unix_s


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a request is sent again.

    Attributes:
        max_retries: Retries after the first attempt; 0 turns retrying off.
        backoff_s: First backoff; doubles with each attempt.
        max_backoff_s: Longest backoff.
        max_quota_backoff_s: Longest backoff after a 429 quota refusal; buckets refill by the
            minute.
        max_advice_s: Longest advice of the server that is followed; longer advice raises at once.
        retries_queue_exceeded: Whether capacity refusals (429 `queue_exceeded`) are retried
            although the service marks them `x-should-retry: false`; most clear within about a
            second.
    """

    max_retries: int = 2
    backoff_s: float = 0.5
    max_backoff_s: float = 8.0
    max_quota_backoff_s: float = 60.0
    max_advice_s: float = 60.0
    retries_queue_exceeded: bool = False

    def __post_init__(self) -> None:
        if not is_number(self.max_retries) or self.max_retries < 0 or self.max_retries % 1:
            raise ConfigError(
                f"max_retries is {self.max_retries!r}; give a whole number, 0 or more"
            )
        for name in ("backoff_s", "max_backoff_s", "max_quota_backoff_s", "max_advice_s"):
            seconds: object = getattr(self, name)
            if not is_number(seconds) or seconds < 0:
                raise ConfigError(f"{name} is {seconds!r}; give seconds, 0 or more")

    def delay_s(
        self, error: CerebrasError, attempt: int, *, n_read_timeouts: int, rng: Rng
    ) -> float | None:
        """Seconds to wait before the next attempt; None when there is none.

        Args:
            error: Why the attempt failed.
            attempt: 0 for the first.
            n_read_timeouts: How many attempts, this one included, ended in silence after the
                request was sent; such a request may have been billed, so it is repeated once at
                most.
            rng: For jitter.
        """
        if attempt >= self.max_retries or not self._is_retryable(error, n_read_timeouts):
            return None
        if isinstance(error, StatusError) and error.retry_after_s is not None:
            return error.retry_after_s if error.retry_after_s <= self.max_advice_s else None
        is_quota = isinstance(error, RateLimited) and error.code != "queue_exceeded"
        cap = self.max_quota_backoff_s if is_quota else self.max_backoff_s
        return min(cap, self.backoff_s * 2.0 ** min(attempt, 60)) * rng.uniform(0.25, 1.0)

    def _is_retryable(self, error: CerebrasError, n_read_timeouts: int) -> bool:
        if isinstance(error, TimedOut):
            return error.phase == "connect" or (error.phase == "read" and n_read_timeouts <= 1)
        if isinstance(error, StatusError):
            if error.code == "queue_exceeded" and self.retries_queue_exceeded:
                return True
            if error.should_retry is not None:
                return error.should_retry
            return error.status in RETRIED_STATUSES and not isinstance(error, ContextOverflow)
        if isinstance(error, ProtocolError):
            return error.where == HTTP_FRAMING
        return isinstance(error, ConnectionFailed | StreamIncomplete)


class RetryBudget:
    """Keeps a failing service from being hit harder: retries cost, successes pay back.

    One budget serves all calls of a client; single additions are atomic enough for a budget.
    """

    SIZE = 100
    RETRY_COST = 10
    RATE_LIMITED_COST = 5
    SUCCESS_GAIN = 1

    def __init__(self) -> None:
        self._tokens = self.SIZE

    def take(self, error: CerebrasError) -> bool:
        """Whether a retry after this error is affordable; if so it is paid for."""
        cost = self.RATE_LIMITED_COST if isinstance(error, RateLimited) else self.RETRY_COST
        if cost > self._tokens:
            return False
        self._tokens -= cost
        return True

    def give_back(self) -> None:
        """Notes a success."""
        self._tokens = min(self.SIZE, self._tokens + self.SUCCESS_GAIN)
