"""Cerebras Inference for LangChain: `ChatCerebras` and `CerebrasLLM`."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    import langchain_core as _  # noqa: F401
except ImportError:
    raise ImportError(
        "langchain_cerebras_ext needs LangChain: pip install 'cerebras-ext[langchain]'"
    ) from None

from cerebras_ext._lazy import lazy_names
from cerebras_ext._version import __version__

if TYPE_CHECKING:
    from langchain_cerebras_ext.chat_models import ChatCerebras
    from langchain_cerebras_ext.llms import CerebrasLLM
    from langchain_cerebras_ext.registration import register_with_langchain
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "chat_models": "ChatCerebras",
            "errors": "",
            "llms": "CerebrasLLM",
            "registration": "register_with_langchain",
        },
    )

__all__ = ["CerebrasLLM", "ChatCerebras", "__version__", "register_with_langchain"]
