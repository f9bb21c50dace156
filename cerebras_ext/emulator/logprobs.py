"""Log probabilities that look like a model's and are the same for the same tokens."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["chat_entries", "token_alternatives", "token_logprob"]

_ALTERNATIVES = (" the", " a", ",", ".", " and", " to", " of", " in", " is", "\n")


def chat_entries(pieces: Iterable[str], top: int) -> list[dict[str, Any]]:
    """One entry per token, each with its `top` most likely tokens, itself the first."""
    return [
        {
            **_entry(piece, token_logprob(piece)),
            "top_logprobs": [
                _entry(token, logprob)
                for token, logprob in list(token_alternatives(piece, top).items())
            ],
        }
        for piece in pieces
    ]


def token_logprob(piece: str) -> float:
    """Between 0 and -1: a digest of the token, so that it never varies."""
    digest = hashlib.blake2b(piece.encode("utf-8", "replace"), digest_size=2).digest()
    return -round(int.from_bytes(digest, "big") / 65_536, 6)


def token_alternatives(piece: str, top: int) -> dict[str, float]:
    """The `top` most likely tokens in this place with their log probabilities."""
    others = [token for token in _ALTERNATIVES if token != piece]
    candidates = [piece, *others][:top]
    first = token_logprob(piece)
    return {token: round(first - 1.5 * rank, 6) for rank, token in enumerate(candidates)}


def _entry(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}
