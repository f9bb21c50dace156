"""Replies of the API as typed objects, and how a reply body is read.

A key the service left out stays left out: the attribute reads None and is missing from
`model_fields_set` and from `to_wire()`. Keys that are newer than this package are kept under their
own names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from cerebras_ext._json import is_array, is_object
from cerebras_ext._shapes import joined_parts
from cerebras_ext._sums import MAX_ARGUMENTS_CHARS
from cerebras_ext.errors import ProtocolError
from cerebras_ext.limits import NO_RATE_LIMITS, RateLimits

if TYPE_CHECKING:
    from cerebras_ext.wire import JsonObject

__all__ = [
    "AssistantReply",
    "ChatChoice",
    "ChatCompletion",
    "CompletionTokensDetails",
    "Envelope",
    "LogprobEntry",
    "Logprobs",
    "Model",
    "ModelList",
    "PromptTokensDetails",
    "ReplyT",
    "ResponseMeta",
    "ServiceReply",
    "TextChoice",
    "TextCompletion",
    "TextLogprobs",
    "TimeInfo",
    "ToolCallReply",
    "TopLogprob",
    "Usage",
    "is_readable",
    "read_reply",
]


@dataclass(frozen=True, slots=True)
class ResponseMeta:
    """What the HTTP exchange said beside the body.

    Attributes:
        status: HTTP status.
        request_id: `x-request-id`.
        inference_id: `inference-id`; equals the body's `id`.
        rate_limits: The rate-limit headers, parsed.
        headers: All response headers but cookies, lower-case names.
        retries_taken: How many times the request was sent again.
        client_request_id: The id this client gave the request, the same on every attempt.
    """

    status: int = 200
    request_id: str | None = None
    inference_id: str | None = None
    rate_limits: RateLimits = NO_RATE_LIMITS
    headers: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    retries_taken: int = 0
    client_request_id: str | None = None


_NO_META = ResponseMeta()


class _Reply(BaseModel):
    """A JSON object of a reply: foreign keys are kept, absent ones stay absent."""

    model_config = ConfigDict(extra="allow", protected_namespaces=(), hide_input_in_errors=True)

    def to_wire(self) -> JsonObject:
        """The JSON object as it came, without the keys that were absent."""
        return self.model_dump(exclude_unset=True)


class PromptTokensDetails(_Reply):
    """What the prompt's tokens were."""

    cached_tokens: int | None = None
    image_tokens: int | None = None


class CompletionTokensDetails(_Reply):
    """What the completion's tokens were."""

    reasoning_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None


class Usage(_Reply):
    """Token counts; completion tokens include reasoning, prompt tokens include images."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: CompletionTokensDetails | None = None
    image_tokens: int | None = None


class TimeInfo(_Reply):
    """Seconds the service spent; `created` is unix time. The total is not the others' sum."""

    queue_time: float | None = None
    prompt_time: float | None = None
    completion_time: float | None = None
    total_time: float | None = None
    created: float | None = None


class TopLogprob(_Reply):
    """One alternative at a token's position."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class LogprobEntry(TopLogprob):
    """One token with its alternatives."""

    top_logprobs: list[TopLogprob] | None = None


class Logprobs(_Reply):
    """Log probabilities of a chat choice's tokens."""

    content: list[LogprobEntry] | None = None
    refusal: list[LogprobEntry] | None = None


class TextLogprobs(_Reply):
    """Log probabilities of a text choice, one list entry a token."""

    text_offset: list[int] | None = None
    token_logprobs: list[float | None] | None = None
    tokens: list[str] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class FunctionCallReply(_Reply):
    """The function a call names; `arguments` is the JSON text as the model wrote it."""

    name: str
    arguments: str = Field(default="", max_length=MAX_ARGUMENTS_CHARS)

    @field_validator("arguments", mode="before")
    @classmethod
    def _read_null(cls, arguments: object) -> object:
        return "" if arguments is None else arguments


class ToolCallReply(_Reply):
    """A tool call of a reply."""

    id: str
    type: str = "function"
    function: FunctionCallReply
    index: int | None = None


class AssistantReply(_Reply):
    """The message of a choice; `content` is absent in turns that only call tools.

    Servers in front of the service may send a text as a list of parts, and reasoning as
    `reasoning_content`; both read as the service would have sent them.
    """

    role: str = "assistant"
    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCallReply] | None = None
    refusal: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_other_name(cls, message: object) -> object:
        if not is_object(message) or message.get("reasoning") or "reasoning_content" not in message:
            return message
        renamed = {**message, "reasoning": message["reasoning_content"]}
        del renamed["reasoning_content"]
        return renamed

    @field_validator("content", "reasoning", "refusal", mode="before")
    @classmethod
    def _read_parts(cls, text: object) -> object:
        return joined_parts(text) if is_array(text) else text


class ChatChoice(_Reply):
    """One answer."""

    index: int = 0
    finish_reason: str | None = None
    message: AssistantReply
    logprobs: Logprobs | None = None
    reasoning_logprobs: Logprobs | None = None


class Envelope(_Reply):
    """What a reply, and each chunk of a stream, says beside its choices."""

    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    usage: Usage | None = None
    time_info: TimeInfo | None = None
    service_tier: str | None = None
    service_tier_used: str | None = None

    _meta: ResponseMeta = PrivateAttr(default_factory=lambda: _NO_META)

    @property
    def meta(self) -> ResponseMeta:
        """What the HTTP exchange said beside the body: ids, rate limits, retries."""
        return self._meta

    def attach_meta(self, meta: ResponseMeta) -> None:
        """Keeps the facts of the exchange this reply came from."""
        self._meta = meta


class ChatCompletion(Envelope):
    """The reply of a chat completion; of a stream, everything its chunks added up to."""

    choices: list[ChatChoice]


class TextChoice(_Reply):
    """One continuation of a prompt."""

    index: int = 0
    text: str | None = None
    tokens: list[int] | None = None
    finish_reason: str | None = None
    logprobs: TextLogprobs | None = None


class TextCompletion(Envelope):
    """The reply of a text completion; of a stream, everything its chunks added up to."""

    choices: list[TextChoice]


class Model(_Reply):
    """A model as the service lists it; the fields beside `id` depend on the format asked for."""

    id: str
    object: str | None = None
    created: int | None = None
    owned_by: str | None = None


class ServiceReply(_Reply):
    """A reply of no particular shape."""


class ModelList(_Reply):
    """The models a key can see, or the public catalogue."""

    data: list[Model]
    object: str | None = None


ReplyT = TypeVar("ReplyT", bound=_Reply)


def read_reply(kind: type[ReplyT], body: object, meta: ResponseMeta | None = None) -> ReplyT:
    """A reply of the given kind, from its parsed JSON.

    Raises:
        ProtocolError: The JSON has another shape; the message names the place, never the content.
    """
    try:
        reply = kind.model_validate(body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in problem["loc"])
        raise ProtocolError(
            f"the reply is not a {kind.__name__}: {where or 'body'}: {problem['msg']}", where=where
        ) from None
    if meta is not None and isinstance(reply, Envelope):
        reply.attach_meta(meta)
    return reply


def is_readable(kind: type[ReplyT], part: object) -> bool:
    """Whether a part of a reply has the documented shape."""
    try:
        read_reply(kind, part)
    except ProtocolError:
        return False
    return True
