"""LangChain's own integration tests, told what each model can do (contract section 20.1)."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.integration_tests import chat_models as suite

from cerebras_ext.catalog import facts_of
from langchain_cerebras_ext import ChatCerebras
from tests.langchain.support import KEY, MODEL, OTHER_MODEL

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

    from cerebras_ext.emulator import RunningEmulator
    from tests.langchain.in_process import InProcessEmulator

__all__ = ["ALWAYS", "NEVER", "SWITCHABLE", "StandardSuite"]

ALWAYS, SWITCHABLE, NEVER = MODEL, OTHER_MODEL, "llama3.1-8b"
"""A model that always reasons, one whose reasoning can be switched off, and one without any."""

_JOKE = {
    "contains": "joke",
    "times": 100,
    "content": '{"setup": "What do cats read?", "punchline": "The mews."}',
}

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


class StandardSuite(ChatModelIntegrationTests):
    """The suite with every toggle on that the service can serve.

    Attributes:
        model_name: The model.
        method: How structured output is asked for; None for the default.
    """

    model_name = ALWAYS
    method: str | None = None

    @pytest.fixture(autouse=True)
    def _images_are_local(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The suite downloads its images; this one is made here."""
        monkeypatch.setattr(suite.httpx, "get", lambda *_, **__: SimpleNamespace(content=PNG))

    def prepare(self, emulator: RunningEmulator | InProcessEmulator) -> None:
        """Has an emulator say what `json_mode` asks for: no schema is sent, nor every key named."""
        if self.method == "json_mode":
            emulator.script(_JOKE)

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
        return SWITCHABLE if self.model_name == ALWAYS else ALWAYS

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return facts_of(self.model_name).takes_images

    @property
    def supported_usage_metadata_details(self) -> dict[str, list[str]]:  # type: ignore[override]
        details = ["cache_read_input"]
        if facts_of(self.model_name).is_reasoning:
            details.append("reasoning_output")
        return {"invoke": details, "stream": details}

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._said("Explain the relationship between 2 and 4.", stream=stream)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        prompt = "Summarise this: " + "the quick brown fox jumps over the lazy dog. " * 100
        self._said(prompt, stream=False)
        return self._said(prompt, stream=stream)

    def _said(self, prompt: str, *, stream: bool) -> AIMessage:
        model = ChatCerebras(**self.chat_model_params)
        if not stream:
            return model.invoke(prompt)
        first, *others = model.stream(prompt)
        return first + others
