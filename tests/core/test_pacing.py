"""What rate limits leave room for, on a clock that the tests turn (contract §8.4)."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest

from cerebras_ext.limits import NO_RATE_LIMITS, RateLimits, RateLimitWindow
from cerebras_ext.pacing import MAX_RESERVED_ANSWER_TOKENS, Demand, Quota, Turn, Wait
from cerebras_ext.request import CHAT, TEXT, Encoding, build_call

START_S = 1_000.0
SMALL = Demand("m", 100, 500)


def minute(remaining: int | None, limit: int | None = 6_000) -> RateLimits:
    """Headers that report tokens a minute."""
    return RateLimits((RateLimitWindow("tokens", "minute", limit, remaining),))


def requests(remaining: int, limit: int = 5) -> RateLimits:
    """Headers that report requests a minute."""
    return RateLimits((RateLimitWindow("requests", "minute", limit, remaining),))


def admitted(quota: Quota, demand: Demand = SMALL, now_s: float = START_S) -> Turn:
    """A turn that found room."""
    turn = quota.queue(demand)
    assert quota.reserve(turn, now_s) is None
    return turn


def taught(limits: RateLimits) -> Quota:
    """A quota after its first reply, whose request is over."""
    quota = Quota()
    first = admitted(quota)
    quota.learn(first, limits, START_S)
    quota.settle(first, answer_tokens=500, cached_tokens=0, now_s=START_S)
    return quota


def wait_s(quota: Quota, tokens: int, now_s: float = START_S) -> float:
    """How long a request of so many tokens would have to wait; it does not stay in line."""
    wait = quota.reserve(quota.queue(Demand("m", tokens, 0)), now_s)
    return 0.0 if wait is None else wait.seconds


def waiting(seconds: float, at_least_s: float) -> Wait:
    """A wait, compared as floats have to be."""
    near: Any = pytest.approx
    return Wait(near(seconds), near(at_least_s))


@pytest.mark.parametrize(
    ("max_tokens", "answer_tokens"),
    [
        (500, 500),
        (0, 0),
        (16_384, 16_384),
        (32_000, 16_384),
        (None, 16_384),
        (-1, 16_384),
        ("many", 16_384),
    ],
)
def test_demand_reserves_the_longest_answer(max_tokens: object, answer_tokens: int) -> None:
    """Prompt by its bytes; the answer's limit, 16,384 at most and without one (API §13.2)."""
    assert Demand.of("m", 407, max_tokens) == Demand("m", 101, answer_tokens)
    assert MAX_RESERVED_ANSWER_TOKENS == 16_384


@pytest.mark.parametrize(
    ("endpoint", "fields", "extra"),
    [
        (CHAT, {"max_completion_tokens": 500}, None),
        (CHAT, {"max_tokens": 500}, None),
        (TEXT, {"max_tokens": 500}, None),
        (CHAT, {"max_completion_tokens": 9}, {"max_completion_tokens": 500}),
    ],
)
def test_request_knows_its_demand(endpoint: Any, fields: Any, extra: Any) -> None:
    """Under either name of the limit, by what is sent in the end, before it is compressed."""
    prompt: dict[str, Any] = {"messages": [{"role": "user", "content": "a" * 4_000}]}
    if endpoint is TEXT:
        prompt = {"prompt": "a" * 4_000}
    call = build_call(
        endpoint,
        {"model": "m", **prompt, **fields},
        is_stream=False,
        extra_body=extra,
        encoding=Encoding(gzip_above_bytes=0),
    )
    assert call.demand is not None
    assert (call.demand.model, call.demand.answer_tokens) == ("m", 500)
    assert 1_000 <= call.demand.prompt_tokens < 1_040


@pytest.mark.parametrize(
    "limits",
    [
        NO_RATE_LIMITS,
        minute(0, limit=None),
        minute(0, limit=0),
    ],
)
def test_unknown_limits_let_everything_through(limits: RateLimits) -> None:
    """Before the first reply, and where no limit is named."""
    assert wait_s(Quota(), 10**9) == 0
    assert wait_s(taught(limits), 10**9) == 0


@pytest.mark.parametrize(
    ("limits", "tokens", "seconds"),
    [
        (minute(3_000), 3_000, 0),
        (minute(3_000), 3_100, 1),
        (minute(0), 600, 6),
        (minute(None), 6_000, 0),
        (minute(50_000), 6_000, 0),
        (requests(1), 10**9, 0),
        (requests(0), 0, 12),
        (RateLimits((*minute(0), *requests(0))), 2_400, 24),
    ],
)
def test_wait_is_as_long_as_the_refill_takes(
    limits: RateLimits, tokens: int, seconds: float
) -> None:
    """Limit by period is the refill, the slowest bucket decides (§8.4; API §13.1)."""
    assert wait_s(taught(limits), tokens) == pytest.approx(seconds)


def test_levels_rise_with_time_up_to_the_limit() -> None:
    """Refill is continuous, and what does not fit is lost."""
    assert wait_s(taught(minute(0)), 1_000, START_S + 9) == pytest.approx(1)
    quota = taught(minute(0))
    admitted(quota, Demand("m", 6_000, 0), START_S + 600)
    assert wait_s(quota, 600, START_S + 600) == pytest.approx(6)


def test_limit_that_changes_is_followed() -> None:
    """The newest reply is right: a plan may have been changed."""
    quota = taught(minute(6_000))
    quota.learn(admitted(quota), minute(0, limit=12_000), START_S)
    assert wait_s(quota, 600) == pytest.approx(3)


def test_demand_above_the_limit_waits_for_a_full_bucket() -> None:
    """An estimate must not make a request impossible: the service judges it then."""
    quota = taught(minute(3_000))
    assert wait_s(quota, 10**6) == pytest.approx(30)
    assert wait_s(quota, 10**6, START_S + 30) == 0


def test_reservations_leave_less_for_others() -> None:
    """Prompt and longest answer are gone until the reply (§8.4)."""
    quota = taught(minute(1_000))
    admitted(quota)
    assert wait_s(quota, 600) == pytest.approx(2)


@pytest.mark.parametrize(
    ("answer_tokens", "cached_tokens", "left"),
    [(500, 0, 400), (20, 0, 880), (20, 90, 970), (700, 0, 200)],
)
def test_settling_puts_real_use_in_place(answer_tokens: int, cached_tokens: int, left: int) -> None:
    """Only uncached tokens of the prompt and the answer's own count (§8.4)."""
    quota = taught(minute(1_000))
    turn = admitted(quota)
    for _ in range(2):  # the second time does nothing
        quota.settle(turn, answer_tokens=answer_tokens, cached_tokens=cached_tokens, now_s=START_S)
    assert wait_s(quota, left + 100) == pytest.approx(1)


def test_cancelled_request_is_given_back() -> None:
    """What was refused or never sent took nothing."""
    quota = taught(RateLimits((*minute(1_000), *requests(1))))
    turn = admitted(quota)
    quota.cancel(turn, NO_RATE_LIMITS, START_S)
    quota.cancel(turn, NO_RATE_LIMITS, START_S)
    assert wait_s(quota, 1_000) == 0


def test_reply_tells_what_was_really_reserved() -> None:
    """The estimate of the prompt gives way to the service's own, for good."""
    quota = taught(minute(3_000))
    turn = admitted(quota, Demand("m", 1_000, 500))
    quota.learn(turn, minute(2_200), START_S)  # it found 300 tokens in the prompt
    quota.settle(turn, answer_tokens=100, cached_tokens=0, now_s=START_S)
    assert wait_s(quota, 2_700) == pytest.approx(1)


def test_reply_tells_what_others_used() -> None:
    """Other processes share the account; the last word counts, not the sum of all."""
    quota = taught(minute(6_000))
    turns = [admitted(quota), admitted(quota)]
    quota.learn(turns[0], minute(4_400), START_S)  # 1,000 gone that are not ours
    quota.learn(turns[1], minute(3_800), START_S)  # still the same 1,000
    assert wait_s(quota, 3_900) == pytest.approx(1)


def test_late_reply_does_not_undo_what_was_given_back_meanwhile() -> None:
    """Headers tell of the moment of admission, whenever they arrive."""
    quota = taught(minute(6_000))
    early, late = admitted(quota), admitted(quota)
    quota.learn(early, minute(5_400), START_S)
    quota.settle(early, answer_tokens=0, cached_tokens=0, now_s=START_S)
    quota.learn(late, minute(4_800), START_S)
    assert wait_s(quota, 5_400) == pytest.approx(1)


@pytest.mark.parametrize(("is_answered", "seconds"), [(False, 7), (True, 1)])
def test_more_is_believed_only_when_it_is_certain(is_answered: bool, seconds: float) -> None:
    """What overtook an earlier request was answered without counting that one."""
    quota = taught(minute(6_000))
    early, late = admitted(quota), admitted(quota)
    if is_answered:
        quota.learn(early, minute(5_400), START_S)
    quota.learn(late, minute(5_400), START_S)
    assert wait_s(quota, 5_500) == pytest.approx(seconds)


def test_refill_on_the_way_is_not_counted_twice() -> None:
    """The service may have looked at any moment until the reply came."""
    quota = taught(minute(0))
    turn = admitted(quota, SMALL, START_S + 6)
    quota.learn(turn, minute(100), START_S + 7)
    assert wait_s(quota, 200, START_S + 7) == pytest.approx(1)


def test_forgotten_reservation_is_found_by_the_next_reply() -> None:
    """A stream that was given up never settles; the service knows better."""
    quota = taught(minute(6_000))
    admitted(quota)
    gc.collect()
    turn = admitted(quota)
    quota.learn(turn, minute(5_400), START_S)
    assert wait_s(quota, 5_500) == pytest.approx(1)


def test_first_replies_of_a_burst_are_believed_at_their_lowest() -> None:
    """What was sent before anything was known has no book to compare with."""
    quota = Quota()
    turns = [admitted(quota) for _ in range(3)]
    for turn, remaining in zip(turns, (4_800, 4_200, 5_400), strict=True):
        quota.learn(turn, minute(remaining), START_S)
    assert wait_s(quota, 4_300) == pytest.approx(1)


def test_refusal_tells_what_is_left() -> None:
    """The headers of a refusal count the refused request in nowhere."""
    quota = taught(minute(6_000))
    quota.cancel(admitted(quota), minute(100), START_S)
    assert wait_s(quota, 200) == pytest.approx(1)


def test_nobody_overtakes() -> None:
    """A small request behind a large one waits for both, else large ones never had their turn."""
    quota = taught(minute(300))
    large, small = quota.queue(Demand("m", 900, 0)), quota.queue(Demand("m", 100, 0))
    assert quota.reserve(large, START_S) == waiting(6, 6)
    assert quota.reserve(small, START_S) == waiting(7, 0)
    assert quota.reserve(large, START_S + 6) is None
    assert quota.reserve(small, START_S + 6) == waiting(1, 0)


def test_forgotten_turn_leaves_the_line() -> None:
    """A call that was cancelled while it waited is in nobody's way."""
    quota = taught(minute(300))
    large, small = quota.queue(Demand("m", 900, 0)), quota.queue(Demand("m", 100, 0))
    assert quota.reserve(large, START_S) is not None
    del large
    gc.collect()
    assert quota.reserve(small, START_S) is None


def test_full_bucket_lets_everyone_go() -> None:
    """Even those behind somebody who never comes back."""
    quota = taught(minute(6_000))
    first, second = quota.queue(Demand("m", 6_000, 0)), quota.queue(SMALL)
    assert quota.reserve(second, START_S) is None
    assert quota.reserve(first, START_S) == waiting(6, 0)


@pytest.mark.parametrize(
    ("limits", "seconds", "at_least_s"),
    [(minute(600), 6, 0), (requests(1), 12, 12)],
)
def test_wait_may_turn_out_shorter(limits: RateLimits, seconds: float, at_least_s: float) -> None:
    """Tokens on their way may come back, requests do not."""
    quota = taught(limits)
    under_way = admitted(quota)
    wait = quota.reserve(quota.queue(SMALL), START_S)
    assert wait == waiting(seconds, at_least_s)
    assert under_way.books is not None


def test_threads_never_take_more_than_there_is() -> None:
    """Reservation is one step: of many at once, as many go as fit."""
    quota = taught(minute(3_000))
    barrier = threading.Barrier(16)
    turns: list[Turn] = []

    def take() -> None:
        barrier.wait()
        for _ in range(20):
            turn = quota.queue(Demand("m", 100, 0))
            if quota.reserve(turn, START_S) is None:
                turns.append(turn)

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(turns) == 30
