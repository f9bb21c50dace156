"""Reaching `ChatCerebras` by name, for those who ask for it."""

from __future__ import annotations

from typing import Any, cast

from langchain_cerebras_ext._names import PROVIDER
from langchain_cerebras_ext.errors import ConfigError

__all__ = ["register_with_langchain"]

_CLASS_NAME = "ChatCerebras"
_PACKAGE = "langchain_cerebras_ext"


def register_with_langchain() -> None:
    """Makes names such as `init_chat_model("cerebras:gpt-oss-120b")` give `ChatCerebras`.

    LangChain keeps its providers in a private table without a public way in, so this is never done
    on import; without it, pass an instance of `ChatCerebras` wherever a model is wanted.

    Raises:
        ConfigError: LangChain is not installed, or this version of it keeps its table elsewhere.
    """
    try:
        from langchain.chat_models import base
    except ImportError as error:
        raise ConfigError(
            "register_with_langchain: langchain is not installed; pip install langchain"
        ) from error
    table = cast("dict[str, tuple[Any, ...]] | None", getattr(base, "_BUILTIN_PROVIDERS", None))
    rows = [row for row in (table or {}).values() if len(row) == 3 and callable(row[2])]
    if table is None or not rows:
        raise ConfigError(
            "register_with_langchain: this version of langchain keeps its providers elsewhere; "
            "pass an instance of ChatCerebras in place of a name"
        )
    table[PROVIDER] = (_PACKAGE, _CLASS_NAME, _construct)
    clear = getattr(getattr(base, "_get_chat_model_creator", None), "cache_clear", None)
    if clear is not None:
        clear()


def _construct(cls: Any, **kwargs: Any) -> Any:
    return cls(**kwargs)  # LangChain hands the class over under this name
