"""A loopback server that plays scripts; rendered beforehand, so that it costs next to nothing.

Runs as a process of its own: `python -m benchmarks.server [--paced]` prints its port. `--paced`
keeps time to the microsecond, for at most a thousand connections; the other one serves more of
them, to the millisecond. `GET /stats` tells how many connections were opened and when the last
reply's last byte was due, on the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import random
import selectors
import sys
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from benchmarks.script import Script

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["render", "reply_body", "serve"]

_ENVELOPE: dict[str, Any] = {
    "id": "chatcmpl-6f1a3c52-0d7e-4b8a-9c1f-2e5d7a90b314",
    "created": 1_763_942_400,
    "model": "gpt-oss-120b",
    "system_fingerprint": "fp_70185065a4c1d8f0a1b2",
    "object": "chat.completion.chunk",
}
_TIME_INFO = {"queue_time": 0.0002, "prompt_time": 0.0031, "completion_time": 0.61}
_WORDS = (" the", " quick", " brown", " fox", " jumps", " over", " a", " lazy", " dog", ",")
_HEAD = b"HTTP/1.1 200 OK\r\nserver: bench\r\nx-request-id: req-1\r\n"


def _usage(n_tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 72, "completion_tokens": n_tokens, "total_tokens": 72 + n_tokens}


def _deltas(script: Script) -> Iterator[dict[str, Any]]:
    words = [_WORDS[i % len(_WORDS)] for i in range(script.n_tokens)]
    if script.kind == "text":
        yield from ({"content": word} for word in words)
    elif script.kind == "reasoning":
        yield from ({"reasoning": word} for word in words)
    else:
        function = {"name": "note", "arguments": ""}
        yield {
            "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]
        }
        for text in ('{"text": "', *words[2:], '"}'):
            fragment = {"function": {"arguments": text}, "type": "function", "index": 0}
            yield {"tool_calls": [fragment]}


def _chunks(script: Script) -> Iterator[dict[str, Any]]:
    yield {"delta": {"role": "assistant"}, "index": 0}
    for delta in _deltas(script):
        yield {"delta": delta, "index": 0}
    reason = "tool_calls" if script.kind == "tools" else "stop"
    yield {"delta": {}, "finish_reason": reason, "index": 0}


def _events(script: Script) -> list[bytes]:
    chunks = [{**_ENVELOPE, "choices": [choice]} for choice in _chunks(script)]
    chunks[-1] |= {"usage": _usage(script.n_tokens), "time_info": _TIME_INFO}
    texts = [json.dumps(chunk, separators=(",", ":")).encode() for chunk in chunks]
    return [b"data: %b\n\n" % text for text in (*texts, b"[DONE]")]


def _http_chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


@lru_cache(maxsize=64)
def render(script: Script) -> list[bytes]:
    """The writes of a streamed reply, head first, one an HTTP chunk."""
    pieces = _events(script)
    if script.framing == "16k":
        whole = b"".join(pieces)
        pieces = [whole[i : i + 16_384] for i in range(0, len(whole), 16_384)]
    head = _HEAD + b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head, *map(_http_chunk, pieces), b"0\r\n\r\n"]


@lru_cache(maxsize=64)
def _whole_stream(script: Script) -> bytes:
    return b"".join(render(script))


@lru_cache(maxsize=64)
def reply_body(script: Script) -> bytes:
    """The JSON of an unstreamed reply."""
    words = "".join(_WORDS[i % len(_WORDS)] for i in range(script.n_tokens))
    message = {"role": "assistant", "content": words}
    reply = {
        **_ENVELOPE,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _usage(script.n_tokens),
        "time_info": _TIME_INFO,
    }
    return json.dumps(reply, separators=(",", ":")).encode()


def _sized(body: bytes) -> bytes:
    return b"%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        _HEAD,
        len(body),
        body,
    )


class _Stats:
    n_connections = 0
    last_due_s = 0.0


class _Connection(asyncio.Protocol):
    """One connection: requests one after the other, each with a `content-length` or no body."""

    def __init__(self, stats: _Stats) -> None:
        self._stats = stats
        self._received = bytearray()
        self._playing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._stats.n_connections += 1

    def connection_lost(self, error: Exception | None) -> None:
        if self._playing is not None:
            self._playing.cancel()

    def data_received(self, piece: bytes) -> None:
        self._received += piece
        head, separator, rest = bytes(self._received).partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.lower().split(b"\r\n")
        sizes = [int(line[15:]) for line in lines if line.startswith(b"content-length:")]
        n_body = sizes[0] if sizes else 0
        if len(rest) < n_body:
            return
        self._received.clear()
        self._answer(head.split(b" ", 2)[1].decode(), rest[:n_body])

    def _answer(self, path: str, body: bytes) -> None:
        if path == "/stats":
            stats = {
                "n_connections": self._stats.n_connections,
                "last_due_s": self._stats.last_due_s,
            }
            self._transport.write(_sized(json.dumps(stats).encode()))
            return
        script = Script.from_segment(path.split("/")[1])
        is_stream = bool(json.loads(body or b"{}").get("stream"))
        if not is_stream:
            self._after(script, _sized(reply_body(script)))
        elif script.tokens_per_s:
            self._playing = asyncio.get_running_loop().create_task(self._play(script))
        else:
            self._after(script, _whole_stream(script))

    def _after(self, script: Script, reply: bytes) -> None:
        jitter_ms = random.uniform(-script.jitter_ms, script.jitter_ms)
        if script.delay_ms:
            delay_s = (script.delay_ms + jitter_ms) / 1000
            asyncio.get_running_loop().call_later(delay_s, self._transport.write, reply)
        else:
            self._transport.write(reply)

    async def _play(self, script: Script) -> None:
        writes = render(script)
        begun_s = time.monotonic()
        self._stats.last_due_s = begun_s + (len(writes) - 1) / script.tokens_per_s
        for number, write in enumerate(writes):
            due_s = begun_s + number / script.tokens_per_s
            wait_s = due_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self._transport.write(write)


async def serve() -> None:
    """Serves on a free port until the process is ended."""
    loop = asyncio.get_running_loop()
    stats = _Stats()
    server = await loop.create_server(lambda: _Connection(stats), "127.0.0.1", 0, backlog=2_048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _new_loop() -> asyncio.AbstractEventLoop:
    is_paced = "--paced" in sys.argv
    # epoll waits in whole milliseconds, select to the microsecond
    return asyncio.SelectorEventLoop(selectors.SelectSelector() if is_paced else None)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(serve())
