"""What travels: the JSON of requests and replies, in the API's own spelling.

A key that may be absent is `NotRequired`; absent and null are different things on this wire.
Replies carry more keys than are named here whenever the service adds some.

Source: API reference, chat completions, completions and models, read 2026-10-01.
"""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - type hints of TypedDicts are read at run time
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

JsonObject: TypeAlias = dict[str, Any]
"""A parsed JSON object; its values are whatever JSON can hold."""

ReasoningEffort: TypeAlias = Literal["none", "low", "medium", "high"]
ReasoningFormat: TypeAlias = Literal["none", "parsed", "text_parsed", "raw", "hidden"]
ServiceTier: TypeAlias = Literal["auto", "default", "flex", "priority"]
ModelListFormat: TypeAlias = Literal["default", "openrouter", "huggingface"]


class TextPart(TypedDict):
    """A piece of text in a message's content."""

    type: Literal["text"]
    text: str


class ImageUrl(TypedDict):
    """Where an image is: a base64 data URI; `detail` is known but documented as unsupported."""

    url: str
    detail: NotRequired[str | None]


class ImagePart(TypedDict):
    """An image in a user message."""

    type: Literal["image_url"]
    image_url: ImageUrl


ContentPart: TypeAlias = TextPart | ImagePart


class FunctionCall(TypedDict):
    """The function a tool call names, with its arguments as JSON text."""

    name: str
    arguments: str


class ToolCall(TypedDict):
    """A call the model asks for; `index` is sent in streams only."""

    id: str
    type: Literal["function"]
    function: FunctionCall
    index: NotRequired[int | None]


class SystemMessage(TypedDict):
    """Instructions; `developer` is for gpt-oss models only."""

    role: Literal["system", "developer"]
    content: str | Sequence[ContentPart]
    name: NotRequired[str | None]


class UserMessage(TypedDict):
    """What the user says, with images where the model takes them."""

    role: Literal["user"]
    content: str | Sequence[ContentPart]
    name: NotRequired[str | None]


class AssistantMessage(TypedDict):
    """An earlier reply; reasoning goes back as `reasoning`, never as `reasoning_content`."""

    role: Literal["assistant"]
    content: NotRequired[str | list[TextPart] | None]
    reasoning: NotRequired[str | list[TextPart] | None]
    tool_calls: NotRequired[list[ToolCall] | None]
    name: NotRequired[str | None]


class ToolMessage(TypedDict):
    """The result of one tool call."""

    role: Literal["tool"]
    content: str | list[TextPart]
    tool_call_id: str
    name: NotRequired[str | None]


Message: TypeAlias = SystemMessage | UserMessage | AssistantMessage | ToolMessage


class FunctionDefinition(TypedDict):
    """A function the model may call; `strict` is a plain boolean and never null."""

    name: str
    description: NotRequired[str | None]
    parameters: NotRequired[JsonObject | None]
    strict: NotRequired[bool]


class Tool(TypedDict):
    """A tool offered to the model."""

    type: Literal["function"]
    function: FunctionDefinition


class NamedFunction(TypedDict):
    """The name in a named tool choice."""

    name: str


class NamedToolChoice(TypedDict):
    """A tool choice that forces one function."""

    type: Literal["function"]
    function: NamedFunction


ToolChoice: TypeAlias = Literal["none", "auto", "required"] | NamedToolChoice


class JsonSchemaFormat(TypedDict):
    """The schema of a structured reply; only `strict: true` constrains decoding."""

    name: str
    description: NotRequired[str | None]
    schema: NotRequired[JsonObject | None]
    strict: NotRequired[bool | None]


class TextResponseFormat(TypedDict):
    """Plain text, the default."""

    type: Literal["text"]


class JsonObjectResponseFormat(TypedDict):
    """Any JSON object; the prompt has to ask for JSON."""

    type: Literal["json_object"]


class JsonSchemaResponseFormat(TypedDict):
    """JSON under a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchemaFormat


ResponseFormat: TypeAlias = TextResponseFormat | JsonObjectResponseFormat | JsonSchemaResponseFormat


class StreamOptions(TypedDict):
    """Accepted by the service; usage comes in the last chunk regardless."""

    include_usage: NotRequired[bool | None]


class Prediction(TypedDict):
    """Text the reply is expected to repeat for the most part."""

    type: Literal["content"]
    content: str | list[TextPart]


class SamplingFields(TypedDict, total=False):
    """The request fields that chat and text completions share."""

    model: str
    temperature: float | None
    top_p: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    logit_bias: dict[str, float] | None
    seed: int | None
    stop: str | list[str] | None
    n: int | None
    max_tokens: int | None
    min_tokens: int | None
    prompt_cache_key: str | None
    stream_options: StreamOptions | None
    user: str | None


class ChatRequest(SamplingFields, total=False):
    """The body of `POST /v1/chat/completions`; `stream` is the client's to set."""

    messages: list[Message]
    max_completion_tokens: int | None
    min_completion_tokens: int | None
    logprobs: bool | None
    top_logprobs: int | None
    response_format: ResponseFormat | None
    tools: list[Tool] | None
    tool_choice: ToolChoice | None
    parallel_tool_calls: bool | None
    reasoning_effort: ReasoningEffort | None
    reasoning_format: ReasoningFormat
    clear_thinking: bool | None
    disable_reasoning: bool | None
    prediction: Prediction | None
    service_tier: ServiceTier | None
    model_parameters: JsonObject | None


class TextRequest(SamplingFields, total=False):
    """The body of `POST /v1/completions`; `stream` is the client's to set."""

    prompt: str | list[str] | list[int] | list[list[int]]
    best_of: int | None
    echo: bool | None
    grammar_root: str | None
    logprobs: int | None
    reasoning_format: ReasoningFormat | None
    return_raw_tokens: bool | None
    suffix: str | None
