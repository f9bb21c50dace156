"""Broken replies and failed connects: told on the own pools as they are on the stock ones."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext import CerebrasError, ConnectionFailed, Timeouts
from cerebras_ext._http import TRANSPORT_VARIABLE
from tests.client.handlers import REPLY, SIZED, STREAM, after_request, keep, reset, sending
from tests.client.single_calls import WAYS, asked, config_for, streamed
from tests.client.wire import serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext import ClientConfig

# each test meets both libraries, whichever the run is on
pytestmark = [pytest.mark.once, pytest.mark.usefixtures("each_library")]

FAULTS: dict[str, Callable[[socket.socket], None]] = {
    "F07 reset after the request": after_request(reset),
    "closed after the request": after_request(socket.socket.close),
    "F08 silence": after_request(keep),
    "F09 half a head": sending(b"HTTP/1.1 200 OK\r\nconte", then=keep),
    "F09 half a head and the end": sending(b"HTTP/1.1 200 OK\r\nconte"),
    "F10 garbage": sending(b"\x00\x01\x02\r\n\r\n"),
    "F10 other protocol": sending(b"SSH-2.0-OpenSSH_9\r\n"),
    "F11 100 first": sending(b"HTTP/1.1 100 Continue\r\n\r\n", SIZED, REPLY),
    "F26 cut by length": sending(SIZED, REPLY[:10]),
    "F26 cut and reset": sending(SIZED, REPLY[:10], then=reset),
    "no body": sending(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    "F32 head only": sending(*STREAM[:1]),
    "F32 one event": sending(*STREAM[:2]),
    "F32 two events and a reset": sending(*STREAM[:3], then=reset),
    "F32 half an event": sending(*STREAM[:2], STREAM[2][:20]),
    "F33 clean end": sending(*STREAM[:3], STREAM[-1]),
    "F36 stall": sending(*STREAM[:3], then=keep),
    "broken chunk size": sending(*STREAM[:2], b"xyz\r\n"),
    "broken chunk end": sending(*STREAM[:2], STREAM[2][:-2], b"ab"),
    "broken chunk end after merged ones": sending(*STREAM[:4], STREAM[3][:-2], b"abcdefgh"),
    "trailers": sending(*STREAM[:-1], b"0\r\nserver-timing: a\r\n\r\n", then=keep),
    "more after the end": sending(*STREAM, b"HTTP/1.1 408 Request Timeout\r\n\r\n", then=keep),
}


async def outcome(ask: Any, config: ClientConfig, *, is_async: bool) -> list[object]:
    """What a call gives: the text, or all that can be known of the error."""
    try:
        answer = await ask(config, is_async=is_async)
    except CerebrasError as error:
        told = [getattr(error, name, None) for name in ("phase", "was_sent", "where")]
        partial = getattr(error, "partial", None)
        words = re.sub(r": \[Errno [^;]*", "", error.message)  # anyio does not pass these on
        return [type(error), words, *told, partial and partial.choices]
    return [answer if isinstance(answer, str) else answer.choices]


@WAYS
@pytest.mark.parametrize("ask", [asked, streamed])
@pytest.mark.parametrize("fault", FAULTS)
async def test_faults_are_told_as_on_the_stock_pool(
    fault: str, ask: Any, is_async: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same error, same words, same partial reply, whichever pool it is."""
    with serving(FAULTS[fault]) as server:
        config = config_for(server.base_url, timeout=Timeouts(read_s=0.2))
        own = await outcome(ask, config, is_async=is_async)
        monkeypatch.setenv(TRANSPORT_VARIABLE, "stock")
        assert own == await outcome(ask, config, is_async=is_async)


@WAYS
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "no-such-host.invalid"])
async def test_failed_connects_are_told_as_on_the_stock_pool(host: str, is_async: bool) -> None:
    """F01, F02: refused and unknown; the error names what was wrong."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    config = config_for(f"http://{host}:{port}", allow_insecure_http=True)
    with pytest.raises(ConnectionFailed) as caught:
        await asked(config, is_async=is_async)
    assert caught.value.was_sent is False
    assert "could not connect" in caught.value.message
