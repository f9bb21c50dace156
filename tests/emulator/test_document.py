"""`docs/emulator.md` says what the code says; its Python is run by `tests/test_documents.py`."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cerebras_ext.emulator import FAULTS, EmulatorOptions, RunningEmulator, ScriptStep
from cerebras_ext.emulator.rawserver import RAW_FAULTS
from cerebras_ext.emulator.script import steps_of
from tests.emulator.requests import chat_body, user

if TYPE_CHECKING:
    import httpx

TEXT = (Path(__file__).parents[2] / "docs/emulator.md").read_text(encoding="utf-8")
SCRIPTS: list[Any] = [
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
]


def rows_of(table: int) -> dict[str, str]:
    """The n-th table: its first column and the rest of each row, without the head."""
    tables = re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE)
    cells = [row.strip("|").split("|", 1) for row in tables[table].splitlines()[2:]]
    return {first.strip(): rest.strip() for first, rest in cells}


def names_in(cells: Any) -> set[str]:
    """What stands between backticks, calls without their arguments."""
    return {name for cell in cells for name in re.findall(r"`([\w-]+)(?:\(.*?\))?`", cell)}


def test_fixture_has_what_is_documented():
    """The methods and properties of a running emulator, but for those about stopping."""
    public = {name for name in vars(RunningEmulator) if not name.startswith("_")}
    assert names_in(rows_of(0)) == public - {"is_running", "wait_until_stopped"}


def test_every_option_is_documented():
    """The table of options is that of the code."""
    fields = {field.name for field in dataclasses.fields(EmulatorOptions)}
    assert names_in(rows_of(1)) == fields


def test_every_field_of_a_step_is_documented():
    """The table of fields is that of the code."""
    assert names_in(rows_of(2)) == set(ScriptStep.model_fields)


def test_every_fault_is_documented():
    """Names and summaries are those of the code."""
    assert rows_of(3) == {f"`{name}`": kind.summary for name, kind in FAULTS.items()}


def test_every_fault_below_http_is_documented():
    """Names are those of the code."""
    assert names_in(rows_of(4)) == set(RAW_FAULTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_can_be_played(script: Any):
    """What a document shows is a script."""
    assert len(steps_of(script)) == len(script)


def test_first_script_does_what_its_comments_say(
    cerebras_emulator: RunningEmulator, http: httpx.Client
):
    """Text, a call for the word, an error, and a cut stream, whatever the order of the requests."""
    cerebras_emulator.script(*SCRIPTS[0])
    chat = "/chat/completions"
    said, called, failed = (
        http.post(chat, json=chat_body(messages=[user(text)]))
        for text in ("Hi", "What is the weather?", "Hi")
    )
    assert said.json()["choices"][0]["message"]["content"] == "Hello."
    assert called.json()["choices"][0]["finish_reason"] == "tool_calls"
    assert (failed.status_code, failed.headers["retry-after"]) == (503, "1")
