"""The documentation's snippets, run one after the other, against the emulator."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from langchain.chat_models import base
from langchain_core.language_models import BaseLLM

from langchain_cerebras_ext import CerebrasLLM, ChatCerebras
from langchain_cerebras_ext._chat_settings import ChatSettings
from tests.langchain.support import QUIET_BETA

if TYPE_CHECKING:
    from cerebras_ext.emulator.server import RunningEmulator

pytestmark = QUIET_BETA

OWN_LLM_FIELDS = {*CerebrasLLM.model_fields} - {*BaseLLM.model_fields}
PAGE = (Path(__file__).parents[2] / "docs" / "langchain.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^( *)```python\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _service(cerebras_emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test-1")
    monkeypatch.setenv("CEREBRAS_BASE_URL", cerebras_emulator.base_url)
    monkeypatch.setattr(base, "_BUILTIN_PROVIDERS", dict(base._BUILTIN_PROVIDERS))


def _run(text: str, name: str, **namespace: Any) -> dict[str, Any]:
    for _indent, block in FENCED.findall(text):
        exec(compile(textwrap.dedent(block), name, "exec"), namespace)  # noqa: S102 - our own text
    return namespace


@pytest.mark.filterwarnings("ignore:Model 'no-such-model' is not in the catalogue")
def test_page_runs(cerebras_emulator: RunningEmulator) -> None:
    """Every snippet of docs/langchain.md works as it stands."""
    namespace = _run(PAGE, "docs/langchain.md")
    assert namespace["state"]["messages"][-1].text
    assert namespace["result"]["parsed"] == namespace["Person"](name="Ann", age=42)
    assert len(cerebras_emulator.requests) > 20
    base._get_chat_model_creator.cache_clear()


async def test_class_documentation_runs() -> None:
    """Every snippet of the class's docstring works as it stands."""
    namespace = _run(ChatCerebras.__doc__ or "", "ChatCerebras.__doc__")
    await namespace["ask"]()


@pytest.mark.parametrize("name", sorted({*ChatSettings.model_fields} | OWN_LLM_FIELDS))
def test_every_field_is_documented(name: str) -> None:
    """Each field of ours stands in the page's table."""
    assert f"`{name}`" in PAGE


def test_links_lead_somewhere() -> None:
    """Anchors are headings of the page."""
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= headings
