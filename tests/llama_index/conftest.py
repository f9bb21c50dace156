from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext.emulator.fixtures import cerebras_emulator  # noqa: F401
from llama_index_cerebras_ext import Cerebras
from tests.llama_index.support import KEY, MODEL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cerebras_ext.emulator.server import RunningEmulator


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no key and address of the machine they run on."""
    for name in ("CEREBRAS_API_KEY", "CEREBRAS_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def make_llm(
    cerebras_emulator: RunningEmulator,  # noqa: F811
) -> AsyncIterator[Callable[..., Cerebras]]:
    """Makes models that talk to the emulator; closes them after the test, in its event loop."""
    made: list[Cerebras] = []

    def make(**settings: Any) -> Cerebras:
        given: dict[str, Any] = {"model": MODEL, "api_key": KEY, **settings}
        made.append(Cerebras(base_url=cerebras_emulator.base_url, **given))
        return made[-1]

    yield make
    for llm in made:
        llm.close()
        await llm.aclose()


@pytest.fixture
def llm(make_llm: Callable[..., Cerebras]) -> Cerebras:
    """A model that talks to the emulator."""
    return make_llm()
