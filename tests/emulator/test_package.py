"""The emulator as a package: public names, the fixture, and the parts that others are made of."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from cerebras_ext import emulator
from cerebras_ext.emulator import fixtures, identifiers, recording
from cerebras_ext.emulator.outgoing import Drop, Frame, Outgoing
from cerebras_ext.emulator.prompt_cache import BLOCK_TOKENS, PromptCache
from cerebras_ext.emulator.writer import OpenReplies, play

PUBLIC = [
    "FAULTS",
    "FAULT_HEADER",
    "EmulatorOptions",
    "FaultError",
    "RecordedRequest",
    "RunningEmulator",
    "ScriptCall",
    "ScriptError",
    "ScriptStep",
    "read_script",
    "running_emulator",
]


def test_public_names_are_these():
    """A name is public on purpose."""
    assert emulator.__all__ == PUBLIC
    assert all(hasattr(emulator, name) for name in PUBLIC)


def test_missing_library_names_the_extra():
    """One line that says what to install."""
    code = "import sys; sys.modules['uvicorn'] = None; import cerebras_ext.emulator"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    expected = "The emulator needs uvicorn: pip install 'cerebras-ext[emulator]'"
    assert done.stderr.splitlines()[-1] == f"ImportError: {expected}"


class Session:
    """As much of pytest's configuration as the fixture uses."""

    def __init__(self) -> None:
        self.stash = pytest.Stash()
        self.cleanups: list[Any] = []

    def add_cleanup(self, cleanup: Any) -> None:
        self.cleanups.append(cleanup)


def test_fixture_keeps_one_server_for_the_session():
    """Starting is done once; what has stopped by itself is started again."""
    session: Any = Session()
    first = fixtures.session_emulator(session)
    assert fixtures.session_emulator(session) is first
    session.cleanups[0]()
    second = fixtures.session_emulator(session)
    assert (first.is_running, second.is_running) == (False, True)
    session.cleanups[1]()
    assert second.is_running is False


def test_seeds_depend_on_the_body_and_how_often_it_came():
    """Design §5: the same traffic gives the same ids, in whatever order bodies come."""
    one, other = identifiers.RequestSeeds(), identifiers.RequestSeeds()
    assert [one.seed_of(body) for body in (b"a", b"b", b"a")] == [
        *(other.seed_of(b"a"), other.seed_of(b"b"), other.seed_of(b"a")),
    ]
    assert len({one.seed_of(b"a") for _ in range(3)}) == 3


def test_identifiers_look_like_recorded_ones():
    """API specification §3, §1.3: the forms of ids, fingerprints and rays."""
    seed = b"seed"
    assert identifiers.completion_id(seed).count("-") == 5
    assert identifiers.completion_id(seed).startswith("chatcmpl-")
    assert len(identifiers.fingerprint("gpt-oss-120b")) == len("fp_") + 20
    assert identifiers.cf_ray(seed).endswith("-EMU")
    assert identifiers.tool_call_id(seed, 0) != identifiers.tool_call_id(seed, 1)


def test_prompt_cache_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch):
    """A server that runs for days does not grow for ever."""
    monkeypatch.setattr("cerebras_ext.emulator.prompt_cache._MAX_BLOCKS", 2)
    cache = PromptCache()
    old, new = [1] * BLOCK_TOKENS, [2] * (2 * BLOCK_TOKENS)
    assert [cache.cached_tokens("m", prompt) for prompt in (old, new, new, old)] == [0, 0, 256, 0]


@pytest.mark.parametrize(("limit", "most"), [("_MOST_REQUESTS", 2), ("_MOST_BYTES", 25)])
def test_oldest_records_are_dropped(monkeypatch: pytest.MonkeyPatch, limit: str, most: int):
    """Neither many requests nor large ones fill the memory of a server that runs for days."""
    monkeypatch.setattr(recording, limit, most)
    recorder = recording.Recorder()
    for path in "abc":
        recorder.record(recording.RecordedRequest("GET", path, {}, None, b""), n_bytes=10)
    assert [request.path for request in recorder.requests] == ["b", "c"]


def test_oldest_bodies_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    """A body not seen for long is new again."""
    monkeypatch.setattr(identifiers, "_MOST_BODIES", 2)
    seeds = identifiers.RequestSeeds()
    first, *_, again = (seeds.seed_of(body) for body in (b"a", b"b", b"c", b"a"))
    assert first == again


async def test_reply_can_be_cut_on_any_server():
    """A server that lends no transport sees a reply that was never completed."""
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    cut = Outgoing(200, (("a", "b"),), (Frame(b"x"), Drop()))
    await play(cut, {"type": "http"}, receive, send, OpenReplies())
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[-1]["more_body"] is True
