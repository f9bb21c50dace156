"""Rate limits: buckets that fill continuously, reservations, and the headers that report them.

The clock is an argument everywhere, in seconds since the epoch; nothing here waits.

    buckets = Buckets(rate_limits("free", "gpt-oss-120b"), now=now)
    reservation = buckets.reserve(tokens_to_reserve(n_prompt_tokens, 500), now=now)
    headers = buckets.headers(now=now)
    buckets.settle(reservation, used_tokens=320, cached_tokens=128, now=later)

Source: API specification §13.1 (limits), §13.2 (reservation), §1.3 (headers).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from cerebras_ext.emulator.problems import (
    REQUEST_QUOTA_EXCEEDED,
    TOKEN_QUOTA_EXCEEDED,
    TOTAL_TOKEN_QUOTA_EXCEEDED,
    KnownError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "MAX_RESERVED_ANSWER_TOKENS",
    "Buckets",
    "HeaderGeneration",
    "Limit",
    "Period",
    "Plan",
    "Reservation",
    "Resource",
    "rate_limits",
    "tokens_to_reserve",
]

Period: TypeAlias = Literal["second", "minute", "hour", "day"]
Resource: TypeAlias = Literal["requests", "tokens", "total_tokens"]
"""What is counted: requests, tokens not found in the prompt cache, or all tokens."""

Plan: TypeAlias = Literal["free", "developer", "unlimited"]
HeaderGeneration: TypeAlias = Literal["2025", "2026"]
"""Which rate-limit headers: with `reset` for two buckets, or without it for six."""

MAX_RESERVED_ANSWER_TOKENS: Final = 16_384

PERIOD_S: Final[Mapping[Period, int]] = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}

# A clock in seconds since the epoch is no finer than this in a float.
_ROUNDING_S: Final = 1e-6

_REFUSALS: Final[Mapping[Resource, KnownError]] = {
    "requests": REQUEST_QUOTA_EXCEEDED,
    "tokens": TOKEN_QUOTA_EXCEEDED,
    "total_tokens": TOTAL_TOKEN_QUOTA_EXCEEDED,
}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so much of something in a period."""

    resource: Resource
    period: Period
    amount: int


_FREE: Final = (
    Limit("requests", "minute", 5),
    Limit("requests", "hour", 150),
    Limit("requests", "day", 2_400),
    Limit("tokens", "minute", 30_000),
    Limit("tokens", "hour", 1_000_000),
    Limit("tokens", "day", 1_000_000),
    Limit("total_tokens", "minute", 90_000),
    Limit("total_tokens", "day", 3_000_000),
)
# As in the headers of capture 006; the total bucket as documented.
_DEVELOPER: Final = (
    Limit("requests", "minute", 1_000),
    Limit("requests", "hour", 60_000),
    Limit("requests", "day", 1_440_000),
    Limit("tokens", "minute", 1_000_000),
    Limit("tokens", "hour", 120_000_000),
    Limit("tokens", "day", 2_000_000_000),
    Limit("total_tokens", "minute", 3_000_000),
)
_DEVELOPER_QWEN_3_8: Final = (
    Limit("requests", "minute", 300),
    Limit("requests", "hour", 18_000),
    Limit("requests", "day", 432_000),
    Limit("tokens", "minute", 150_000),
    Limit("tokens", "hour", 9_000_000),
    Limit("tokens", "day", 216_000_000),
    Limit("total_tokens", "minute", 750_000),
    Limit("total_tokens", "day", 1_080_000_000),
)

_PLANS: Final[Mapping[Plan, Mapping[str, tuple[Limit, ...]]]] = {
    "free": {"*": _FREE},
    "developer": {"*": _DEVELOPER, "qwen-3.8-27b": _DEVELOPER_QWEN_3_8},
    "unlimited": {"*": ()},
}


def rate_limits(plan: Plan, model: str) -> tuple[Limit, ...]:
    """The limits of one model for an organisation on a plan.

    Args:
        plan: "unlimited" has none.
        model: Canonical id.
    """
    by_model = _PLANS[plan]
    return by_model.get(model, by_model["*"])


def tokens_to_reserve(prompt_tokens: int, max_tokens: int | None) -> int:
    """What a request takes from the token buckets before it is answered.

    Args:
        prompt_tokens: The estimate of the prompt.
        max_tokens: The caller's limit for the answer; None or -1 without one.
    """
    if max_tokens is None or max_tokens < 0:
        return prompt_tokens + MAX_RESERVED_ANSWER_TOKENS
    return prompt_tokens + min(max_tokens, MAX_RESERVED_ANSWER_TOKENS)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Tokens taken in advance, to be settled once the real use is known."""

    tokens: int


class _Bucket:
    """One limit's level at a moment."""

    def __init__(self, limit: Limit, now: float) -> None:
        self.limit = limit
        self._level = float(limit.amount)
        self._filled_at = now

    def fill(self, now: float) -> None:
        elapsed_s = max(0.0, now - self._filled_at)
        self.add(elapsed_s * self._per_second)
        self._filled_at = max(now, self._filled_at)

    def add(self, amount: float) -> None:
        self._level = min(float(self.limit.amount), self._level + amount)

    def wait_s(self, amount: float) -> float:
        """Seconds until `amount` is there; infinite if it never fits."""
        if amount > self.limit.amount:
            return math.inf
        return max(0.0, (amount - self._level) / self._per_second)

    @property
    def remaining(self) -> int:
        return max(0, math.floor(self._level))

    @property
    def _per_second(self) -> float:
        return self.limit.amount / PERIOD_S[self.limit.period]


class Buckets:
    """The buckets of one organisation and model, full at the start.

    `sends_retry_after` adds a `retry-after` header to refusals. The service was never seen sending
    one; the switch is for testing clients that honour it.
    """

    def __init__(
        self,
        limits: Iterable[Limit],
        *,
        now: float,
        generation: HeaderGeneration = "2026",
        sends_retry_after: bool = False,
    ) -> None:
        self._buckets = [_Bucket(limit, now) for limit in limits]
        self._generation: HeaderGeneration = generation
        self._sends_retry_after = sends_retry_after

    def reserve(self, tokens: int, *, now: float) -> Reservation:
        """Takes one request and `tokens` from the buckets, or nothing.

        Raises:
            ApiProblem: 429 that names the first bucket that does not hold enough.
        """
        self._fill(now)
        for bucket in self._buckets:
            wait_s = bucket.wait_s(_share(bucket.limit.resource, tokens))
            if wait_s > _ROUNDING_S:
                raise _REFUSALS[bucket.limit.resource].problem(
                    period=bucket.limit.period,
                    headers={**self.headers(now=now), **self._advice(wait_s)},
                )
        for bucket in self._buckets:
            bucket.add(-_share(bucket.limit.resource, tokens))
        return Reservation(tokens)

    def settle(
        self, reservation: Reservation, *, used_tokens: int, cached_tokens: int = 0, now: float
    ) -> None:
        """Replaces a reservation by what the request really used.

        Args:
            reservation: As from `reserve`.
            used_tokens: Prompt and answer together; 0 for a request that failed.
            cached_tokens: How many of them came from the prompt cache, which only total buckets
                count.
            now: The moment the answer ended.
        """
        self._fill(now)
        charges = {"tokens": used_tokens - cached_tokens, "total_tokens": used_tokens}
        for bucket in self._buckets:
            if (charge := charges.get(bucket.limit.resource)) is not None:
                bucket.add(reservation.tokens - charge)

    def headers(self, *, now: float) -> dict[str, str]:
        """The rate-limit headers, lower-case names; none for buckets without a limit."""
        self._fill(now)
        by_name = {
            f"{bucket.limit.resource}-{bucket.limit.period}": bucket for bucket in self._buckets
        }
        headers: dict[str, str] = {}
        for name in _HEADER_BUCKETS[self._generation]:
            if (bucket := by_name.get(name)) is not None:
                headers[f"x-ratelimit-limit-{name}"] = str(bucket.limit.amount)
                headers[f"x-ratelimit-remaining-{name}"] = str(bucket.remaining)
                if self._generation == "2025":
                    headers[f"x-ratelimit-reset-{name}"] = str(_until_next(bucket.limit, now))
        return headers

    def _fill(self, now: float) -> None:
        for bucket in self._buckets:
            bucket.fill(now)

    def _advice(self, wait_s: float) -> dict[str, str]:
        if not self._sends_retry_after or math.isinf(wait_s):
            return {}
        return {"retry-after": str(math.ceil(wait_s))}


_HEADER_BUCKETS: Final[Mapping[HeaderGeneration, tuple[str, ...]]] = {
    "2025": ("requests-day", "tokens-minute"),
    "2026": tuple(
        f"{resource}-{period}"
        for resource in ("requests", "tokens")
        for period in ("minute", "hour", "day")
    ),
}


def _share(resource: Resource, tokens: int) -> int:
    return 1 if resource == "requests" else tokens


def _until_next(limit: Limit, now: float) -> float:
    """Seconds to the next full minute or day, which is what the old `reset` headers counted."""
    return PERIOD_S[limit.period] - now % PERIOD_S[limit.period]
