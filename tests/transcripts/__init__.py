"""Event streams of one reply each, with the same reply unstreamed beside them.

Shapes follow API specification §16 and the recorded traffic; the values are made up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cerebras_ext._assemble import ChatAssembler
from cerebras_ext._assemble_text import TextAssembler
from cerebras_ext.reply import ChatCompletion, ResponseMeta, TextCompletion
from cerebras_ext.stream import StreamReader

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "CHAT_TRANSCRIPTS",
    "TRANSCRIPTS",
    "Transcript",
    "read_stream",
    "reader_of",
    "single_bytes",
]


@dataclass(frozen=True, slots=True)
class Transcript:
    """One stream.

    Attributes:
        stream: The bytes, lines ended by LF.
        reply: The reply unstreamed, as parsed JSON.
    """

    name: str
    stream: bytes
    reply: dict[str, Any]

    @property
    def is_text(self) -> bool:
        """Whether it is a text completion."""
        return self.reply["object"] == "text_completion"

    @property
    def kind(self) -> type[ChatCompletion | TextCompletion]:
        """The class of its reply."""
        return TextCompletion if self.is_text else ChatCompletion

    @property
    def events(self) -> list[bytes]:
        """The stream cut after each event."""
        return [event + b"\n\n" for event in self.stream.split(b"\n\n")[:-1]]


def reader_of(transcript: Transcript, *, merges: bool = True) -> StreamReader[Any]:
    """A reader for the kind of the transcript."""
    assembler = TextAssembler if transcript.is_text else ChatAssembler
    reader: StreamReader[Any] = StreamReader(assembler(ResponseMeta()), merges=merges)
    return reader


def read_stream(reader: StreamReader[Any], pieces: Iterable[bytes]) -> list[Any]:
    """Every delta of the pieces, the finish included."""
    deltas = [delta for piece in pieces for delta in reader.feed(piece)]
    return deltas + reader.end()


def single_bytes(data: bytes) -> list[bytes]:
    """The data cut after every byte."""
    return [data[at : at + 1] for at in range(len(data))]


def _read(path: Path) -> Transcript:
    reply = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return Transcript(path.stem, path.read_bytes(), reply)


TRANSCRIPTS = tuple(_read(path) for path in sorted(Path(__file__).parent.glob("*.sse")))
CHAT_TRANSCRIPTS = tuple(one for one in TRANSCRIPTS if not one.is_text)
