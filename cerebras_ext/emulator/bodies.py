"""The decoded request body, from its bytes (API specification §1.4)."""

from __future__ import annotations

import importlib
import json
from typing import Any, Final

from pydantic_core import from_json

from cerebras_ext.emulator.problems import UNSUPPORTED_MEDIA_TYPE, invalid_request

__all__ = ["JSON_TYPES", "MSGPACK_TYPES", "parse_body"]

JSON_TYPES: Final = frozenset({"", "application/json"})
"""Media types read as JSON; a request without a type is taken at its word."""

MSGPACK_TYPES: Final = frozenset(
    {"application/vnd.msgpack", "application/msgpack", "application/x-msgpack"}
)
"""Media types read as MessagePack."""


def parse_body(raw: bytes, content_type: str = "application/json") -> object:
    """The value that a request body holds.

    Args:
        raw: The body, any `Content-Encoding` already undone.
        content_type: The header's value; parameters such as a charset are ignored.

    Raises:
        ApiProblem: Not JSON (lone surrogate escapes, `NaN` and `Infinity` included) or not
            MessagePack: 400. Another media type: 415.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in JSON_TYPES:
        return _from_json(raw)
    if media_type in MSGPACK_TYPES:
        return _from_msgpack(raw)
    raise UNSUPPORTED_MEDIA_TYPE.problem(
        message=f"Content-Type {media_type!r} is not supported: use application/json or "
        "application/vnd.msgpack."
    )


def _from_json(raw: bytes) -> object:
    try:
        # The parser behind the service's own validation: its messages are the recorded ones (§1.4).
        return from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise invalid_request(f": Invalid JSON: {error}") from None


def _from_msgpack(raw: bytes) -> object:
    try:
        msgpack: Any = importlib.import_module("msgpack")
    except ImportError:
        raise UNSUPPORTED_MEDIA_TYPE.problem(
            message="This emulator reads MessagePack once msgpack is installed: "
            "pip install 'cerebras-ext[msgpack]'."
        ) from None
    try:
        # Binary strings, extension types and NaN exist in MessagePack but in no request.
        text = json.dumps(msgpack.unpackb(raw), allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise invalid_request(f": Invalid msgpack: {error}") from None
    return _from_json(text.encode())
