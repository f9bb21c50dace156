"""Rate-limit headers of both generations, read into one snapshot.

Old (documented until spring 2026, observed 2025-11-02):
`x-ratelimit-{limit,remaining,reset}-requests-day` and `-tokens-minute`, where `reset` is a number
of seconds. New (observed 2026-05-29): `limit` and `remaining` for requests and tokens, each per
minute, hour and day, without `reset`. All of them are optional.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["NO_RATE_LIMITS", "RateLimitWindow", "RateLimits", "read_rate_limits"]

Resource = Literal["requests", "tokens"]
Period = Literal["minute", "hour", "day"]

PERIOD_S: dict[Period, int] = {"minute": 60, "hour": 3_600, "day": 86_400}
_RESOURCES: tuple[Resource, ...] = ("requests", "tokens")
_FACTS = ("limit", "remaining", "reset")
_HEADERS: list[tuple[Resource, Period, list[str]]] = [
    (resource, period, [f"x-ratelimit-{what}-{resource}-{period}" for what in _FACTS])
    for resource in _RESOURCES
    for period in PERIOD_S
]
"""Every window, and the headers that tell of it."""
_UNLIMITED_FROM = 2**62  # a router in front of the service writes 2**63 - 1 for "no limit"


@dataclass(frozen=True, slots=True)
class RateLimitWindow:
    """One bucket: how much it holds, how much is left, and when it is full again.

    Attributes:
        resource: What is counted.
        period: Over what.
        limit: Size of the bucket; None when not said or unlimited.
        remaining: What is left after this request's reservation; None when not said or unlimited.
        reset_after_s: Seconds until the bucket is full again; only the old headers said so.
    """

    resource: Resource
    period: Period
    limit: int | None = None
    remaining: int | None = None
    reset_after_s: float | None = None

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.remaining is not None and self.remaining <= 0

    @property
    def refill_per_s(self) -> float | None:
        """Units that come back each second: the buckets refill continuously."""
        return None if self.limit is None else self.limit / PERIOD_S[self.period]


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What one reply's headers said about quotas; windows that were not named are missing."""

    windows: tuple[RateLimitWindow, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.windows)

    def __iter__(self) -> Iterator[RateLimitWindow]:
        return iter(self.windows)

    def get(self, resource: Resource, period: Period) -> RateLimitWindow | None:
        """The window of a resource and period, or None when no header named it."""
        for window in self.windows:
            if window.resource == resource and window.period == period:
                return window
        return None

    def to_dict(self) -> dict[str, float]:
        """Flat numbers for metadata: `remaining_tokens_minute`, `limit_requests_day` and so on."""
        flat: dict[str, float] = {}
        for window in self.windows:
            facts = {
                "limit": window.limit,
                "remaining": window.remaining,
                "reset_after_s": window.reset_after_s,
            }
            for what, number in facts.items():
                if number is not None:
                    flat[f"{what}_{window.resource}_{window.period}"] = number
        return flat


NO_RATE_LIMITS = RateLimits()


def read_rate_limits(headers: Mapping[str, str]) -> RateLimits:
    """The rate limits that reply headers name.

    Args:
        headers: Lower-case names.

    Returns:
        A snapshot; false when no header was there. Unreadable numbers count as not said.
    """
    windows: list[RateLimitWindow] = []
    for resource, period, names in _HEADERS:
        limit, remaining, reset = map(headers.get, names)
        if limit or remaining or reset:
            told = _count(limit), _count(remaining), _seconds(reset)
            if any(number is not None for number in told):
                windows.append(RateLimitWindow(resource, period, *told))
    return RateLimits(tuple(windows)) if windows else NO_RATE_LIMITS


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _count(text: str | None) -> int | None:
    number = _seconds(text)
    return None if number is None or number >= _UNLIMITED_FROM else int(number)
