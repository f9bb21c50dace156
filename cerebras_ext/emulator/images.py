"""Attached pictures: what the service takes, and what they cost (API specification §2.4)."""

from __future__ import annotations

import base64
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from cerebras_ext.emulator.accepted import Image
from cerebras_ext.emulator.problems import IMAGE_TOO_LARGE, invalid_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.catalog import Family, ModelFacts

__all__ = ["MAX_PAYLOAD_BYTES", "MAX_SIDE_PX", "image_tokens", "read_image"]

MAX_SIDE_PX: Final = 15_000
MAX_PAYLOAD_BYTES: Final = 10 * 1024 * 1024

_HEADERS: Final[Mapping[str, Literal["image/png", "image/jpeg"]]] = {
    "data:image/png;base64": "image/png",
    "data:image/jpeg;base64": "image/jpeg",
}
_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_START: Final = b"\xff\xd8"
# Start-of-frame markers carry the size; C4, C8 and CC in their midst are tables.
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD8)})


@dataclass(frozen=True, slots=True)
class _Grid:
    """One token per square of `side_px`, at most `max_tokens` an image."""

    side_px: int
    max_tokens: int


_GRIDS: Final[Mapping[Family, _Grid]] = {
    "gemma-4": _Grid(48, 280),
    "kimi-k2": _Grid(28, 2304),
    "qwen-3.8": _Grid(32, 2304),
}
_ASSUMED_GRID: Final = _GRIDS["qwen-3.8"]


def image_tokens(image: Image, facts: ModelFacts) -> int:
    """How many prompt tokens the image takes."""
    grid = _GRIDS.get(facts.family, _ASSUMED_GRID)
    squares = math.ceil(image.width / grid.side_px) * math.ceil(image.height / grid.side_px)
    return min(squares, grid.max_tokens)


def read_image(url: str, path: str) -> Image:
    """The picture in a data URI, its size read from its header.

    Args:
        url: The `url` of an `image_url` part.
        path: Where it stands in the request, for messages.

    Raises:
        ApiProblem: Not a PNG or JPEG data URI, or (413) a side longer than `MAX_SIDE_PX`.
    """
    header, _, encoded = url.partition(",")
    media_type = _HEADERS.get(header)
    if media_type is None:
        raise invalid_request(
            f"{path}: Image URLs must be base64 data URIs of type image/png or image/jpeg"
        )
    try:
        content = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise invalid_request(f"{path}: Invalid base64 in image data URI") from None
    size = _png_size(content) if media_type == "image/png" else _jpeg_size(content)
    if size is None or 0 in size:
        raise invalid_request(f"{path}: Image data is not a valid {media_type}")
    width, height = size
    if max(size) > MAX_SIDE_PX:
        raise IMAGE_TOO_LARGE.problem(width=width, height=height, limit=MAX_SIDE_PX)
    return Image(media_type, width, height)


def _png_size(content: bytes) -> tuple[int, int] | None:
    if not content.startswith(_PNG_SIGNATURE) or content[12:16] != b"IHDR" or len(content) < 24:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    if not content.startswith(_JPEG_START):
        return None
    at = len(_JPEG_START)
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None
