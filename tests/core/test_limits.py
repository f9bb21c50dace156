"""Rate-limit headers of both generations."""

from __future__ import annotations

import pickle

import pytest

from cerebras_ext.limits import NO_RATE_LIMITS, RateLimits, RateLimitWindow, read_rate_limits
from tests.captures import captures, needs_captures

OLD = {
    "x-ratelimit-limit-requests-day": "14400",
    "x-ratelimit-limit-tokens-minute": "60000",
    "x-ratelimit-remaining-requests-day": "14398",
    "x-ratelimit-remaining-tokens-minute": "0",
    "x-ratelimit-reset-requests-day": "33011.382867",
    "x-ratelimit-reset-tokens-minute": "11.38",
}
NEW = {
    f"x-ratelimit-{what}-{resource}-{period}": str(number)
    for resource in ("requests", "tokens")
    for number, period in enumerate(("minute", "hour", "day"), 1)
    for what in ("limit", "remaining")
}


def test_old_headers_have_two_windows_with_resets() -> None:
    """The headers of 2025: requests a day, tokens a minute, seconds until full (§1.3)."""
    assert read_rate_limits(OLD).windows == (
        RateLimitWindow("requests", "day", 14_400, 14_398, 33_011.382867),
        RateLimitWindow("tokens", "minute", 60_000, 0, 11.38),
    )


def test_new_headers_have_six_windows_without_resets() -> None:
    """The headers of 2026: requests and tokens, each a minute, hour and day (§1.3)."""
    limits = read_rate_limits(NEW)
    assert [(one.resource, one.period, one.limit) for one in limits] == [
        ("requests", "minute", 1),
        ("requests", "hour", 2),
        ("requests", "day", 3),
        ("tokens", "minute", 1),
        ("tokens", "hour", 2),
        ("tokens", "day", 3),
    ]
    assert all(one.reset_after_s is None for one in limits)


@pytest.mark.parametrize("headers", [{}, {"x-request-id": "a"}, {"x-ratelimit-limit": "5"}])
def test_no_headers_are_no_limits(headers: dict[str, str]) -> None:
    """All of the headers are optional; without them the snapshot is false (§1.3)."""
    assert read_rate_limits(headers) is NO_RATE_LIMITS
    assert not NO_RATE_LIMITS
    assert NO_RATE_LIMITS.to_dict() == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("5.0", 5),
        (" 5 ", 5),
        ("0", 0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("many", None),
        ("", None),
        (str(2**63 - 1), None),
        (str(2**62), None),
    ],
)
def test_unreadable_and_endless_numbers_count_as_not_said(text: str, number: int | None) -> None:
    """Nothing is guessed; a router's 2**63 - 1 means no limit."""
    window = read_rate_limits(OLD | {"x-ratelimit-limit-tokens-minute": text}).get(
        "tokens", "minute"
    )
    assert window is not None
    assert window.limit == number


def test_window_is_found_by_resource_and_period() -> None:
    """A window no header named is None."""
    limits = read_rate_limits(OLD)
    assert limits.get("requests", "day") == limits.windows[0]
    assert limits.get("requests", "minute") is None


@pytest.mark.parametrize(
    ("remaining", "is_exhausted"), [(0, True), (1, False), (None, False), (-5, True)]
)
def test_window_with_nothing_left_is_exhausted(remaining: int | None, is_exhausted: bool) -> None:
    """Not said is not exhausted."""
    window = RateLimitWindow("tokens", "minute", 10, remaining)
    assert window.is_exhausted is is_exhausted


@pytest.mark.parametrize(
    ("window", "refill_per_s"),
    [
        (RateLimitWindow("tokens", "minute", 60_000), 1_000),
        (RateLimitWindow("requests", "hour", 150), 150 / 3_600),
        (RateLimitWindow("requests", "day"), None),
    ],
)
def test_window_refills_continuously(window: RateLimitWindow, refill_per_s: float | None) -> None:
    """The size of the bucket over its period is its rate (§13.1)."""
    assert window.refill_per_s == refill_per_s


def test_snapshot_is_flat_numbers_for_metadata() -> None:
    """Only what was said is in the dict."""
    assert read_rate_limits(OLD).to_dict() == {
        "limit_requests_day": 14_400,
        "remaining_requests_day": 14_398,
        "reset_after_s_requests_day": 33_011.382867,
        "limit_tokens_minute": 60_000,
        "remaining_tokens_minute": 0,
        "reset_after_s_tokens_minute": 11.38,
    }


def test_snapshot_pickles() -> None:
    """Errors carry snapshots, and errors pickle (§5.5)."""
    limits = read_rate_limits(NEW)
    assert pickle.loads(pickle.dumps(limits)) == limits
    assert bool(RateLimits(limits.windows))


@needs_captures
def test_recorded_headers_are_all_understood() -> None:
    """Every rate-limit header of the recorded traffic is in the snapshot (§1.3)."""
    n_read = 0
    for recorded in captures():
        headers = recorded.response.get("headers") or {}
        said = {name: text for name, text in headers.items() if name.startswith("x-ratelimit-")}
        flat = read_rate_limits(headers).to_dict()
        finite = [name for name, text in said.items() if float(text) < 2**62]
        assert len(flat) == len(finite), recorded.id
        n_read += len(flat)
    assert n_read > 50
