"""LangChain's own integration tests for chat models, replayed from cassettes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cassettes import REPLAY_KEY
from tests.langchain.standard import NEVER, SWITCHABLE, StandardSuite

if TYPE_CHECKING:
    from tests.cassettes import RecordedService

pytestmark = [
    pytest.mark.vcr,
    pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning"),
    # while `test_stream_time` is recorded, nothing is timed
    pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning"),
]


class TestChatCerebrasReplayed(StandardSuite):
    """The whole suite without a server: what was recorded answers."""

    @pytest.fixture(autouse=True)
    def _recording(
        self, cassette_service: RecordedService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CEREBRAS_BASE_URL", cassette_service.base_url)
        monkeypatch.setenv("CEREBRAS_API_KEY", cassette_service.api_key)

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self.model_name}

    @property
    def enable_vcr_tests(self) -> bool:
        return True


class TestFunctionCallingReplayed(TestChatCerebrasReplayed):
    method = "function_calling"


class TestSwitchableReasoningReplayed(TestChatCerebrasReplayed):
    model_name = SWITCHABLE


class _RecordedFromTheEmulator(TestChatCerebrasReplayed):
    """What the service cannot answer any more, or only to prompts that the suite does not have."""

    @pytest.fixture(autouse=True)
    def _answers(self, _recording: None, cassette_service: RecordedService) -> None:
        emulator = cassette_service.emulator
        if emulator is not None:
            emulator.reset()
            self.prepare(emulator)
        elif cassette_service.api_key != REPLAY_KEY:
            pytest.skip("is recorded from the emulator only")


class TestJsonModeReplayed(_RecordedFromTheEmulator):
    method = "json_mode"


@pytest.mark.filterwarnings("ignore:Model .* was retired")
class TestNoReasoningReplayed(_RecordedFromTheEmulator):
    model_name = NEVER
