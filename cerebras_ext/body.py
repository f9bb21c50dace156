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
        """Starts decoding.

        Raises:
            ProtocolError: The encoding was not asked for.
        """
        coding = (encoding or "identity").strip().lower()
        if coding not in ("identity", "", "gzip", "x-gzip"):
            raise ProtocolError(
                f"the reply has the content encoding {coding[:40]!r}, which was not asked for",
                where="content-encoding",
            )
        self._zlib = zlib.decompressobj(wbits=31) if "gzip" in coding else None

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The decoded bytes of a piece.

        Raises:
            ProtocolError: The piece is not what the encoding says.
        """
        if self._zlib is None:
            yield piece
            return
        while piece:
            try:
                decoded = self._zlib.decompress(piece, _STEP_BYTES)
            except zlib.error:
                raise ProtocolError(
                    "the reply is not valid gzip", where="content-encoding"
                ) from None
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
        is_over: The limit of a body that may be cut is reached: no more is wanted.
    """

    def __init__(self, encoding: str | None, *, limit_bytes: int, is_cut_at_limit: bool) -> None:
        """Starts collecting.

        Args:
            encoding: The `content-encoding` header.
            limit_bytes: Most decoded bytes.
            is_cut_at_limit: Whether a longer body is cut (error bodies) or refused (replies).
        """
        self.is_over = False
        self._decoder = ContentDecoder(encoding)
        self._limit_bytes = limit_bytes
        self._is_cut_at_limit = is_cut_at_limit
        self._pieces: list[bytes] = []
        self._n_bytes = 0

    def feed(self, piece: bytes) -> None:
        """Takes the next piece.

        Raises:
            ProtocolError: The body is not what its encoding says, or longer than the limit.
        """
        for decoded in self._decoder.feed(piece):
            self._n_bytes += len(decoded)
            self._pieces.append(decoded)
            if self._n_bytes > self._limit_bytes:
                if not self._is_cut_at_limit:
                    raise ProtocolError(
                        f"the reply is longer than {self._limit_bytes} bytes", where="body"
                    )
                self.is_over = True
                return

    def end(self) -> bytes:
        """The whole body.

        Raises:
            ProtocolError: The body stops in the middle of its encoding.
        """
        if not self.is_over:
            self._decoder.end()
        return b"".join(self._pieces)[: self._limit_bytes]
