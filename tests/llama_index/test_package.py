"""The package itself: LI-11, registration, public names."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from llama_index.core.llms import LLM
from llama_index.core.llms.loading import RECOGNIZED_LLMS, load_llm

import llama_index_cerebras_ext
from cerebras_ext.retry import RetryPolicy
from llama_index_cerebras_ext import Cerebras, register_with_llama_index
from tests.llama_index.support import KEY, MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter's word on a piece of code."""
    command = [sys.executable, "-c", code]
    return subprocess.run(  # noqa: S603 - the code is in this file
        command, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_public_list_is_written_down() -> None:
    """Style §8: a change of it is a decision."""
    assert llama_index_cerebras_ext.__all__ == [
        "Cerebras",
        "EmptyOutput",
        "InvalidOutput",
        "InvalidToolArguments",
        "StructuredOutputError",
        "TruncatedOutput",
        "register_with_llama_index",
    ]


@pytest.mark.parametrize("name", llama_index_cerebras_ext.__all__)
def test_public_names_are_documented(name: str) -> None:
    """Style §5: every public name has a docstring of its own."""
    assert inspect.getdoc(getattr(llama_index_cerebras_ext, name))


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in vars(Cerebras)
        if not name.startswith("_") and callable(getattr(Cerebras, name))
    ],
)
def test_public_methods_are_documented(name: str) -> None:
    """Style §5: and every method."""
    assert inspect.getdoc(getattr(Cerebras, name))


def test_without_core_the_error_names_the_extra() -> None:
    """Design §1: one line that says what to install."""
    done = run_python(
        "import sys; sys.modules['llama_index'] = None\nimport llama_index_cerebras_ext"
    )
    last_line = done.stderr.strip().splitlines()[-1]
    assert last_line == (
        "ImportError: llama_index_cerebras_ext needs llama-index-core: "
        "pip install 'cerebras-ext[llama-index]'"
    )


def test_importing_brings_nothing_beside_core() -> None:
    """LI-11: no SDK, no HTTP library, no other framework."""
    done = run_python(
        "import sys, llama_index.core, llama_index.core.llms.function_calling\n"
        "import llama_index.core.program.function_program\n"
        "before = set(sys.modules)\n"
        "from llama_index_cerebras_ext import *\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names) - {'llama_index'}))"
    )
    assert done.stdout.strip() == "['cerebras_ext', 'llama_index_cerebras_ext']"


def test_importing_the_class_brings_few_modules() -> None:
    """LI-11: what calls need comes with the first call: 20 modules now, and never more."""
    done = run_python(
        "import sys, llama_index.core\n"
        "before = set(sys.modules)\n"
        "from llama_index_cerebras_ext import Cerebras\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    assert len(done.stdout.split()) <= 20, done.stdout


def test_the_schema_fixer_is_loaded_when_needed() -> None:
    """LI-11: importing costs what every program needs, and no more."""
    done = run_python(
        "import sys\n"
        "from llama_index_cerebras_ext import *\n"
        "print([name for name in sys.modules if name.startswith('cerebras_ext.schema')])"
    )
    assert done.stdout.strip() == "[]"


def test_the_catalogue_of_integrations_finds_the_class() -> None:
    """LI-11: what LlamaHub reads names things that are there."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    entry = project["tool"]["llamahub"]
    package = importlib.import_module(entry["import_path"])
    assert entry["class_authors"].keys() == {"Cerebras"}
    assert issubclass(package.Cerebras, LLM)


def test_the_tokenizer_is_cores_business() -> None:
    """LI-59: none is imported, and the global one stays as it was."""
    done = run_python(
        "import sys, llama_index.core\n"
        "before = set(sys.modules)\n"
        "from llama_index_cerebras_ext import Cerebras\n"
        "assert Cerebras(model='gpt-oss-120b', api_key='csk-test').metadata.context_window\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(new & {'tiktoken', 'tokenizers', 'transformers', 'bpe_openai'})\n"
        "print(llama_index.core.global_tokenizer)"
    )
    assert done.stdout.split() == ["set()", "None"], done.stderr


@pytest.fixture
def _registry() -> Iterator[None]:
    before = dict(RECOGNIZED_LLMS)
    yield
    RECOGNIZED_LLMS.clear()
    RECOGNIZED_LLMS.update(before)


@pytest.mark.usefixtures("_registry")
def test_registration_is_opt_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Design §7: core's table is touched when the user says so."""
    monkeypatch.setenv("CEREBRAS_API_KEY", KEY)
    dumped = Cerebras(model=MODEL, temperature=0.5).to_dict()
    with pytest.raises(ValueError, match="Invalid LLM name"):
        load_llm(dumped)
    register_with_llama_index()
    loaded = load_llm(dumped)
    assert isinstance(loaded, Cerebras)
    assert loaded.temperature == 0.5


def test_retries_are_as_many_as_the_clients() -> None:
    """The default stands in the class too, which is imported without the client."""
    assert Cerebras(model=MODEL, api_key=KEY).max_retries == RetryPolicy().max_retries
