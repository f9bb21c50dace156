"""Images and documents of a message, read out as what the wire carries: a data URL or plain text.

A local file or bytes are read; a URL is never fetched.
"""

from __future__ import annotations

import base64
import mimetypes
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ImageBlock

from cerebras_ext.errors import ConfigError

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import DocumentBlock

__all__ = ["document_text_of", "image_url_of"]

_HEAD_BYTES = 8192
"""What is looked at of an image to tell its type."""


def image_url_of(block: ImageBlock) -> str:
    """The image's URL as it was given, else its bytes as a data URL of the type that they show.

    Raises:
        ConfigError: There is no image in the block, or its bytes are of no known image type.
    """
    if block.url:
        return str(block.url)
    content = _read(block.resolve_image, "image", block.image or block.path)
    # core looks at the bytes of an image only when it is given as bytes, and no type with it
    seen = ImageBlock(image=content[:_HEAD_BYTES]).image_mimetype
    mime_type = next(
        (t for t in (seen, block.image_mimetype) if t and t.startswith("image/")), None
    )
    if mime_type is None:
        raise ConfigError(
            "an image's type cannot be told from its bytes; "
            "set it, e.g. ImageBlock(..., image_mimetype='image/png')"
        )
    return f"data:{mime_type};base64,{base64.b64encode(content).decode()}"


def document_text_of(block: DocumentBlock) -> str:
    """The text of a document that is text, whatever its type says: types are guessed from names.

    Raises:
        ConfigError: It is empty, behind a URL, or not text.
    """
    name = block.title or "the document"
    if not block.data and not block.path and block.url:
        raise ConfigError(f"{name!r} is behind a URL, which is not fetched; pass its text instead")
    content = _read(block.resolve_document, "document", block.data or block.path)
    text = _text_of(content)
    if text is not None:
        return text
    mime_type = block.document_mimetype or mimetypes.guess_type(str(block.path or ""))[0]
    if mime_type is not None and mime_type.startswith("text/"):
        raise ConfigError(f"{name!r} is {mime_type}, but not UTF-8; convert it first")
    raise ConfigError(
        f"{name!r} is {mime_type or 'binary'}; Cerebras takes text documents only, "
        "so extract the text first"
    )


def _text_of(content: bytes) -> str | None:
    """The bytes as text; None if they are none.

    Images, sound, films and office files have bytes that UTF-8 has not, or zeros, which no text
    has. Only a PDF may do without either.
    """
    if b"\0" in content or content.startswith(b"%PDF-"):
        return None
    try:
        return content.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError:
        return None


def _read(resolve: Any, what: str, source: object) -> bytes:
    """The raw bytes of a block that holds bytes, a file object or a path."""
    if not source:
        raise ConfigError(f"the {what} block is empty; give it {what} bytes or a path")
    try:
        content: bytes = resolve().read()
    except ValueError:  # what core raises for zero bytes
        raise ConfigError(f"the {what} is empty") from None
    return content
