"""The snippets of `docs/llama_index.md` run as they are."""

from __future__ import annotations

import ast
import asyncio
import gc
import inspect
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.llama_index.support import CORE_WARNINGS, KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.emulator.server import RunningEmulator

PAGE = Path(__file__).parents[2] / "docs" / "llama_index.md"


def blocks() -> list[tuple[int, str]]:
    """The Python blocks of the page, each with the line it begins at."""
    text = PAGE.read_text()
    found = re.finditer(r"```python\n(.*?)```", text, flags=re.DOTALL)
    return [(text.count("\n", 0, match.start(1)), match.group(1)) for match in found]


async def run_page(names: dict[str, Any]) -> None:
    """Runs the blocks one after the other; `await` is allowed, as in a notebook."""
    for line, block in blocks():
        source = "\n" * line + block  # so that a traceback shows the page's own lines
        code = compile(source, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)  # noqa: S307 - our own documentation
        if inspect.isawaitable(result):
            await result


@pytest.fixture(autouse=True)
def _settings_as_before() -> Iterator[None]:
    """A snippet sets the global model."""
    from llama_index.core import Settings
    from llama_index.core.llms.loading import RECOGNIZED_LLMS

    before, recognized = Settings._llm, dict(RECOGNIZED_LLMS)
    yield
    Settings._llm = before
    RECOGNIZED_LLMS.clear()
    RECOGNIZED_LLMS.update(recognized)


@CORE_WARNINGS
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # snippets do not close what a program's end closes
def test_the_page_runs_from_top_to_bottom(
    cerebras_emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Style §12: documentation runs against the emulator."""
    monkeypatch.setenv("CEREBRAS_API_KEY", KEY)
    monkeypatch.setenv("CEREBRAS_BASE_URL", cerebras_emulator.base_url)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is not in the catalogue")
        asyncio.run(run_page({"__name__": "docs"}))
        gc.collect()  # what the snippets leave open is found here, where it is expected
    assert len(blocks()) > 25


def test_the_table_of_facts_is_complete() -> None:
    """LI-24: every key a response may have is documented."""
    from tests.llama_index.support import HELLO_REPLY, served

    llm, _ = served({**HELLO_REPLY, "service_tier": "default"})
    page = PAGE.read_text()
    keys = {*llm.complete("?").additional_kwargs, "thinking_delta"}
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_the_page_names_public_things_only() -> None:
    """Every name of the package that the page imports is public."""
    import llama_index_cerebras_ext

    imported = re.findall(r"from llama_index_cerebras_ext import (\w+)", PAGE.read_text())
    assert set(imported) <= set(llama_index_cerebras_ext.__all__)
