"""What goes over the wire when a request is sent again, and when it must not be (contract §2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext import CallOptions, RateLimited, RetryEvent, ServerError, StatusError
from tests.client.asking import ANSWER, ANSWERED, Asker, Way, config

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator

BUSY: dict[str, Any] = {"fault": "status:503"}


def faulty(fault: str, **options: Any) -> CallOptions:
    """Options of a call that meets a fault on every attempt."""
    return CallOptions(extra_headers={"x-emulator-fault": fault}, **options)


def test_failures_are_sent_again_until_one_is_answered(emulator: RunningEmulator, way: Way) -> None:
    """Two failures, then the answer: the reply says how many retries it took (§2.1, §2.7)."""
    emulator.script(BUSY, BUSY, ANSWERED)
    with Asker(way, config(emulator.base_url)) as asker:
        reply = asker.ask()
    assert reply.choices[0].message.content == ANSWER
    assert reply.meta.retries_taken == 2
    assert len(emulator.requests) == 3


def test_attempts_are_the_same_but_for_their_number(emulator: RunningEmulator, way: Way) -> None:
    """Same bytes, same client request id, same headers; the attempt is counted (§2.7)."""
    emulator.script(BUSY, BUSY, ANSWERED)
    with Asker(way, config(emulator.base_url)) as asker:
        reply = asker.ask()
    first, *others = emulator.requests
    assert first.raw
    for number, other in enumerate(others, 1):
        assert other.raw == first.raw
        assert other.headers == {**first.headers, "x-client-retry-count": str(number)}
    assert first.headers["x-client-retry-count"] == "0"
    assert first.headers["x-client-request-id"] == reply.meta.client_request_id


def test_failures_are_not_sent_more_often_than_allowed(emulator: RunningEmulator, way: Way) -> None:
    """Three attempts, then the last failure with its number (§2.1, §2.7)."""
    with Asker(way, config(emulator.base_url)) as asker:
        error = asker.error(faulty("status:503"))
    assert isinstance(error, ServerError)
    assert error.retries_taken == 2
    assert len(emulator.requests) == 3


@pytest.mark.parametrize("fault", ["status:400", "status:401", "status:404", "redirect"])
def test_final_failures_are_sent_once(emulator: RunningEmulator, way: Way, fault: str) -> None:
    """What would fail again, or leads elsewhere, is not tried again (§1.5, §2.1)."""
    with Asker(way, config(emulator.base_url)) as asker:
        error = asker.error(faulty(fault))
    assert isinstance(error, StatusError)
    assert error.retries_taken == 0
    assert len(emulator.requests) == 1


def test_redirect_is_not_followed(emulator: RunningEmulator, way: Way) -> None:
    """The key goes to no other host, and the host alone is named (§1.5)."""
    target = f"redirect:{emulator.root_url}/v1/elsewhere"
    with Asker(way, config(emulator.base_url)) as asker:
        error = asker.error(faulty(target))
    assert isinstance(error, StatusError)
    assert error.status == 307
    assert "redirected to 127.0.0.1" in error.message
    assert "elsewhere" not in error.message
    assert [request.path for request in emulator.requests] == ["/v1/chat/completions"]


def test_advice_of_the_server_is_followed(emulator: RunningEmulator, way: Way) -> None:
    """What the headers ask for is what is waited (§2.3)."""
    emulator.script({"fault": "status:429;retry-after-ms=1.5"}, ANSWERED)
    told: list[RetryEvent] = []
    with Asker(way, config(emulator.base_url)) as asker:
        asker.ask(CallOptions(on_retry=told.append))
    (event,) = told
    assert (event.attempt, event.delay_s) == (1, 0.0015)
    assert isinstance(event.error, RateLimited)


def test_advice_too_long_is_raised(emulator: RunningEmulator, way: Way) -> None:
    """A minute and more is for the caller to wait (§2.4)."""
    with Asker(way, config(emulator.base_url)) as asker:
        error = asker.error(faulty("status:429;retry-after=3600"))
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 3_600
    assert len(emulator.requests) == 1


def test_no_retry_is_made_when_none_is_wanted(emulator: RunningEmulator, way: Way) -> None:
    """`max_retries=0` of one call is one attempt."""
    with Asker(way, config(emulator.base_url)) as asker:
        error = asker.error(faulty("status:503", max_retries=0))
    assert error.retries_taken == 0
    assert len(emulator.requests) == 1


def test_exception_of_the_users_hook_ends_the_call(emulator: RunningEmulator, way: Way) -> None:
    """What `on_retry` raises is the user's, and nothing more is sent."""

    def stop(_: RetryEvent) -> None:
        raise LookupError("enough")

    with (
        Asker(way, config(emulator.base_url)) as asker,
        pytest.raises(LookupError, match="enough"),
    ):
        asker.ask(faulty("status:503", on_retry=stop))
    assert len(emulator.requests) == 1


def test_error_in_mid_stream_is_not_retried(emulator: RunningEmulator) -> None:
    """After something was handed over nothing is sent again, and it is on the error (§2.1)."""
    for is_async in (False, True):
        with Asker(Way(is_async, is_stream=True), config(emulator.base_url)) as asker:
            error: Any = asker.error(faulty("cut:3"))
        assert error.retries_taken == 0
        assert error.partial.choices[0].message.content == "Hello, "
    assert len(emulator.requests) == 2
