"""Which part of each call's argument text a stream may show before the call is complete."""

from __future__ import annotations

__all__ = ["ShownArguments"]


class ShownArguments:
    """Lets argument text through as soon as it is clear that it begins an object.

    Anything else (`null`, an array, plain words) is held until the stream ends: `null` means no
    arguments, which LangChain's chunks cannot say, and the rest is going to be an invalid call.
    """

    def __init__(self) -> None:
        self._held: dict[int, str] = {}
        self._is_open: dict[int, bool] = {}

    @property
    def indices(self) -> list[int]:
        """The calls there are, in the order of the finished reply."""
        return sorted(self._is_open)

    def is_new(self, index: int) -> bool:
        """Whether nothing of this call has come yet."""
        return index not in self._is_open

    def feed(self, index: int, text: str) -> str:
        """What to show of a call now that this text has come."""
        if self._is_open.get(index):
            return text
        held = self._held.get(index, "") + text
        is_open = self._is_open[index] = held.lstrip()[:1] == "{"
        self._held[index] = "" if is_open else held
        return held if is_open else ""

    def held(self, index: int) -> str:
        """What has not been shown of a call."""
        return self._held.get(index, "")
