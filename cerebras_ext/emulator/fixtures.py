"""A pytest fixture: the emulator, fresh for each test.

    from cerebras_ext.emulator.fixtures import cerebras_emulator  # noqa: F401

    def test_my_chain(cerebras_emulator):
        cerebras_emulator.script({"content": "Hello"})
        ...

One server runs for the whole session; what it remembers is forgotten before each test. For other
options, start one with `running_emulator` in a fixture of your own.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from cerebras_ext.emulator.options import EmulatorOptions
from cerebras_ext.emulator.server import RunningEmulator, running_emulator

__all__ = ["cerebras_emulator", "session_emulator"]

# A session that hangs must not leave a server behind for ever.
_IDLE_TIMEOUT_S = 900.0

_SERVER = pytest.StashKey[RunningEmulator]()


@pytest.fixture
def cerebras_emulator(request: pytest.FixtureRequest) -> RunningEmulator:
    """The session's emulator, with nothing remembered of earlier tests."""
    emulator = session_emulator(request.config)
    emulator.reset()
    return emulator


def session_emulator(config: pytest.Config) -> RunningEmulator:
    """The emulator of a session, started if need be."""
    # Kept by the session, not by a second fixture: one name is all that a user imports.
    emulator = config.stash.get(_SERVER, None)
    if emulator is None or not emulator.is_running:
        running = ExitStack()
        options = EmulatorOptions(idle_timeout_s=_IDLE_TIMEOUT_S)
        config.stash[_SERVER] = running.enter_context(running_emulator(options))
        config.add_cleanup(running.close)
    return config.stash[_SERVER]
