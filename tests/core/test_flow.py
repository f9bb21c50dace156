"""How a call goes: attempts, waits, deadline and budget, step by step (contract §2)."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from cerebras_ext import flow
from cerebras_ext.config import RetryEvent, Timeouts
from cerebras_ext.errors import (
    BadRequest,
    ConfigError,
    ContextOverflow,
    ProtocolError,
    RateLimited,
    ServerError,
    StatusError,
    TimedOut,
)
from cerebras_ext.flow import Send, Sleep, WholeReply, call_flow
from cerebras_ext.reply import ChatCompletion
from cerebras_ext.retry import HTTP_FRAMING, RetryBudget, RetryPolicy
from tests.core.flows import (
    BUSY,
    CALL,
    OK,
    Reply,
    chat_body,
    plan_of,
    reset,
    sse,
    streamed,
    whole,
)
from tests.core.streams import event


def test_reply_comes_with_the_facts_of_the_exchange() -> None:
    """Status, ids, limits, retries and headers are in `.meta` (§8.1)."""
    headers = {
        "x-request-id": "r",
        "inference-id": "chatcmpl-a",
        "x-ratelimit-remaining-tokens-minute": "5",
    }
    played = whole(Reply(headers=headers))
    meta = played.result.meta
    assert (meta.status, meta.request_id, meta.inference_id) == (200, "r", "chatcmpl-a")
    assert (meta.retries_taken, meta.client_request_id) == (0, "client-1")
    assert meta.rate_limits.to_dict() == {"remaining_tokens_minute": 5}
    assert meta.headers == headers
    assert played.result.choices[0].message.content == "Hello"


def test_attempt_sends_the_headers_of_plan_and_call() -> None:
    """Plan, body and attempt number, in this order (§2.7)."""
    (send,) = whole(OK).sends
    assert send.headers == (
        ("authorization", "Bearer csk-test"),
        ("content-type", "application/json"),
        ("x-client-retry-count", "0"),
    )


def test_steps_do_not_show_the_key_or_the_prompt() -> None:
    """The repr of a step may end up in a log (§6)."""
    (send,) = whole(OK).sends
    assert "csk-test" not in repr(send)
    assert "Hi" not in repr(send)


def test_compressed_reply_is_read() -> None:
    """Gzip is undone by the core."""
    body = gzip.compress(chat_body(), mtime=0)
    played = whole(Reply(body=(body[:9], body[9:]), headers={"content-encoding": "gzip"}))
    assert played.result.choices[0].message.content == "Hello"


UNREADABLE: dict[str, tuple[Reply, str, str]] = {
    "no JSON": (Reply(body=(b"<html>",)), "not JSON (content type 'application/json')", "body"),
    "no body": (Reply(body=()), "the reply is not JSON", "body"),
    "no content type": (Reply(body=(b"x",), headers={}), "content type 'nothing'", "body"),
    "no object": (Reply(body=(b"[]",)), "the reply is not a ChatCompletion: body", ""),
    "no choices": (Reply(body=(b"{}",)), "ChatCompletion: choices: Field required", "choices"),
    "odd choices": (
        Reply(body=(b'{"choices": [{"message": {"content": 5}}]}',)),
        "choices.0.message.content: Input should be a valid string",
        "choices.0.message.content",
    ),
    "bad gzip": (
        Reply(headers={"content-encoding": "gzip"}),
        "is not valid gzip",
        "content-encoding",
    ),
    "other encoding": (
        Reply(headers={"content-encoding": "br"}),
        "'br', which was not asked for",
        "content-encoding",
    ),
}


@pytest.mark.parametrize(("reply", "message", "where"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_reply_is_a_protocol_error_at_once(
    reply: Reply, message: str, where: str
) -> None:
    """What was answered and billed is not asked for again; the place is named (§2.1, F27-F30)."""
    played = whole(reply)
    assert isinstance(played.error, ProtocolError)
    assert message in played.error.message
    assert played.error.where == where
    assert len(played.steps) == 1


def test_unreadable_reply_is_not_quoted() -> None:
    """The payload of a reply is never in a protocol error (style guide §7)."""
    played = whole(Reply(body=(b'{"choices": "the secret text"}',)))
    assert played.error is not None
    assert "secret" not in played.error.message


def test_long_reply_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply beyond the limit is a protocol error that names it (F31)."""
    monkeypatch.setattr(flow, "MAX_REPLY_BYTES", 10)
    assert "longer than 10 bytes" in str(whole(OK).error)


def test_long_error_body_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an error body so much is read and no more; the status still counts (§7)."""
    monkeypatch.setattr(flow, "MAX_ERROR_BODY_BYTES", 10)
    played = whole(Reply(400, (b"0123456789", b"abc", b"def")))
    assert isinstance(played.error, BadRequest)
    assert played.error.detail == "0123456789"


@pytest.mark.parametrize("headers", [{"content-encoding": "gzip"}, {"content-encoding": "br"}])
def test_error_with_an_unreadable_body_keeps_its_status(headers: dict[str, str]) -> None:
    """An error page in an odd encoding is still that error."""
    played = whole(Reply(401, (b"odd",), headers))
    assert isinstance(played.error, StatusError)
    assert played.error.status == 401


@pytest.mark.parametrize("reply", [whole, streamed])
def test_error_in_a_good_reply_is_raised(reply: Any) -> None:
    """Status 200 with an error in the body is that error, streamed or not (F39)."""
    body = json.dumps({"error": {"message": "no"}, "status_code": 400}).encode()
    played = reply(Reply(body=(body,)))
    assert isinstance(played.error, BadRequest)


def test_failures_are_retried_until_one_succeeds() -> None:
    """Send, wait, send, wait, send; the reply says how many retries it took (§2.1, §2.7)."""
    played = whole(BUSY, reset(), OK)
    assert [type(step) for step in played.steps] == [Send, Sleep, Send, Sleep, Send]
    assert played.waits_s == [0.5, 1.0]
    assert played.result.meta.retries_taken == 2


def test_attempts_differ_in_their_number_only() -> None:
    """Same body bytes, same headers and request id; the attempt is counted (§2.7)."""
    played = whole(BUSY, BUSY, OK)
    assert {send.call.body for send in played.sends} == {CALL.body}
    assert {send.headers[:-1] for send in played.sends} == {played.sends[0].headers[:-1]}
    assert [send.headers[-1] for send in played.sends] == [
        ("x-client-retry-count", "0"),
        ("x-client-retry-count", "1"),
        ("x-client-retry-count", "2"),
    ]


def test_last_failure_is_raised_with_its_retries() -> None:
    """When all attempts are used up, the last error is told (§2.7)."""
    played = whole(BUSY, BUSY, Reply(500, (b"broke",), {"x-request-id": "r3"}))
    assert isinstance(played.error, ServerError)
    assert (played.error.status, played.error.retries_taken) == (500, 2)
    assert played.error.request_id == "r3"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_deterministic_failures_are_raised_at_once(status: int) -> None:
    """What would fail again is not tried again (§2.1)."""
    played = whole(Reply(status))
    assert isinstance(played.error, StatusError)
    assert (len(played.steps), played.error.retries_taken) == (1, 0)


def test_overflow_with_a_retried_status_is_raised_at_once() -> None:
    """A prompt too long for the bucket is no passing failure (API §11.3)."""
    body = b'{"message": "too long", "code": "context_length_exceeded"}'
    played = whole(Reply(429, (body,)))
    assert isinstance(played.error, ContextOverflow)
    assert len(played.steps) == 1


def test_message_names_what_was_asked_of_whom() -> None:
    """Endpoint, model and address are in every error of a call (style guide §7)."""
    for played in (whole(Reply(400)), whole(reset(), reset(), reset()), streamed(sse(event("no")))):
        assert played.error is not None
        assert played.error.message.startswith(
            "chat completion with model 'm' at http://127.0.0.1:1: "
        )
        assert played.error.message.count("chat completion") == 1


def test_silence_is_retried_once_in_all() -> None:
    """Two read timeouts end the call, whatever is between them (§2.2)."""
    silence = [TimedOut("silence", phase="read", was_sent=True) for _ in range(2)]
    played = whole(silence[0], BUSY, silence[1], retry=RetryPolicy(max_retries=9))
    assert played.error is silence[1]
    assert len(played.sends) == 3


def test_garbage_instead_of_http_is_retried() -> None:
    """A reply that is not HTTP was no answer (F10)."""
    assert whole(ProtocolError("no", where=HTTP_FRAMING), OK).result is not None


def test_server_advice_is_waited_for() -> None:
    """Advice wins over backoff (§2.3)."""
    assert whole(Reply(429, headers={"retry-after": "7"}), OK).waits_s == [7]


def test_advice_beyond_a_minute_is_raised_at_once() -> None:
    """The caller decides about long waits (§2.4)."""
    played = whole(Reply(429, headers={"retry-after": "61"}))
    assert isinstance(played.error, RateLimited)
    assert played.error.retry_after_s == 61
    assert len(played.steps) == 1


@pytest.mark.parametrize(("total_s", "is_waited"), [(7.001, True), (7, False), (3, False)])
def test_advice_beyond_the_deadline_is_raised_at_once(total_s: float, is_waited: bool) -> None:
    """No wait ends at or after the deadline (§2.4)."""
    refused = Reply(429, headers={"retry-after": "7"})
    happenings = [refused, OK] if is_waited else [refused]
    played = whole(*happenings, timeouts=Timeouts(total_s=total_s))
    assert (played.error is None) is is_waited


def test_backoff_beyond_the_deadline_is_raised_at_once() -> None:
    """The deadline bounds attempts and waits together (§2.5)."""
    played = whole(Reply(503, takes_s=1.4), BUSY, timeouts=Timeouts(total_s=2.5))
    assert isinstance(played.error, ServerError)
    assert played.waits_s == [0.5]


def test_without_a_deadline_nothing_is_late() -> None:
    """`total_s=None` means no limit; every attempt then has the same time limits."""
    limits = Timeouts(total_s=None)
    played = whole(Reply(503, takes_s=1e6), OK, timeouts=limits)
    assert [send.timeouts for send in played.sends] == [limits, limits]
    assert [send.deadline_s for send in played.sends] == [None, None]


def test_time_limits_shrink_with_the_time_left() -> None:
    """No phase of an attempt may end after the deadline (§2.5)."""
    played = whole(Reply(503, takes_s=5), OK, timeouts=Timeouts(5, 60, None, 30, total_s=10))
    first, second = played.sends
    assert first.timeouts == Timeouts(5, 10, 10, 10, total_s=10)
    assert second.timeouts == Timeouts(4.5, 4.5, 4.5, 4.5, total_s=4.5)
    assert first.deadline_s == second.deadline_s == 1_010


def test_attempt_at_the_deadline_has_a_little_time() -> None:
    """Time limits are never zero or negative: libraries read those as none, or crash."""
    played = whole(OK, timeouts=Timeouts(total_s=0.0001))
    assert min(played.sends[0].timeouts.total_s or 0, 1) > 0


def test_budget_ends_retrying_with_the_original_error() -> None:
    """A client whose retries are used up fails fast, with the failure itself (§2.6)."""
    budget = RetryBudget()
    while budget.take(ServerError("earlier")):
        pass
    played = whole(BUSY, budget=budget)
    assert isinstance(played.error, ServerError)
    assert len(played.steps) == 1


def test_success_pays_into_the_budget() -> None:
    """Ten good calls pay for a retry (§2.6)."""
    budget = RetryBudget()
    while budget.take(ServerError("earlier")):
        pass
    for _ in range(10):
        whole(OK, budget=budget)
    assert len(whole(BUSY, OK, budget=budget).sends) == 2


def test_every_retry_is_told() -> None:
    """`on_retry` hears of each, before its wait (§8.3)."""
    told: list[RetryEvent] = []
    lost = reset()
    played = whole(BUSY, lost, OK, on_retry=told.append)
    assert [(one.attempt, one.delay_s) for one in told] == [(1, 0.5), (2, 1.0)]
    assert isinstance(told[0].error, ServerError)
    assert told[1].error is lost
    assert played.result is not None


def test_driver_must_say_what_happened() -> None:
    """A driver that hands nothing back is told so, once."""
    flowing = call_flow(CALL, WholeReply(ChatCompletion), plan_of())
    next(flowing)
    with pytest.raises(ConfigError, match="gave no outcome"):
        flowing.send(None)
