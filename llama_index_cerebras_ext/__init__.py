"""Cerebras Inference for LlamaIndex.

    from llama_index_cerebras_ext import Cerebras

    llm = Cerebras(model="gpt-oss-120b")

The rest of this list is what calls may raise beside the errors of `cerebras_ext.errors`.
"""

from __future__ import annotations

try:
    from llama_index_cerebras_ext._structured import (
        EmptyOutput,
        InvalidOutput,
        StructuredOutputError,
        TruncatedOutput,
    )
    from llama_index_cerebras_ext._tools import InvalidToolArguments
    from llama_index_cerebras_ext.llm import Cerebras
    from llama_index_cerebras_ext.registration import register_with_llama_index
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] != "llama_index":
        raise
    raise ImportError(
        "llama_index_cerebras_ext needs llama-index-core: pip install 'cerebras-ext[llama-index]'"
    ) from None

__all__ = [
    "Cerebras",
    "EmptyOutput",
    "InvalidOutput",
    "InvalidToolArguments",
    "StructuredOutputError",
    "TruncatedOutput",
    "register_with_llama_index",
]
