"""The package itself: public names, imports, registration (LC-03, LC-05, LC-12, LC-97)."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.chat_models import base, init_chat_model

import langchain_cerebras_ext
from langchain_cerebras_ext import ChatCerebras, register_with_langchain
from langchain_cerebras_ext import errors as lc
from langchain_cerebras_ext.errors import ConfigError
from tests.langchain.support import KEY, MODEL


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_public_names() -> None:
    """The public list is written down twice, so that a change is meant."""
    assert langchain_cerebras_ext.__all__ == [
        "CerebrasLLM",
        "ChatCerebras",
        "__version__",
        "register_with_langchain",
    ]


def test_error_names_are_listed() -> None:
    """Each public error is in the list of its module."""
    defined = [
        name for name, value in vars(lc).items() if getattr(value, "__module__", "") == lc.__name__
    ]
    assert sorted(lc.__all__) == sorted(name for name in defined if not name.startswith("_"))


def test_import_without_langchain_names_the_extra() -> None:
    """Design section 1: one line that says what to install."""
    out = run(
        """
        import sys
        sys.modules["langchain_core"] = None
        import langchain_cerebras_ext
        """
    )
    assert out.splitlines()[-1] == (
        "ImportError: langchain_cerebras_ext needs LangChain: pip install 'cerebras-ext[langchain]'"
    )


def test_import_brings_no_http_library_and_no_sdk() -> None:
    """LC-05: over what core itself imports, nothing but this project."""
    out = run(
        """
        import sys
        import langchain_core.language_models.chat_models, langchain_core.language_models.llms
        import langchain_core.messages.block_translators, langchain_core.messages.utils
        import langchain_core.output_parsers.transform, langchain_core.runnables
        import langchain_core.tools, langchain_core.utils.function_calling, pydantic.v1
        before = {name.partition(".")[0] for name in sys.modules}
        from importlib import import_module
        from pkgutil import iter_modules
        import langchain_cerebras_ext
        for module in iter_modules(langchain_cerebras_ext.__path__, "langchain_cerebras_ext."):
            import_module(module.name)
        after = {name.partition(".")[0] for name in sys.modules}
        stdlib = sys.stdlib_module_names
        print(sorted(name for name in after - before if name not in stdlib))
        """
    )
    assert out.strip() == "['cerebras_ext', 'langchain_cerebras_ext']"


def test_importing_the_class_brings_few_modules() -> None:
    """What calls need comes with the first call: 18 modules now, and never more than 20."""
    out = run(
        """
        import sys
        import langchain_core.messages
        from langchain_core.language_models import BaseChatModel
        before = set(sys.modules)
        from langchain_cerebras_ext import ChatCerebras
        print(*sorted(set(sys.modules) - before))
        """
    )
    assert len(out.split()) <= 20, out


def test_warm_up_loads_what_calls_need() -> None:
    """A first call imports nothing after it, so that its first token comes as a later one's."""
    out = run(
        """
        import sys
        from langchain_cerebras_ext import ChatCerebras
        from langchain_cerebras_ext._connection import CerebrasConnection
        model = ChatCerebras(model="gpt-oss-120b", api_key="csk-test-1", max_retries=0, timeout=1,
                             base_url="http://127.0.0.1:1")
        for call in (model.warm_up, lambda: model.invoke("hi"), lambda: list(model.stream("hi"))):
            before = set(sys.modules)
            try:
                call()
            except Exception as error:
                print(type(error).__name__)
        print(sorted(name for name in set(sys.modules) - before if "cerebras" in name))
        """
    )
    assert out.split() == ["ConnectionFailed"] * 3 + ["[]"]


def test_construction_needs_no_http_library() -> None:
    """LC-04: the HTTP library is imported by the first call, not before."""
    out = run(
        """
        import sys
        from langchain_cerebras_ext import ChatCerebras
        before = set(sys.modules)
        ChatCerebras(model="gpt-oss-120b", api_key="csk-test-1")
        new = set(sys.modules) - before
        print(sorted(name for name in new if name.startswith(("httpx", "ssl"))))
        """
    )
    assert out.strip() == "[]"


@pytest.fixture
def _table_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_BUILTIN_PROVIDERS", dict(base._BUILTIN_PROVIDERS))
    base._get_chat_model_creator.cache_clear()


@pytest.mark.usefixtures("_table_as_it_was")
def test_registration_is_opt_in() -> None:
    """LC-97: importing changes nothing in LangChain; the function does."""
    with pytest.raises(ValueError, match="provider"):
        init_chat_model("cerebras:gpt-oss-120b")
    register_with_langchain()
    model = init_chat_model("cerebras:gpt-oss-120b", temperature=0.5, api_key=KEY)
    assert isinstance(model, ChatCerebras)
    assert (model.model, model.temperature) == (MODEL, 0.5)
    base._get_chat_model_creator.cache_clear()


@pytest.mark.usefixtures("_table_as_it_was")
def test_registered_name_works_in_an_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """LC-97: string model names in `create_agent`."""
    monkeypatch.setenv("CEREBRAS_API_KEY", KEY)
    register_with_langchain()
    assert create_agent("cerebras:gpt-oss-120b", []) is not None
    base._get_chat_model_creator.cache_clear()


@pytest.mark.parametrize("table", [None, {}, {"x": ("package",)}])
def test_registration_fails_clearly_elsewhere(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """LC-97: a LangChain that keeps its table elsewhere gives an error with the way out."""
    monkeypatch.setattr(base, "_BUILTIN_PROVIDERS", table)
    with pytest.raises(ConfigError, match="instance of ChatCerebras"):
        register_with_langchain()


def test_registration_without_langchain_says_so() -> None:
    """LC-97: core alone is enough for everything else."""
    out = run(
        """
        import sys
        sys.modules["langchain"] = None
        from langchain_cerebras_ext import register_with_langchain
        register_with_langchain()
        """
    )
    assert "pip install langchain" in out.splitlines()[-1]


def test_identity_of_the_class() -> None:
    """LC-01, LC-03: a name of LangChain's pattern, a type that collides with nobody's."""
    model = ChatCerebras(model=MODEL, api_key=KEY)
    assert model._llm_type == "cerebras-chat"
    assert model.lc_id() == ["langchain_cerebras_ext", "chat_models", "ChatCerebras"]


@pytest.mark.parametrize("value", [("temperature", 2.1), ("top_p", -0.1), ("presence_penalty", 3)])
def test_numbers_out_of_range_are_refused_at_construction(value: tuple[str, float]) -> None:
    """LC-09: what no request could carry is no setting either; the message names the field."""
    with pytest.raises(ValueError, match=value[0]):
        ChatCerebras(**{"model": "gpt-oss-120b", "api_key": "csk-test", value[0]: value[1]})
