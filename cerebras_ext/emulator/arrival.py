"""A request as it arrives: its body read within bounds, unpacked and recorded."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from cerebras_ext.emulator.asgi import read_body
from cerebras_ext.emulator.bodies import parse_body
from cerebras_ext.emulator.problems import PAYLOAD_TOO_LARGE, ApiProblem, invalid_request
from cerebras_ext.emulator.recording import RecordedRequest, public_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.emulator.asgi import Receive, Scope
    from cerebras_ext.emulator.recording import Recorder

__all__ = ["Arrival", "arrival_of"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request with its body; `problem` is why the body could not be read, if so."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    body: Any = None
    problem: ApiProblem | None = None


async def arrival_of(
    scope: Scope, receive: Receive, recorder: Recorder, limit_bytes: int
) -> Arrival:
    """Reads a request to its end and records it, readable or not.

    Raises:
        ClientLeft: It has no end.
    """
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    raw = await read_body(receive, limit_bytes)
    unpacked = b""
    body: Any = None
    problem: ApiProblem | None = None
    try:
        if raw is None:
            raise PAYLOAD_TOO_LARGE.problem(limit_bytes=limit_bytes)
        if raw:
            unpacked = _unpacked(raw, headers, limit_bytes)
            body = parse_body(unpacked, headers.get("content-type", ""))
    except ApiProblem as error:
        problem = error
    method, path, raw = scope["method"], scope["path"], raw or b""
    request = RecordedRequest(
        method, f"{path}?{query}" if query else path, public_headers(headers), body, raw
    )
    recorder.record(request, n_bytes=len(raw) + len(unpacked))
    return Arrival(method, path, dict(parse_qsl(query)), headers, raw, body, problem)


def _unpacked(raw: bytes, headers: Mapping[str, str], limit_bytes: int) -> bytes:
    """The body without its `Content-Encoding`."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return raw
    if encoding != "gzip":
        raise invalid_request(f"Content-Encoding {encoding!r} is not supported: use gzip.")
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(raw, limit_bytes + 1)
    except zlib.error as error:
        raise invalid_request(f"The gzip body cannot be read: {error}.") from None
    if len(unpacked) > limit_bytes:
        raise PAYLOAD_TOO_LARGE.problem(limit_bytes=limit_bytes)
    if not unpacker.eof:
        raise invalid_request("The gzip body ends early.")
    return unpacked
