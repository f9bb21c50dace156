"""The code in the README and the general documents, run as it stands, against the emulator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext.emulator.fixtures import cerebras_emulator  # noqa: F401 # a fixture

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "docs/client.md", "docs/emulator.md")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")


def _found(pattern: re.Pattern[str]) -> list[Any]:
    """What a pattern finds in the documents, each find with its document and number."""
    return [
        pytest.param(name, find, id=f"{name}-{number}")
        for name in DOCUMENTS
        for number, find in enumerate(pattern.findall((ROOT / name).read_text(encoding="utf-8")))
    ]


@pytest.mark.parametrize(("document", "block"), _found(BLOCK))
def test_code_runs(
    document: str,
    block: str,
    cerebras_emulator: RunningEmulator,  # noqa: F811 # the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a document shows works, with only the two environment variables it names."""
    monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test")
    monkeypatch.setenv("CEREBRAS_BASE_URL", cerebras_emulator.root_url)
    namespace: dict[str, object] = {}
    exec(compile(block, document, "exec"), namespace)  # noqa: S102 # our own text
    for name, value in namespace.items():
        if name.startswith("test_") and callable(value):
            value(cerebras_emulator)
    asks = "Cerebras" in block and "running_emulator" not in block
    assert bool(cerebras_emulator.requests) == asks


@pytest.mark.parametrize(("document", "target"), _found(LINK))
def test_links_lead_somewhere(document: str, target: str) -> None:
    """A relative link names a file or folder of the repository."""
    assert ((ROOT / document).parent / target).exists()


def test_readme_stays_short() -> None:
    """Two hundred lines at most; the rest is docs/."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200
