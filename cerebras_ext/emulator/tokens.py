"""Tokens of a text, by a real vocabulary that comes with its wheel.

`o200k_base` is the vocabulary of gpt-oss: recorded `usage` of that model is met exactly, that of
other families within some percent. Nothing is downloaded. The first use loads about 200 MB and
takes most of a second, so a server calls `load_tokenizer()` before it says it is ready.
"""

from __future__ import annotations

import codecs
import importlib
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["count_tokens", "decode", "encode", "load_tokenizer", "pieces"]

ENCODING: Final = "o200k_base"

# The library refuses a million characters or 200,000 tokens at once; a character has 4 at most.
_SLICE_CHARS: Final = 50_000


@lru_cache(maxsize=1)
def load_tokenizer() -> Any:
    """The vocabulary, loaded once for the process.

    Raises:
        ImportError: The extra `[emulator]` is not installed.
    """
    with warnings.catch_warnings():
        # bpe-openai 0.1.4 opens its vocabularies through a deprecated function of importlib.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="bpe_openai")
        try:
            library = importlib.import_module("bpe_openai")
        except ImportError:
            raise ImportError(
                "The emulator counts tokens with bpe-openai: pip install 'cerebras-ext[emulator]'"
            ) from None
        return library.get_encoding(ENCODING)


def encode(text: str) -> list[int]:
    """Token ids of `text`; markup such as `<|end|>` is ordinary text."""
    tokenizer = load_tokenizer()
    return [
        id
        for start in range(0, len(text), _SLICE_CHARS)
        for id in tokenizer.encode_ordinary(text[start : start + _SLICE_CHARS])
    ]


def count_tokens(text: str) -> int:
    """How many tokens `text` has."""
    return len(encode(text))


def decode(ids: Sequence[int]) -> str:
    """The text of some token ids; incomplete characters become U+FFFD.

    Raises:
        ValueError: An id outside the vocabulary.
    """
    return b"".join(_bytes_of(ids)).decode("utf-8", "replace")


def pieces(text: str) -> list[str]:
    """`text` cut where its tokens end; joined, the pieces are `text` again.

    Tokens that end inside a character are joined with the next, so there can be fewer pieces than
    tokens.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    return [piece for token in _bytes_of(encode(text)) if (piece := decoder.decode(token))]


def _bytes_of(ids: Sequence[int]) -> list[bytes]:
    tokenizer = load_tokenizer()
    try:
        return [tokenizer.decode_single_token_bytes(id) for id in ids]
    except KeyError as error:
        raise ValueError(f"{error.args[0]}: it is not in the vocabulary {ENCODING}") from None
