"""LangChain's own integration tests for chat models, against the emulator (section 20.3)."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.integration_tests import chat_models as suite

from langchain_cerebras_ext import ChatCerebras
from tests.langchain.support import KEY, MODEL, OTHER_MODEL, QUIET_BETA

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

    from cerebras_ext.emulator.server import RunningEmulator

pytestmark = QUIET_BETA

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


class TestChatCerebrasIntegration(ChatModelIntegrationTests):
    """`json_schema` where it fits, the default."""

    method: str | None = None
    model_name = MODEL

    @pytest.fixture(autouse=True)
    def _emulator(
        self, cerebras_emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CEREBRAS_BASE_URL", cerebras_emulator.base_url)

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatCerebras

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self.model_name, "api_key": KEY}

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": self.method} if self.method else {}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return OTHER_MODEL if self.model_name == MODEL else MODEL

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(self) -> dict[str, list[str]]:  # type: ignore[override]
        details = ["reasoning_output", "cache_read_input"]
        return {"invoke": details, "stream": details}

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        model = ChatCerebras(**self.chat_model_params)
        return _said(model, "Explain the relationship between 2 and 4.", stream=stream)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        model = ChatCerebras(**self.chat_model_params)
        prompt = "Summarise this: " + "the quick brown fox jumps over the lazy dog. " * 100
        model.invoke(prompt)
        return _said(model, prompt, stream=stream)


class TestFunctionCalling(TestChatCerebrasIntegration):
    method = "function_calling"


class TestQwen(TestChatCerebrasIntegration):
    method = "json_schema"
    model_name = OTHER_MODEL

    @pytest.fixture(autouse=True)
    def _images_are_local(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The suite downloads its images; this one is made here."""
        monkeypatch.setattr(suite.httpx, "get", lambda *_, **__: SimpleNamespace(content=PNG))

    @property
    def supports_image_inputs(self) -> bool:
        return True


def _said(model: ChatCerebras, prompt: str, *, stream: bool) -> AIMessage:
    if not stream:
        return model.invoke(prompt)
    first, *others = model.stream(prompt)
    return first + others
