"""Time limits, met for real: small ones against a server that is silent or slow (contract §2.5)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext import CallOptions, RetryPolicy, StreamTimedOut, TimedOut, Timeouts
from cerebras_ext.emulator.rawserver import raw_server
from tests.client.asking import ANSWER, ANSWERED, Asker, Way, config
from tests.client.canned import CHAT_STREAM, canned

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator

SOON = Timeouts(total_s=0.15)


def limited(fault: str, timeout: Timeouts | float = SOON) -> CallOptions:
    """Options of a call that meets a fault, and has little time."""
    return CallOptions(timeout=timeout, extra_headers={"x-emulator-fault": fault})


def test_silence_ends_at_the_deadline(emulator: RunningEmulator, way: Way) -> None:
    """Nothing comes: the call ends with its total limit, and is not tried again."""
    with Asker(way, config(emulator.base_url)) as asker:
        error = asker.error(limited("stall:0"))
    assert isinstance(error, TimedOut)
    assert (error.phase, error.was_sent, error.retries_taken) == ("total", True, 0)
    assert len(emulator.requests) == 1


def test_silence_before_the_head_ends_at_the_deadline(way: Way) -> None:
    """Not even a status comes."""
    with raw_server("silence") as server, Asker(way, config(server.base_url)) as asker:
        error = asker.error(CallOptions(timeout=SOON))
    assert isinstance(error, TimedOut)
    assert error.phase == "total"
    assert server.n_connections == 1


@pytest.mark.parametrize("fault", ["stall:3", "drip:5"], ids=["silence", "trickle"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_stream_ends_at_the_deadline(emulator: RunningEmulator, is_async: bool, fault: str) -> None:
    """In mid-stream too, whether bytes trickle or none come; what had come is kept (§3.2)."""
    with Asker(Way(is_async, is_stream=True), config(emulator.base_url)) as asker:
        error: Any = asker.error(limited(fault, 1.0))
    assert isinstance(error, TimedOut)
    assert error.phase == "total"
    if fault.startswith("stall"):
        assert isinstance(error, StreamTimedOut)
        assert ANSWER.startswith(error.partial.choices[0].message.content)


def test_whole_reply_that_trickles_ends_at_the_deadline(emulator: RunningEmulator) -> None:
    """Each byte comes in time, all of them do not."""
    for is_async in (False, True):
        with Asker(Way(is_async, is_stream=False), config(emulator.base_url)) as asker:
            error = asker.error(limited("drip:5", 0.3))
        assert isinstance(error, TimedOut)
        assert error.phase == "total"


def test_silence_between_bytes_has_a_limit_of_its_own(emulator: RunningEmulator, way: Way) -> None:
    """`read_s` ends silence long before the deadline."""
    settings = config(emulator.base_url, retry=RetryPolicy(0))
    with Asker(way, settings) as asker:
        error = asker.error(limited("stall:0", Timeouts(read_s=0.1)))
    assert isinstance(error, TimedOut)
    assert error.phase == "read"


def test_call_without_limits_is_answered(emulator: RunningEmulator, way: Way) -> None:
    """None means no limit."""
    unlimited = Timeouts(None, None, None, None, None)
    with Asker(way, config(emulator.base_url, timeout=unlimited)) as asker:
        assert asker.ask().choices[0].message.content == ANSWER


def test_wait_between_attempts_is_waited(emulator: RunningEmulator, way: Way) -> None:
    """The drivers do sleep, as long as they are told."""
    emulator.script({"fault": "status:429;retry-after-ms=60"}, ANSWERED)
    with Asker(way, config(emulator.base_url)) as asker:
        before_s = time.monotonic()
        asker.ask()
        assert time.monotonic() - before_s >= 0.06


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_connection_lost_after_the_finish_is_no_failure(
    emulator: RunningEmulator, is_async: bool
) -> None:
    """The answer is whole; only the connection cannot be used again (§3.2, §3.4)."""
    emulator.script({**ANSWERED, "fault": "cut:last"})
    with Asker(Way(is_async, is_stream=True), config(emulator.base_url)) as asker:
        assert asker.ask().choices[0].message.content == ANSWER


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_endless_body_after_the_finish_is_left(is_async: bool) -> None:
    """64 KiB are read after the finish, and no more (§3.4)."""
    with canned() as server:
        server.body = CHAT_STREAM + b": x\n\n" * 1_000_000
        with Asker(Way(is_async, is_stream=True), config(server.base_url)) as asker:
            assert asker.ask().choices[0].message.content == ANSWER
            server.body = None
            assert asker.ask().choices[0].message.content == ANSWER


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_usage_after_the_finish_is_in_the_reply(emulator: RunningEmulator, is_async: bool) -> None:
    """Servers in front of the service send it in a chunk of its own, which is waited for."""
    finished = {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    emulator.script({"chunks": [finished, usage]})
    with Asker(Way(is_async, is_stream=True), config(emulator.base_url)) as asker:
        reply = asker.ask()
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 2
