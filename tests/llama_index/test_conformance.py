"""`Cerebras` keeps the promises of the conformance suite, against the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from llama_index_cerebras_ext import Cerebras
from llama_index_cerebras_ext.testing import Answer, LLMConformance
from tests.llama_index.support import MODEL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cerebras_ext.emulator.server import RunningEmulator


class TestCerebras(LLMConformance):
    """§14: the suite that core does not have."""

    key = "csk-test-canary"

    @pytest.fixture(autouse=True)
    async def _served(self, cerebras_emulator: RunningEmulator) -> AsyncIterator[None]:
        self._emulator = cerebras_emulator
        self._made: list[Cerebras] = []
        yield
        for llm in self._made:
            llm.close()
            await llm.aclose()

    def make_llm(self, *answers: Answer, **settings: Any) -> Cerebras:
        self._emulator.script(*map(step_of, answers))
        given = {"model": MODEL, "api_key": self.key, "max_retries": 0, **settings}
        llm = Cerebras(base_url=self._emulator.base_url, **given)
        self._made.append(llm)
        return llm


def step_of(answer: Answer) -> dict[str, Any]:
    """An answer as a step of the emulator's script."""
    calls = [{"name": name, "arguments": dict(arguments)} for name, arguments in answer.calls]
    step: dict[str, Any] = {"content": answer.text}
    if answer.reasoning:
        step["reasoning"] = answer.reasoning
    return {**step, "tool_calls": calls} if calls else step
