"""A reply body as it arrives: decompressed in bounded steps, collected up to a limit."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from cerebras_ext.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ACCEPT_ENCODING", "BodyBuffer", "ContentDecoder"]

ACCEPT_ENCODING = "gzip"
_STEP_BYTES = 64 << 10


class ContentDecoder:
    """Undoes the content encoding of a body; no step yields more than 64 KiB."""

    def __init__(self, encoding: str | None) -> None:
        """Takes the `content-encoding` header."""
        self._coding = (encoding or "identity").strip().lower()
        self._zlib = zlib.decompressobj(wbits=31) if self._coding in ("gzip", "x-gzip") else None

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The decoded bytes of a piece.

        Raises:
            ProtocolError: The encoding was not asked for, or the piece is not what it says.
        """
        if self._zlib is None:
            if self._coding not in ("identity", ""):
                raise ProtocolError(
                    f"the reply has the content encoding {self._coding[:40]!r}, which was not "
                    "asked for",
                    where="content-encoding",
                )
            yield piece
            return
        n_decoded = _STEP_BYTES
        while piece or n_decoded == _STEP_BYTES:  # a full step may have left more inside
            try:
                decoded = self._zlib.decompress(piece, _STEP_BYTES)
            except zlib.error:
                raise ProtocolError(
                    "the reply is not valid gzip", where="content-encoding"
                ) from None
            n_decoded = len(decoded)
            if decoded:
                yield decoded
            piece = self._zlib.unconsumed_tail

    def end(self) -> None:
        """Ends the body.

        Raises:
            ProtocolError: It stops in the middle of the encoded data.
        """
        if self._zlib is not None and not self._zlib.eof:
            raise ProtocolError("the reply's gzip data is cut short", where="content-encoding")


class BodyBuffer:
    """Collects a whole body.

    Attributes:
        is_over: No more is wanted: as much as may be kept has come, or the rest cannot be read.
    """

    def __init__(self, encoding: str | None, *, limit_bytes: int, is_lenient: bool) -> None:
        """Starts collecting.

        Args:
            encoding: The `content-encoding` header.
            limit_bytes: Most decoded bytes.
            is_lenient: Whether what is too long or unreadable is left out (error bodies, whose
                status says enough) or refused (replies).
        """
        self.is_over = False
        self._decoder = ContentDecoder(encoding)
        self._limit_bytes = limit_bytes
        self._is_lenient = is_lenient
        self._pieces: list[bytes] = []
        self._n_bytes = 0

    def feed(self, piece: bytes) -> None:
        """Takes the next piece.

        Raises:
            ProtocolError: The body is not what its encoding says, or longer than the limit.
        """
        try:
            for decoded in self._decoder.feed(piece):
                self._keep(decoded)
        except ProtocolError:
            if not self._is_lenient:
                raise
            self.is_over = True

    def end(self) -> bytes:
        """The whole body.

        Raises:
            ProtocolError: The body stops in the middle of its encoding.
        """
        if not self._is_lenient:
            self._decoder.end()
        return b"".join(self._pieces)[: self._limit_bytes]

    def _keep(self, decoded: bytes) -> None:
        self._n_bytes += len(decoded)
        self._pieces.append(decoded)
        if self._n_bytes > self._limit_bytes:
            raise ProtocolError(f"the reply is longer than {self._limit_bytes} bytes", where="body")
