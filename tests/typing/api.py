"""What type checkers say about the public API; read by mypy and pyright, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never, assert_type

import httpx
from pydantic import SecretStr

from cerebras_ext import (
    AsyncCerebrasClient,
    AsyncStream,
    CallOptions,
    CerebrasClient,
    CerebrasError,
    ChatCompletion,
    ChatDelta,
    ChatRequest,
    ClientConfig,
    CompletionDelta,
    ContentDelta,
    Finish,
    IgnoredEvent,
    Model,
    ModelFacts,
    ModelList,
    RateLimited,
    RateLimits,
    ReasoningDelta,
    ResponseMeta,
    RetryEvent,
    RetryPolicy,
    Stream,
    StreamError,
    StreamStart,
    TextCompletion,
    TextDelta,
    TextFinish,
    TimedOut,
    Timeouts,
    ToolCallDelta,
    all_models,
    facts_of,
)

if TYPE_CHECKING:
    from cerebras_ext.wire import Message, Tool

TOOLS: list[Tool] = [
    {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
]
MESSAGES: list[Message] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
    {"role": "assistant", "reasoning": "Greet."},
    {"role": "tool", "content": "5", "tool_call_id": "a"},
]
REQUEST: ChatRequest = {"model": "m", "messages": MESSAGES, "tools": TOOLS}


def _heard(event: RetryEvent) -> None:
    assert_type(event.error, CerebrasError)
    assert_type(event.delay_s, float)


def _ignored(event: IgnoredEvent) -> None:
    assert_type(event.name, str)
    assert_type(event.data, str)


def construction() -> None:
    """Clients are made from settings, or from the most used ones."""
    CerebrasClient()
    CerebrasClient(api_key="csk-test", base_url="http://127.0.0.1:1", timeout=5, max_retries=0)
    CerebrasClient(api_key=SecretStr("csk-test"), timeout=Timeouts(total_s=None))
    CerebrasClient(api_key=lambda: "csk-test", http_client=httpx.Client())
    AsyncCerebrasClient(ClientConfig(retry=RetryPolicy(max_retries=1)))
    AsyncCerebrasClient(http_client=httpx.AsyncClient())
    CerebrasClient("csk-test")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    CerebrasClient(http_client=httpx.AsyncClient())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def requests(client: CerebrasClient) -> None:
    """Request fields are checked by name and type."""
    client.chat(**REQUEST)
    client.chat(model="m", messages=[{"role": "user", "content": "Hi"}], reasoning_effort="low")
    client.chat(
        model="m",
        messages=MESSAGES,
        options=CallOptions(timeout=5, max_retries=0, extra_body={"a": 1}, on_retry=_heard),
    )
    client.stream_chat(model="m", messages=MESSAGES, options=CallOptions(on_ignored=_ignored))
    client.complete(model="m", prompt=[1, 2])
    client.chat(model="m", messages=MESSAGES, reasoning_effort="max")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.chat(model="m", messages=MESSAGES, temprature=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.chat("m")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    client.complete(model="m", prompt="Hi", tools=TOOLS)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def replies(client: CerebrasClient) -> None:
    """Replies are typed, and what may be absent may be None."""
    reply = client.chat(**REQUEST)
    assert_type(reply, ChatCompletion)
    assert_type(reply.choices[0].message.content, str | None)
    assert_type(reply.meta, ResponseMeta)
    assert_type(reply.meta.rate_limits, RateLimits)
    if reply.usage is not None:
        assert_type(reply.usage.prompt_tokens, int | None)
    assert_type(client.complete(model="m", prompt="Hi"), TextCompletion)
    assert_type(client.models(), ModelList)
    assert_type(client.public_models("openrouter"), ModelList)
    assert_type(client.model("m"), Model)
    client.models("html")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def streams(client: CerebrasClient) -> None:
    """Deltas are a closed union; a stream is an iterator and a context manager."""
    with client.stream_chat(**REQUEST) as stream:
        assert_type(stream, Stream[ChatDelta])
        for delta in stream:
            chat_delta(delta)
    for text in client.stream_complete(model="m", prompt="Hi"):
        text_delta(text)


def chat_delta(delta: ChatDelta) -> str:
    """Every kind of delta of a chat completion."""
    match delta:
        case StreamStart():
            return ""
        case ContentDelta() | ReasoningDelta():
            return delta.text
        case ToolCallDelta():
            assert_type(delta.index, int)
            assert_type(delta.id, str | None)
            return delta.arguments
        case Finish():
            assert_type(delta.reply, ChatCompletion)
            return delta.finish_reason or ""
        case _:
            assert_never(delta)


def text_delta(delta: CompletionDelta) -> str:
    """Every kind of delta of a text completion."""
    match delta:
        case StreamStart():
            return ""
        case TextDelta():
            assert_type(delta.tokens, tuple[int, ...])
            return delta.text
        case TextFinish():
            assert_type(delta.reply, TextCompletion)
            return ""
        case _:
            assert_never(delta)


async def asynchronous(client: AsyncCerebrasClient) -> None:
    """The async client says the same, awaited."""
    assert_type(await client.chat(**REQUEST), ChatCompletion)
    assert_type(await client.complete(model="m", prompt="Hi"), TextCompletion)
    assert_type(await client.models(), ModelList)
    stream = await client.stream_chat(**REQUEST)
    assert_type(stream, AsyncStream[ChatDelta])
    async with stream:
        async for delta in stream:
            chat_delta(delta)
    async for text in await client.stream_complete(model="m", prompt="Hi"):
        text_delta(text)


def errors(client: CerebrasClient) -> None:
    """Errors carry plain, typed fields."""
    try:
        client.chat(**REQUEST)
    except RateLimited as error:
        assert_type(error.retry_after_s, float | None)
        assert_type(error.rate_limits, RateLimits | None)
    except TimedOut as error:
        assert_type(error.was_sent, bool | None)
    except StreamError as error:
        assert_type(error.partial, ChatCompletion | TextCompletion | None)
    except CerebrasError as error:
        assert_type(error.request_id, str | None)


def catalogue() -> None:
    """Model facts are typed values."""
    assert_type(facts_of("m"), ModelFacts)
    assert_type(all_models(), tuple[ModelFacts, ...])
