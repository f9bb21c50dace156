"""`python -m cerebras_ext.emulator`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from cerebras_ext.emulator.__main__ import main
from tests.emulator.streams import said_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "cerebras_ext.emulator", "--port", "0"]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script file with one answer."""
    path = tmp_path / "script.json"
    path.write_text(json.dumps(["from the file"]))
    return path


@pytest.fixture
def process(script: Path) -> Iterator[subprocess.Popen[str]]:
    """A running command."""
    options = ["--script", str(script), "--api-key", "csk-test", "--models", "gpt-oss-120b,my-own"]
    with subprocess.Popen(  # noqa: S603 - the command is our own
        [*COMMAND, *options, "--no-done", "--tokens-per-s", "1000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    ) as running:
        yield running
        running.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_command_serves_until_it_is_interrupted(process: subprocess.Popen[str]):
    """It says where it listens and how to use it; Ctrl-C ends it without a traceback."""
    assert process.stdout is not None
    welcome = [process.stdout.readline() for _ in range(6)]
    base_url = welcome[2].strip().removeprefix("export CEREBRAS_BASE_URL=")
    headers = {"authorization": "Bearer csk-test"}
    body = {"model": "my-own", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    with httpx.Client(base_url=base_url, headers=headers, timeout=10) as http:
        text = http.post("/chat/completions", json=body).text
    assert said_in(text) == "from the file"
    assert "[DONE]" not in text
    process.send_signal(signal.SIGINT)
    left = process.stdout.read()
    assert (process.wait(), left) == (0, "")
    assert "csk-test" not in "".join(welcome)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--host", "0.0.0.0"], "--allow-remote"),  # noqa: S104 - it is refused
        (["--tokens-per-s", "0"], "tokens_per_s=0.0 must be greater than 0"),
        (["--script", "missing.json"], "missing.json: "),
        (["--port", "x"], "argument --port: invalid int value"),
        (["--rate-limits", "none"], "argument --rate-limits: invalid choice"),
    ],
)
def test_bad_argument_is_explained(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
):
    """Errors name the argument and the remedy, without a traceback."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err
