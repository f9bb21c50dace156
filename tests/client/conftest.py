from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cerebras_ext._http import HTTP_VARIABLE, http_library
from cerebras_ext.emulator import EmulatorOptions, RunningEmulator, running_emulator
from cerebras_ext.emulator.rawserver import RawServer, raw_server
from tests.client.asking import ANSWERED, WAYS, Way
from tests.client.canned import Canned, canned

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIABLES = ("CEREBRAS_API_KEY", "CEREBRAS_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no key, address or proxy of the machine they run on."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="session")
def _emulator() -> Iterator[RunningEmulator]:
    with running_emulator(EmulatorOptions()) as emulator:
        yield emulator


@pytest.fixture
def emulator(_emulator: RunningEmulator) -> RunningEmulator:
    """An emulator that always says the same."""
    _emulator.reset()
    _emulator.script(ANSWERED)
    return _emulator


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    """Each way to ask: sync and async, whole and streamed."""
    chosen: Way = request.param
    return chosen


@pytest.fixture
def counted(emulator: RunningEmulator) -> Iterator[RawServer]:
    """The emulator behind a relay that counts connections."""
    with raw_server(upstream=emulator.root_url) as relay:
        yield relay


@pytest.fixture(params=["httpx", "httpx2"])
def each_library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each HTTP library in turn."""
    pytest.importorskip(request.param, reason="an optional dependency")
    monkeypatch.setenv(HTTP_VARIABLE, request.param)
    http_library.cache_clear()
    yield request.param
    http_library.cache_clear()


@pytest.fixture
def server() -> Iterator[Canned]:
    """A server that keeps what it is sent."""
    with canned() as running:
        yield running
