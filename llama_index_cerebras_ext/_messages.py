"""LlamaIndex messages in, wire messages out. Nothing that comes in is changed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from llama_index.core.base.llms.types import (
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic_core import to_json

from cerebras_ext._json import without_halves
from cerebras_ext.errors import ConfigError
from cerebras_ext.wire import (
    AssistantMessage,
    ContentPart,
    ImagePart,
    Message,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from llama_index_cerebras_ext._attachments import document_text_of, image_url_of

if TYPE_CHECKING:
    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.tool_names import ToolNames

__all__ = ["PastCall", "called_names", "past_calls_of", "wire_messages_of"]

_logger = logging.getLogger(__name__)

Role = Literal["system", "developer", "user", "assistant", "tool"]

_ROLES: Mapping[MessageRole, Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "developer",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}

_TAKEN_BESIDE_TEXT: Mapping[Role, frozenset[str]] = {
    "system": frozenset({"document"}),
    "developer": frozenset({"document"}),
    "user": frozenset({"document", "image"}),
    "assistant": frozenset({"tool_call"}),
    "tool": frozenset({"document"}),
}
"""Block types a role's content may hold beside text, citations, thinking and cache points."""


@dataclass(frozen=True, slots=True)
class PastCall:
    """A tool call in the history; its arguments as the model wrote them, or as an object."""

    id: str | None
    name: str
    arguments: Mapping[str, Any] | str


@dataclass(frozen=True, slots=True)
class _OpenCall:
    """A call that waits for its result."""

    given_id: str | None
    wire_id: str


@dataclass(frozen=True, slots=True)
class _Turn:
    """A message, the calls in it that wait, and the results that the service wants behind it."""

    number: int
    message: Message
    open: list[_OpenCall] = field(default_factory=list[_OpenCall])
    results: list[ToolMessage] = field(default_factory=list[ToolMessage])

    def stand_ins(self) -> Iterator[ToolMessage]:
        """What calls without a result are answered with.

        Leaving such a call out would hide from the model what it did, and that the tool may have
        run all the same: where a turn calls a return-direct tool, core forgets the results behind
        that tool's.
        """
        for call in self.open:
            _logger.debug("messages.%d: tool call %r has no result", self.number, call.wire_id)
            yield ToolMessage(
                role="tool",
                content="There is no result of this call.",
                tool_call_id=call.wire_id,
            )


def past_calls_of(message: ChatMessage) -> list[PastCall]:
    """The tool calls of a message: its blocks, else what older integrations left in its kwargs.

    Raises:
        ConfigError: What was left there is no list.
    """
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return [PastCall(b.tool_call_id, b.tool_name, b.tool_kwargs) for b in blocks]
    kept = message.additional_kwargs.get("tool_calls") or ()
    if not isinstance(kept, list | tuple):
        raise ConfigError(
            f"additional_kwargs['tool_calls']: is a {type(kept).__name__}; give a list of calls"
        )
    return [_kept_call(call) for call in cast("Sequence[object]", kept)]


def called_names(messages: Iterable[ChatMessage]) -> list[str]:
    """The names of all tools that the history calls.

    Raises:
        ConfigError: A call has no name, or a message is none.
    """
    names: list[str] = []
    for number, message in enumerate(messages):
        if not isinstance(message, ChatMessage):  # pyright: ignore[reportUnnecessaryIsInstance] - or so callers say
            raise ConfigError(
                f"messages.{number}: is a {type(message).__name__}; "
                "give ChatMessage(role=..., content=...)"
            )
        if _ROLES[message.role] == "assistant":
            names.extend(call.name for call in past_calls_of(message))
            if not all(names):
                raise ConfigError(f"messages.{number}: a tool call has no name")
    return names


def wire_messages_of(
    messages: Sequence[ChatMessage],
    *,
    facts: ModelFacts,
    names: ToolNames,
    replays_reasoning: bool = True,
) -> list[Message]:
    """The messages as the API takes them.

    The service wants the result of every call, right behind the message that makes it. What core
    and memories keep is not always so, and no user can mend it: results move to their calls, and a
    call without one gets a stand-in. The calls that a history ends with are the caller's to answer.

    Args:
        messages: In order; left as they are.
        facts: Of the model they go to.
        names: How tools are called on the wire.
        replays_reasoning: Whether earlier reasoning goes back, in the way the model's facts name.

    Raises:
        ConfigError: A block cannot stand where it stands, or a tool result names no call, and none
            is open.
    """
    history = _History(facts, names, replays_reasoning)
    for number, message in enumerate(messages):
        history.take(number, message)
    return list(history.messages())


class _History:
    """Translates messages in order; remembers which calls wait for a result."""

    def __init__(self, facts: ModelFacts, names: ToolNames, replays_reasoning: bool) -> None:
        self._facts = facts
        self._names = names
        self._replay = facts.reasoning_replay if replays_reasoning else "none"
        self._turns: list[_Turn] = []
        self._used_ids: set[str] = set()

    def take(self, number: int, message: ChatMessage) -> None:
        role = _ROLES[message.role]
        parts = list(_parts(message.blocks, role, self._facts, f"messages.{number}"))
        match role:
            case "user":
                content = _user_content(parts)
                self._turns.append(_Turn(number, UserMessage(role="user", content=content)))
            case "assistant":
                self._turns.append(self._assistant(number, message, _joined(parts)))
            case "tool":
                self._place_result(number, message, _joined(parts))
            case "system" | "developer":
                sent = role if self._facts.has_developer_role else "system"
                system = SystemMessage(role=sent, content=_joined(parts))
                self._turns.append(_Turn(number, system))

    def messages(self) -> Iterator[Message]:
        for turn in self._turns:
            yield turn.message
            yield from turn.results
            if turn is not self._turns[-1]:
                yield from turn.stand_ins()

    def _assistant(self, number: int, message: ChatMessage, text: str) -> _Turn:
        wire: AssistantMessage = {"role": "assistant"}
        turn = _Turn(number, wire)
        calls = past_calls_of(message)
        reasoning = _reasoning_of(message) if self._replay != "none" else ""
        if reasoning and self._replay == "think_tags":
            text = f"<think>{reasoning}</think>{text}"
        if text or not calls:
            wire["content"] = text
        if reasoning and self._replay == "field":
            wire["reasoning"] = reasoning
        if calls:
            turn.open.extend(self._opened(c.id, f"call_{number}_{n}") for n, c in enumerate(calls))
            wire["tool_calls"] = [
                self._call(call, opened.wire_id)
                for call, opened in zip(calls, turn.open, strict=True)
            ]
        return turn

    def _opened(self, given_id: str | None, spare_id: str) -> _OpenCall:
        wire_id = given_id or spare_id
        while wire_id in self._used_ids:  # some providers take the tool's name, turn after turn
            wire_id += "_"
        self._used_ids.add(wire_id)
        return _OpenCall(given_id, wire_id)

    def _call(self, call: PastCall, wire_id: str) -> ToolCall:
        arguments = call.arguments
        if not isinstance(arguments, str):
            arguments = _json_of(without_halves(dict(arguments)), call.name)
        return {
            "id": wire_id,
            "type": "function",
            "function": {
                "name": self._names.to_wire(call.name),
                "arguments": arguments if arguments.strip() else "{}",
            },
        }

    def _place_result(self, number: int, message: ChatMessage, text: str) -> None:
        """Puts a tool's result behind the call that it names; behind the next when it names none.

        The service refuses a result whose call is not there. Some histories hold such results:
        core's code agent drops the call of a handoff, and a trimmed memory may begin behind one.
        """
        given = message.additional_kwargs.get("tool_call_id")
        for turn in reversed(self._turns):
            for call in turn.open:
                if not given or call.given_id == str(given):
                    result = ToolMessage(role="tool", content=text, tool_call_id=call.wire_id)
                    turn.open.remove(call)
                    turn.results.append(result)
                    return
        if not given:
            raise ConfigError(
                f"messages.{number}: this tool message answers no call; "
                "set additional_kwargs={'tool_call_id': ...}"
            )
        _logger.debug("messages.%d: its tool call is not there; it goes as a user's", number)
        content = f"Result of an earlier tool call:\n\n{text}"
        self._turns.append(_Turn(number, UserMessage(role="user", content=content)))


def _reasoning_of(message: ChatMessage) -> str:
    """What the blocks hold, else what `keep_reasoning` left in the message's kwargs."""
    thoughts = [b.content for b in message.blocks if isinstance(b, ThinkingBlock) and b.content]
    kept = message.additional_kwargs.get("reasoning")
    return "\n".join(thoughts) or (kept if isinstance(kept, str) else "")


def _parts(
    blocks: Iterable[Any], role: Role, facts: ModelFacts, where: str
) -> Iterator[ContentPart]:
    """What the blocks contribute to a message's content, in order."""
    for block in blocks:
        match block:
            case TextBlock():
                yield TextPart(type="text", text=block.text)
            case CitableBlock():
                _logger.debug("%s: Cerebras cites nothing; what can be cited goes as text", where)
                yield from _parts(block.content, role, facts, where)
            case CitationBlock():
                yield from _parts([block.cited_content], role, facts, where)
            case CachePoint():
                _logger.debug("%s: Cerebras caches by itself; a cache point stays here", where)
            case ThinkingBlock():
                continue
            case _ if block.block_type not in _TAKEN_BESIDE_TEXT[role]:
                raise ConfigError(
                    f"{where}: Cerebras takes no {block.block_type} block in {role} messages; "
                    "leave it out or put its content into text"
                )
            case ImageBlock():
                yield _image_part(block, facts, where)
            case DocumentBlock():
                yield TextPart(type="text", text=document_text_of(block))
            case _:  # tool calls, which travel beside the content
                continue


def _image_part(block: ImageBlock, facts: ModelFacts, where: str) -> ImagePart:
    if not facts.takes_images:
        from cerebras_ext.catalog import all_models

        able = ", ".join(row.id for row in all_models() if row.takes_images and not row.is_retired)
        raise ConfigError(
            f"{where}: model {facts.id!r} takes no images; use one that does ({able}), or say "
            "catalog_overrides={'takes_images': True} if it does"
        )
    if block.detail:
        _logger.debug("%s: the service takes no detail of an image; it stays here", where)
    return {"type": "image_url", "image_url": {"url": image_url_of(block)}}


def _user_content(parts: list[ContentPart]) -> str | list[ContentPart]:
    match parts:
        case []:
            return ""
        case [{"type": "text", "text": str(text)}]:
            return text
        case _:
            return parts


def _joined(parts: Iterable[ContentPart]) -> str:
    """The texts, joined as `ChatMessage.content` joins them."""
    return "\n".join(part["text"] for part in parts if part["type"] == "text")


def _kept_call(call: Any) -> PastCall:
    """A call from `additional_kwargs`: a wire dict, an SDK's object, or a `ToolSelection`."""
    function = _field(call, "function") or call
    name = _field(function, "name") or _field(call, "tool_name")
    arguments: object = _field(function, "arguments") or _field(call, "tool_kwargs") or "{}"
    if isinstance(arguments, Mapping):
        arguments = dict(cast("Mapping[str, Any]", arguments))
    elif not isinstance(arguments, str):
        arguments = _json_of(arguments, name)
    call_id = _field(call, "id") or _field(call, "tool_id")
    return PastCall(
        str(call_id) if call_id else None,
        name if isinstance(name, str) else "",
        arguments,
    )


def _json_of(arguments: object, tool_name: object) -> str:
    try:
        # JSON has no word for what is no number, nor for infinity
        return to_json(arguments, inf_nan_mode="null").decode()
    except ValueError as error:
        raise ConfigError(
            f"the arguments of a call of {tool_name!r} are not JSON data ({error}); "
            "use plain values"
        ) from error


def _field(holder: Any, name: str) -> Any:
    if isinstance(holder, Mapping):
        return cast("Mapping[str, Any]", holder).get(name)
    return getattr(holder, name, None)
