"""A service in a variable: scripted answers, recorded requests, bodies that know their end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from llama_index_cerebras_ext import Cerebras

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

CORE_WARNINGS = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
"""For tests of core's agents, which inspect themselves in a way that pydantic warns about."""

KEY = "csk-test-1"
MODEL = "gpt-oss-120b"
USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
TIME_INFO = {"queue_time": 0.1, "prompt_time": 0.2, "completion_time": 0.3, "total_time": 0.7}
FACT_HEADERS = {"x-request-id": "req-1", "x-ratelimit-remaining-tokens-minute": "900"}
ENVELOPE = {
    "id": "chatcmpl-1",
    "created": 1795532768,
    "model": MODEL,
    "system_fingerprint": "fp_1",
}


def chunk(
    delta: dict[str, Any] | None = None, finish_reason: str | None = None, **more: Any
) -> dict[str, Any]:
    """One chunk of a chat stream; `more` goes beside the choices."""
    choice: dict[str, Any] = {"index": 0, "delta": delta or {}}
    if finish_reason is not None:
        choice["finish_reason"] = finish_reason
    return {**ENVELOPE, "object": "chat.completion.chunk", "choices": [choice], **more}


def text_chunk(text: str = "", finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a text completion's stream."""
    choice: dict[str, Any] = {"index": 0, "text": text}
    if finish_reason is not None:
        choice["finish_reason"] = finish_reason
    return {**ENVELOPE, "object": "text_completion", "choices": [choice], **more}


def reply(message: dict[str, Any], finish_reason: str = "stop", **more: Any) -> dict[str, Any]:
    """A whole chat completion."""
    choice = {
        "index": 0,
        "finish_reason": finish_reason,
        "message": {"role": "assistant", **message},
    }
    body = {**ENVELOPE, "object": "chat.completion", "choices": [choice]}
    return {**body, "usage": USAGE, "time_info": TIME_INFO, **more}


def text_reply(text: str, finish_reason: str = "stop", **choice: Any) -> dict[str, Any]:
    """A whole text completion."""
    whole = {"index": 0, "text": text, "finish_reason": finish_reason, **choice}
    body = {**ENVELOPE, "object": "text_completion", "choices": [whole]}
    return {**body, "usage": USAGE, "time_info": TIME_INFO}


def call_delta(
    arguments: str, index: int = 0, call_id: str | None = None, name: str | None = None
) -> dict[str, Any]:
    """A delta with a piece of one tool call, as the wire has it."""
    function: dict[str, Any] = {"arguments": arguments}
    call: dict[str, Any] = {"type": "function", "index": index, "function": function}
    if call_id is not None:
        call["id"] = call_id
    if name is not None:
        function["name"] = name
    return {"tool_calls": [call]}


def last_chunk(finish_reason: str = "stop") -> dict[str, Any]:
    """The chunk that ends a chat stream."""
    return chunk(finish_reason=finish_reason, usage=USAGE, time_info=TIME_INFO)


def events(*chunks: dict[str, Any], has_done: bool = True) -> list[bytes]:
    """Server-sent events, one piece each."""
    pieces = [f"data: {json.dumps(each)}\n\n".encode() for each in chunks]
    return [*pieces, b"data: [DONE]\n\n"] if has_done else pieces


HELLO = [
    chunk({"role": "assistant"}),
    chunk({"reasoning": "They "}),
    chunk({"reasoning": "greet."}),
    chunk({"content": "Hel"}),
    chunk({"content": "lo"}),
    last_chunk(),
]
"""A stream that thinks and greets."""

HELLO_REPLY = reply({"reasoning": "They greet.", "content": "Hello"})
"""The same reply unstreamed."""


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces; counts those taken and knows whether it was closed."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        """Serves the pieces in order."""
        self._pieces = list(pieces)
        self.n_taken = 0
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.n_taken += 1
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            self.n_taken += 1
            yield piece

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True


@dataclass
class Service(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers requests from a list; the last answer is given again and again.

    An answer is a JSON object, a list of stream pieces, an `httpx.Response`, or an exception.
    """

    answers: list[Any]
    requests: list[httpx.Request] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The bodies of the requests so far."""
        return [json.loads(request.content) for request in self.requests]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self._answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        match answer:
            case httpx.Response():
                return answer
            case BaseException():
                raise answer
            case list():
                body = Body(answer)
                self.bodies.append(body)
                headers = {**FACT_HEADERS, "content-type": "text/event-stream"}
                return httpx.Response(200, headers=headers, stream=body)
            case _:
                return httpx.Response(200, json=answer, headers=FACT_HEADERS)


def served(*answers: Any, **settings: Any) -> tuple[Cerebras, Service]:
    """A model whose requests are answered from a list, and the service that answers."""
    service = Service(list(answers))
    given: dict[str, Any] = {"model": MODEL, "api_key": KEY, "max_retries": 0, **settings}
    llm = Cerebras(
        http_client=httpx.Client(transport=service),
        async_http_client=httpx.AsyncClient(transport=service),
        **given,
    )
    return llm, service
