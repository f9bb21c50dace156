"""Faults over the wire: what a client meets that asks for one, and who may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from cerebras_ext.emulator import EmulatorOptions, running_emulator
from tests.emulator.clients import CHAT, client_of
from tests.emulator.requests import chat_body
from tests.emulator.streams import events_of

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator


def fault(text: str) -> dict[str, str]:
    """The header that asks for a fault."""
    return {"x-emulator-fault": text}


@pytest.mark.parametrize("text", ["cut:0", "cut:1", "cut:last", "cut-length"])
@pytest.mark.parametrize("is_stream", [True, False])
def test_cut_reply_is_a_protocol_error(http: httpx.Client, text: str, is_stream: bool):
    """Reliability contract F26, F32: the connection goes before the body is complete."""
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        http.post(CHAT, json=chat_body(stream=is_stream), headers=fault(text))
    assert http.post(CHAT, json=chat_body()).status_code == 200


def test_cut_stream_has_delivered_what_came_before(http: httpx.Client):
    """Reliability contract F32: n events arrive, then the end."""
    received = bytearray()

    def read(reply: httpx.Response) -> None:
        for piece in reply.iter_raw():
            received.extend(piece)

    request = {"json": chat_body(stream=True), "headers": fault("cut:2")}
    with http.stream("POST", CHAT, **request) as reply, pytest.raises(httpx.RemoteProtocolError):
        read(reply)
    assert len(events_of(received.decode())) == 2


def test_stalled_stream_times_out(http: httpx.Client):
    """Reliability contract F36: silence after n events."""
    request = {"json": chat_body(stream=True), "headers": fault("stall:2")}
    with http.stream("POST", CHAT, timeout=0.2, **request) as reply:
        assert reply.status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            reply.read()


def test_fault_that_answers_looks_at_nothing(http: httpx.Client):
    """A status can be asked for whatever the request is."""
    reply = http.post(CHAT, content=b"{", headers=fault("status:503;retry-after=7"))
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "7")


def test_unknown_fault_is_refused_with_its_name(http: httpx.Client):
    """A test with a typing error must not pass for the wrong reason."""
    reply = http.post(CHAT, json=chat_body(), headers=fault("cutt"))
    assert reply.status_code == 400
    assert "did you mean 'cut'?" in reply.json()["message"]


def test_fault_needs_the_right_key(cerebras_emulator: RunningEmulator):
    """Faults come after the key, as everything does."""
    url = f"{cerebras_emulator.base_url}{CHAT}"
    assert httpx.post(url, json=chat_body(), headers=fault("status:503")).status_code == 401


def test_requests_beyond_the_bound_are_refused():
    """Reliability contract §9.2: concurrent requests are bounded."""
    options = EmulatorOptions(max_concurrent_requests=1)
    with running_emulator(options) as emulator, client_of(emulator) as http:
        request = {"json": chat_body(stream=True), "headers": fault("stall:1")}
        with http.stream("POST", CHAT, **request) as reply:
            pieces = reply.iter_raw()  # a generator that is dropped closes its reply
            next(pieces)
            busy = http.post(CHAT, json=chat_body())
    assert (busy.status_code, busy.json()["code"]) == (429, "queue_exceeded")
    assert busy.headers["x-should-retry"] == "false"
