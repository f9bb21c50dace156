"""Identifiers that look like the service's and are the same for the same input.

Everything is a digest of what the request said and how often it had been said before, so a repeated
test run sees the same ids whatever other traffic there is, and a repeated request a new one.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter

__all__ = ["RequestSeeds", "cf_ray", "completion_id", "fingerprint", "tool_call_id"]


# A server that runs for days must not grow without end.
_MOST_BODIES = 100_000


class RequestSeeds:
    """Hands out one seed per request: a digest of its body and of how often it was seen."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def seed_of(self, body: bytes) -> bytes:
        """Seed of the next request with this body."""
        digest = hashlib.blake2b(body, digest_size=16).digest()
        self._seen[digest] += 1
        if len(self._seen) > _MOST_BODIES:
            del self._seen[next(iter(self._seen))]
        return _digest(digest, str(self._seen[digest]))


def completion_id(seed: bytes) -> str:
    """`chatcmpl-<uuid>`, for chat and text completions alike."""
    return f"chatcmpl-{uuid.UUID(bytes=_digest(seed, 'completion'), version=4)}"


def tool_call_id(seed: bytes, index: int) -> str:
    """Nine hexadecimal digits."""
    return _digest(seed, f"tool call {index}").hex()[:9]


def fingerprint(model: str) -> str:
    """`fp_` and twenty hexadecimal digits, one per model."""
    return f"fp_{_digest(model.encode(), 'fingerprint').hex()[:20]}"


def cf_ray(seed: bytes) -> str:
    """Sixteen hexadecimal digits and a place that says where the answer comes from."""
    return f"{_digest(seed, 'ray').hex()[:16]}-EMU"


def _digest(seed: bytes, purpose: str) -> bytes:
    return hashlib.blake2b(seed, digest_size=16, person=purpose.encode()[:16]).digest()
