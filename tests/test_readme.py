"""The README's code, run as it stands, against the emulator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cerebras_ext.emulator.fixtures import cerebras_emulator  # noqa: F401 # a fixture

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
LINKS = re.findall(r"\]\(([^)#:]+)\)", README)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.partition("\n")[0])
def test_readme_code_runs(
    block: str,
    cerebras_emulator: RunningEmulator,  # noqa: F811 # the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the README shows works, with only the two environment variables it names."""
    monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test")
    monkeypatch.setenv("CEREBRAS_BASE_URL", cerebras_emulator.root_url)
    namespace: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), namespace)  # noqa: S102 # our own text
    for name, value in namespace.items():
        if name.startswith("test_") and callable(value):
            value(cerebras_emulator)
    assert cerebras_emulator.requests


@pytest.mark.parametrize("target", LINKS)
def test_readme_links_lead_somewhere(target: str) -> None:
    """A relative link names a file or folder of the repository."""
    assert (Path(__file__).parents[1] / target).exists()


def test_readme_stays_short() -> None:
    """Two hundred lines at most; the rest is docs/."""
    assert len(README.splitlines()) <= 200
