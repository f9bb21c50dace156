"""Making `Cerebras` known to core's `load_llm`; nothing here runs on import."""

from __future__ import annotations

from llama_index.core.llms.loading import RECOGNIZED_LLMS

from llama_index_cerebras_ext.llm import Cerebras

__all__ = ["register_with_llama_index"]


def register_with_llama_index() -> None:
    """Lets `llama_index.core.llms.loading.load_llm` read what `Cerebras.to_dict` wrote."""
    RECOGNIZED_LLMS[Cerebras.class_name()] = Cerebras
