from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cerebras_ext.emulator.fixtures import cerebras_emulator  # noqa: F401
from cerebras_ext.emulator.server import RunningEmulator
from llama_index_cerebras_ext import Cerebras
from tests.llama_index.support import KEY, MODEL


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no key and address of the machine they run on."""
    for name in ("CEREBRAS_API_KEY", "CEREBRAS_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_llm(cerebras_emulator: RunningEmulator) -> Callable[..., Cerebras]:  # noqa: F811
    """Makes models that talk to the emulator."""

    def make(**settings: Any) -> Cerebras:
        given: dict[str, Any] = {"model": MODEL, "api_key": KEY, **settings}
        return Cerebras(base_url=cerebras_emulator.base_url, **given)

    return make


@pytest.fixture
def llm(make_llm: Callable[..., Cerebras]) -> Cerebras:
    """A model that talks to the emulator."""
    return make_llm()
