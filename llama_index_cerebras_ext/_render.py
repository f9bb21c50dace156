"""Replies and deltas in, LlamaIndex responses out; the same for sync and async.

A renderer belongs to one call: `whole` renders an unstreamed reply, `feed` one delta of a stream.
The last item of a stream is made as `whole` makes it, from the sum of the deltas, so that both ways
end in the same message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ContentBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from cerebras_ext.deltas import (
    ChatDelta,
    CompletionDelta,
    ContentDelta,
    Finish,
    ReasoningDelta,
    StreamStart,
    TextDelta,
    TextFinish,
    ToolCallDelta,
)
from cerebras_ext.errors import ProtocolError
from cerebras_ext.reply import ChatChoice, ChatCompletion, TextChoice, TextCompletion
from llama_index_cerebras_ext._facts import (
    LogProbs,
    chat_logprobs_of,
    facts_kept_in,
    reply_facts_of,
    text_logprobs_of,
)
from llama_index_cerebras_ext._objects import (
    chat_response,
    completion_response,
    message_of,
    text_block,
    thinking_block,
    tool_call_block,
)

if TYPE_CHECKING:
    from cerebras_ext.tool_names import ToolNames
    from cerebras_ext.wire import JsonObject

__all__ = ["ChatRenderer", "CompletionRenderer", "chat_from_completion", "completion_from_chat"]

Choice = TypeVar("Choice", ChatChoice, TextChoice)


@dataclass(slots=True)
class _Call:
    """A tool call so far, with the two forms in which a message holds it."""

    id: str | None
    name: str
    arguments: str

    def block(self) -> ToolCallBlock:
        return tool_call_block(self.id, self.name, self.arguments)

    def kept(self) -> JsonObject:
        """The plain dict that older parts of core look for in `additional_kwargs`."""
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": "function", "function": function}


class ChatRenderer:
    """Renders one chat completion."""

    def __init__(
        self, names: ToolNames, *, first_call_only: bool = False, keeps_reasoning: bool = False
    ) -> None:
        """Begins with nothing.

        Args:
            names: How tools are called on the wire.
            first_call_only: Whether calls after the first are left out.
            keeps_reasoning: Whether complete messages hold their reasoning in their kwargs too.
        """
        self._names = names
        self._first_call_only = first_call_only
        self._keeps_reasoning = keeps_reasoning
        self._text = ""
        self._reasoning = ""
        self._thinking: ThinkingBlock | None = None
        self._calls: dict[int, _Call] = {}

    def whole(self, reply: ChatCompletion) -> ChatResponse:
        """The response for a whole reply."""
        return self._complete(reply, reply.to_wire(), delta=None)

    def feed(self, delta: ChatDelta) -> ChatResponse | None:
        """The stream's next item; None when the delta adds nothing to see."""
        match delta:
            case ContentDelta(choice=0):
                self._text += delta.text
                return self._item(delta.raw, delta.text, logprobs=chat_logprobs_of(delta.logprobs))
            case ReasoningDelta(choice=0):
                self._reasoning += delta.text
                self._thinking = thinking_block(self._reasoning)
                return self._item(delta.raw, "", thinking_delta=delta.text)
            case ToolCallDelta(choice=0):
                self._extend_call(delta)
                return self._item(delta.raw, "")
            case Finish():
                return self._complete(delta.reply, _final_raw(delta), delta="")
            case StreamStart() | ContentDelta() | ReasoningDelta() | ToolCallDelta():
                return None
            case _:
                assert_never(delta)

    def _extend_call(self, delta: ToolCallDelta) -> None:
        call = self._calls.get(delta.index)
        if call is None:
            call = self._calls[delta.index] = _Call(None, "", "")
        call.id = delta.id or call.id
        if delta.name:
            call.name = self._names.from_wire(delta.name)
        call.arguments += delta.arguments

    def _item(
        self,
        raw: JsonObject,
        delta: str,
        *,
        logprobs: LogProbs | None = None,
        thinking_delta: str | None = None,
    ) -> ChatResponse:
        calls = [call for _, call in sorted(self._calls.items()) if call.name]
        return chat_response(
            self._message(self._thinking, self._text, calls),
            delta=delta,
            raw=raw,
            logprobs=logprobs,
            additional_kwargs={} if thinking_delta is None else {"thinking_delta": thinking_delta},
        )

    def _complete(
        self, reply: ChatCompletion, raw: JsonObject, *, delta: str | None
    ) -> ChatResponse:
        choice = _first(reply.choices)
        facts = reply_facts_of(reply)
        calls = [
            _Call(call.id, self._names.from_wire(call.function.name), call.function.arguments)
            for call in choice.message.tool_calls or ()
        ]
        reasoning = choice.message.reasoning
        thinking = ThinkingBlock(content=reasoning, num_tokens=facts.get("reasoning_tokens"))
        logprobs = choice.logprobs.to_wire() if choice.logprobs else None
        message = self._message(
            thinking if reasoning else None, choice.message.content or "", calls
        )
        if reasoning and self._keeps_reasoning:
            message.additional_kwargs["reasoning"] = reasoning
        return chat_response(
            message,
            delta=delta,
            raw=raw,
            logprobs=chat_logprobs_of(logprobs),
            additional_kwargs=facts,
        )

    def _message(
        self, thinking: ThinkingBlock | None, text: str, calls: list[_Call]
    ) -> ChatMessage:
        """Reasoning, one text, then calls: core joins several texts with line ends."""
        if self._first_call_only:
            del calls[1:]
        blocks: list[ContentBlock] = [] if thinking is None else [thinking]
        if text or not calls:
            blocks.append(text_block(text))
        blocks.extend(call.block() for call in calls)
        kwargs: dict[str, Any] = {"tool_calls": [call.kept() for call in calls]} if calls else {}
        return message_of(blocks, kwargs)


class CompletionRenderer:
    """Renders one text completion."""

    def __init__(self) -> None:
        """Begins with nothing."""
        self._text = ""

    def whole(self, reply: TextCompletion) -> CompletionResponse:
        """The response for a whole reply."""
        return self._complete(reply, reply.to_wire(), delta=None)

    def feed(self, delta: CompletionDelta) -> CompletionResponse | None:
        """The stream's next item; None when the delta adds nothing to see."""
        match delta:
            case TextDelta(choice=0):
                self._text += delta.text
                return completion_response(
                    self._text,
                    delta=delta.text,
                    raw=delta.raw,
                    logprobs=text_logprobs_of(delta.logprobs),
                    additional_kwargs={},
                )
            case TextFinish():
                return self._complete(delta.reply, _final_raw(delta), delta="")
            case StreamStart() | TextDelta():
                return None
            case _:
                assert_never(delta)

    def _complete(
        self, reply: TextCompletion, raw: JsonObject, *, delta: str | None
    ) -> CompletionResponse:
        choice = _first(reply.choices)
        return completion_response(
            choice.text or "",
            delta=delta,
            raw=raw,
            logprobs=text_logprobs_of(choice.logprobs.to_wire() if choice.logprobs else None),
            additional_kwargs=reply_facts_of(reply),
        )


def completion_from_chat(response: ChatResponse) -> CompletionResponse:
    """A chat response as the completion of a prompt."""
    return completion_response(
        response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        logprobs=response.logprobs,
        additional_kwargs={**response.message.additional_kwargs, **facts_kept_in(response)},
    )


def chat_from_completion(response: CompletionResponse) -> ChatResponse:
    """The completion of a prompt as a chat response."""
    return chat_response(
        message_of([text_block(response.text)], {}),
        delta=response.delta,
        raw=response.raw,
        logprobs=response.logprobs,
        additional_kwargs=facts_kept_in(response),
    )


def _first(choices: list[Choice]) -> Choice:
    if not choices:
        raise ProtocolError("the reply has no choice", where="choices")
    return choices[0]


def _final_raw(finish: Finish | TextFinish) -> JsonObject:
    """The stream's last chunk, with usage and timings even if another chunk carried them."""
    raw = dict(finish.raw)
    for name, told in (("usage", finish.reply.usage), ("time_info", finish.reply.time_info)):
        if told is not None and name not in raw:
            raw[name] = told.to_wire()
    return raw
