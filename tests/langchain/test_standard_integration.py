"""LangChain's own integration tests for chat models, against the emulator (section 20.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.langchain.standard import NEVER, SWITCHABLE, StandardSuite
from tests.langchain.support import QUIET_BETA

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator

pytestmark = [QUIET_BETA, pytest.mark.filterwarnings("ignore:Model .* was retired")]


class TestChatCerebrasIntegration(StandardSuite):
    """A model that always reasons; structured output by the default method."""

    @pytest.fixture(autouse=True)
    def _emulator(self, whole_service: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
        whole_service.reset()
        self.prepare(whole_service)
        monkeypatch.setenv("CEREBRAS_BASE_URL", whole_service.base_url)


class TestJsonSchema(TestChatCerebrasIntegration):
    method = "json_schema"


class TestFunctionCalling(TestChatCerebrasIntegration):
    method = "function_calling"


class TestJsonMode(TestChatCerebrasIntegration):
    method = "json_mode"


class TestSwitchableReasoning(TestChatCerebrasIntegration):
    model_name = SWITCHABLE


class TestSwitchableReasoningFunctionCalling(TestSwitchableReasoning):
    method = "function_calling"


class TestNoReasoning(TestChatCerebrasIntegration):
    model_name = NEVER


class TestNoReasoningFunctionCalling(TestNoReasoning):
    method = "function_calling"
