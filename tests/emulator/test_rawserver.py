"""Faults below HTTP, as a plain client sees them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from cerebras_ext.emulator.faults import FaultError
from cerebras_ext.emulator.rawserver import RAW_FAULTS, raw_server
from tests.emulator.requests import chat_body

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator

KEY = {"authorization": "Bearer csk-test"}


def ask(base_url: str, *, timeout: float = 5) -> httpx.Response:
    """One chat completion over a connection of its own."""
    url = f"{base_url}/chat/completions"
    return httpx.post(url, json=chat_body(), headers=KEY, timeout=timeout)


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("reset", httpx.ReadError, "reset"),
        ("hang-up", httpx.RemoteProtocolError, "without sending a response"),
        ("half-head", httpx.RemoteProtocolError, "without sending|incomplete|illegal"),
        ("garbage", httpx.RemoteProtocolError, "illegal"),
    ],
)
def test_fault_breaks_the_connection(fault: str, error: type[Exception], message: str):
    """Reliability contract F07, F09, F10: what no HTTP server would do."""
    with raw_server(fault) as raw, pytest.raises(error, match=message):
        ask(raw.base_url)


def test_silence_times_out():
    """Reliability contract F08: the request is taken, nothing comes."""
    with raw_server("silence") as raw, pytest.raises(httpx.ReadTimeout):
        ask(raw.base_url, timeout=0.2)


def test_continue_comes_before_the_answer(cerebras_emulator: RunningEmulator):
    """Reliability contract F11: 100 Continue, then the real reply."""
    with raw_server("continue", upstream=cerebras_emulator.root_url) as raw:
        assert ask(raw.base_url).json()["object"] == "chat.completion"


def test_later_connections_reach_the_emulator(cerebras_emulator: RunningEmulator):
    """Reliability contract §4: the next call works."""
    with raw_server("hang-up", "reset", upstream=cerebras_emulator.root_url) as raw:
        for error in (httpx.RemoteProtocolError, httpx.ReadError):
            with pytest.raises(error):
                ask(raw.base_url)
        assert ask(raw.base_url).status_code == 200
        assert raw.n_connections == 3


def test_one_connection_can_be_used_again(cerebras_emulator: RunningEmulator):
    """What is passed on keeps its connection."""
    with (
        raw_server(upstream=cerebras_emulator.root_url) as raw,
        httpx.Client(base_url=raw.base_url, headers=KEY) as http,
    ):
        assert [http.get("/models").status_code for _ in range(3)] == [200] * 3
        assert raw.n_connections == 1


def test_last_fault_goes_on_without_an_upstream():
    """A server that is broken stays broken."""
    with raw_server("hang-up") as raw:
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                ask(raw.base_url)


@pytest.mark.parametrize("fault", [name for name in RAW_FAULTS if name != "continue"])
def test_stopped_server_leaves_no_thread(fault: str):
    """Connections that are still open do not keep it."""
    before = set(threading.enumerate())
    with raw_server(fault) as raw:
        http = httpx.Client(timeout=0.1)
        with pytest.raises(httpx.TransportError):
            http.post(raw.base_url, json={})
    http.close()
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize(
    ("faults", "complaint"),
    [
        (("rest",), "'rest' must be one of reset, hang-up, silence, half-head, garbage, continue"),
        ((), "name a fault, or an upstream"),
        (("continue",), "give an upstream"),
    ],
)
def test_bad_fault_is_refused_with_a_remedy(faults: tuple[str, ...], complaint: str):
    """Mistakes are found before anything listens."""
    with pytest.raises(FaultError, match=complaint), raw_server(*faults):
        pass
