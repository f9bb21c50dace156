"""Fixtures of the whole suite: cassettes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.cassettes import (
    CassetteSerializer,
    RecordedService,
    cassette_path,
    check_all_played,
    match_json_body,
    recorded_service,
    vcr_settings,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nothing is timed: a busy machine is no failure. `--hypothesis-profile=many` looks further, as
# `make test-long` does; `most` is for once a week.
settings.register_profile("few", deadline=None)
settings.register_profile("many", deadline=None, max_examples=2_000)
settings.register_profile("most", deadline=None, max_examples=200_000)
settings.load_profile("few")

_SOURCE = pytest.StashKey[str]()


def pytest_sessionstart() -> None:
    """Leaves the main thread without an event loop, as after any `asyncio.run`.

    Until then asyncio makes one for whoever asks, and the frameworks' cores, which do, never close
    it. Which test runs first must not decide whether another is told of it.
    """
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def record_mode_of_session(request: pytest.FixtureRequest) -> str:
    """The record mode: replay, unless the command says otherwise."""
    return request.config.getoption("--record-mode") or "none"


@pytest.fixture(scope="session")
def cassette_service(
    request: pytest.FixtureRequest, record_mode_of_session: str
) -> Iterator[RecordedService]:
    """Where tests with cassettes send their requests."""
    with recorded_service(record_mode_of_session) as service:
        request.config.stash[_SOURCE] = service.name
        yield service


@pytest.fixture(scope="session")
def vcr_config(cassette_service: RecordedService) -> dict[str, Any]:
    """How cassettes are recorded and replayed."""
    return vcr_settings(cassette_service)


@pytest.fixture
def vcr_cassette_dir(request: pytest.FixtureRequest) -> str:
    """The folder of this test module's cassettes."""
    return str(_path_of(request).parent)


@pytest.fixture
def default_cassette_name(request: pytest.FixtureRequest) -> str:
    """The file name of this test's cassette."""
    return _path_of(request).stem


@pytest.fixture(autouse=True)
def _plays_all_that_was_recorded(request: pytest.FixtureRequest) -> Iterator[None]:
    cassette = request.getfixturevalue("vcr") if request.node.get_closest_marker("vcr") else None
    yield
    check_all_played(request, cassette)


def pytest_recording_configure(config: pytest.Config, vcr: Any) -> None:
    """Registers the format of our cassettes."""
    vcr.register_matcher("json_body", match_json_body)
    vcr.register_serializer("yaml", CassetteSerializer(config.stash.get(_SOURCE, "a recording")))


def _path_of(request: pytest.FixtureRequest) -> Any:
    node = request.node
    return cassette_path(
        node.module.__name__.rpartition(".")[2], node.cls.__name__ if node.cls else None, node.name
    )
