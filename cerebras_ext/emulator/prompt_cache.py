"""The prompt cache: which prefixes of a prompt earlier requests have left behind.

Exact prefixes in blocks of 128 tokens, one cache for each model (API specification §13.5). The real
one is not guaranteed to hit and forgets after minutes; this one always hits and forgets on reset.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["BLOCK_TOKENS", "PromptCache"]

BLOCK_TOKENS = 128

# 65,536 blocks are eight million tokens; a server that runs for days must not grow without end.
_MAX_BLOCKS = 65_536


class PromptCache:
    """Remembers prompts by the digests of their prefixes, oldest forgotten first."""

    def __init__(self) -> None:
        self._known: dict[bytes, None] = {}

    def cached_tokens(self, model: str, tokens: Sequence[int]) -> int:
        """How many tokens at the start of a prompt are known; from now on all of them are."""
        n_cached = 0
        is_known = True
        for digest in _prefix_digests(model, tokens):
            is_known = is_known and digest in self._known
            n_cached += BLOCK_TOKENS * is_known
            self._known[digest] = None
        while len(self._known) > _MAX_BLOCKS:
            del self._known[next(iter(self._known))]
        return n_cached


def _prefix_digests(model: str, tokens: Sequence[int]) -> Iterator[bytes]:
    running = hashlib.blake2b(model.encode(), digest_size=16)
    for start in range(0, len(tokens) - BLOCK_TOKENS + 1, BLOCK_TOKENS):
        block = tokens[start : start + BLOCK_TOKENS]
        running.update(b"".join(token.to_bytes(4, "big") for token in block))
        yield running.digest()
