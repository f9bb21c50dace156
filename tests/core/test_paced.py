"""A paced call step by step: waits before attempts, never beyond the deadline (contract §8.4)."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from cerebras_ext._assemble import ChatAssembler
from cerebras_ext._calls import Calls
from cerebras_ext._paced import paced_flow
from cerebras_ext.config import CallOptions, ClientConfig, Timeouts
from cerebras_ext.errors import CerebrasError, ConnectionFailed, RateLimited, TimedOut
from cerebras_ext.flow import (
    Answer,
    CallPlan,
    Clock,
    Head,
    Send,
    StreamReply,
    WholeReply,
    call_flow,
)
from cerebras_ext.pacing import Demand, Quota
from cerebras_ext.reply import ChatCompletion
from cerebras_ext.retry import RetryPolicy
from cerebras_ext.stream import StreamReader
from tests.core.flows import QUESTION, Played, Reply, StoppedClock, chat_body, play
from tests.core.streams import DONE, delta, event, finish

if TYPE_CHECKING:
    from cerebras_ext.request import ApiCall

DEMAND = Demand("m", 100, 500)


def headers(remaining: int, kind: str = "application/json") -> dict[str, str]:
    """Headers of a reply that leave so many tokens of 6,000 a minute."""
    limits = {"limit": 6_000, "remaining": remaining}
    named = {f"x-ratelimit-{what}-tokens-minute": str(number) for what, number in limits.items()}
    return {"content-type": kind, **named}


def used(completion_tokens: int | None, cached_tokens: int | None = None) -> dict[str, Any]:
    """A reply's usage."""
    usage: dict[str, Any] = {"prompt_tokens": 100, "completion_tokens": completion_tokens}
    if cached_tokens is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": cached_tokens}
    return usage


def answer(remaining: int, usage: dict[str, Any] | None = None) -> Reply:
    """A whole reply."""
    body = {**json.loads(chat_body()), **({"usage": usage} if usage else {})}
    return Reply(body=(json.dumps(body).encode(),), headers=headers(remaining))


def refusal(remaining: int) -> Reply:
    """A quota refusal."""
    body = b'{"message": "slow down", "code": "token_quota_exceeded"}'
    return Reply(429, (body,), headers(remaining))


class Paced:
    """Calls of one model under one quota, one after the other on one clock."""

    def __init__(self) -> None:
        self.quota = Quota()
        self.time = StoppedClock()

    def call(self, *happenings: Reply | CerebrasError, expected: Any = None, **plan: Any) -> Played:
        """One call."""

        def make_flow(call: ApiCall, expected: Any, plan: CallPlan) -> Any:
            return paced_flow(call_flow(call, expected, plan), DEMAND, self.quota, plan.clock)

        expected = expected or WholeReply(ChatCompletion)
        return play(make_flow, expected, *happenings, time=self.time, **plan)

    def waits_s(self) -> list[float]:
        """The waits of one more call, which is answered."""
        return self.call(answer(0)).waits_s


def test_call_without_a_known_limit_is_sent_at_once() -> None:
    """The first call learns; a reply without such headers teaches nothing."""
    paced = Paced()
    assert paced.call(Reply()).waits_s == []
    assert paced.waits_s() == []


@pytest.mark.parametrize(
    ("first", "waits_s"),
    [
        (answer(0), [1, 1, 1, 1, 1, 1]),
        (answer(550), [0.5]),
        (answer(600), []),
        (answer(0, used(250)), [1, 1, 1, 0.5]),
        (answer(0, used(250, 50)), [1, 1, 1]),
        (answer(0, used(250, None)), [1, 1, 1, 0.5]),
        (answer(0, used(None)), [1, 1, 1, 1, 1, 1]),
    ],
)
def test_next_call_waits_for_what_the_reply_left(first: Reply, waits_s: list[float]) -> None:
    """Remaining as the headers say, and what the usage gives back (§8.4)."""
    paced = Paced()
    assert paced.call(first).result.choices[0].message.content == "Hello"
    assert paced.waits_s() == pytest.approx(waits_s)


def test_refused_attempt_waits_for_room_before_the_next() -> None:
    """The backoff counts in: the bucket fills while it lasts."""
    played = Paced().call(refusal(0), answer(0), retry=RetryPolicy(backoff_s=2.5))
    assert played.waits_s == pytest.approx([2.5, 1, 1, 1, 0.5])
    assert played.result.meta.retries_taken == 1


@pytest.mark.parametrize(
    ("error", "n_waits"),
    [
        (ConnectionFailed("refused", was_sent=False), 0),
        (ConnectionFailed("reset", was_sent=True), 6),
        (ConnectionFailed("reset"), 6),
    ],
)
def test_failed_request_is_charged_unless_it_was_not_sent(
    error: ConnectionFailed, n_waits: int
) -> None:
    """Nobody knows what became of a request that may have arrived."""
    paced = Paced()
    paced.call(answer(600))
    paced.call(error, retry=RetryPolicy(0))
    assert len(paced.waits_s()) == n_waits


def test_failed_reply_is_charged() -> None:
    """An answer came, and cannot be read: it was generated all the same."""
    paced = Paced()
    paced.call(answer(600))
    paced.call(Reply(body=(b"<html>",)), retry=RetryPolicy(0))
    assert len(paced.waits_s()) == 6


def test_call_that_cannot_have_its_turn_in_time_fails_at_once() -> None:
    """With an error that says nothing was sent, and what to do (§8.4)."""
    paced = Paced()
    paced.call(answer(0))
    played = paced.call(timeouts=Timeouts(total_s=5))
    assert played.steps == []
    error = played.error
    assert isinstance(error, TimedOut)
    assert (error.phase, error.was_sent, error.retries_taken) == ("total", False, 0)
    assert error.message == (
        "chat completion with model 'm': not sent: by the rate limits of earlier replies it has to "
        "wait 6.0 s at least, and 5.0 s are left of the call; raise total_s, lower "
        "max_completion_tokens, or turn paces_requests off"
    )


def test_call_that_was_turned_away_is_in_nobodys_way() -> None:
    """Even while its error, which knows its place in the line, is kept."""
    paced = Paced()
    paced.call(answer(0))
    kept = paced.call(timeouts=Timeouts(total_s=5)).error
    assert len(paced.waits_s()) == 6
    assert kept is not None


def test_retry_that_cannot_have_its_turn_in_time_fails_at_once() -> None:
    """The error says that an attempt was sent, and how many retries were."""
    played = Paced().call(refusal(0), timeouts=Timeouts(total_s=5), retry=RetryPolicy(backoff_s=1))
    assert played.waits_s == [1]
    error = played.error
    assert isinstance(error, TimedOut)
    assert (error.was_sent, error.retries_taken) == (True, 0)
    assert "not sent again: " in error.message


def test_call_hopes_for_others_until_its_deadline() -> None:
    """What is on its way may come back sooner; the wait ends with the deadline, not after it."""
    paced = Paced()
    paced.call(answer(600))
    other = paced.quota.queue(DEMAND)
    assert paced.quota.reserve(other, paced.time.now_s) is None
    played = paced.call(timeouts=Timeouts(total_s=2.5))
    assert played.waits_s == pytest.approx([1, 1, 0.5])
    assert isinstance(played.error, TimedOut)


def test_waiting_takes_from_the_time_of_the_attempt() -> None:
    """The time limits of an attempt are what the wait has left of them (§2.5)."""
    paced = Paced()
    paced.call(answer(550))
    (send,) = paced.call(answer(0), timeouts=Timeouts(total_s=5)).sends
    assert (send.timeouts.read_s, send.timeouts.total_s) == pytest.approx((4.5, 4.5))


def test_call_without_a_deadline_waits_as_long_as_it_takes() -> None:
    """Whoever wants no limit gets none."""
    paced = Paced()
    paced.call(answer(0))
    assert len(paced.call(answer(0), timeouts=Timeouts(total_s=None)).waits_s) == 6


def test_stream_settles_at_its_end() -> None:
    """Usage comes last; until then all that was reserved is charged."""
    paced = Paced()
    pieces = (delta(content="a"), finish(), event({"choices": [], "usage": used(200)}), DONE)
    reply = Reply(body=pieces, headers=headers(550, "text/event-stream"))
    expected = StreamReply(lambda meta: StreamReader(ChatAssembler(meta)))
    opened = paced.call(reply, expected=expected).result
    turn = paced.quota.queue(DEMAND)
    wait = paced.quota.reserve(turn, paced.time.now_s)
    assert wait is not None
    assert wait.seconds == pytest.approx(0.5)
    for piece in pieces:
        list(opened.reader.feed(piece))
    opened.end(None)
    assert paced.quota.reserve(turn, paced.time.now_s) is None


def calls(**settings: Any) -> Calls:
    """A client's calls."""
    settings = {"timeout": Timeouts(total_s=1), **settings}
    made = Calls(ClientConfig(SecretStr("csk-test"), "http://127.0.0.1:1", **settings))
    made.clock = Clock(lambda: 0.0, lambda: 0.0)
    return made


def refused(made: Calls, model: str = "m") -> None:
    """A call that is refused for want of quota."""
    flow = made.chat({**QUESTION, "model": model}, CallOptions(max_retries=0))
    send = next(flow)
    assert isinstance(send, Send)
    head = Head(429, headers(0))
    sink = send.open_sink(head)
    sink.end()
    with pytest.raises(RateLimited):
        flow.send(Answer(head, sink))


def test_pacing_is_off_unless_asked_for() -> None:
    """A refusal of one call says nothing to the next."""
    made = calls()
    refused(made)
    assert isinstance(next(made.chat(QUESTION, None)), Send)


def test_calls_of_a_client_share_what_they_learned_about_a_model() -> None:
    """One quota for each model id, for whole and streamed calls (API §13.1)."""
    made = calls(paces_requests=True)
    refused(made)
    for flow in (made.chat(QUESTION, None), made.stream_chat(QUESTION, None)):
        with pytest.raises(TimedOut, match="not sent"):
            next(flow)
    assert isinstance(next(made.chat({**QUESTION, "model": "other"}, None)), Send)


def test_forked_process_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that wait in the parent are not in the child, and must not be waited for (§5.4)."""
    made = calls(paces_requests=True)
    refused(made)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert isinstance(next(made.chat(QUESTION, None)), Send)


def test_calls_without_tokens_are_not_paced() -> None:
    """Model lists and warm-ups count against no model's quota."""
    made = calls(paces_requests=True)
    refused(made)
    assert isinstance(next(made.model("m", "default", None, is_public=False)), Send)
