from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext.catalog import all_models
from cerebras_ext.emulator import EmulatorOptions, running_emulator
from cerebras_ext.emulator.fixtures import cerebras_emulator  # noqa: F401 - a fixture
from langchain_cerebras_ext import ChatCerebras
from tests.langchain.support import KEY, MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cerebras_ext.emulator.server import RunningEmulator


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no key, address or tracing of the machine they run on."""
    for name in ("CEREBRAS_API_KEY", "CEREBRAS_BASE_URL", "LANGSMITH_TRACING", "LC_OUTPUT_VERSION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def whole_service() -> Iterator[RunningEmulator]:
    """An emulator that serves every model of the catalogue; who uses it resets it."""
    options = EmulatorOptions(models=[row.id for row in all_models()], idle_timeout_s=900)
    with running_emulator(options) as emulator:
        yield emulator


@pytest.fixture
def make_chat(
    cerebras_emulator: RunningEmulator,  # noqa: F811 - the fixture
) -> Callable[..., ChatCerebras]:
    """Makes models that talk to the emulator."""

    def make(**settings: Any) -> ChatCerebras:
        given: dict[str, Any] = {"model": MODEL, "api_key": KEY, **settings}
        return ChatCerebras(base_url=cerebras_emulator.base_url, **given)

    return make
