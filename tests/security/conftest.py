from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cerebras_ext.emulator.options import EmulatorOptions
from cerebras_ext.emulator.server import RunningEmulator, running_emulator
from tests.security.exposure import SPELLINGS, Texts, exposure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no key, address or tracing of the machine they run on."""
    for name in ("CEREBRAS_API_KEY", "CEREBRAS_BASE_URL", "LANGSMITH_TRACING"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def _emulator() -> Iterator[RunningEmulator]:
    with running_emulator(EmulatorOptions(tokens_per_delta=1)) as emulator:
        yield emulator


@pytest.fixture
def emulator(_emulator: RunningEmulator) -> RunningEmulator:
    """A fresh emulator."""
    _emulator.reset()
    return _emulator


@pytest.fixture(scope="session")
def exposed(
    _emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Texts]:
    """What shows of a key in a spelling; each spelling is tried once a session."""
    known: dict[str, Texts] = {}

    def told(spelling: str) -> Texts:
        if spelling not in known:
            folder = tmp_path_factory.mktemp("cassettes")
            known[spelling] = exposure(SPELLINGS[spelling], _emulator, folder)
        return known[spelling]

    return told
