"""Cerebras Inference for LlamaIndex.

    from llama_index_cerebras_ext import Cerebras

    llm = Cerebras(model="gpt-oss-120b")

The rest of this list is what calls may raise beside the errors of `cerebras_ext.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    import llama_index.core as _  # noqa: F401
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] != "llama_index":
        raise
    raise ImportError(
        "llama_index_cerebras_ext needs llama-index-core: pip install 'cerebras-ext[llama-index]'"
    ) from None

from cerebras_ext._lazy import lazy_names

if TYPE_CHECKING:
    from llama_index_cerebras_ext._structured import (
        EmptyOutput,
        InvalidOutput,
        StructuredOutputError,
        TruncatedOutput,
    )
    from llama_index_cerebras_ext._tools import InvalidToolArguments
    from llama_index_cerebras_ext.llm import Cerebras
    from llama_index_cerebras_ext.registration import register_with_llama_index
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "_structured": "EmptyOutput InvalidOutput StructuredOutputError TruncatedOutput",
            "_tools": "InvalidToolArguments",
            "llm": "Cerebras",
            "registration": "register_with_llama_index",
        },
    )

__all__ = [
    "Cerebras",
    "EmptyOutput",
    "InvalidOutput",
    "InvalidToolArguments",
    "StructuredOutputError",
    "TruncatedOutput",
    "register_with_llama_index",
]
