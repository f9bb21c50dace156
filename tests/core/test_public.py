"""The public list, and what importing the package costs."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import cerebras_ext

PUBLIC = [
    "AsyncCerebrasClient",
    "AsyncStream",
    "BadRequest",
    "CallOptions",
    "CerebrasClient",
    "CerebrasError",
    "ChatCompletion",
    "ChatDelta",
    "ChatRequest",
    "ClientConfig",
    "CompletionDelta",
    "ConfigError",
    "ConnectionFailed",
    "ContentDelta",
    "ContextOverflow",
    "Finish",
    "Forbidden",
    "IgnoredEvent",
    "Model",
    "ModelFacts",
    "ModelList",
    "NotFound",
    "PaymentRequired",
    "ProtocolError",
    "RateLimitWindow",
    "RateLimited",
    "RateLimits",
    "ReasoningDelta",
    "ResponseMeta",
    "RetryEvent",
    "RetryPolicy",
    "ServerError",
    "StatusError",
    "Stream",
    "StreamError",
    "StreamFailed",
    "StreamIncomplete",
    "StreamInterrupted",
    "StreamStart",
    "StreamTimedOut",
    "TextCompletion",
    "TextDelta",
    "TextFinish",
    "TextRequest",
    "TimedOut",
    "Timeouts",
    "TooLarge",
    "ToolCallDelta",
    "Unauthorized",
    "Unprocessable",
    "__version__",
    "all_models",
    "facts_of",
]


def test_package_exports_the_public_list() -> None:
    """A public name is added or removed on purpose (style guide §8)."""
    assert cerebras_ext.__all__ == PUBLIC
    assert sorted(PUBLIC) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_exists_and_is_documented(name: str) -> None:
    """Everything public can be imported; classes and functions say what they are."""
    public = getattr(cerebras_ext, name)
    if inspect.isclass(public) or inspect.isfunction(public):
        assert public.__doc__
        assert public.__module__.startswith("cerebras_ext.")


def test_unknown_name_is_an_attribute_error() -> None:
    """Names are looked up when asked for; what is not there fails as in any module."""
    with pytest.raises(AttributeError, match="'cerebras_ext' has no attribute 'CerebrasClent'"):
        cerebras_ext.CerebrasClent  # noqa: B018 - the look is the point


def test_names_not_yet_asked_for_are_listed() -> None:
    """`dir` knows the public names before they are used, for those who complete names."""
    assert set(PUBLIC) <= set(dir(cerebras_ext))


def test_import_brings_neither_http_library_nor_framework() -> None:
    """Importing is quick: the HTTP library comes with the first client (§5.6)."""
    code = (
        "import sys; from cerebras_ext import *; "
        "print(*({'httpx', 'httpx2', 'httpcore', 'asyncio', 'ssl', 'langchain_core', "
        "'llama_index', 'starlette', 'msgpack', 'anyio'} & set(sys.modules)))"
    )
    loaded = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    assert set(loaded.stdout.split()) <= {"asyncio", "ssl"}  # the async client's own
