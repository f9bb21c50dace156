"""`Cerebras` keeps the promises of the conformance suite, for models that reason and that do not.

Three services stand behind it: the emulator, a mock transport without any network, and recordings.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import pytest

from llama_index_cerebras_ext import Cerebras
from llama_index_cerebras_ext.testing import Answer, LLMConformance
from tests.cassettes import REPLAY_KEY
from tests.llama_index.support import (
    CORE_WARNINGS,
    MODEL,
    call_delta,
    chunk,
    events,
    last_chunk,
    reply,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cerebras_ext.emulator.server import RunningEmulator
    from tests.cassettes import RecordedService

pytestmark = CORE_WARNINGS

WITHOUT_REASONING = {"model": "qwen-3.8-27b", "reasoning_effort": "none"}


class Conformance(LLMConformance):
    """Makes models and closes them after the test."""

    key = "csk-test-canary"
    model_cls: ClassVar[type[Cerebras]] = Cerebras
    settings: ClassVar[dict[str, Any]] = {"model": MODEL}

    @pytest.fixture(autouse=True)
    async def _closing(self) -> AsyncIterator[None]:
        self._made: list[Cerebras] = []
        yield
        for llm in self._made:
            llm.close()
            await llm.aclose()

    def make_llm(self, *answers: Answer, **settings: Any) -> Cerebras:
        service = {"api_key": self.key, "max_retries": 0, **self.service_of(answers)}
        self._made.append(self.model_cls(**{**service, **self.settings, **settings}))
        return self._made[-1]

    @abstractmethod
    def service_of(self, answers: tuple[Answer, ...]) -> dict[str, Any]:
        """The settings that lead to a service with these answers."""


class TestEmulated(Conformance):
    """§14: the suite that core does not have, over the network."""

    @pytest.fixture(autouse=True)
    def _served(self, cerebras_emulator: RunningEmulator) -> None:
        self._emulator = cerebras_emulator

    def service_of(self, answers: tuple[Answer, ...]) -> dict[str, Any]:
        self._emulator.script(*map(step_of, answers))
        return {"base_url": self._emulator.base_url}


class TestEmulatedWithoutReasoning(TestEmulated):
    """The same for a model that does not reason."""

    settings = WITHOUT_REASONING
    reasons = False


class TestMocked(Conformance):
    """§14: the same promises over a transport of the HTTP library, which users have in tests."""

    def service_of(self, answers: tuple[Answer, ...]) -> dict[str, Any]:
        left = list(answers)

        def respond(request: httpx.Request) -> httpx.Response:
            assert left, "one request more than there are answers"
            return response_to(request, left.pop(0))

        transport = httpx.MockTransport(respond)
        return {
            "http_client": httpx.Client(transport=transport),
            "async_http_client": httpx.AsyncClient(transport=transport),
        }


class TestMockedWithoutReasoning(TestMocked):
    """The same for a model that does not reason."""

    settings = WITHOUT_REASONING
    reasons = False


@pytest.mark.vcr
class TestReplayed(Conformance):
    """§14: the same promises, replayed from what a service said that nobody scripted."""

    is_scripted = False
    key = REPLAY_KEY

    @pytest.fixture(autouse=True)
    def _recording(self, cassette_service: RecordedService) -> None:
        self._service = cassette_service

    def service_of(self, answers: tuple[Answer, ...]) -> dict[str, Any]:
        return {"base_url": self._service.base_url, "api_key": self._service.api_key}


@pytest.mark.vcr
class TestReplayedWithoutReasoning(TestReplayed):
    """The same for a model that does not reason."""

    settings = WITHOUT_REASONING
    reasons = False


def step_of(answer: Answer) -> dict[str, Any]:
    """An answer as a step of the emulator's script."""
    calls = [{"name": name, "arguments": dict(arguments)} for name, arguments in answer.calls]
    step: dict[str, Any] = {"content": answer.text}
    if answer.reasoning:
        step["reasoning"] = answer.reasoning
    return {**step, "tool_calls": calls} if calls else step


def response_to(request: httpx.Request, answer: Answer) -> httpx.Response:
    """The answer in the form that a request asks for: whole or streamed, calls if it has tools."""
    asked = json.loads(request.content)
    calls = wire_calls_of(answer) if "tools" in asked else []
    reason = "tool_calls" if calls else "stop"
    if not asked.get("stream"):
        message: dict[str, Any] = {"tool_calls": calls} if calls else {"content": answer.text}
        if answer.reasoning:
            message["reasoning"] = answer.reasoning
        return httpx.Response(200, json=reply(message, reason))
    deltas = [{"reasoning": piece} for piece in pieces_of(answer.reasoning)]
    for index, call in enumerate(calls):
        function = call["function"]
        deltas.append(call_delta("", index, call["id"], function["name"]))
        deltas += [call_delta(piece, index) for piece in pieces_of(function["arguments"])]
    deltas += [] if calls else [{"content": piece} for piece in pieces_of(answer.text)]
    body = events(chunk({"role": "assistant"}), *map(chunk, deltas), last_chunk(reason))
    headers = {"content-type": "text/event-stream"}
    return httpx.Response(200, headers=headers, content=b"".join(body))


def wire_calls_of(answer: Answer) -> list[dict[str, Any]]:
    """The calls of an answer as the API writes them."""
    functions = [
        {"name": name, "arguments": json.dumps(dict(arguments))} for name, arguments in answer.calls
    ]
    return [
        {"id": f"call_{n}", "type": "function", "function": function}
        for n, function in enumerate(functions)
    ]


def pieces_of(text: str, size: int = 4) -> list[str]:
    """A text in small pieces."""
    return [text[at : at + size] for at in range(0, len(text), size)]
