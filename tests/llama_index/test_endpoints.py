"""The eight endpoints, against the emulator: LI-12, LI-15, LI-16, LI-22, LI-24, LI-71."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
    ThinkingBlock,
)

from llama_index_cerebras_ext import Cerebras
from tests.llama_index.support import (
    HELLO,
    HELLO_REPLY,
    TIME_INFO,
    events,
    reply,
    served,
)

if TYPE_CHECKING:
    from cerebras_ext.emulator.server import RunningEmulator

QUESTION = [ChatMessage(role="user", content="Say hello.")]
ANSWER = {"reasoning": "A greeting.", "content": "Hello, world!", "times": 9}
USAGE_KEYS = {"prompt_tokens", "completion_tokens", "total_tokens"}
METHODS = ["chat", "stream_chat", "complete", "stream_complete"]
METHODS += [f"a{name}" for name in METHODS]


def input_of(method: str) -> Any:
    return QUESTION if "chat" in method else "Say hello."


def text_of(response: ChatResponse | CompletionResponse) -> str:
    if isinstance(response, ChatResponse):
        return response.message.content or ""
    return response.text


async def results_of(llm: Cerebras, method: str, **kwargs: Any) -> list[Any]:
    """What an endpoint gives, as a list; whole responses have one element."""
    call = getattr(llm, method)
    given = call(input_of(method), **kwargs)
    if inspect.isawaitable(given):
        given = await given
    if isinstance(given, Generator):
        return list(given)
    if isinstance(given, AsyncGenerator):
        return [item async for item in given]
    return [given]


@pytest.mark.parametrize("is_chat_model", [True, False])
@pytest.mark.parametrize("method", METHODS)
async def test_every_endpoint_answers(
    method: str,
    is_chat_model: bool,
    make_llm: Callable[..., Cerebras],
    cerebras_emulator: RunningEmulator,
) -> None:
    """LI-12, LI-16: on both API endpoints, with the answer whole at the end and usage on it."""
    answer = ANSWER if is_chat_model else {"content": "Hello, world!", "times": 9}
    cerebras_emulator.script(answer)
    last = (await results_of(make_llm(is_chat_model=is_chat_model), method))[-1]
    assert isinstance(last, ChatResponse if "chat" in method else CompletionResponse)
    assert text_of(last) == "Hello, world!"
    assert last.additional_kwargs.keys() >= USAGE_KEYS | {"finish_reason"}
    path = "/v1/chat/completions" if is_chat_model else "/v1/completions"
    assert cerebras_emulator.requests[-1].path == path


@pytest.mark.parametrize("is_chat_model", [True, False])
@pytest.mark.parametrize("method", [name for name in METHODS if "stream" in name])
async def test_deltas_add_up_on_every_stream(
    method: str, is_chat_model: bool, make_llm: Callable[..., Cerebras]
) -> None:
    """LI-22 table: in chat and completion streams alike."""
    items = await results_of(make_llm(is_chat_model=is_chat_model), method)
    assert "".join(item.delta for item in items) == text_of(items[-1]) != ""


@pytest.mark.parametrize("method", [name for name in METHODS if name.startswith("a")])
def test_async_endpoints_are_coroutine_functions(method: str) -> None:
    """LI-12: callers await the call, of a stream too."""
    assert inspect.iscoroutinefunction(inspect.unwrap(getattr(Cerebras, method)))


def test_streams_are_generators(llm: Cerebras) -> None:
    """LI-12: a bare iterator would be taken for a response."""
    assert isinstance(llm.stream_chat(QUESTION), Generator)
    assert isinstance(llm.stream_complete("?"), Generator)


async def test_async_streams_are_async_generators(llm: Cerebras) -> None:
    """LI-12: the same for async."""
    assert isinstance(await llm.astream_chat(QUESTION), AsyncGenerator)
    assert isinstance(await llm.astream_complete("?"), AsyncGenerator)


@pytest.mark.parametrize("method", METHODS)
async def test_prompts_may_come_by_keyword(method: str) -> None:
    """LI-16: `prompt=` and `messages=`."""
    llm, _ = served(events(*HELLO) if "stream" in method else HELLO_REPLY)
    given = {"messages": QUESTION} if "chat" in method else {"prompt": "?"}
    result = getattr(llm, method)(**given)
    if inspect.isawaitable(result):
        result = await result
    if isinstance(result, AsyncGenerator):
        await result.aclose()


@pytest.mark.parametrize("method", ["chat", "achat"])
async def test_a_chat_answers_as_assistant_with_thinking(method: str) -> None:
    """LI-23, §14.5: a whole response has the thinking block and no `thinking_delta`."""
    llm, _ = served(HELLO_REPLY)
    response = (await results_of(llm, method))[0]
    assert response.message.role is MessageRole.ASSISTANT
    assert isinstance(response.message.blocks[0], ThinkingBlock)
    assert "thinking_delta" not in response.additional_kwargs


@pytest.mark.parametrize("method", ["stream_chat", "astream_chat"])
async def test_the_first_reasoning_token_is_not_lost(method: str) -> None:
    """LI-71: in both worlds."""
    llm, _ = served(events(*HELLO))
    items = await results_of(llm, method)
    thought = [item.additional_kwargs.get("thinking_delta", "") for item in items]
    assert "".join(thought) == "They greet."
    assert thought[0] == "They "


async def test_merging_changes_how_many_items_there_are_and_nothing_else() -> None:
    """Design §3: the merge is lossless."""
    whole_body = [b"".join(events(*HELLO))]
    merged = await results_of(served(whole_body)[0], "stream_chat")
    single = await results_of(served(whole_body, merge_deltas=False)[0], "stream_chat")
    assert len(merged) < len(single)
    assert merged[-1] == single[-1]
    assert "".join(i.delta for i in merged) == "".join(i.delta for i in single)


def test_a_completion_carries_everything_of_its_chat() -> None:
    """LI-15: raw, facts and log probabilities, which core's own helper forgets."""
    body = reply({"content": "Hi"})
    body["choices"][0]["logprobs"] = {"content": [{"token": "Hi", "logprob": -0.5}]}
    completion = served(body)[0].complete("?")
    assert completion.raw == body
    assert completion.additional_kwargs["time_info"] == TIME_INFO
    assert completion.logprobs is not None
    assert completion.logprobs[0][0].logprob == -0.5


def test_length_is_visible(llm: Cerebras, cerebras_emulator: RunningEmulator) -> None:
    """LI-56: a model that stopped while thinking says so, with empty content."""
    cerebras_emulator.script({"reasoning": "hm", "content": "", "finish_reason": "length"})
    response = llm.chat(QUESTION)
    assert response.message.content == ""
    assert response.additional_kwargs["finish_reason"] == "length"


def test_rate_limits_are_told() -> None:
    """LI-24: header values under the names of `RateLimits.to_dict`."""
    llm, _ = served(HELLO_REPLY)
    assert llm.chat(QUESTION).additional_kwargs["rate_limits"] == {"remaining_tokens_minute": 900}
