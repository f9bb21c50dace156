from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

from cerebras_ext.emulator.options import EmulatorOptions
from cerebras_ext.emulator.server import RunningEmulator, running_emulator
from tests.faults.scenes import SOUND_STEP, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no key, address or tracing of the machine they run on."""
    for name in ("CEREBRAS_API_KEY", "CEREBRAS_BASE_URL", "LANGSMITH_TRACING"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def _emulator() -> Iterator[RunningEmulator]:
    with running_emulator(EmulatorOptions(tokens_per_delta=1)) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that nobody else trusts."""
    return trustme.CA()


@pytest.fixture
def emulator(_emulator: RunningEmulator) -> RunningEmulator:
    """An emulator that cuts streams where the script does, and always says the same."""
    _emulator.reset()
    _emulator.script(SOUND_STEP)
    return _emulator


@pytest.fixture
def stage(
    emulator: RunningEmulator, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    """What scenes are made with."""
    return Stage(emulator, authority, monkeypatch)
