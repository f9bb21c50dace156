"""LangChain's own integration tests for chat models, over a `MockTransport` (section 20)."""

from __future__ import annotations

from typing import Any

import pytest

from cerebras_ext.catalog import all_models
from cerebras_ext.emulator import EmulatorOptions
from tests.langchain.in_process import InProcessEmulator
from tests.langchain.standard import NEVER, SWITCHABLE, StandardSuite
from tests.langchain.support import QUIET_BETA

pytestmark = [QUIET_BETA, pytest.mark.filterwarnings("ignore:Model .* was retired")]


class TestMockedTransport(StandardSuite):
    """HTTP clients of the user's own, with a transport in place of the network."""

    @pytest.fixture(autouse=True)
    def _transport(self) -> None:
        emulator = InProcessEmulator(EmulatorOptions(models=[row.id for row in all_models()]))
        self.prepare(emulator)
        self._clients = emulator.clients()

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**super().chat_model_params, **self._clients}


class TestMockedJsonSchema(TestMockedTransport):
    method = "json_schema"


class TestMockedFunctionCalling(TestMockedTransport):
    method = "function_calling"


class TestMockedJsonMode(TestMockedTransport):
    method = "json_mode"


class TestMockedSwitchableReasoning(TestMockedTransport):
    model_name = SWITCHABLE


class TestMockedNoReasoning(TestMockedTransport):
    model_name = NEVER
