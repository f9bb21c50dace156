"""What sync and async streams share: everything but pulling the next piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from cerebras_ext.errors import TimedOut

if TYPE_CHECKING:
    from cerebras_ext.flow import OpenedStream
    from cerebras_ext.reply import ChatCompletion, ResponseMeta, TextCompletion

__all__ = ["DRAIN_BYTES", "DRAIN_S", "StreamState", "total_timeout"]

DRAIN_BYTES = 64 << 10
"""How much is read after the finish to free the connection; a few bytes in practice."""
DRAIN_S = 0.5
"""How long is read after the finish."""

Delta = TypeVar("Delta")


def total_timeout() -> TimedOut:
    """The error for a call whose deadline has passed."""
    return TimedOut(
        "the call took longer than its time limit (total timeout); raise total_s, or ask for less",
        phase="total",
        was_sent=True,
    )


class StreamState(Generic[Delta]):
    """A stream of deltas over an open connection.

    Attributes:
        meta: What the exchange said beside the body: ids, rate limits, retries.
    """

    def __init__(self, opened: OpenedStream[Delta]) -> None:
        """Takes over an opened stream."""
        self.meta: ResponseMeta = opened.meta
        self._opened = opened

    @property
    def reply(self) -> ChatCompletion | TextCompletion | None:
        """The whole reply; None until the finish has come."""
        return self._opened.reader.reply

    @property
    def n_ignored(self) -> int:
        """How many events carried nothing that this package knows."""
        return self._opened.reader.n_ignored

    def partial(self) -> ChatCompletion | TextCompletion | None:
        """What has arrived so far; None before the first chunk."""
        return self._opened.reader.partial()
