"""What the LangChain tests share: models, canned replies, and a transport that plays them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext._http import http_library
from langchain_cerebras_ext import ChatCerebras

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

QUIET_BETA = pytest.mark.filterwarnings(
    "ignore::langchain_core._api.beta_decorator.LangChainBetaWarning"
)
"""Core warns whenever its event protocol, or loading, is used."""

KEY = "csk-test-1"
MODEL = "gpt-oss-120b"
OTHER_MODEL = "qwen-3.8-27b"
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 12,
    "total_tokens": 32,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 4},
}
TIME_INFO = {"queue_time": 0.25, "prompt_time": 0.5, "completion_time": 1.0, "total_time": 1.875}


@dataclass(frozen=True)
class Reply:
    """One reply of the service, to be sent whole or as a stream; both say the same."""

    content: str | None = None
    reasoning: str | None = None
    calls: tuple[tuple[str, str, str], ...] = ()
    refusal: str | None = None
    finish_reason: str = "stop"
    interleaved: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def envelope(self) -> dict[str, Any]:
        return {
            "id": "chatcmpl-1",
            "created": 1_764_000_000,
            "model": MODEL,
            "system_fingerprint": "fp_0123456789",
        }

    def body(self) -> dict[str, Any]:
        """The reply in one piece."""
        texts = {"content": self.content, "reasoning": self.reasoning, "refusal": self.refusal}
        message: dict[str, Any] = {"role": "assistant"}
        message |= {key: text for key, text in texts.items() if text is not None}
        if self.calls:
            message["tool_calls"] = [
                {"id": id_, "type": "function", "function": {"name": name, "arguments": text}}
                for id_, name, text in self.calls
            ]
        choice = {"index": 0, "finish_reason": self.finish_reason, "message": message}
        return {
            **self.envelope,
            "object": "chat.completion",
            "choices": [choice],
            "usage": USAGE,
            "time_info": TIME_INFO,
            **self.extra,
        }

    def chunks(self, *, piece: int = 3) -> list[dict[str, Any]]:
        """The reply as a stream cuts it."""
        deltas: list[dict[str, Any]] = [{"role": "assistant"}]
        for key, text in (("reasoning", self.reasoning), ("content", self.content)):
            deltas += [{key: part} for part in cut(text or "", piece)]
        if self.refusal is not None:
            deltas.append({"refusal": self.refusal})
        openings, fragments = self._call_deltas(piece)
        deltas += openings if self.interleaved else []
        deltas += fragments
        out = [self._chunk({"delta": delta}) for delta in deltas]
        last = self._chunk({"delta": {}, "finish_reason": self.finish_reason})
        return [*out, {**last, "usage": USAGE, "time_info": TIME_INFO, **self.extra}]

    def _call_deltas(self, piece: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        openings, per_call = [], []
        for index, (id_, name, text) in enumerate(self.calls):
            opening = _call_delta(index, text="", id=id_, name=name)
            parts = [_call_delta(index, text=part) for part in cut(text, piece)]
            openings.append(opening)
            per_call.append(parts if self.interleaved else [opening, *parts])
        if not self.interleaved:
            return [], [delta for parts in per_call for delta in parts]
        longest = max(map(len, per_call), default=0)
        woven = [parts[i] for i in range(longest) for parts in per_call if i < len(parts)]
        return openings, woven

    def _chunk(self, choice: dict[str, Any]) -> dict[str, Any]:
        return {
            **self.envelope,
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, **choice}],
        }


def _call_delta(index: int, *, text: str, **opening: str) -> dict[str, Any]:
    function = {"arguments": text, **({"name": opening["name"]} if opening else {})}
    call = {"index": index, "type": "function", "function": function}
    return {"tool_calls": [call | ({"id": opening["id"]} if opening else {})]}


def cut(text: str, piece: int) -> list[str]:
    """The text in pieces of a length."""
    return [text[i : i + piece] for i in range(0, len(text), piece)]


def sse(chunks: Iterable[Mapping[str, Any]], *, done: bool = True) -> bytes:
    """Chunks as an event stream."""
    events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*events, *(["data: [DONE]\n\n"] if done else [])]).encode()


@dataclass
class Service:
    """Plays replies to a model, in order and the last one for ever; keeps what came in."""

    replies: list[Any]
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, request: Any) -> Any:
        """What the transport calls."""
        httpx = http_library()
        body = json.loads(request.read())
        reply = self.replies[min(len(self.requests), len(self.replies) - 1)]
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        if isinstance(reply, Exception):
            raise reply
        if callable(reply):
            return reply(request, httpx)
        if body.get("stream"):
            stream = reply if isinstance(reply, bytes) else sse(reply.chunks())
            return httpx.Response(
                200,
                headers={"content-type": "text/event-stream", "x-request-id": "req-1"},
                content=stream,
            )
        return httpx.Response(200, headers={"x-request-id": "req-1"}, json=reply.body())

    async def answer_async(self, request: Any) -> Any:
        """What the async transport calls."""
        await request.aread()
        return self.answer(request)

    @property
    def last(self) -> dict[str, Any]:
        """The newest request's body."""
        return self.requests[-1]

    def clients(self) -> dict[str, Any]:
        """HTTP clients that talk to this service, as a model takes them."""
        httpx = http_library()
        return {
            "http_client": httpx.Client(transport=httpx.MockTransport(self.answer)),
            "http_async_client": httpx.AsyncClient(
                transport=httpx.MockTransport(self.answer_async)
            ),
        }


def chat(*replies: Any, **settings: Any) -> tuple[ChatCerebras, Service]:
    """A model whose service plays these replies."""
    service = Service(list(replies))
    given: dict[str, Any] = {"model": MODEL, "api_key": KEY, "max_retries": 0, **settings}
    return ChatCerebras(**service.clients(), **given), service


def status_reply(status: int, **body: Any) -> Callable[[Any, Any], Any]:
    """An error reply."""
    headers = {"x-request-id": "req-err", **body.pop("headers", {})}
    return lambda _request, httpx: httpx.Response(status, headers=headers, json=body)
