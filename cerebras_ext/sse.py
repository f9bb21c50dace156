"""Bytes of an event stream in, events out; any way of cutting the bytes gives the same events.

Follows the WHATWG event stream format: UTF-8 with one optional byte order mark, lines ended by CR,
LF or CRLF, comments, several `data` lines per event, and no dispatch of an event that its blank
line never ended.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cerebras_ext.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_EVENT_BYTES", "SseDecoder", "SseEvent"]

MAX_EVENT_BYTES = 1 << 20
"""Longest line and longest event; a delta is a few hundred bytes, the last event a few thousand."""

_BOM = b"\xef\xbb\xbf"


class SseEvent(NamedTuple):
    """One event: its name (`message` unless named) and its data, several lines joined by LF."""

    name: str
    data: bytes


class SseDecoder:
    """Splits an event stream incrementally; memory is bounded by the largest event.

    Attributes:
        retry_ms: The reconnection time the stream last asked for; None when it did not.
    """

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.retry_ms: int | None = None
        self._max_event_bytes = max_event_bytes
        self._line = bytearray()  # the line whose end has not come yet
        self._data: list[bytes] = []
        self._n_data_bytes = 0
        self._name = b""
        self._is_at_start = True
        self._skips_lf = False  # the last byte was a CR: an LF that follows belongs to it

    def feed(self, piece: bytes) -> Iterator[SseEvent]:
        """The events that this piece completes, to be taken before the next piece is fed.

        Raises:
            ProtocolError: A line or an event is longer than the limit; the events before it have
                been handed out.
        """
        if self._is_at_start:
            piece = self._without_bom(piece)
        if self._skips_lf and piece:
            self._skips_lf = False
            piece = piece.removeprefix(b"\n")
        if b"\r" in piece:
            self._skips_lf = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = piece.split(b"\n")
        if lines:
            lines[0] = bytes(self._line) + lines[0]
            self._line.clear()
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                yield self._event()
            else:
                self._name = b""
        self._line += rest
        self._check(len(self._line), "line")

    def close(self) -> None:
        """Ends the stream; an event that no blank line ended is dropped, as the format wants."""
        self._line.clear()
        self._data.clear()

    def _take(self, line: bytes) -> None:
        self._check(len(line), "line")
        if line.startswith(b":"):
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._n_data_bytes += len(value) + 1
            self._check(self._n_data_bytes, "event")
            self._data.append(value)
        elif field == b"event":
            self._name = value
        elif field == b"retry" and value.isdigit() and len(value) < 10:
            self.retry_ms = int(value)

    def _event(self) -> SseEvent:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        name = self._name.decode("utf-8", "replace") if self._name else "message"
        self._data.clear()
        self._n_data_bytes = 0
        self._name = b""
        return SseEvent(name, data)

    def _without_bom(self, piece: bytes) -> bytes:
        start = bytes(self._line) + piece
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._line = bytearray(start)
            return b""
        self._is_at_start = False
        self._line.clear()
        return start.removeprefix(_BOM)

    def _check(self, n_bytes: int, what: str) -> None:
        if n_bytes > self._max_event_bytes:
            raise ProtocolError(
                f"the event stream holds a {what} longer than {self._max_event_bytes} bytes",
                where=f"event stream {what}",
            )
