"""Each cassette belongs to a test, says where it comes from, and holds nothing it should not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cassettes import (
    CASSETTES_DIR,
    KEPT_REQUEST_HEADERS,
    KEPT_RESPONSE_HEADERS,
    KEY_LIKE,
    CassetteSerializer,
    cassette_path,
)

ROOT = CASSETTES_DIR.parent
ADAPTER_TESTS = ("tests/langchain", "tests/llama_index")
CASSETTES = sorted(CASSETTES_DIR.rglob("*.yaml"))
ids = [str(path.relative_to(CASSETTES_DIR)) for path in CASSETTES]
each_cassette = pytest.mark.parametrize("path", CASSETTES, ids=ids)


@each_cassette
def test_cassette_names_its_source(path: Path) -> None:
    """The first line says whether the service or the emulator was recorded, and when."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(
        ("# Recorded from the emulator", "# Recorded from the Cerebras service")
    )


@each_cassette
def test_cassette_holds_no_key(path: Path) -> None:
    """Reliability contract §9.1: nothing that looks like a key is in a recording."""
    assert KEY_LIKE.search(path.read_text(encoding="utf-8")) is None


@each_cassette
def test_cassette_holds_allowed_headers_only(path: Path) -> None:
    """Reliability contract §9.1: headers are kept by allow-list; cookies never are."""
    for each in yaml.safe_load(path.read_text(encoding="utf-8"))["interactions"]:
        assert set(map(str.lower, each["request"]["headers"])) <= KEPT_REQUEST_HEADERS
        assert all(KEPT_RESPONSE_HEADERS.fullmatch(name) for name in each["response"]["headers"])


@pytest.mark.timeout(120)
def test_every_cassette_belongs_to_a_test() -> None:
    """A cassette whose test is gone is an orphan; a test without its cassette fails by itself."""
    paths = [path for folder in ADAPTER_TESTS for path in (ROOT / folder).glob("test_*.py")]
    modules = [str(path) for path in paths if "vcr" in path.read_text(encoding="utf-8")]
    listed = subprocess.run(  # noqa: S603 - this interpreter, on this suite
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "vcr", *modules],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    nodes = [line for line in listed.stdout.splitlines() if "::" in line]
    assert nodes, listed.stdout + listed.stderr
    orphans = set(CASSETTES) - {_path_of(node) for node in nodes}
    assert not orphans


def test_serializer_round_trip() -> None:
    """JSON bodies come back compact and in order, event streams to the byte."""
    interaction = {
        "request": {
            "method": "POST",
            "uri": "https://api.cerebras.ai/v1/x",
            "body": '{"b":1,"a":"ä"}',
            "headers": {},
        },
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {},
            "body": {"string": 'data: {"x": 1}\n\ndata: [DONE]\n\n'},
        },
    }
    serializer = CassetteSerializer("the emulator of this project")
    text = serializer.serialize({"version": 1, "interactions": [interaction]})
    assert serializer.deserialize(text)["interactions"] == [interaction]


def _path_of(node: str) -> Path:
    file, *names = node.split("::")
    return cassette_path(Path(file).stem, names[0] if len(names) == 2 else None, names[-1])
