"""Cerebras Inference for LangChain: `ChatCerebras` and `CerebrasLLM`."""

from __future__ import annotations

try:
    import langchain_core as _  # noqa: F401
except ImportError:
    raise ImportError(
        "langchain_cerebras_ext needs LangChain: pip install 'cerebras-ext[langchain]'"
    ) from None

from langchain_cerebras_ext.chat_models import ChatCerebras

__all__ = ["ChatCerebras"]
