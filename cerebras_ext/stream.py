"""Event stream bytes in, deltas out, and the whole reply at the end. Pure: no I/O, no clock.

Two calls of `feed` never depend on how the bytes were cut, except that deltas which one `feed`
completes are merged. A reader never raises while deltas are on their way: what arrived before a
fault is handed over first, then `end` raises the fault with the partial reply on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from cerebras_ext._json import is_object, json_fault, load_json_keeping_halves
from cerebras_ext._shapes import unreadable
from cerebras_ext.body import ContentDecoder
from cerebras_ext.config import IgnoredEvent
from cerebras_ext.errors import (
    ConnectionFailed,
    ProtocolError,
    StreamError,
    StreamIncomplete,
    StreamInterrupted,
    StreamTimedOut,
    TimedOut,
)
from cerebras_ext.failures import read_stream_failure
from cerebras_ext.sse import SseDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cerebras_ext._assemble import Assembler
    from cerebras_ext.reply import ChatCompletion, TextCompletion

__all__ = ["MAX_REPLY_BYTES", "StreamReader"]

MAX_REPLY_BYTES = 32 << 20
"""Longest reply, decoded."""

Delta = TypeVar("Delta")


class StreamReader(Generic[Delta]):
    """Reads one stream.

    Attributes:
        n_ignored: Events that carried nothing known.
    """

    def __init__(
        self,
        assembler: Assembler[Delta],
        *,
        merges: bool = True,
        on_ignored: Callable[[IgnoredEvent], None] | None = None,
    ) -> None:
        """Starts reading.

        Args:
            assembler: What to make of the chunks.
            merges: Whether neighbouring deltas of one kind that one `feed` brings become one delta.
            on_ignored: Called with each event that carries nothing known.
        """
        self.n_ignored = 0
        self._on_ignored = on_ignored
        self._assembler = assembler
        self._merges = merges
        self._decoder = ContentDecoder(assembler.meta.headers.get("content-encoding"))
        self._sse = SseDecoder()
        self._n_bytes = 0
        self._has_done = False
        self._failure: StreamError | ProtocolError | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is wanted from the body: `[DONE]` came, or the stream failed."""
        return self._has_done or self._failure is not None

    @property
    def is_finished(self) -> bool:
        """Whether the reply's end is proved: a finish reason for each choice, or `[DONE]`."""
        return self._has_done or self._assembler.is_finished

    @property
    def reply(self) -> ChatCompletion | TextCompletion | None:
        """The reply; None until `end` has given the finish."""
        return self._assembler.reply

    def feed(self, piece: bytes) -> Iterator[Delta]:
        """The deltas that this piece of the body brings; none when it completes none.

        Deltas that are not merged are made as they are asked for, so that few are alive at a time.
        All have to be asked for before the next piece is fed.
        """
        if self.is_over:
            return
        try:
            for decoded in self._decoder.feed(piece):
                for _ in self._feed_decoded(decoded):
                    yield from self._assembler.drain()
        except (StreamError, ProtocolError) as failure:
            self._failure = failure
        yield from self._assembler.drain()

    def end(self, cause: ConnectionFailed | ProtocolError | None = None) -> list[Delta]:
        """The last deltas, the finish among them.

        Args:
            cause: Why the body ended; None for a clean end.

        Raises:
            StreamError: The stream broke before its finish, or the finish never came.
            ProtocolError: The stream could not be read.
        """
        self._sse.close()
        failure = self._failure
        if failure is None and not self.is_finished:
            failure = _cut_short(cause)
        if failure is None:
            try:
                self._assembler.finish()
            except ProtocolError as error:
                failure = error
            else:
                return self._assembler.drain()
        self._assembler.release_halves()
        failure.partial = self._assembler.partial()
        failure.request_id = self._assembler.meta.request_id
        failure.retries_taken = self._assembler.meta.retries_taken
        raise failure from cause

    def _feed_decoded(self, piece: bytes) -> Iterator[None]:
        """Takes events; stops wherever deltas are to be handed over."""
        if self._has_done:
            return
        n_left = MAX_REPLY_BYTES - self._n_bytes
        self._n_bytes += len(piece)
        for name, text in self._sse.feed(piece[:n_left]):
            if name != "message" or not self._assembler.goes_on_unread(text):
                if text.startswith(b"[DONE]"):
                    self._has_done = True
                    return
                self._take(name, text)
            if not self._merges:
                yield None
        if self._n_bytes > MAX_REPLY_BYTES:
            raise ProtocolError(
                f"the stream is longer than {MAX_REPLY_BYTES} bytes", where="event stream"
            )

    def _take(self, name: str, text: bytes) -> None:
        try:
            chunk, has_halves = load_json_keeping_halves(text)
        except ValueError as error:
            if name == "message":
                raise unreadable(json_fault(error)) from None
            chunk, has_halves = text.decode("utf-8", "replace"), False
        if name == "error" or (is_object(chunk) and chunk.get("error")):
            raise read_stream_failure(chunk)
        if name != "message":
            self.n_ignored += 1
            if self._on_ignored is not None:
                self._on_ignored(IgnoredEvent(name, text.decode("utf-8", "replace")))
            return
        if not is_object(chunk):
            raise unreadable("is not a JSON object")
        self._assembler.take(chunk, text, has_halves=has_halves)

    def partial(self) -> ChatCompletion | TextCompletion | None:
        """What has arrived so far as an unfinished reply; None before the first chunk."""
        return self._assembler.partial()


def _cut_short(cause: ConnectionFailed | ProtocolError | None) -> StreamError:
    kept = "what had arrived is in `.partial`"
    if cause is None:
        return StreamIncomplete(f"the stream ended without a finish reason; {kept}")
    if isinstance(cause, TimedOut):
        return StreamTimedOut(f"{cause.message}; {kept}", phase=cause.phase)
    return StreamInterrupted(
        f"the connection died in the middle of the stream: {cause.message}; {kept}"
    )
