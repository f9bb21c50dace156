"""Texts cut where the tokenizer cuts them, grouped and compared piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cerebras_ext.emulator.tokens import pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["common_prefix_length", "grouped", "pieces_of"]


def pieces_of(text: str) -> tuple[str, ...]:
    """The tokens of a text as texts; joined they are the text."""
    return tuple(pieces(text))


def grouped(items: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Runs of up to `size` items, in order."""
    return [tuple(items[start : start + size]) for start in range(0, len(items), size)]


def common_prefix_length(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items both begin with."""
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length
