"""A request as it arrives: its body read within bounds, unpacked and recorded."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cerebras_ext.emulator.bodies import parse_body
from cerebras_ext.emulator.problems import PAYLOAD_TOO_LARGE, ApiProblem, invalid_request
from cerebras_ext.emulator.recording import RecordedRequest, public_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from cerebras_ext.emulator.recording import Recorder

__all__ = ["Arrival", "arrival_of"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request with its body; `problem` is why the body could not be read, if so."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    path_params: Mapping[str, str]
    raw: bytes
    body: Any = None
    problem: ApiProblem | None = None


async def arrival_of(request: Request, recorder: Recorder, limit_bytes: int) -> Arrival:
    """Reads a request to its end and records it, readable or not."""
    headers = dict(request.headers)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    raw, problem = b"", None
    body: Any = None
    try:
        raw = await _read(request, limit_bytes)
        if raw:
            body = parse_body(_decoded(raw, headers, limit_bytes), headers.get("content-type", ""))
    except ApiProblem as error:
        problem = error
    recorder.record(RecordedRequest(request.method, path, public_headers(headers), body, raw))
    return Arrival(
        request.method,
        path,
        headers,
        request.query_params,
        request.path_params,
        raw,
        body,
        problem,
    )


async def _read(request: Request, limit_bytes: int) -> bytes:
    pieces: list[bytes] = []
    n_bytes = 0
    async for piece in request.stream():
        n_bytes += len(piece)
        if n_bytes > limit_bytes:
            raise PAYLOAD_TOO_LARGE.problem(limit_bytes=limit_bytes)
        pieces.append(piece)
    return b"".join(pieces)


def _decoded(raw: bytes, headers: Mapping[str, str], limit_bytes: int) -> bytes:
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
