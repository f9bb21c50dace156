"""Reply bodies as they arrive: bounded steps of gzip, limits, leniency for error bodies."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cerebras_ext.body import BodyBuffer, ContentDecoder
from cerebras_ext.errors import ProtocolError
from tests.transcripts import single_bytes

STEP_BYTES = 64 << 10


def buffered(pieces: list[bytes], encoding: str | None, *, limit: int = 1 << 20) -> bytes:
    """The body of the pieces, read strictly."""
    buffer = BodyBuffer(encoding, limit_bytes=limit, is_lenient=False)
    for piece in pieces:
        buffer.feed(piece)
    return buffer.end()


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity "])
def test_plain_body_is_taken_as_it_is(encoding: str | None) -> None:
    """Without an encoding, pieces are joined."""
    assert buffered([b"a", b"", b"bc"], encoding) == b"abc"


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
@pytest.mark.parametrize("cut", [list, single_bytes], ids=["pieces", "bytes"])
def test_gzip_body_is_decoded(encoding: str, cut: object) -> None:
    """gzip, the one encoding that is asked for, is undone however it is cut."""
    body = gzip.compress(b"hello" * 1_000, mtime=0)
    pieces = single_bytes(body) if cut is single_bytes else [body]
    assert buffered(pieces, encoding) == b"hello" * 1_000


SIZES = st.lists(st.integers(0, 3 * STEP_BYTES), max_size=3)


@given(SIZES, st.integers(0, 9), st.integers(0, 3000))
@example([STEP_BYTES + 1], 1, 313)  # the last byte of a full step is still inside the decoder
def test_every_decoded_byte_comes_with_its_piece(sizes: list[int], level: int, cut: int) -> None:
    """A piece gives all it holds at once, in steps of at most 64 KiB (§7)."""
    body = b"".join(bytes([65 + at]) * size for at, size in enumerate(sizes))
    packer = zlib.compressobj(level, wbits=31)
    packed = packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH)
    decoder, unbounded = ContentDecoder("gzip"), zlib.decompressobj(wbits=31)
    cut %= len(packed) + 1
    for piece in (packed[:cut], packed[cut:]):
        steps = list(decoder.feed(piece))
        assert b"".join(steps) == unbounded.decompress(piece)
        assert all(0 < len(step) <= STEP_BYTES for step in steps)


@pytest.mark.parametrize(
    ("pieces", "encoding", "limit", "message"),
    [
        ([b"not gzip"], "gzip", 100, "is not valid gzip"),
        ([gzip.compress(b"abc", mtime=0)[:-1]], "gzip", 100, "gzip data is cut short"),
        ([], "gzip", 100, "gzip data is cut short"),
        ([b"abc"], "br", 100, "content encoding 'br', which was not asked for"),
        ([b"abc"], "gzip, gzip", 100, "content encoding 'gzip, gzip', which"),
        ([b"abc"], "x" * 50, 100, f"content encoding '{'x' * 40}', which"),
        ([b"abc", b"d"], None, 3, "longer than 3 bytes"),
        ([gzip.compress(b"a" * 1_000, mtime=0)], "gzip", 999, "longer than 999 bytes"),
    ],
)
def test_reply_that_cannot_be_kept_is_refused(
    pieces: list[bytes], encoding: str | None, limit: int, message: str
) -> None:
    """Wrong or unwanted encodings and bodies beyond the limit are protocol errors (§7)."""
    with pytest.raises(ProtocolError, match=message):
        buffered(pieces, encoding, limit=limit)


def test_body_of_the_limit_is_kept() -> None:
    """The limit itself is allowed."""
    assert buffered([b"abc"], None, limit=3) == b"abc"


def test_bomb_is_refused_before_it_is_unpacked() -> None:
    """Of a small body that unpacks to 64 MiB, little more than the limit is ever decoded (§7)."""
    bomb = gzip.compress(b" " * (64 << 20), mtime=0)
    buffer = BodyBuffer("gzip", limit_bytes=1 << 20, is_lenient=False)
    with pytest.raises(ProtocolError, match="longer than 1048576 bytes"):
        buffer.feed(bomb)
    assert buffer._n_bytes <= (1 << 20) + STEP_BYTES


@pytest.mark.parametrize(
    ("pieces", "encoding", "kept"),
    [
        ([b"abc", b"defg"], None, b"abcde"),
        ([b"not gzip"], "gzip", b""),
        ([gzip.compress(b"abc", mtime=0)[:-4]], "gzip", b"abc"),
        ([gzip.compress(b"abc", mtime=0)[:-8] + b"12345678"], "gzip", b""),
        ([b"abc"], "br", b""),
        ([], "br", b""),
    ],
)
def test_error_body_is_read_as_far_as_it_can_be(
    pieces: list[bytes], encoding: str | None, kept: bytes
) -> None:
    """The status of a failure counts, even when its body is unreadable or endless (§7)."""
    buffer = BodyBuffer(encoding, limit_bytes=5, is_lenient=True)
    for piece in pieces:
        if not buffer.is_over:
            buffer.feed(piece)
    assert buffer.end() == kept


def test_error_body_says_when_it_is_enough() -> None:
    """No more than the limit of an error body is read."""
    buffer = BodyBuffer(None, limit_bytes=5, is_lenient=True)
    buffer.feed(b"12345")
    assert not buffer.is_over
    buffer.feed(b"6")
    assert buffer.is_over
