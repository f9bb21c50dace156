"""What a finished reply says: the source of whole messages, last chunks and final events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, InvalidToolCall
from langchain_core.messages.tool import ToolCall
from langchain_core.outputs import ChatGeneration, ChatResult

from cerebras_ext._template import templated
from cerebras_ext.partial_json import read_arguments
from langchain_cerebras_ext._names import PROVIDER
from langchain_cerebras_ext._usage import usage_from_wire
from langchain_cerebras_ext.errors import ProtocolError

if TYPE_CHECKING:
    from langchain_core.messages.ai import UsageMetadata

    from cerebras_ext.reply import ChatChoice, ChatCompletion, TextCompletion, ToolCallReply
    from cerebras_ext.tool_names import ToolNames

__all__ = [
    "RenderRules",
    "ReplyFacts",
    "envelope_metadata",
    "read_reply_facts",
    "result_from_reply",
]


_LLM_OUTPUT = ("model_name", "token_usage")
"""What core wants apart from the message too, to sum over several prompts."""


@dataclass(frozen=True, slots=True)
class RenderRules:
    """What decides how replies are shown, beside the replies.

    Attributes:
        names: Tools' names and the wire's.
        model: The model asked for, in case the reply does not name one.
        shows_usage: Whether the last chunk of a stream carries token counts.
        shows_headers: Whether `response_metadata` carries the response headers.
    """

    names: ToolNames
    model: str
    shows_usage: bool = True
    shows_headers: bool = False


@dataclass(frozen=True, slots=True)
class ReplyFacts:
    """A finished reply.

    Attributes:
        text: The answer; empty when there is none.
        reasoning: What came before it; empty when there was nothing.
        calls: Every tool call in order, as a call or as an invalid one.
        raw_arguments: Argument text of each call, as the model wrote it.
        metadata: For `response_metadata`, all but the finish reason.
        additional_kwargs: For the message.
    """

    id: str | None
    text: str
    reasoning: str
    calls: tuple[ToolCall | InvalidToolCall, ...]
    raw_arguments: tuple[str, ...]
    usage: UsageMetadata | None
    finish_reason: str | None
    metadata: dict[str, Any]
    additional_kwargs: dict[str, Any]

    @property
    def generation_info(self) -> dict[str, Any] | None:
        """What LangChain merges into `response_metadata` itself, so it stands in one place only."""
        return None if self.finish_reason is None else {"finish_reason": self.finish_reason}


def read_reply_facts(reply: ChatCompletion, rules: RenderRules) -> ReplyFacts:
    """The facts of a reply.

    Raises:
        ProtocolError: The reply has no choice.
    """
    choice = next((each for each in reply.choices if each.index == 0), None)
    if choice is None:
        raise ProtocolError("the reply holds no answer", where="choices")
    message = choice.message
    calls = message.tool_calls or ()
    kept = {"reasoning_content": message.reasoning, "refusal": message.refusal}
    metadata = envelope_metadata(reply, rules.model, shows_headers=rules.shows_headers)
    return ReplyFacts(
        id=reply.id,
        text=message.content or "",
        reasoning=message.reasoning or "",
        calls=tuple(_call_from_wire(call, rules.names) for call in calls),
        raw_arguments=tuple(call.function.arguments for call in calls),
        usage=usage_from_wire(reply.usage),
        finish_reason=choice.finish_reason,
        metadata=metadata | _logprobs_of(choice),
        additional_kwargs={key: value for key, value in kept.items() if value},
    )


def result_from_reply(reply: ChatCompletion, rules: RenderRules) -> ChatResult:
    """A whole reply as `_generate` returns it."""
    facts = read_reply_facts(reply, rules)
    message = _message(
        content=facts.text,
        additional_kwargs=facts.additional_kwargs,
        tool_calls=[call for call in facts.calls if call.get("type") == "tool_call"],
        invalid_tool_calls=[
            call for call in facts.calls if call.get("type") == "invalid_tool_call"
        ],
        usage_metadata=facts.usage,
        response_metadata=facts.metadata,
        id=facts.id,
    )
    generation = _generation(
        message=message, text=message.text, generation_info=facts.generation_info
    )
    about_call = {key: facts.metadata[key] for key in _LLM_OUTPUT if key in facts.metadata}
    return _result(generations=[generation], llm_output=about_call)


def envelope_metadata(
    reply: ChatCompletion | TextCompletion, model: str, *, shows_headers: bool = False
) -> dict[str, Any]:
    """What a reply says about itself, as plain JSON data without absent parts."""
    meta = reply.meta
    said = {
        "model_provider": PROVIDER,
        "model_name": reply.model or model,
        "id": reply.id,
        "created": reply.created,
        "system_fingerprint": reply.system_fingerprint,
        "service_tier": reply.service_tier,
        "service_tier_used": reply.service_tier_used,
        "token_usage": reply.usage and reply.usage.to_wire(),
        "time_info": reply.time_info and reply.time_info.to_wire(),
        "request_id": meta.request_id,
        "rate_limit": meta.rate_limits.to_dict() or None,
        "headers": dict(meta.headers) if shows_headers else None,
    }
    return {key: value for key, value in said.items() if value is not None}


def _logprobs_of(choice: ChatChoice) -> dict[str, Any]:
    given = {"logprobs": choice.logprobs, "reasoning_logprobs": choice.reasoning_logprobs}
    return {key: value.to_wire() for key, value in given.items() if value is not None}


def _call_from_wire(call: ToolCallReply, names: ToolNames) -> ToolCall | InvalidToolCall:
    """A call with parsed arguments, or an invalid one with their text and the reason."""
    name, text = names.from_wire(call.function.name), call.function.arguments
    arguments = read_arguments(text)
    if isinstance(arguments, dict) and name:
        return ToolCall(name=name, args=arguments, id=call.id, type="tool_call")
    reason = "the call names no tool" if isinstance(arguments, dict) else arguments.reason
    return InvalidToolCall(type="invalid_tool_call", id=call.id, name=name, args=text, error=reason)


def _constructed_generation(*, text: object, **fields: Any) -> ChatGeneration:
    """A generation by its constructor, which takes the text from the message."""
    return ChatGeneration(**fields)


_USAGE: UsageMetadata = {
    "input_tokens": 1,
    "output_tokens": 2,
    "total_tokens": 3,
    "input_token_details": {"cache_read": 1},
    "output_token_details": {"reasoning": 1},
}
_message = templated(
    AIMessage,
    *[
        {
            "content": text,
            "additional_kwargs": kept,
            "tool_calls": [
                ToolCall(name="search", args={"q": [1]}, id=call_id, type="tool_call")
                for call_id in ids
            ],
            "invalid_tool_calls": [
                InvalidToolCall(
                    type="invalid_tool_call", id=call_id, name="search", args="{", error="cut"
                )
                for call_id in ids
            ],
            "usage_metadata": usage,
            "response_metadata": {"model_provider": PROVIDER, "token_usage": {"total_tokens": 3}},
            "id": message_id,
        }
        for text, kept, ids, usage, message_id in (
            ("Hello", {}, (), _USAGE, "chatcmpl-1"),
            ("", {"reasoning_content": "Hm"}, ("call_1", None), None, None),
        )
    ],
)
_generation = templated(
    _constructed_generation,
    *[
        {"message": message, "text": message.text, "generation_info": info}
        for message in (AIMessage(content="Hello"), AIMessage(content=""))
        for info in ({"finish_reason": "stop"}, None)
    ],
)
_result = templated(
    ChatResult,
    {
        "generations": [ChatGeneration(message=AIMessage(content="Hello"))],
        "llm_output": {"model_name": "gpt-oss-120b", "token_usage": {"total_tokens": 3}},
    },
)
