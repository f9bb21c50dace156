"""Rate limits: API specification §1.3, §13.1 and §13.2."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cerebras_ext.emulator.buckets import Buckets, Limit, rate_limits, tokens_to_reserve
from cerebras_ext.emulator.problems import ApiProblem
from tests.captures import captures, needs_captures

NOON = 20_602 * 86_400 + 43_200.0


def buckets(*limits, **options):
    """Full buckets at noon."""
    return Buckets([Limit(*limit) for limit in limits], now=NOON, **options)


def refused(bucket_set, tokens, now):
    """The 429 for a reservation that does not fit."""
    with pytest.raises(ApiProblem) as caught:
        bucket_set.reserve(tokens, now=now)
    assert caught.value.status == 429
    return caught.value


def remaining(bucket_set, name, now=NOON):
    """What a header reports to be left."""
    return int(bucket_set.headers(now=now)[f"x-ratelimit-remaining-{name}"])


# --- reservation


@pytest.mark.parametrize(
    ("max_tokens", "reserved"),
    [(None, 16_394), (-1, 16_394), (0, 10), (500, 510), (16_384, 16_394), (65_536, 16_394)],
)
def test_answer_is_reserved_up_to_16384_tokens(max_tokens, reserved):
    """§13.2: capped there, and assumed to be that where no limit is given."""
    assert tokens_to_reserve(10, max_tokens) == reserved


def test_reservation_is_gone_from_the_headers_at_once():
    """§1.3: `remaining` is already reduced by the request's own reservation."""
    limits = buckets(("requests", "minute", 5), ("tokens", "minute", 30_000))

    limits.reserve(2_003, now=NOON)

    assert remaining(limits, "requests-minute") == 4
    assert remaining(limits, "tokens-minute") == 27_997


def test_settling_gives_back_what_was_not_used():
    """§13.2: 65 tokens charged for a call that reserved far more; the request stays spent."""
    limits = buckets(("requests", "minute", 5), ("tokens", "minute", 30_000))
    reservation = limits.reserve(16_394, now=NOON)

    limits.settle(reservation, used_tokens=65, now=NOON)

    assert remaining(limits, "tokens-minute") == 30_000 - 65
    assert remaining(limits, "requests-minute") == 4


def test_settling_charges_what_was_used_beyond_the_reservation():
    """§13.2: an answer can be longer than the 16,384 that were reserved."""
    limits = buckets(("tokens", "minute", 30_000))
    reservation = limits.reserve(16_394, now=NOON)

    limits.settle(reservation, used_tokens=40_000, now=NOON)

    assert remaining(limits, "tokens-minute") == 0
    refused(limits, 1, NOON + 19)
    assert limits.reserve(1, now=NOON + 21).tokens == 1


def test_cached_tokens_count_in_the_total_bucket_only():
    """§13.5: cache hits are free of the uncached limit."""
    limits = buckets(("tokens", "minute", 1_000), ("total_tokens", "minute", 1_000))
    reservation = limits.reserve(600, now=NOON)

    limits.settle(reservation, used_tokens=600, cached_tokens=500, now=NOON)

    assert remaining(limits, "tokens-minute") == 900
    problem = refused(limits, 500, NOON)
    assert problem.message.startswith("Total tokens per minute")


def test_refusal_takes_nothing():
    """A refused request leaves every bucket as it was."""
    limits = buckets(("requests", "minute", 5), ("tokens", "minute", 100))

    refused(limits, 101, NOON)

    assert remaining(limits, "requests-minute") == 5
    assert remaining(limits, "tokens-minute") == 100


# --- refill


def test_buckets_fill_continuously():
    """§13.1: 60 a minute is one a second."""
    limits = buckets(("requests", "minute", 60))
    for _ in range(60):
        limits.reserve(0, now=NOON)

    refused(limits, 0, NOON + 0.9)
    limits.reserve(0, now=NOON + 1.1)
    refused(limits, 0, NOON + 1.9)


def test_buckets_do_not_overflow():
    """Time without requests cannot be saved up."""
    limits = buckets(("requests", "minute", 5))

    assert remaining(limits, "requests-minute", NOON + 10_000) == 5


def test_clock_that_goes_back_fills_nothing():
    """A stopped or corrected clock does no harm."""
    limits = buckets(("requests", "minute", 1))
    limits.reserve(0, now=NOON)

    refused(limits, 0, NOON - 3600)
    assert remaining(limits, "requests-minute", NOON + 60) == 1


@given(
    st.lists(
        st.tuples(st.floats(0, 30), st.integers(0, 400), st.integers(0, 600), st.integers(0, 300)),
        max_size=30,
    )
)
def test_level_stays_within_its_bucket(steps):
    """Whatever happens, nothing below zero or above the limit is reported."""
    limits = buckets(("tokens", "minute", 1_000), ("total_tokens", "minute", 3_000))
    now = NOON
    for elapsed_s, tokens, used, cached in steps:
        now += elapsed_s
        try:
            reservation = limits.reserve(tokens, now=now)
        except ApiProblem:
            continue
        limits.settle(reservation, used_tokens=used, cached_tokens=min(cached, used), now=now)
        assert 0 <= remaining(limits, "tokens-minute", now) <= 1_000


# --- refusals


@pytest.mark.parametrize("period", ["second", "minute", "hour", "day"])
@pytest.mark.parametrize(
    ("resource", "type", "code", "message"),
    [
        (
            "requests",
            "too_many_requests_error",
            "request_quota_exceeded",
            "Requests per {} limit exceeded - too many requests sent.",
        ),
        (
            "tokens",
            "too_many_tokens_error",
            "token_quota_exceeded",
            "Tokens per {} limit exceeded - too many tokens processed.",
        ),
        (
            "total_tokens",
            "too_many_tokens_error",
            "token_quota_exceeded",
            "Total tokens per {} limit exceeded - too many tokens processed.",
        ),
    ],
)
def test_refusal_names_the_bucket(resource, type, code, message, period):
    """§11.3: what ran out, and for which period."""
    limits = buckets((resource, period, 1))
    limits.reserve(1, now=NOON)

    problem = refused(limits, 1, NOON)

    assert (problem.type, problem.param, problem.code) == (type, "quota", code)
    assert problem.message == message.format(period)


def test_requests_are_refused_before_tokens():
    """The first limit of the plan that is reached is the one that is named."""
    limits = buckets(("requests", "minute", 1), ("tokens", "minute", 10))
    limits.reserve(10, now=NOON)

    assert refused(limits, 10, NOON).code == "request_quota_exceeded"


def test_refusal_carries_the_rate_limit_headers():
    """Whether the service sends them on 429 is unknown; here a client can read them."""
    limits = buckets(("requests", "minute", 1))
    limits.reserve(0, now=NOON)

    assert refused(limits, 0, NOON).headers == {
        "x-ratelimit-limit-requests-minute": "1",
        "x-ratelimit-remaining-requests-minute": "0",
    }


def test_advice_is_sent_only_when_asked_for():
    """§1.3: `retry-after` was never seen; on request it is the wait rounded up."""
    limits = buckets(("requests", "minute", 60), sends_retry_after=True)
    for _ in range(60):
        limits.reserve(0, now=NOON)

    assert refused(limits, 0, NOON).headers["retry-after"] == "1"


def test_request_that_never_fits_gets_no_advice():
    """§11.3: a prompt larger than the bucket is a token quota error, and waiting does not help."""
    limits = buckets(("tokens", "minute", 100), sends_retry_after=True)

    assert "retry-after" not in refused(limits, 101, NOON).headers


@given(st.integers(1, 500), st.integers(1, 100))
@example(amount=312, tokens=100)  # the wait is a whole number of seconds but for rounding
def test_advice_is_enough(amount, tokens):
    """Who waits as long as advised is admitted."""
    limits = buckets(("tokens", "minute", amount), sends_retry_after=True)
    now = NOON
    for _ in range(20):
        try:
            limits.reserve(tokens, now=now)
        except ApiProblem as problem:
            if "retry-after" not in problem.headers:
                assert tokens > amount
                return
            now += float(problem.headers["retry-after"])
            limits.reserve(tokens, now=now)


# --- headers and plans


def test_headers_of_2026_are_twelve():
    """§1.3: limit and remaining for requests and tokens per minute, hour and day."""
    headers = Buckets(rate_limits("free", "gpt-oss-120b"), now=NOON).headers(now=NOON)

    assert set(headers) == {
        f"x-ratelimit-{kind}-{resource}-{period}"
        for kind in ("limit", "remaining")
        for resource in ("requests", "tokens")
        for period in ("minute", "hour", "day")
    }
    assert headers["x-ratelimit-limit-tokens-minute"] == "30000"


def test_headers_of_2025_are_six_with_resets():
    """§1.3: requests a day and tokens a minute, `reset` in seconds to the next of them."""
    limits = Buckets(rate_limits("free", "gpt-oss-120b"), now=NOON, generation="2025")

    headers = limits.headers(now=NOON + 0.25)

    assert headers == {
        "x-ratelimit-limit-requests-day": "2400",
        "x-ratelimit-remaining-requests-day": "2400",
        "x-ratelimit-reset-requests-day": "43199.75",
        "x-ratelimit-limit-tokens-minute": "30000",
        "x-ratelimit-remaining-tokens-minute": "30000",
        "x-ratelimit-reset-tokens-minute": "59.75",
    }


@needs_captures
def test_headers_are_those_of_the_recording():
    """§1.3: the developer plan after one request that reserved 2,003 tokens."""
    (capture,) = (one for one in captures() if one.id == "006-reqllm-gptoss-chat-202605")
    limits = Buckets(rate_limits("developer", "gpt-oss-120b"), now=NOON)

    limits.reserve(2_003, now=NOON)

    assert limits.headers(now=NOON) == {
        name: value
        for name, value in capture.response["headers"].items()
        if name.startswith("x-ratelimit")
    }


def test_unlimited_plan_has_no_limit_and_no_headers():
    """A plan without limits admits anything."""
    limits = Buckets(rate_limits("unlimited", "gpt-oss-120b"), now=NOON)

    assert limits.reserve(10**9, now=NOON).tokens == 10**9
    assert limits.headers(now=NOON) == {}


@pytest.mark.parametrize(
    ("plan", "model", "requests", "tokens", "total"),
    [
        ("free", "gpt-oss-120b", 5, 30_000, 90_000),
        ("free", "qwen-3.8-27b", 5, 30_000, 90_000),
        ("developer", "gpt-oss-120b", 1_000, 1_000_000, 3_000_000),
        ("developer", "qwen-3.8-27b", 300, 150_000, 750_000),
    ],
)
def test_limits_per_minute_are_documented(plan, model, requests, tokens, total):
    """§13.1: the table of plans and models."""
    per_minute = {
        limit.resource: limit.amount
        for limit in rate_limits(plan, model)
        if limit.period == "minute"
    }

    assert per_minute == {"requests": requests, "tokens": tokens, "total_tokens": total}
