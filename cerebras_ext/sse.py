"""Bytes of an event stream in, events out; any way of cutting the bytes gives the same events.

Follows the WHATWG event stream format: UTF-8 with one optional byte order mark, lines ended by CR,
LF or CRLF, comments, several `data` lines per event, and no dispatch of an event that its blank
line never ended.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6.
"""

from __future__ import annotations

from typing import NamedTuple

from cerebras_ext.errors import ProtocolError

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

    def feed(self, piece: bytes) -> list[SseEvent]:
        """The events that this piece completes.

        Raises:
            ProtocolError: A line or an event is longer than the limit.
        """
        if self._is_at_start:
            piece = self._without_bom(piece)
        if self._skips_lf and piece:
            self._skips_lf = False
            if piece.startswith(b"\n"):
                piece = piece[1:]
        if b"\r" in piece:
            self._skips_lf = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *rest = piece.split(b"\n")
        line = self._line
        line += first
        if len(line) > self._max_event_bytes:
            raise self._too_long("line")
        if not rest:
            return []
        events: list[SseEvent] = []
        self._take(bytes(line), events)
        tail = rest.pop()
        for whole in rest:
            self._take(whole, events)
        self._line = bytearray(tail)
        return events

    def close(self) -> None:
        """Ends the stream; an event that no blank line ended is dropped, as the format wants."""
        self._line.clear()
        self._data.clear()

    def _take(self, line: bytes, events: list[SseEvent]) -> None:
        if line.startswith(b"data:"):
            value = line[6:] if line.startswith(b"data: ") else line[5:]
            self._n_data_bytes += len(value) + 1
            if self._n_data_bytes > self._max_event_bytes:
                raise self._too_long("event")
            self._data.append(value)
        elif not line:
            self._dispatch(events)
        elif not line.startswith(b":"):
            self._take_other(line)

    def _dispatch(self, events: list[SseEvent]) -> None:
        if self._data:
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            name = self._name.decode("utf-8", "replace") if self._name else "message"
            events.append(SseEvent(name, data))
            self._data.clear()
        self._n_data_bytes = 0
        self._name = b""

    def _take_other(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            self._name = value
        elif field == b"data":  # a `data` line without a colon is an empty data line
            self._data.append(b"")
        elif field == b"retry" and value.isdigit() and len(value) < 10:
            self.retry_ms = int(value)

    def _without_bom(self, piece: bytes) -> bytes:
        start = bytes(self._line) + piece
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._line = bytearray(start)
            return b""
        self._is_at_start = False
        self._line.clear()
        return start.removeprefix(_BOM)

    def _too_long(self, what: str) -> ProtocolError:
        return ProtocolError(
            f"the event stream holds a {what} longer than {self._max_event_bytes} bytes",
            where=f"event stream {what}",
        )
