"""Paced calls against an emulator that enforces limits, on a clock that waits turn (§8.4)."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext import (
    CerebrasError,
    RateLimited,
    RetryPolicy,
    TimedOut,
    Timeouts,
    aclient,
    client,
)
from cerebras_ext.emulator import EmulatorOptions, RunningEmulator, running_emulator
from cerebras_ext.flow import Clock
from tests.client.asking import Asker, Way, config

if TYPE_CHECKING:
    from collections.abc import Iterator

START_UNIX_S = 1_780_000_000.0


class TurnedClock:
    """Time that passes only by waiting; client and emulator read it alike."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self._lock = threading.Lock()

    def wait(self, seconds: float) -> None:
        """Lets time pass at once."""
        with self._lock:
            self.passed_s += seconds

    async def wait_async(self, seconds: float) -> None:
        """The same, for the other driver."""
        self.wait(seconds)
        await asyncio.sleep(0)

    def now_unix_s(self) -> float:
        """The emulator's time."""
        return START_UNIX_S + self.passed_s

    @property
    def clock(self) -> Clock:
        """The client's time."""
        return Clock(lambda: self.passed_s, self.now_unix_s)


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> TurnedClock:
    """The time of both clients."""
    turned = TurnedClock()
    sync_time = SimpleNamespace(**{**vars(time), "sleep": turned.wait})
    async_time = SimpleNamespace(**{**vars(asyncio), "sleep": turned.wait_async})
    monkeypatch.setattr(client, "time", sync_time)
    monkeypatch.setattr(aclient, "asyncio", async_time)
    return turned


@pytest.fixture
def limited(turned: TurnedClock) -> Iterator[RunningEmulator]:
    """An emulator with the trial's limits: 5 requests and 30,000 tokens a minute."""
    options = EmulatorOptions(rate_limits="free", clock=turned.now_unix_s)
    with running_emulator(options) as emulator:
        yield emulator


def never_again(base_url: str, **settings: Any) -> Any:
    """Settings of a client that does not retry: a refusal is a failure."""
    return config(base_url, retry=RetryPolicy(0), **settings)


def long_question(seed: int) -> list[dict[str, str]]:
    """Some 9,000 tokens that no cache has seen."""
    words = random.Random(seed).choices(("stone", "river", "cloud", "light"), k=9_000)
    return [{"role": "user", "content": " ".join(words)}]


LOADS: dict[str, dict[str, Any]] = {
    "requests": {"max_completion_tokens": 10},
    "tokens": {"max_completion_tokens": 1},
}


@pytest.mark.parametrize("load", LOADS)
def test_paced_calls_meet_no_refusal(
    limited: RunningEmulator, turned: TurnedClock, way: Way, load: str
) -> None:
    """Eight calls take their time, and each is sent once and answered."""
    with Asker(way, never_again(limited.base_url, paces_requests=True)) as asker:
        asker.client._calls.clock = turned.clock
        for number in range(8):
            asker.ask(**_fields(load, number))
    assert len(limited.requests) == 8
    assert turned.passed_s > 30


@pytest.mark.parametrize("load", LOADS)
def test_unpaced_calls_meet_refusals(limited: RunningEmulator, way: Way, load: str) -> None:
    """What pacing is for."""
    with Asker(way, never_again(limited.base_url)) as asker:
        errors = [_error(asker, _fields(load, number)) for number in range(8)]
    assert RateLimited in map(type, errors)


def test_paced_threads_share_the_quota(limited: RunningEmulator, turned: TurnedClock) -> None:
    """Of many at once no more are sent than fit; the others are told at once that none was sent.

    Where replies overtake each other, the lower level is believed: fewer may be sent then.
    """
    hurry = never_again(limited.base_url, paces_requests=True, timeout=Timeouts(total_s=5))
    with Asker(Way(is_async=False, is_stream=False), hurry) as asker, ThreadPoolExecutor(8) as pool:
        asker.client._calls.clock = turned.clock
        asker.ask(**LOADS["requests"])
        errors = list(pool.map(lambda _: _error(asker, LOADS["requests"]), range(16)))
    refused = [error for error in errors if error is not None]
    assert all(isinstance(error, TimedOut) and error.was_sent is False for error in refused)
    assert len(limited.requests) == 17 - len(refused)
    assert 2 <= len(limited.requests) <= 5


def _error(asker: Asker, fields: dict[str, Any]) -> CerebrasError | None:
    try:
        asker.ask(**fields)
    except CerebrasError as error:
        return error
    return None


def _fields(load: str, number: int) -> dict[str, Any]:
    return LOADS[load] | ({"messages": long_question(number)} if load == "tokens" else {})
