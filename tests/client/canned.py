"""A small server that answers from memory and keeps everything it was sent, keys included."""

from __future__ import annotations

import gzip
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.client.asking import ANSWER

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CHAT_BODY", "CHAT_STREAM", "Canned", "Received", "canned"]

_MESSAGE = {"role": "assistant", "content": ANSWER}
CHAT_BODY = json.dumps(
    {"choices": [{"index": 0, "finish_reason": "stop", "message": _MESSAGE}]}
).encode()
CHAT_STREAM = (
    f'data: {{"choices":[{{"delta":{{"content":"{ANSWER}"}},"finish_reason":"stop"}}]}}\n\n'
    "data: [DONE]\n\n"
).encode()


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def is_stream(self) -> bool:
        """Whether a stream is asked for."""
        is_packed = self.headers.get("content-encoding") == "gzip"
        return b'"stream":true' in (gzip.decompress(self.body) if is_packed else self.body)


@dataclass(slots=True)
class Canned:
    """The server's answer to everything, and what it was asked."""

    base_url: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    is_compressed: bool = False
    received: list[Received] = field(default_factory=list)

    def reply(self, request: Received) -> tuple[dict[str, str], bytes]:
        """Headers and body of the answer."""
        body, content_type = CHAT_BODY, "application/json"
        if request.is_stream:
            body, content_type = CHAT_STREAM, "text/event-stream"
        body = body if self.body is None else self.body
        headers = {"content-type": content_type}
        if self.is_compressed:
            body = gzip.compress(body, mtime=0)
            headers["content-encoding"] = "gzip"
        return headers | {"content-length": str(len(body))} | self.headers, body


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: clients may go at any time."""


@contextmanager
def canned() -> Iterator[Canned]:
    """A server that runs for as long as the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            names = {name.lower(): ", ".join(self.headers.get_all(name)) for name in self.headers}
            request = Received(self.path, names, self.rfile.read(length))
            state.received.append(request)
            headers, body = state.reply(request)
            self.send_response(state.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    state = Canned(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
