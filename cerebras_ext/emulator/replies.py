"""Replies with the headers that the service sends, as an `Outgoing`."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from cerebras_ext.emulator.identifiers import cf_ray
from cerebras_ext.emulator.outgoing import Frame, Outgoing
from cerebras_ext.emulator.render import DONE_EVENT, sse_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cerebras_ext.emulator.problems import ApiProblem
    from cerebras_ext.emulator.render import Chunk

__all__ = [
    "EVENT_STREAM",
    "JSON",
    "SERVER_NAME",
    "json_reply",
    "problem_reply",
    "stream_reply",
    "text_reply",
]

EVENT_STREAM = "text/event-stream; charset=utf-8"
JSON = "application/json"

SERVER_NAME = "cerebras-ext-emulator"
"""What the `server` header says, so that nobody takes the text for a model's."""


def json_reply(
    body: Any,
    *,
    seed: bytes,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    n_tokens: int = 0,
) -> Outgoing:
    """A whole JSON body."""
    head = _headers(JSON, seed, headers)
    return Outgoing(status, head, (Frame(to_json(body), n_tokens),))


def stream_reply(
    chunks: Iterable[Chunk],
    *,
    seed: bytes,
    headers: Mapping[str, str] | None = None,
    has_done: bool = True,
) -> Outgoing:
    """A stream of events, with or without the closing `[DONE]`."""
    done = (Frame(DONE_EVENT),) if has_done else ()
    frames = (Frame(sse_event(chunk.body), chunk.n_tokens) for chunk in chunks)
    return Outgoing(200, _headers(EVENT_STREAM, seed, headers), chain(frames, done))


def text_reply(text: str, *, status: int, content_type: str, seed: bytes) -> Outgoing:
    """A page of text or HTML, as the front in between sends."""
    return Outgoing(status, _headers(content_type, seed, None), (Frame(text.encode()),))


def problem_reply(problem: ApiProblem, *, seed: bytes) -> Outgoing:
    """An error, flat as the service sends it, with the few headers errors have."""
    return json_reply(problem.body(), seed=seed, status=problem.status, headers=problem.headers)


def _headers(
    content_type: str, seed: bytes, more: Mapping[str, str] | None
) -> tuple[tuple[str, str], ...]:
    ray = cf_ray(seed)
    common = {
        "content-type": content_type,
        "server": SERVER_NAME,
        "x-request-id": ray,
        "cf-ray": ray,
        "cf-cache-status": "DYNAMIC",
        "referrer-policy": "strict-origin-when-cross-origin",
        "x-content-type-options": "nosniff",
    }
    return tuple({**common, **(more or {})}.items())
