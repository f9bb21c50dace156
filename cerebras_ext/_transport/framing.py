"""The HTTP chunks of one network read, merged into one before the HTTP parser sees them.

A server that streams sends each event as an HTTP chunk of its own, and entering h11, httpcore and
httpx once a chunk costs 8 µs, even when hundreds of chunks have arrived already: most of what a
streamed token costs. Merged, the chunks of one read cost that once.

Nothing is held back and nothing is judged here. Each piece goes on at once, and after it the parser
stands exactly where the bytes as they came would have left it; it has only seen fewer chunk
headers. So the parser still decides about every odd or broken byte: whatever is not the plainest
framing goes on untouched, and so does the rest of that reply.
"""

from __future__ import annotations

import re

__all__ = ["ChunkMerger"]

_MAX_HEAD_BYTES = 64 << 10
_CRLF = b"\r\n"
_STATUS_200 = re.compile(rb"HTTP/1\.1 200[ \r]")
_IS_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
_next_header = re.compile(rb"\r\n([0-9A-Fa-f]{1,7})\r\n").match
"""The end of a chunk, or of the head, and the header of the chunk that follows."""
_is_begun_header = re.compile(rb"(?:\r(?:\n(?:[0-9A-Fa-f]{1,7}\r?)?)?)?").fullmatch
"""As much of the same as may have come so far."""


class ChunkMerger:
    """Rewrites the replies of one connection, piece by piece."""

    __slots__ = ("_begun", "_head", "_n_left", "_passes")

    def __init__(self) -> None:
        """Passes everything on until a reply is announced."""
        self._passes = True
        self._head: bytearray | None = None  # of the reply, while it is arriving
        self._n_left = 0  # bytes of the current chunk that are still to come
        self._begun = b""  # what has come since the last chunk's data ended

    def expect_reply(self, method: bytes) -> None:
        """A request was sent: what comes next is the head of its reply."""
        self._passes = method not in (b"GET", b"POST")  # others' replies may have no body
        self._head = bytearray()

    def feed(self, piece: bytes) -> bytes:
        """What the parser is to see of this piece; never empty unless the piece is."""
        if self._passes:
            return piece
        if self._head is None:
            return self._merged(piece)
        body = self._body_after_head(self._head, piece)
        return piece[: len(piece) - len(body)] + self._merged(body) if body else piece

    def _body_after_head(self, head: bytearray, piece: bytes) -> bytes:
        """The part of a piece that follows a plain head; empty while there is none."""
        search_from = max(len(head) - 3, 0)
        head += piece
        end = head.find(b"\r\n\r\n", search_from)
        if end < 0:
            self._passes = len(head) > _MAX_HEAD_BYTES
            return b""
        body = bytes(head[end + 4 :])
        del head[end + 4 :]
        self._head, self._n_left, self._begun = None, 0, _CRLF
        has_plain_lines = head.count(b"\n") == head.count(_CRLF)
        self._passes = not (
            has_plain_lines and _STATUS_200.match(head) and _IS_CHUNKED.search(head)
        )
        return b"" if self._passes else body

    def _merged(self, piece: bytes) -> bytes:
        n_known = len(self._begun)
        known = self._begun + piece if n_known else piece
        at = first = self._first_boundary(known)
        data: list[bytes] = []
        n_data = 0
        while header := _next_header(known, at):
            n_bytes = int(header[1], 16)
            if not n_bytes:
                break
            start = header.end()
            at = start + n_bytes
            n_data += n_bytes
            data.append(known[start:at])
        self._note_end(known, at)
        if len(data) < 2:
            return piece
        merged = b"%b\r\n%x\r\n%b%b" % (known[:first], n_data, b"".join(data), known[at:])
        return merged[n_known:]

    def _first_boundary(self, known: bytes) -> int:
        """Where the first chunk header stands that can still be rewritten, its CRLF included."""
        if self._begun in (b"", _CRLF):
            return self._n_left
        header = _next_header(known)  # a part of it went on with the last piece
        n_bytes = int(header[1], 16) if header else 0
        return header.end() + n_bytes if header and n_bytes else 0

    def _note_end(self, known: bytes, at: int) -> None:
        """Notes where in the framing the piece ends: in a chunk's data, or between two chunks."""
        self._n_left = max(at - len(known), 0)
        self._begun = known[at:]
        self._passes = not _is_begun_header(self._begun)
