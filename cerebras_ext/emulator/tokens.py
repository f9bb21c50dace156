"""Tokens of a text, by a real vocabulary that comes with its wheel.

`o200k_base` is the vocabulary of gpt-oss: recorded `usage` of that model is met exactly, that of
other families within some percent. Nothing is downloaded. The first use takes 70 MB and a fifth of
a second.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import importlib.util
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["count_tokens", "decode", "encode", "find_tokenizer", "load_tokenizer", "pieces_of"]

ENCODING: Final = "o200k_base"

# The library refuses a million characters or 200,000 tokens at once; a character has 4 at most.
_SLICE_CHARS: Final = 50_000


def find_tokenizer() -> Path:
    """The folder of the library that counts tokens.

    Raises:
        ImportError: The extra `[emulator]` is not installed.
    """
    try:
        spec = importlib.util.find_spec("bpe_openai")
    except ValueError:  # what stands in its place has no spec
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "The emulator counts tokens with bpe-openai: pip install 'cerebras-ext[emulator]'"
        )
    return Path(spec.submodule_search_locations[0])


@lru_cache(maxsize=1)
def load_tokenizer() -> Any:
    """The tokenizer, loaded once for the process.

    Raises:
        ImportError: The extra `[emulator]` is not installed.
    """
    # The package reads three vocabularies when it is imported, which takes a second and 100 MB; its
    # extension module has them built in. Until bpe-openai reads them on demand.
    spec = PathFinder.find_spec("_bindings", [str(find_tokenizer())])
    assert spec is not None
    assert spec.loader is not None
    bindings: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bindings)
    return bindings.tokenizer_for_encoding(ENCODING)


def encode(text: str) -> list[int]:
    """Token ids of `text`; markup such as `<|end|>` is ordinary text."""
    tokenizer = load_tokenizer()
    return [
        id
        for start in range(0, len(text), _SLICE_CHARS)
        for id in tokenizer.encode(text[start : start + _SLICE_CHARS])
    ]


def count_tokens(text: str) -> int:
    """How many tokens `text` has."""
    return len(encode(text))


def decode(ids: Sequence[int]) -> str:
    """The text of some token ids; incomplete characters become U+FFFD.

    Raises:
        ValueError: An id outside the vocabulary.
    """
    vocabulary = _vocabulary()
    for id in ids:
        if not 0 <= id < len(vocabulary):
            raise ValueError(f"{id}: it is not in the vocabulary {ENCODING}")
    return b"".join(vocabulary[id] for id in ids).decode("utf-8", "replace")


def pieces_of(text: str) -> tuple[str, ...]:
    """`text` cut where its tokens end; joined, the pieces are `text` again.

    Tokens that end inside a character are joined with the next, so there can be fewer pieces than
    tokens.
    """
    tokenizer = load_tokenizer()
    cut: list[str] = []
    pending: list[int] = []
    for id in encode(text):
        pending.append(id)
        with contextlib.suppress(ValueError):  # they end inside a character
            cut.append(tokenizer.decode(pending))
            pending.clear()
    return tuple(cut)


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[bytes, ...]:
    """The bytes of each token, which the tokenizer does not tell: they need not be characters."""
    with gzip.open(find_tokenizer() / "data" / f"{ENCODING}.tiktoken.gz") as file:
        # Lines of base64, a blank and the id, in the order of ids.
        return tuple(base64.b64decode(line.partition(b" ")[0]) for line in file)
