"""Retry policy, server advice and budget, without a clock or a network (contract §2)."""

from __future__ import annotations

import math
import random
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebras_ext.errors import (
    CerebrasError,
    ConfigError,
    ConnectionFailed,
    ContextOverflow,
    ProtocolError,
    RateLimited,
    ServerError,
    StatusError,
    StreamIncomplete,
    TimedOut,
)
from cerebras_ext.retry import HTTP_FRAMING, RetryBudget, RetryPolicy, read_advice_s

NOW_UNIX_S = 1_780_000_000.0
RETRIED = (408, 409, 429, 500, 502, 503, 504, 529)
NOT_RETRIED = (300, 307, 400, 401, 402, 403, 404, 405, 410, 413, 422, 451, 501, 505)


class Draws:
    """Randomness that notes what it was asked for and gives the upper end."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float, /) -> float:
        self.asked.append((a, b))
        return b


def failure(status: int, kind: type[StatusError] = StatusError, **facts: Any) -> StatusError:
    """A status error with these facts."""
    error = kind("failed")
    error.status = status
    for name, value in facts.items():
        setattr(error, name, value)
    return error


def delay_s(
    error: CerebrasError,
    attempt: int = 0,
    *,
    policy: RetryPolicy | None = None,
    n_read_timeouts: int = 0,
) -> float | None:
    """The longest delay that the policy could draw."""
    chosen = policy or RetryPolicy()
    return chosen.delay_s(error, attempt, n_read_timeouts=n_read_timeouts, rng=Draws())


@pytest.mark.parametrize("status", RETRIED)
@pytest.mark.parametrize("should_retry", [None, True, False])
def test_some_statuses_are_retried_unless_the_server_says_no(
    status: int, should_retry: bool | None
) -> None:
    """408, 409, 429 and the passing 5xx are retried; `x-should-retry` wins (§2.1)."""
    is_retried = delay_s(failure(status, should_retry=should_retry)) is not None
    assert is_retried is (should_retry is not False)


@pytest.mark.parametrize("status", NOT_RETRIED)
@pytest.mark.parametrize("should_retry", [None, True, False])
def test_other_statuses_are_not_retried_unless_the_server_says_so(
    status: int, should_retry: bool | None
) -> None:
    """A deterministic refusal is repeated only on the server's word (§2.1, API §11.4)."""
    is_retried = delay_s(failure(status, should_retry=should_retry)) is not None
    assert is_retried is (should_retry is True)


@pytest.mark.parametrize("status", [400, 413, 429])
def test_overflow_is_not_retried(status: int) -> None:
    """A prompt that does not fit fits no better the second time (API §11.3)."""
    assert delay_s(failure(status, ContextOverflow)) is None


@pytest.mark.parametrize(
    ("error", "is_retried"),
    [
        (ConnectionFailed("refused", was_sent=False), True),
        (ConnectionFailed("reset", was_sent=True), True),
        (ProtocolError("not HTTP", where=HTTP_FRAMING), True),
        (ProtocolError("not JSON", where="body"), False),
        (StreamIncomplete("ended before anything came"), True),
        (ConfigError("bad key"), False),
        (CerebrasError("anything else"), False),
        (TimedOut("connect", phase="connect"), True),
        (TimedOut("write", phase="write"), False),
        (TimedOut("pool", phase="pool"), False),
        (TimedOut("total", phase="total"), False),
    ],
)
def test_failures_without_a_status(error: CerebrasError, is_retried: bool) -> None:
    """A lost connection is retried, our own limits and unreadable replies are not (§2.1)."""
    assert (delay_s(error) is not None) is is_retried


@pytest.mark.parametrize(("n_read_timeouts", "is_retried"), [(1, True), (2, False), (3, False)])
def test_silence_is_retried_once(n_read_timeouts: int, is_retried: bool) -> None:
    """A request that may have been billed is repeated once at most (§2.2)."""
    error = TimedOut("silence", phase="read", was_sent=True)
    assert (delay_s(error, n_read_timeouts=n_read_timeouts) is not None) is is_retried


@pytest.mark.parametrize("retries", [True, False])
@pytest.mark.parametrize("should_retry", [None, True, False])
def test_capacity_refusals_are_retried_on_demand(retries: bool, should_retry: bool | None) -> None:
    """`queue_exceeded` obeys the server by default, and the user who opts in (API §11.5)."""
    error = failure(429, RateLimited, code="queue_exceeded", should_retry=should_retry)
    is_retried = delay_s(error, policy=RetryPolicy(retries_queue_exceeded=retries)) is not None
    assert is_retried is (retries or should_retry is not False)


@pytest.mark.parametrize("max_retries", [0, 1, 2, 5])
def test_retries_are_counted(max_retries: int) -> None:
    """There are so many retries and no more (§2.1)."""
    policy = RetryPolicy(max_retries=max_retries)
    delays = [delay_s(failure(503), attempt, policy=policy) for attempt in range(7)]
    assert [delay is not None for delay in delays] == [n < max_retries for n in range(7)]


@pytest.mark.parametrize(
    ("attempt", "cap_s", "quota_cap_s"),
    [
        *((n, 0.5 * 2**n, 0.5 * 2**n) for n in range(5)),
        (5, 8, 16),
        (9, 8, 60),
        (5_000, 8, 60),
    ],
)
def test_backoff_doubles_up_to_a_cap(attempt: int, cap_s: float, quota_cap_s: float) -> None:
    """A draw in [0.25, 1] of min(cap, 0.5·2ⁿ), cap 8, for quota refusals 60 (§2.3)."""
    policy = RetryPolicy(max_retries=10_000)
    assert delay_s(failure(503), attempt, policy=policy) == cap_s
    assert delay_s(ConnectionFailed("reset"), attempt, policy=policy) == cap_s
    quota = failure(429, RateLimited, code="token_quota_exceeded")
    assert delay_s(quota, attempt, policy=policy) == quota_cap_s
    queue = failure(429, RateLimited, code="queue_exceeded")
    assert delay_s(queue, attempt, policy=policy) == cap_s


def test_backoff_is_drawn() -> None:
    """Clients that failed together do not come back together (§2.3)."""
    draws = Draws()
    RetryPolicy().delay_s(failure(503), 0, n_read_timeouts=0, rng=draws)
    assert draws.asked == [(0.25, 1.0)]
    seeded = [
        RetryPolicy().delay_s(failure(503), 1, n_read_timeouts=0, rng=random.Random(7))
        for _ in range(2)
    ]
    assert seeded[0] == seeded[1]


@pytest.mark.parametrize(
    ("advice_s", "waited_s"), [(0.001, 0.001), (5, 5), (60, 60), (60.001, None), (86_400, None)]
)
def test_advice_is_followed_up_to_a_minute(advice_s: float, waited_s: float | None) -> None:
    """Server advice wins over backoff; longer advice raises at once (§2.3, §2.4)."""
    error = failure(429, RateLimited, retry_after_s=advice_s)
    assert delay_s(error, 1) == waited_s
    assert error.retry_after_s == advice_s


def test_patience_with_advice_is_a_setting() -> None:
    """`max_advice_s` moves the limit."""
    error = failure(429, RateLimited, retry_after_s=90.0)
    assert delay_s(error, policy=RetryPolicy(max_advice_s=120)) == 90


ADVICE: dict[str, tuple[dict[str, str], float | None]] = {
    "none": ({}, None),
    "seconds": ({"retry-after": "5"}, 5),
    "fraction": ({"retry-after": "1.5"}, 1.5),
    "milliseconds": ({"retry-after-ms": "1500"}, 1.5),
    "milliseconds first": ({"retry-after-ms": "200", "retry-after": "5"}, 0.2),
    "unreadable milliseconds": ({"retry-after-ms": "soon", "retry-after": "5"}, 5),
    "date": ({"retry-after": formatdate(NOW_UNIX_S + 30, usegmt=True)}, 30),
    "date without a zone": ({"retry-after": formatdate(NOW_UNIX_S + 30)[:-6]}, 30),
    "date in the past": ({"retry-after": formatdate(NOW_UNIX_S - 30, usegmt=True)}, None),
    "date that is none": ({"retry-after": "Wed, 99 Foo 2026 07:28:00 GMT"}, None),
    "zero": ({"retry-after": "0"}, None),
    "negative": ({"retry-after": "-5"}, None),
    "NaN": ({"retry-after": "nan"}, None),
    "infinite": ({"retry-after": "inf"}, None),
    "words": ({"retry-after": "later"}, None),
    "empty": ({"retry-after": ""}, None),
    "blank": ({"retry-after": " "}, None),
    "reset of a used-up window": (
        {"x-ratelimit-remaining-tokens-minute": "0", "x-ratelimit-reset-tokens-minute": "11.4"},
        11.4,
    ),
    "longest reset": (
        {
            "x-ratelimit-remaining-tokens-minute": "0",
            "x-ratelimit-reset-tokens-minute": "11.4",
            "x-ratelimit-remaining-requests-day": "0",
            "x-ratelimit-reset-requests-day": "33000",
        },
        33_000,
    ),
    "reset of a window with something left": (
        {"x-ratelimit-remaining-tokens-minute": "9", "x-ratelimit-reset-tokens-minute": "11.4"},
        None,
    ),
    "reset at once": (
        {"x-ratelimit-remaining-tokens-minute": "0", "x-ratelimit-reset-tokens-minute": "0"},
        None,
    ),
    "retry-after before reset": (
        {
            "retry-after": "5",
            "x-ratelimit-remaining-tokens-minute": "0",
            "x-ratelimit-reset-tokens-minute": "11.4",
        },
        5,
    ),
    "new headers without reset": ({"x-ratelimit-remaining-tokens-minute": "0"}, None),
}


@pytest.mark.parametrize(("headers", "advice_s"), ADVICE.values(), ids=ADVICE)
def test_advice_is_read_from_headers(headers: dict[str, str], advice_s: float | None) -> None:
    """Every form of advice, in the order of trust; what is unusable counts as none (§2.3)."""
    assert read_advice_s(headers, NOW_UNIX_S) == advice_s


ADVICE_HEADERS = st.sampled_from(
    [
        "retry-after",
        "retry-after-ms",
        "x-ratelimit-remaining-tokens-minute",
        "x-ratelimit-reset-tokens-minute",
    ]
)
DATE_PARTS = st.sampled_from(["Wed", ",", "07", "Oct", "9999", "1", "00:00:00", "GMT", "+9900", ""])
ADVICE_TEXTS = st.one_of(
    st.text(max_size=30),
    st.floats().map(str),
    st.integers().map(str),
    st.lists(DATE_PARTS).map(" ".join),
)


@given(st.dictionaries(ADVICE_HEADERS, ADVICE_TEXTS))
def test_advice_is_positive_and_finite_or_none(headers: dict[str, str]) -> None:
    """No header can make the client wait for ever, go back in time, or crash (§2.3)."""
    advice_s = read_advice_s(headers, NOW_UNIX_S)
    assert advice_s is None or 0 < advice_s < math.inf


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_retries": -1}, "max_retries is -1; give a whole number, 0 or more"),
        ({"max_retries": 1.5}, "max_retries is 1.5; give a whole number, 0 or more"),
        ({"max_retries": True}, "max_retries is True; give a whole number, 0 or more"),
        ({"max_retries": "2"}, "max_retries is '2'; give a whole number, 0 or more"),
        ({"max_retries": math.inf}, "max_retries is inf; give a whole number, 0 or more"),
        ({"backoff_s": -0.1}, "backoff_s is -0.1; give seconds, 0 or more"),
        ({"max_backoff_s": math.nan}, "max_backoff_s is nan; give seconds, 0 or more"),
        ({"max_quota_backoff_s": None}, "max_quota_backoff_s is None; give seconds, 0 or more"),
        ({"max_advice_s": "60"}, "max_advice_s is '60'; give seconds, 0 or more"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], message: str) -> None:
    """The message names field, value and remedy."""
    with pytest.raises(ConfigError) as caught:
        RetryPolicy(**settings)
    assert caught.value.message == message


def test_settings_may_be_zero_and_whole_floats() -> None:
    """Zero waits and zero retries are choices."""
    assert RetryPolicy(0, 0, 0, 0, 0) == RetryPolicy(0.0, 0.0, 0, 0, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "n_affordable"), [(failure(503, ServerError), 10), (failure(429, RateLimited), 20)]
)
def test_budget_ends_retrying(error: StatusError, n_affordable: int) -> None:
    """Of 100 tokens a retry costs 10, after a 429 it costs 5 (§2.6)."""
    budget = RetryBudget()
    assert [budget.take(error) for _ in range(n_affordable + 2)] == [
        *[True] * n_affordable,
        False,
        False,
    ]


def test_budget_comes_back_with_successes() -> None:
    """Ten successes pay for a retry, and more than all is never saved (§2.6)."""
    budget = RetryBudget()
    for _ in range(50):
        budget.give_back()
    refused = failure(503, ServerError)
    assert [budget.take(refused) for _ in range(11)].count(True) == 10
    for _ in range(9):
        budget.give_back()
    assert not budget.take(refused)
    budget.give_back()
    assert budget.take(refused)


def test_budget_lets_the_cheaper_retry_through() -> None:
    """What is left may do for a 429 and not for a 5xx."""
    budget = RetryBudget()
    for _ in range(19):
        assert budget.take(failure(429, RateLimited))
    assert not budget.take(failure(503, ServerError))
    assert budget.take(failure(429, RateLimited))
