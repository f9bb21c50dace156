"""HTTP chunks merged before h11: h11 must end where the bytes as they came would have left it."""

from __future__ import annotations

import random
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cerebras_ext._transport.framing import ChunkMerger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.once

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b"3\r\nabc\r\n10\r\n0123456789abcdef\r\n1\r\nx\r\n"
END = b"0\r\n\r\n"

REPLIES = {
    "plain": HEAD + BODY + END,
    "no chunk": HEAD + END,
    "several zeros": HEAD + BODY + b"000\r\n\r\n",
    "leading zero": HEAD + b"003\r\nabc\r\n03\r\ndef\r\n" + END,
    "upper case": HEAD + b"B\r\n01234567890\r\nA\r\n0123456789\r\n" + END,
    "data like framing": HEAD + b"7\r\n\r\n1\r\na\r\n6\r\n0\r\n\r\n0\r\n" + END,
    "trailers": HEAD + BODY + b"0\r\nServer-Timing: a\r\nX: y\r\n\r\n",
    "folded trailer": HEAD + BODY + b"0\r\nX: y\r\n z\r\n\r\n",
    "extension": HEAD + b"3;a=b\r\nabc\r\n3\r\ndef\r\n" + END,
    "extension later": HEAD + BODY + b"3;a\r\nabc\r\n3\r\ndef\r\n" + END,
    "space after size": HEAD + b"3 \r\nabc\r\n3\r\ndef\r\n" + END,
    "no size": HEAD + BODY + b"\r\nabc\r\n",
    "not a size": HEAD + BODY + b"xyz\r\nabc\r\n",
    "prefixed size": HEAD + BODY + b"0x3\r\nabc\r\n" + END,
    "signed size": HEAD + BODY + b"+3\r\nabc\r\n" + END,
    "underscore in size": HEAD + BODY + b"1_0\r\n0123456789abcdef\r\n" + END,
    "size too large": HEAD + BODY + b"f" * 21 + b"\r\nabc\r\n",
    "long size": HEAD + BODY + b"0" * 12 + b"3\r\nabc\r\n3\r\ndef\r\n" + END,
    "size ended by LF": HEAD + BODY + b"3\nabc\r\n3\r\ndef\r\n" + END,
    "chunk too long": HEAD + BODY + b"3\r\nabcd\r\n" + END,
    "chunk too short": HEAD + BODY + b"3\r\nab\r\n3\r\ndef\r\n" + END,
    "chunk ended by LF": HEAD + BODY + b"3\r\nabc\n3\r\ndef\r\n" + END,
    "chunk without end": HEAD + BODY + b"3\r\nabc3\r\ndef\r\n" + END,
    "cut in data": HEAD + BODY + b"10\r\n012",
    "cut in size": HEAD + BODY + b"1",
    "cut after size": HEAD + BODY + b"1\r",
    "cut at chunk end": HEAD + BODY,
    "cut before the end": HEAD + BODY + b"0\r\n",
    "cut in head": HEAD[:-2],
    "more after the end": HEAD + BODY + END + b"\r\n3\r\nabc\r\n3\r\ndef\r\n",
    "chunks after the end": HEAD + BODY + END + b"3\r\nabc\r\n3\r\ndef\r\n",
    "second reply unasked": HEAD + BODY + END + HEAD + BODY + END,
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + BODY + END,
    "103 first": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HEAD + BODY + END,
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + BODY,
    "204": HEAD.replace(b"200 OK", b"204 No Content") + BODY,
    "304": HEAD.replace(b"200 OK", b"304 Not Modified") + BODY,
    "error status": HEAD.replace(b"200 OK", b"429 Slow Down") + BODY + END,
    "no reason": HEAD.replace(b"200 OK", b"200") + BODY + END,
    "HTTP/1.0": HEAD.replace(b"1.1", b"1.0") + BODY + END,
    "counted": b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n3\r\nabc\r\n",
    "until close": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    "counted and chunked": HEAD[:-2] + b"Content-Length: 3\r\n\r\n" + BODY + END,
    "chunked twice": HEAD[:-2] + b"Transfer-Encoding: chunked\r\n\r\n" + BODY + END,
    "gzip, chunked": HEAD.replace(b"chunked", b"gzip, chunked") + BODY + END,
    "no space": HEAD.replace(b": ", b":") + BODY + END,
    "odd case": HEAD.replace(b"Transfer-Encoding: chunked", b"tRANSFER-eNCODING: CHUNKED")
    + BODY
    + END,
    "space before colon": HEAD.replace(b":", b" :") + BODY + END,
    "folded header": HEAD[:-2] + b"X: a\r\n b\r\n\r\n" + BODY + END,
    "chunked in a fold": b"HTTP/1.1 200 OK\r\nX: a\r\n Transfer-Encoding: chunked\r\n\r\n" + BODY,
    "head in LF": HEAD.replace(b"\r\n", b"\n") + BODY + END,
    "one LF in the head": HEAD.replace(b"OK\r\n", b"OK\n") + BODY + END,
    "blank line in LF": HEAD[:-2] + b"\n" + BODY + END + b"\r\n\r\n",
    "head in a body": HEAD.replace(b"\r\n", b"\nContent-Length: 99\n\nX\r\n", 1) + BODY + END,
    "blank line first": b"\r\n" + HEAD + BODY + END,
    "CR in the head": HEAD[:-2] + b"X: a\rb\r\n\r\n" + BODY + END,
    "not HTTP": b"SSH-2.0-OpenSSH_9\r\n",
    "nothing": b"",
}


def outcome(pieces: Sequence[bytes], method: str = "POST") -> list[object]:
    """What h11 makes of the pieces and of the end of the connection after them.

    What is compared is the body as far as it has come after each piece, the other events with
    where in the body they stand, the error if there is one, and what is left over.
    """
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    body = b""
    seen: list[object] = []
    for piece in (*pieces, b""):
        connection.receive_data(piece)
        try:
            while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Data):
                    body += bytes(event.data)
                else:
                    seen.append((len(body), repr(event)))
                if isinstance(event, h11.ConnectionClosed):
                    return [*seen, body]
        except h11.RemoteProtocolError as error:
            return [*seen, body, str(error)]
        seen.append((body, event, connection.trailing_data))
    return [*seen, body]


def merged(pieces: Sequence[bytes], method: bytes = b"POST") -> list[bytes]:
    """The pieces as the merger passes them on."""
    merger = ChunkMerger()
    merger.expect_reply(method)
    return [merger.feed(piece) for piece in pieces]


def cut(whole: bytes, *places: int) -> list[bytes]:
    """A text in pieces, none of them empty."""
    bounds = sorted({0, *places, len(whole)})
    return [whole[start:end] for start, end in pairwise(bounds)]


@pytest.mark.parametrize("name", REPLIES)
def test_one_cut_anywhere_changes_nothing_for_h11(name: str) -> None:
    """Every reply, cut at every place: same body at the same time, same end, same error."""
    reply = REPLIES[name]
    for place in range(len(reply) + 1):
        pieces = cut(reply, place)
        assert outcome(merged(pieces)) == outcome(pieces), pieces


@pytest.mark.parametrize("name", REPLIES)
def test_single_bytes_change_nothing_for_h11(name: str) -> None:
    """Every reply, a byte at a time."""
    pieces = cut(REPLIES[name], *range(len(REPLIES[name])))
    assert outcome(merged(pieces)) == outcome(pieces)


@pytest.mark.parametrize("name", ["plain", "chunk too long", "trailers"])
def test_two_cuts_anywhere_change_nothing_for_h11(name: str) -> None:
    """The replies that take every path, cut at every two places of their bodies."""
    reply = REPLIES[name]
    for places in combinations(range(len(HEAD) - 3, len(reply)), 2):
        pieces = cut(reply, *places)
        assert outcome(merged(pieces)) == outcome(pieces), pieces


SIZES = st.sampled_from([b"%x", b"%X", b"0%x", b"%x;a=b", b"%x ", b"0x%x", b"-%x", b"%x\n"])
ENDS = st.sampled_from([b"\r\n"] * 9 + [b"", b"\n", b"\r", b"ab", b"\r\n\r\n"])
LASTS = st.sampled_from([END, b"0\r\nX: y\r\n\r\n", b"", b"0", b"0\r\n", b"00\r\n\r\n1\r\na\r\n"])
HEADS = st.sampled_from([HEAD] * 7 + [reply.split(BODY)[0] for reply in REPLIES.values()])


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    """Replies that are mostly right: odd sizes and ends, a byte changed, the end cut off."""
    whole = draw(HEADS)
    for _ in range(draw(st.integers(0, 6))):
        size = draw(SIZES) if draw(st.integers(0, 7)) == 0 else b"%x"
        data = draw(st.text("\r\n01ab", min_size=1, max_size=40)).encode()
        whole += size % len(data) + b"\r\n" + data + draw(ENDS)
    whole += draw(LASTS)
    if whole and draw(st.integers(0, 4)) == 0:
        place = draw(st.integers(0, len(whole) - 1))
        whole = whole[:place] + draw(st.binary(max_size=2)) + whole[place + 1 :]
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.integers(0, 4)) == 0 else whole


@st.composite
def pieces_of_replies(draw: st.DrawFn) -> list[bytes]:
    """The same, cut anywhere."""
    whole = draw(replies())
    return cut(whole, *draw(st.lists(st.integers(0, len(whole)), max_size=8)))


@pytest.mark.timeout(120)  # seconds are enough where nothing else is to be done
@given(pieces_of_replies())
@settings(max_examples=2_000)
def test_generated_replies_are_the_same_for_h11(pieces: list[bytes]) -> None:
    """Whatever a server sends, however it is cut."""
    assert outcome(merged(pieces)) == outcome(pieces)


@pytest.mark.long
@given(pieces_of_replies())
@settings(max_examples=200_000)
def test_many_generated_replies_are_the_same_for_h11(pieces: list[bytes]) -> None:
    """The same, for longer."""
    assert outcome(merged(pieces)) == outcome(pieces)


@pytest.mark.parametrize("name", REPLIES)
def test_pieces_go_on_at_once(name: str) -> None:
    """Nothing waits for more: a piece that is not empty gives one that is not empty."""
    reply = REPLIES[name]
    for place in range(len(reply) + 1):
        assert all(merged(cut(reply, place)))


@pytest.mark.parametrize("n_first", [0, 10, len(HEAD) - 1, len(HEAD), len(HEAD) + 2])
def test_chunks_of_one_read_become_one(n_first: int) -> None:
    """What came in one read is one chunk for h11, whether the head came with it or before."""
    reply = HEAD + BODY + END
    pieces = cut(reply, n_first)
    last = merged(pieces)[-1]
    assert last.endswith(
        b"14\r\nabc0123456789abcdefx\r\n0\r\n\r\n" if n_first <= len(HEAD) else b""
    )
    assert last.count(b"\r\n") < pieces[-1].count(b"\r\n")


def test_chunk_that_comes_in_parts_is_merged_with_those_before_it() -> None:
    """The last chunk of a read need not be complete."""
    pieces = [HEAD, b"3\r\nabc\r\n8\r\nde", b"fghijk\r\n" + END]
    assert merged(pieces) == [HEAD, b"b\r\nabcde", b"fghijk\r\n" + END]


@pytest.mark.parametrize(
    "name",
    [
        *("100 first", "204", "304", "101", "error status", "HTTP/1.0", "counted", "until close"),
        *("gzip, chunked", "head in LF", "one LF in the head", "chunked in a fold", "not HTTP"),
    ],
)
def test_unusual_replies_pass_untouched(name: str) -> None:
    """Only the plainest reply with a streamed body is rewritten."""
    assert merged([REPLIES[name]]) == [REPLIES[name]]


def test_replies_to_head_requests_pass_untouched() -> None:
    """They have a head that promises chunks, and no chunks."""
    reply = HEAD + BODY + END
    assert merged([reply], b"HEAD") == [reply]


def test_replies_follow_each_other_on_one_connection() -> None:
    """Each announced reply is read from its head on, whatever became of the one before it."""
    merger = ChunkMerger()
    for reply in (REPLIES["plain"], REPLIES["trailers"], REPLIES["counted"], REPLIES["plain"]):
        merger.expect_reply(b"GET")
        assert outcome([merger.feed(reply)]) == outcome([reply])
    assert merger.feed(BODY) == BODY  # nothing was announced


def test_endless_head_is_not_kept() -> None:
    """A head beyond 64 KiB passes on without being looked at; h11 refuses it."""
    pieces = [b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"a" * 1_000 + b"\r\n"] * 200]
    assert merged(pieces) == pieces


def streams(rng: random.Random, n: int) -> Iterator[list[bytes]]:
    """Long plain streams, cut as sockets cut them."""
    for _ in range(n):
        chunks = [b"a" * rng.choice([1, 9, 210, 211, 400, 5_000]) for _ in range(300)]
        whole = HEAD + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + END
        yield cut(whole, *rng.sample(range(1, len(whole)), 60))


def test_long_streams_are_the_same_for_h11() -> None:
    """Hundreds of chunks a stream, cut at random."""
    for pieces in streams(random.Random(6), 20):
        assert outcome(merged(pieces)) == outcome(pieces)
