from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_FIGURES = pytest.StashKey[list[str]]()
N_EVENTS = 50
N_SOCKETS = 4_096


@pytest.fixture(scope="session", autouse=True)
def _enough_sockets() -> Iterator[None]:
    """Lets this process open as many sockets as the tests need, where the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = N_SOCKETS if hard == resource.RLIM_INFINITY else min(N_SOCKETS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator in a process of its own, whose answers have 50 events."""
    script = tmp_path_factory.mktemp("load") / "script.json"
    script.write_text(json.dumps([{"deltas": ["word "] * N_EVENTS, "times": 100_000}]))
    with _running_emulator(script) as url:
        yield url


class _running_emulator:
    """The emulator's command, for a block."""

    def __init__(self, script: Path) -> None:
        self._command = [sys.executable, "-m", "cerebras_ext.emulator", "--port", "0"]
        self._command += ["--tokens-per-delta", "1", "--script", str(script)]

    def __enter__(self) -> str:
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        welcome = self._process.stdout.readline()
        return next(word for word in welcome.split() if word.startswith("http"))

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keeps a figure, to be shown when all tests are done."""
    figures = request.config.stash.setdefault(_FIGURES, [])
    return lambda figure: figures.append(f"{request.node.name}: {figure}")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Shows the figures that tests have noted."""
    for figure in config.stash.get(_FIGURES, []):
        terminalreporter.write_line(figure)
