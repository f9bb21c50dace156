"""The content of a LangChain message taken apart into what the wire knows.

Content is a string or a list of strings and blocks. Blocks come from LangChain's own format, from
OpenAI's and from Anthropic's, and from histories that another provider began. Each known type has
one reader in `_READERS`; what has no place on the wire is either dropped with a debug line (another
provider's internals) or an error that says what to do (something the user meant the model to see).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cerebras_ext.partial_json import read_arguments
from cerebras_ext.wire import ContentPart, ImagePart, TextPart
from langchain_cerebras_ext._shapes import is_list, is_object, list_in, object_in
from langchain_cerebras_ext.errors import UnsupportedInput

if TYPE_CHECKING:
    from cerebras_ext.catalog import ModelFacts

__all__ = [
    "Block",
    "Call",
    "Pieces",
    "Place",
    "Role",
    "encoded_arguments",
    "raw_call",
    "read_content",
]

logger = logging.getLogger(__name__)

_IMAGE_STARTS = ("data:image/png;base64,", "data:image/jpeg;base64,")

Role = Literal["system", "developer", "user", "assistant", "tool"]
Block: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the history content stands, for rules and for messages of errors.

    Attributes:
        position: Index of the message in the input.
        role: Who says it, on the wire.
        facts: The model it is sent to.
    """

    position: int
    role: Role
    facts: ModelFacts

    def error(self, problem: str) -> UnsupportedInput:
        """The error for content that cannot be sent."""
        return UnsupportedInput(f"message {self.position} ({self.role}): {problem}")


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call in a history.

    Attributes:
        id: As given; None when there is none.
        name: The tool's own name.
        arguments: JSON text.
        is_valid: Whether the text is a JSON object, so that the call counts as made.
    """

    id: str | None
    name: str
    arguments: str
    is_valid: bool = True


@dataclass(frozen=True, slots=True)
class ToolResult:
    """An Anthropic-style tool result inside a user message."""

    call_id: str
    content: Any


@dataclass(slots=True)
class Pieces:
    """What was found in one message's content."""

    parts: list[ContentPart] = field(default_factory=list[ContentPart])
    reasoning: list[str] = field(default_factory=list[str])
    calls: list[Call] = field(default_factory=list[Call])
    results: list[ToolResult] = field(default_factory=list[ToolResult])
    has_refusal: bool = False

    def add_text(self, text: str) -> None:
        """Adds a text part; empty text is nothing."""
        if text:
            self.parts.append(TextPart(type="text", text=text))

    def content(self) -> str | list[ContentPart]:
        """The parts for the wire; one text as a string, since templates tell the two apart."""
        if len(self.parts) == 1 and self.parts[0]["type"] == "text":
            return self.parts[0]["text"]
        return self.parts or ""


def read_content(content: object, place: Place) -> Pieces:
    """Content taken apart; the input is not changed.

    Raises:
        UnsupportedInput: A block has no form on the wire; the message names its type.
    """
    pieces = Pieces()
    if isinstance(content, str):
        pieces.add_text(content)
    elif is_list(content):
        for block in content:
            if isinstance(block, str):
                pieces.add_text(block)
            elif is_object(block):
                _read_block(block, pieces, place)
            else:
                raise place.error(f"content holds a {type(block).__name__}; give text or blocks")
    elif content is not None:
        raise place.error(f"content is a {type(content).__name__}; give text or a list of blocks")
    return pieces


def encoded_arguments(arguments: object, call_name: str, place: Place) -> str:
    """Arguments of a call as JSON text.

    Raises:
        UnsupportedInput: They hold something that JSON does not know.
    """
    try:
        return json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise place.error(
            f"the arguments of tool call {call_name!r} are not JSON data ({error}); use plain "
            "values"
        ) from error


def raw_call(call_id: Any, name: Any, text: Any, place: Place) -> Call:
    """A call whose arguments are still text, e.g. in a fragment of a stream."""
    own_name = str(name or "")
    arguments = read_arguments(text or "")
    if isinstance(arguments, dict):
        return Call(call_id, own_name, encoded_arguments(arguments, own_name, place))
    return Call(call_id, own_name, text, is_valid=False)


def _kind_of(block: Block) -> object:
    """A block's type; Bedrock's blocks have none, and are told by their key."""
    return block["type"] if "type" in block else next(iter(block), None)


def _read_block(block: Block, pieces: Pieces, place: Place) -> None:
    kind = _kind_of(block)
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise place.error(
            f"content block type {kind!r} has no form in the Cerebras API; send its text in a text "
            "block"
        )
    reader(block, pieces, place)


def _text_of(value: object) -> str:
    """The text in a string, in `{"text": …}`, or in a list of these."""
    if isinstance(value, str):
        return value
    if is_object(value):
        return _text_of(value.get("text"))
    return "".join(_text_of(item) for item in list_in(value))


def _read_text(block: Block, pieces: Pieces, place: Place) -> None:
    text = block.get("text")
    if not isinstance(text, str | None):
        raise place.error(f"the text of a 'text' block is a {type(text).__name__}; give a string")
    pieces.add_text(text or "")


def _read_plain_text(block: Block, pieces: Pieces, place: Place) -> None:
    text = block.get("text")
    if not isinstance(text, str):
        raise place.error(
            "a 'text-plain' block without 'text' cannot be sent; put the text into it"
        )
    pieces.add_text(text)


def _read_refusal(block: Block, pieces: Pieces, _place: Place) -> None:
    pieces.has_refusal = True
    pieces.add_text(_text_of(block.get("refusal")))


def _reasoning_reader(*keys: str) -> Callable[[Block, Pieces, Place], None]:
    """A reader for blocks that hold reasoning under the first of these keys that is there."""

    def read(block: Block, pieces: Pieces, _place: Place) -> None:
        text = next((text for key in keys if (text := _text_of(block.get(key)))), "")
        if text:
            pieces.reasoning.append(text)  # which only assistants' messages send

    return read


def _drop(block: Block, _pieces: Pieces, place: Place) -> None:
    logger.debug(
        "message %d (%s): a %r block is another provider's own; left out",
        place.position,
        place.role,
        _kind_of(block),
    )


def _read_tool_call(block: Block, pieces: Pieces, place: Place) -> None:
    name = str(block.get("name") or "")
    arguments = block.get("args", block.get("input"))
    text = encoded_arguments({} if arguments is None else arguments, name, place)
    pieces.calls.append(Call(block.get("id"), name, text))


def _read_fragment(block: Block, pieces: Pieces, place: Place) -> None:
    pieces.calls.append(raw_call(block.get("id"), block.get("name"), block.get("args"), place))


def _read_function_call(block: Block, pieces: Pieces, place: Place) -> None:
    """A call as OpenAI's Responses API writes it."""
    call_id = block.get("call_id") or block.get("id")
    pieces.calls.append(raw_call(call_id, block.get("name"), block.get("arguments"), place))


def _read_invalid_call(block: Block, pieces: Pieces, _place: Place) -> None:
    text, name = block.get("args") or "", str(block.get("name") or "")
    pieces.calls.append(Call(block.get("id"), name, text, is_valid=False))


def _read_tool_result(block: Block, pieces: Pieces, place: Place) -> None:
    if place.role != "user":
        raise place.error("a 'tool_result' block belongs in a user message; use a ToolMessage")
    pieces.results.append(ToolResult(str(block.get("tool_use_id")), block.get("content") or ""))


def _read_image(block: Block, pieces: Pieces, place: Place) -> None:
    if source := object_in(block.get("source")):  # Anthropic's form
        block = {"base64": source.get("data"), "mime_type": source.get("media_type"), **source}
    data, mime_type, url = block.get("base64"), block.get("mime_type"), block.get("url")
    if isinstance(data, str) and not isinstance(mime_type, str):
        raise place.error("an image block needs 'mime_type' beside 'base64', e.g. 'image/png'")
    _add_image(f"data:{mime_type};base64,{data}" if isinstance(data, str) else url, pieces, place)


def _read_image_url(block: Block, pieces: Pieces, place: Place) -> None:
    image = block.get("image_url")
    url = object_in(image).get("url", image)
    _add_image(url, pieces, place)  # `detail` is documented as unsupported


def _add_image(url: object, pieces: Pieces, place: Place) -> None:
    if place.role != "user":
        raise place.error("images are taken in user messages only; move the image to one")
    if not place.facts.takes_images:
        raise place.error(
            f"model {place.facts.id!r} takes no 'image' blocks; use one that does, or say "
            "model_facts={'takes_images': True} if it does"
        )
    if not isinstance(url, str) or not url.startswith(_IMAGE_STARTS):
        raise place.error(
            "the service takes images as base64 data of PNG or JPEG only, not by URL or file id: "
            "fetch it first, convert it if it is of another kind, and send it as "
            "{'type': 'image', 'base64': …, 'mime_type': 'image/png'}"
        )
    pieces.parts.append(ImagePart(type="image_url", image_url={"url": url}))


def _read_media(block: Block, _pieces: Pieces, place: Place) -> None:
    raise place.error(
        f"model {place.facts.id!r} takes no {_kind_of(block)!r} blocks; send what it says as text"
    )


def _read_non_standard(block: Block, pieces: Pieces, place: Place) -> None:
    value = object_in(block.get("value"))
    kind = _kind_of(value)
    if kind not in _READERS:
        raise place.error(
            f"a 'non_standard' block of type {kind!r} has no form in the Cerebras API"
        )
    _read_block(value, pieces, place)


_OTHERS_OWN = (
    "redacted_thinking",
    "server_tool_call",
    "server_tool_result",
    # OpenAI
    "code_interpreter_call",
    "computer_call",
    "file_search_call",
    "image_generation_call",
    "mcp_call",
    "mcp_list_tools",
    "web_search_call",
    # Anthropic
    "bash_code_execution_tool_result",
    "code_execution_tool_result",
    "mcp_tool_result",
    "mcp_tool_use",
    "server_tool_use",
    "web_search_tool_result",
    # Bedrock
    "cachePoint",
    # Google
    "code_execution_result",
    "executable_code",
)
"""What other providers' built-in tools leave in histories; their calls were answered over there."""

_READERS: dict[str, Callable[[Block, Pieces, Place], None]] = {
    **dict.fromkeys(_OTHERS_OWN, _drop),
    "text": _read_text,
    "input_text": _read_text,  # this and its kin: OpenAI's Responses API
    "output_text": _read_text,
    "text-plain": _read_plain_text,
    "refusal": _read_refusal,
    "reasoning": _reasoning_reader("reasoning", "summary"),
    "thinking": _reasoning_reader("thinking"),
    "reasoning_content": _reasoning_reader("reasoning_content"),
    "tool_call": _read_tool_call,
    "tool_use": _read_tool_call,
    "function_call": _read_function_call,
    "tool_call_chunk": _read_fragment,
    "server_tool_call_chunk": _read_invalid_call,
    "invalid_tool_call": _read_invalid_call,
    "tool_result": _read_tool_result,
    "image": _read_image,
    "image_url": _read_image_url,
    "input_image": _read_image_url,
    "audio": _read_media,
    "video": _read_media,
    "file": _read_media,
    "input_audio": _read_media,
    "input_file": _read_media,
    "document": _read_media,
    "non_standard": _read_non_standard,
}
