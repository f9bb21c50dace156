"""LangChain messages in, wire messages out. Pure: the input is read, never changed.

Only roles, text, images, reasoning and tool calls travel: the wire's schema is closed, so ids,
metadata, usage, artifacts and unknown block keys stay behind. A `ToolMessage` with `status="error"`
has no form of its own on the wire; its content goes as it is.

An invalid tool call goes back as the model wrote it when a tool message answers it, since the
answer needs its call; otherwise it is left out, since the service refuses a call without an answer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from cerebras_ext import wire
from langchain_cerebras_ext._calls import OpenCalls, calls_of
from langchain_cerebras_ext._content import Call, Pieces, Place, Role, read_content
from langchain_cerebras_ext._names import PROVIDER
from langchain_cerebras_ext._shapes import list_in, object_in
from langchain_cerebras_ext._turns import check_tool_turns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.tool_names import ToolNames

__all__ = ["MessageRules", "call_names_in", "rename_calls", "wire_messages_from_langchain"]

_ROLE_OF_CHAT_MESSAGE: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
}


@dataclass(frozen=True, slots=True)
class MessageRules:
    """What decides how messages are translated, beside the messages.

    Attributes:
        facts: The model they are sent to.
        replays_reasoning: Whether earlier reasoning goes back; None leaves it to the model's row.
        replays_foreign_reasoning: Whether that includes reasoning of other providers' models.
    """

    facts: ModelFacts
    replays_reasoning: bool | None = None
    replays_foreign_reasoning: bool = False


def wire_messages_from_langchain(
    messages: Sequence[BaseMessage], rules: MessageRules
) -> list[wire.Message]:
    """The messages as the wire takes them, tool names still the tools' own.

    Raises:
        UnsupportedInput: A message cannot be sent; says which, why, and what to do.
    """
    translator = _Translator(messages, rules)
    for position, message in enumerate(messages):
        translator.take(position, message)
    check_tool_turns(translator.out)
    return [message for _position, message in translator.out]


def call_names_in(messages: Iterable[wire.Message]) -> list[str]:
    """Names of the tools that earlier replies called, in order; a call may lack one."""
    return [name for call in _calls_in(messages) if (name := call["function"]["name"])]


def rename_calls(messages: Iterable[wire.Message], names: ToolNames) -> None:
    """Puts wire names in place of tools' own names, in messages just made."""
    for call in _calls_in(messages):
        call["function"]["name"] = names.to_wire(call["function"]["name"])
    for message in messages:
        if message["role"] == "tool" and (name := message.get("name")):
            message["name"] = names.to_wire(name)


def _calls_in(messages: Iterable[wire.Message]) -> list[wire.ToolCall]:
    return [
        call
        for message in messages
        if message["role"] == "assistant"
        for call in message.get("tool_calls") or ()
    ]


class _Translator:
    """One pass over a history."""

    def __init__(self, messages: Sequence[BaseMessage], rules: MessageRules) -> None:
        self.out: list[tuple[int, wire.Message]] = []
        self._messages = messages
        self._rules = rules
        self._open_calls = OpenCalls()

    def take(self, position: int, message: BaseMessage) -> None:
        match message:
            case RemoveMessage():
                raise self._place(position, "system").error(
                    "a RemoveMessage is an instruction to LangGraph's state, not a message; apply "
                    "it with add_messages before calling the model"
                )
            case SystemMessage():
                is_developer = message.additional_kwargs.get("__openai_role__") == "developer"
                self._add_system(position, message, is_developer=is_developer)
            case HumanMessage():
                self._add_user(position, message)
            case AIMessage():
                self._add_assistant(position, message)
            case ToolMessage():
                call_id = self._open_calls.answer(message.tool_call_id)
                self._add_tool(position, call_id, message.content, message.name)
            case FunctionMessage():
                call_id = self._open_call_named(position, message.name)
                self._add_tool(position, call_id, message.content, message.name)
            case ChatMessage():
                self._add_chat_message(position, message)
            case _:
                raise self._place(position, "user").error(
                    f"a {type(message).__name__} has no role in the Cerebras API"
                )

    def _place(self, position: int, role: Role) -> Place:
        return Place(position, role, self._rules.facts)

    def _add(self, position: int, message: wire.Message, source: BaseMessage | None) -> None:
        if source is not None and source.name:
            message["name"] = source.name
        self.out.append((position, message))

    def _add_system(self, position: int, message: BaseMessage, *, is_developer: bool) -> None:
        has_role = is_developer and self._rules.facts.has_developer_role
        role: Literal["system", "developer"] = "developer" if has_role else "system"
        pieces = read_content(message.content, self._place(position, role))
        self._add(position, wire.SystemMessage(role=role, content=pieces.content()), message)

    def _add_user(self, position: int, message: BaseMessage) -> None:
        pieces = read_content(message.content, self._place(position, "user"))
        for result in pieces.results:
            call_id = self._open_calls.answer(result.call_id)
            self._add_tool(position, call_id, result.content, None)
        if pieces.parts or not pieces.results:
            self._add(position, wire.UserMessage(role="user", content=pieces.content()), message)

    def _add_tool(self, position: int, call_id: str, content: object, name: str | None) -> None:
        pieces = read_content(content, self._place(position, "tool"))
        out = wire.ToolMessage(
            role="tool",
            content=cast("str | list[wire.TextPart]", pieces.content()),
            tool_call_id=call_id,
        )
        if name:
            out["name"] = name
        self._add(position, out, None)

    def _open_call_named(self, position: int, name: str) -> str:
        call_id = self._open_calls.answer_named(name)
        if call_id is not None:
            return call_id
        raise self._place(position, "tool").error(
            f"a FunctionMessage for {name!r} answers no open call of that name, and the Cerebras "
            "API has no function role; use a ToolMessage with the call's id"
        )

    def _add_chat_message(self, position: int, message: ChatMessage) -> None:
        role = _ROLE_OF_CHAT_MESSAGE.get(message.role)
        match role:
            case "system" | "developer":
                self._add_system(position, message, is_developer=role == "developer")
            case "user":
                self._add_user(position, message)
            case "assistant":
                self._add_assistant(position, message)
            case _:
                raise self._place(position, "user").error(
                    f"a ChatMessage with role {message.role!r} has no place in the Cerebras API; "
                    f"use {', '.join(_ROLE_OF_CHAT_MESSAGE)}, or a ToolMessage"
                )

    def _add_assistant(self, position: int, message: BaseMessage) -> None:
        place = self._place(position, "assistant")
        pieces = read_content(message.content, place)
        if not pieces.has_refusal:
            pieces.add_text(message.additional_kwargs.get("refusal") or "")
        reasoning = self._reasoning_to_replay(message, pieces)
        calls = self._calls_to_send(position, message, pieces, place)
        self._open_calls.close()
        out = wire.AssistantMessage(role="assistant")
        if reasoning and self._rules.facts.reasoning_replay == "think_tags":
            pieces.parts.insert(0, wire.TextPart(type="text", text=f"<think>{reasoning}</think>"))
        if pieces.parts or not calls:
            out["content"] = cast("str | list[wire.TextPart]", pieces.content())
        if reasoning and self._rules.facts.reasoning_replay != "think_tags":
            out["reasoning"] = reasoning
        if calls:
            out["tool_calls"] = [self._open_calls.add(call, place) for call in calls]
        self._add(position, out, message)

    def _reasoning_to_replay(self, message: BaseMessage, pieces: Pieces) -> str:
        rules = self._rules
        wanted = rules.replays_reasoning
        if wanted is None:
            wanted = rules.facts.reasoning_replay != "none"
        if not wanted or (_is_foreign(message) and not rules.replays_foreign_reasoning):
            return ""
        if pieces.reasoning:
            return "".join(pieces.reasoning)
        kept = message.additional_kwargs
        text = kept.get("reasoning_content") or kept.get(
            "reasoning"
        )  # the latter: langchain-cerebras
        return text if isinstance(text, str) else ""

    def _calls_to_send(
        self, position: int, message: BaseMessage, pieces: Pieces, place: Place
    ) -> list[Call]:
        """Valid calls first; invalid ones only where an answer follows that no other call has."""
        n_answers = Counter(self._ids_answered_after(position))
        calls: list[Call] = []
        for call in sorted(calls_of(message, pieces, place), key=lambda call: not call.is_valid):
            call_id = str(call.id)
            if call.is_valid or n_answers[call_id] > 0:
                calls.append(call)
                n_answers[call_id] -= 1
        return calls

    def _ids_answered_after(self, position: int) -> list[str]:
        ids: list[str] = []
        for message in self._messages[position + 1 :]:
            if isinstance(message, ToolMessage):
                ids.append(message.tool_call_id)
            elif isinstance(message, HumanMessage):
                ids += _tool_result_ids(message.content)
                break
            elif not isinstance(message, FunctionMessage):
                break
        return ids


def _tool_result_ids(content: object) -> list[str]:
    blocks = [object_in(block) for block in list_in(content)]
    return [str(block.get("tool_use_id")) for block in blocks if block.get("type") == "tool_result"]


def _is_foreign(message: BaseMessage) -> bool:
    """Whether another provider's model made the message.

    `langchain-cerebras` says "openai" in some; unlike OpenAI's, these hold reasoning as text.
    """
    provider = message.response_metadata.get("model_provider")
    if provider == "openai":
        blocks = [object_in(block) for block in list_in(message.content)]
        is_text = isinstance(message.additional_kwargs.get("reasoning"), str)
        return not is_text and all(block.get("type") != "reasoning_content" for block in blocks)
    return provider not in (None, PROVIDER)
