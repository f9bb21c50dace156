"""Messages of a request as values, and the rules of a conversation.

Source: API specification §1.2 (order), §2.3 (roles), §2.4 (images).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cerebras_ext.emulator.accepted import Image, Message, ToolCall
from cerebras_ext.emulator.images import MAX_PAYLOAD_BYTES, read_image
from cerebras_ext.emulator.problems import PAYLOAD_TOO_LARGE, ApiProblem, invalid_request
from cerebras_ext.emulator.shapes import is_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cerebras_ext.catalog import ModelFacts

__all__ = ["read_messages", "text_of"]


def read_messages(
    wire_messages: Sequence[Mapping[str, Any]], facts: ModelFacts, *, max_images: int
) -> tuple[Message, ...]:
    """The messages of a request whose schema has been checked.

    Args:
        wire_messages: `messages` as sent.
        facts: Of the model that is to answer.
        max_images: How many images the request may hold.

    Raises:
        ApiProblem: Calls without their answers right behind them, answers without a call, a call id
            used twice, a role or an image the model does not take.
    """
    _check_tool_turns(wire_messages)
    _check_roles(wire_messages, facts)
    images = _read_images(wire_messages, facts, max_images)
    return tuple(
        _read_message(message, images.get(index, ())) for index, message in enumerate(wire_messages)
    )


def text_of(content: str | Sequence[Mapping[str, Any]] | None) -> str:
    """The text of a content, its parts one per line; images have none."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _check_tool_turns(wire_messages: Sequence[Mapping[str, Any]]) -> None:
    used_ids: set[str] = set()
    open_ids: set[str] = set()
    for index, message in enumerate(wire_messages):
        if message["role"] == "tool":
            id = message["tool_call_id"]
            if id not in open_ids:
                raise _refused(
                    f"messages.{index}.tool.tool_call_id: {id!r} does not answer a tool call "
                    "of the assistant message immediately before"
                )
            open_ids.remove(id)
            continue
        _check_all_answered(open_ids, index)
        for call in message.get("tool_calls") or ():
            if call["id"] in used_ids:
                raise _refused(
                    f"messages.{index}.assistant.tool_calls: duplicate tool call id {call['id']!r}"
                )
            used_ids.add(call["id"])
            open_ids.add(call["id"])
    _check_all_answered(open_ids, len(wire_messages))


def _check_all_answered(open_ids: set[str], index: int) -> None:
    if open_ids:
        raise _refused(
            f"messages.{index}: every tool call must be answered by a 'tool' message immediately "
            f"following it; missing: {', '.join(map(repr, sorted(open_ids)))}"
        )


def _check_roles(wire_messages: Sequence[Mapping[str, Any]], facts: ModelFacts) -> None:
    for index, message in enumerate(wire_messages):
        if message["role"] == "developer" and not facts.has_developer_role:
            raise _refused(f"messages.{index}: role 'developer' is not supported by this model.")


class _ImagePart(NamedTuple):
    """A content part that is not text, and where it stands."""

    message_index: int
    role: str
    path: str
    part: Mapping[str, Any]


def _image_parts(wire_messages: Sequence[Mapping[str, Any]]) -> Iterator[_ImagePart]:
    for index, message in enumerate(wire_messages):
        content = message.get("content")
        for at, part in enumerate(content if is_list(content) else ()):
            if part["type"] != "text":
                path = f"messages.{index}.{message['role']}.content.{at}"
                yield _ImagePart(index, message["role"], path, part)


def _read_images(
    wire_messages: Sequence[Mapping[str, Any]], facts: ModelFacts, max_images: int
) -> dict[int, tuple[Image, ...]]:
    """Images by the index of their message."""
    found = list(_image_parts(wire_messages))
    for image in found:
        _check_image_part(image, facts)
    if len(found) > max_images:
        raise _refused(f"At most {max_images} images are supported per request, got {len(found)}.")
    urls = [image.part["image_url"]["url"] for image in found]
    if sum(map(len, urls)) > MAX_PAYLOAD_BYTES:
        raise PAYLOAD_TOO_LARGE.problem(limit_bytes=MAX_PAYLOAD_BYTES)
    images: dict[int, tuple[Image, ...]] = {}
    for image, url in zip(found, urls, strict=True):
        read = read_image(url, f"{image.path}.image_url.url")
        images[image.message_index] = (*images.get(image.message_index, ()), read)
    return images


def _check_image_part(image: _ImagePart, facts: ModelFacts) -> None:
    if not facts.takes_images or image.role != "user":
        raise invalid_request(f"{image.path}.type: Input should be 'text'")
    if image.part["type"] != "image_url":
        raise invalid_request(f"{image.path}.type: Input should be 'text' or 'image_url'")
    if image.part["image_url"].get("detail") is not None:
        at = f"{image.path}.image_url.detail"
        raise invalid_request(f"{at}: property '{at}' is unsupported")


def _read_message(message: Mapping[str, Any], images: tuple[Image, ...]) -> Message:
    return Message(
        role=message["role"],
        text=text_of(message.get("content")),
        images=images,
        reasoning=text_of(message.get("reasoning")),
        tool_calls=tuple(
            ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in message.get("tool_calls") or ()
        ),
        tool_call_id=message.get("tool_call_id"),
    )


def _refused(message: str) -> ApiProblem:
    return invalid_request(message, param="messages")
