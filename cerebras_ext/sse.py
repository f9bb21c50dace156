"""Bytes of an event stream in, events out; any way of cutting the bytes gives the same events.

Follows the WHATWG event stream format: UTF-8 with one optional byte order mark, lines ended by CR,
LF or CRLF, comments, several `data` lines per event, and no dispatch of an event that its blank
line never ended.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from cerebras_ext.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_EVENT_BYTES", "SseDecoder", "SseEvent"]

MAX_EVENT_BYTES = 1 << 20
"""Longest line and longest event; a delta is a few hundred bytes, the last event a few thousand."""

_BOM = b"\xef\xbb\xbf"


SseEvent: TypeAlias = tuple[str, bytes]
"""One event: its name (`message` unless named) and its data, several lines joined by LF."""


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
        *lines, rest = self._with_lf(piece).split(b"\n")
        if lines:
            lines[0] = bytes(self._line) + lines[0]
            self._line.clear()
        data, limit_bytes = self._data, self._max_event_bytes
        for line in lines:
            n_bytes = len(line)
            if line.startswith(b"data: ") and n_bytes <= limit_bytes:  # nearly every line with text
                data.append(line[6:])
                self._n_data_bytes += n_bytes - 5
                if self._n_data_bytes > limit_bytes:
                    raise self._too_long("event")
            elif line:
                self._take(line)
            elif data:
                yield self._event()
            else:
                self._name = b""
        self._line += rest
        if len(self._line) > limit_bytes:
            raise self._too_long("line")

    def close(self) -> None:
        """Ends the stream; an event that no blank line ended is dropped, as the format wants."""
        self._line.clear()
        self._data.clear()

    def _with_lf(self, piece: bytes) -> bytes:
        """The piece with every line end an LF, and without the stream's byte order mark."""
        if self._is_at_start:
            piece = self._without_bom(piece)
        if self._skips_lf and piece:
            self._skips_lf = False
            piece = piece.removeprefix(b"\n")
        if b"\r" in piece:
            self._skips_lf = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return piece

    def _take(self, line: bytes) -> None:
        if len(line) > self._max_event_bytes:
            raise self._too_long("line")
        if line.startswith(b":"):
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._n_data_bytes += len(value) + 1
            if self._n_data_bytes > self._max_event_bytes:
                raise self._too_long("event")
        elif field == b"event":
            self._name = value
        elif field == b"retry" and value.isdigit() and len(value) < 10:
            self.retry_ms = int(value)

    def _event(self) -> SseEvent:
        name = self._name.decode("utf-8", "replace") if self._name else "message"
        data = b"\n".join(self._data)
        self._data.clear()
        self._n_data_bytes = 0
        self._name = b""
        return name, data

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
