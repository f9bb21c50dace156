"""Text that arrives in pieces which may split a surrogate pair."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from cerebras_ext._json import replace_lone_surrogates

__all__ = ["SurrogateJoiner"]

TextId = TypeVar("TextId", bound=Hashable)


def _is_high(char: str) -> bool:
    return "\ud800" <= char <= "\udbff"


class SurrogateJoiner(Generic[TextId]):
    """Holds back a trailing half of a pair until its other half comes, per text."""

    def __init__(self) -> None:
        self._held: dict[TextId, str] = {}

    def join(self, text_id: TextId, piece: str) -> str:
        """The piece after what was held, without a trailing half; lone halves become U+FFFD."""
        piece = self._held.pop(text_id, "") + piece
        if piece and _is_high(piece[-1]):
            self._held[text_id] = piece[-1]
            piece = piece[:-1]
        return replace_lone_surrogates(piece)

    def remains(self) -> list[TextId]:
        """The texts that ended in a lone half, which is U+FFFD by now; nothing is held any more."""
        ended = list(self._held)
        self._held.clear()
        return ended
