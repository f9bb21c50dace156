"""Servers start at once, stop cleanly, and stay on the loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from itertools import count
from typing import Any

import httpx
import pytest

from cerebras_ext.emulator import EmulatorOptions, RunningEmulator, running_emulator
from cerebras_ext.emulator.options import EmulatorOptions as Options
from cerebras_ext.emulator.outgoing import Frame, Outgoing, Pace, Wait, paced
from cerebras_ext.emulator.render import Chunk
from cerebras_ext.emulator.replies import stream_reply
from cerebras_ext.emulator.state import EmulatorState
from tests.emulator.requests import chat_body

CHAT = "/chat/completions"
KEY = {"authorization": "Bearer csk-test"}


def test_server_is_reachable_while_the_block_runs():
    """`base_url` has the `/v1`, `root_url` has not; after the block nobody listens."""
    with running_emulator() as emulator:
        assert emulator.base_url == f"{emulator.root_url}/v1"
        assert httpx.get(f"{emulator.base_url}/models", headers=KEY).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{emulator.base_url}/models", headers=KEY)


def test_servers_run_beside_each_other():
    """Each has its own port and its own memory."""
    with running_emulator() as one, running_emulator() as other:
        httpx.get(f"{one.base_url}/models", headers=KEY)
        assert one.base_url != other.base_url
        assert (len(one.requests), len(other.requests)) == (1, 0)


def test_stopped_server_leaves_no_thread():
    """The block joins what it started."""
    before = set(threading.enumerate())
    with running_emulator():
        assert set(threading.enumerate()) - before
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("fault", ["stall:1", "drip:60000"])
def test_stopping_ends_replies_that_wait(fault: str):
    """A stalled client is hung up on; nothing holds up the end of a test run."""
    request: dict[str, Any] = {
        "json": chat_body(stream=True),
        "headers": {"x-emulator-fault": fault},
    }
    with running_emulator() as emulator:
        http = httpx.Client(base_url=emulator.base_url, headers=KEY)
        reply = http.send(http.build_request("POST", CHAT, **request), stream=True)
        pieces = reply.iter_raw()
        next(pieces)
    with pytest.raises(httpx.RemoteProtocolError):
        next(pieces)
    http.close()


def test_stopping_closes_idle_connections():
    """A client that keeps its connection does not keep the server."""
    with running_emulator() as emulator, httpx.Client(headers=KEY) as http:
        assert http.get(f"{emulator.base_url}/models").status_code == 200
    assert emulator.is_running is False


def test_stopping_ends_a_request_that_never_arrives():
    """Half a request does not keep the server either."""
    with running_emulator() as emulator:
        host, port = emulator.root_url.removeprefix("http://").split(":")
        connection = socket.create_connection((host, int(port)))
        connection.sendall(
            b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"
        )
    connection.close()
    assert emulator.is_running is False


def test_idle_server_stops_by_itself():
    """Reliability contract §9.2: a server that nobody asks anything goes away."""
    with running_emulator(EmulatorOptions(idle_timeout_s=0.05)) as emulator:
        emulator.wait_until_stopped()
        assert emulator.is_running is False


def test_busy_server_is_not_idle():
    """An open reply counts as something to do."""
    state = EmulatorState(Options(idle_timeout_s=1e-9))

    async def receive() -> dict[str, str]:
        await asyncio.Event().wait()
        raise AssertionError

    async def is_idle_while_replying() -> bool:
        with state.open_replies.watching(receive):
            return state.is_idle()

    assert asyncio.run(is_idle_while_replying()) is False
    assert state.is_idle() is True


def test_many_streams_run_at_once():
    """Reliability contract §10: 100 streams side by side, none of them broken."""

    async def main(emulator: RunningEmulator) -> list[str]:
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(
            base_url=emulator.base_url, headers=KEY, limits=limits
        ) as http:
            replies = await asyncio.gather(
                *(http.post(CHAT, json=chat_body(stream=True)) for _ in range(100))
            )
        return [reply.text[-14:] for reply in replies]

    with running_emulator() as emulator:
        assert set(asyncio.run(main(emulator))) == {"data: [DONE]\n\n"}


def test_reset_forgets_everything(cerebras_emulator: RunningEmulator):
    """The fixture gives each test a fresh emulator."""
    cerebras_emulator.script("scripted")
    httpx.get(f"{cerebras_emulator.base_url}/models", headers=KEY)
    cerebras_emulator.reset()
    assert cerebras_emulator.requests == ()
    reply = httpx.post(f"{cerebras_emulator.base_url}{CHAT}", json=chat_body(), headers=KEY)
    assert reply.json()["choices"][0]["message"]["content"] != "scripted"


def test_server_listens_on_ipv6_too():
    """`::1` is a loopback address."""
    with running_emulator(EmulatorOptions(host="::1")) as emulator:
        assert emulator.root_url.startswith("http://[::1]:")
        assert httpx.get(f"{emulator.base_url}/models", headers=KEY).status_code == 200


# Options.


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com", ""])  # noqa: S104
def test_host_that_others_can_reach_needs_a_flag(host: str):
    """Reliability contract §9.2: loopback only, unless it is meant."""
    with pytest.raises(ValueError, match=r"allow_remote=True"):
        EmulatorOptions(host=host)
    assert EmulatorOptions(host=host, allow_remote=True).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_hosts_need_none(host: str):
    """Reliability contract §9.2."""
    assert EmulatorOptions(host=host).host == host


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("tokens_per_s", 0),
        ("tokens_per_s", float("nan")),
        ("idle_timeout_s", -1),
        ("ttft_ms", -0.1),
        ("tokens_per_delta", 0),
        ("max_body_bytes", 0),
        ("max_concurrent_requests", 0),
    ],
)
def test_bad_option_is_named(option: str, value: float):
    """Errors name the option and its value."""
    with pytest.raises(ValueError, match=rf"^{option}={value!r} must"):
        EmulatorOptions(**{option: value})


def test_key_is_not_in_the_options_text():
    """Reliability contract §6: no secret in a repr."""
    assert "csk-test" not in repr(EmulatorOptions(api_key="csk-test"))


# Pacing.

STREAM = Outgoing(200, (), (Frame(b"role"), Frame(b"a", 4), Frame(b"b", 2), Frame(b"end")))


def test_stream_is_rendered_while_it_is_sent():
    """A very long reply holds nobody up: no event is made before its turn."""
    endless = stream_reply((Chunk({"n": n}, 1) for n in count()), seed=b"")
    steps = iter(paced(endless, Pace(tokens_per_s=1000)).steps)
    assert [next(steps) for _ in range(3)] == [
        *(Wait(0.001), Frame(b'data: {"n":0}\n\n', 1), Wait(0.001))
    ]


def test_pace_spreads_tokens_over_time():
    """Tokens take their number / speed; the first one waits before that."""
    spread = paced(STREAM, Pace(tokens_per_s=2, first_token_s=0.5)).whole()
    assert spread.steps == (
        *(Wait(0.5), Frame(b"role"), Wait(2), Frame(b"a", 4)),
        *(Wait(1), Frame(b"b", 2), Frame(b"end")),
    )


def test_pace_without_a_speed_changes_nothing():
    """As fast as the machine can, by default."""
    assert paced(STREAM, Pace()) is STREAM


def test_paced_reply_says_the_same():
    """Pacing changes when, not what."""
    options = EmulatorOptions(tokens_per_s=1e6, ttft_ms=1)
    with running_emulator(options) as emulator, running_emulator() as fast:
        texts = [
            httpx.post(f"{one.base_url}{CHAT}", json=chat_body(), headers=KEY).json()["choices"]
            for one in (emulator, fast)
        ]
    assert texts[0] == texts[1]
