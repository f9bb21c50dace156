"""A reply with everything in it as JSON, and clients that get what a test makes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cerebras_ext._http import http_library

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENVELOPE = {
    "id": "chatcmpl-1",
    "created": 1_764_000_000,
    "model": "gpt-oss-120b",
    "system_fingerprint": "fp_1",
    "service_tier": "default",
}
_USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 12,
    "total_tokens": 32,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 4},
}
_TIME_INFO = {"queue_time": 0.25, "prompt_time": 0.5, "completion_time": 1.0, "total_time": 1.875}
_LOGPROBS = {
    "content": [
        {
            "token": "Hi",
            "logprob": -0.5,
            "bytes": [72, 105],
            "top_logprobs": [{"token": "Hi", "logprob": -0.5, "bytes": None}],
        }
    ],
    "refusal": None,
}
_CALL = {
    "id": "call-1",
    "type": "function",
    "function": {"name": "greet", "arguments": '{"words": "Hi"}'},
}


def whole_reply() -> dict[str, Any]:
    """A fresh copy of an unstreamed reply."""
    message = {"role": "assistant", "content": "Hi", "reasoning": "Hm", "tool_calls": [_CALL]}
    choice = {
        "index": 0,
        "finish_reason": "tool_calls",
        "message": message,
        "logprobs": _LOGPROBS,
        "reasoning_logprobs": _LOGPROBS,
    }
    body = {**_ENVELOPE, "object": "chat.completion", "choices": [choice]}
    return copied({**body, "usage": _USAGE, "time_info": _TIME_INFO})


def stream_chunks() -> list[dict[str, Any]]:
    """A fresh copy of the chunks of a stream that says the same."""
    deltas: list[dict[str, Any]] = [
        {"delta": {"role": "assistant"}},
        {"delta": {"reasoning": "Hm"}, "reasoning_logprobs": _LOGPROBS},
        {"delta": {"content": "Hi"}, "logprobs": _LOGPROBS},
        {"delta": {"tool_calls": [{**_CALL, "index": 0}]}},
        {"delta": {}, "finish_reason": "tool_calls"},
    ]
    chunks = [
        {**_ENVELOPE, "object": "chat.completion.chunk", "choices": [{"index": 0, **delta}]}
        for delta in deltas
    ]
    chunks[-1] |= {"usage": _USAGE, "time_info": _TIME_INFO}
    return copied(chunks)


def copied(value: Any) -> Any:
    """An equal JSON value that shares nothing."""
    return json.loads(json.dumps(value))


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside, the outermost first."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths_in(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from paths_in(item, (*path, number))


def with_value_at(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The same with one value replaced, in place where there is a place."""
    if not path:
        return new
    inner = value
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = new
    return value


class Answerer:
    """Answers every request of its clients with `whole`, or with `chunks` as a stream."""

    def __init__(self) -> None:
        self.whole: Any = None
        self.chunks: list[Any] = []
        http = http_library()
        self.https = (
            http.Client(transport=http.MockTransport(self._answer)),
            http.AsyncClient(transport=http.MockTransport(self._aanswer)),
        )

    def _answer(self, request: Any) -> Any:
        http = http_library()
        if not json.loads(request.content).get("stream"):
            body = json.dumps(self.whole).encode()
            return http.Response(200, headers={"content-type": "application/json"}, content=body)
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in self.chunks]
        body = "".join([*events, "data: [DONE]\n\n"]).encode()
        return http.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    async def _aanswer(self, request: Any) -> Any:
        await request.aread()
        return self._answer(request)
