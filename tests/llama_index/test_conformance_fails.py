"""The conformance suite finds what other integrations got wrong: for each mistake, a test fails."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.generic_utils import chat_response_to_completion_response
from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock
from llama_index.core.llms.callbacks import llm_completion_callback

from llama_index_cerebras_ext import Cerebras
from tests.llama_index import test_conformance
from tests.llama_index.support import CORE_WARNINGS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

pytestmark = CORE_WARNINGS


class ShowsItsKey(Cerebras):
    def __repr__(self) -> str:
        return f"Cerebras({self.api_key.get_secret_value()})"  # type: ignore[union-attr]


class CompletesByChat(Cerebras):
    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        return chat_response_to_completion_response(self.chat([ChatMessage(content=prompt)]))


class WritesIntoHistories(Cerebras):
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        messages.append(ChatMessage(content="!"))  # type: ignore[attr-defined]
        return super().chat(messages, **kwargs)


class RepeatsItsSystemPrompt(Cerebras):
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        return super().chat(self._extend_messages(list(messages)), **kwargs)


class StreamsIterators(Cerebras):
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        return iter(list(super().stream_chat(messages, **kwargs)))


class RepeatsText(Cerebras):
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        for item in super().stream_chat(messages, **kwargs):
            item.delta = item.message.content
            yield item


class LosesReasoningWhenAsync(Cerebras):
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        async def items() -> AsyncGenerator[Any, None]:
            async for item in await super(LosesReasoningWhenAsync, self).astream_chat(messages):
                blocks = item.message.blocks
                item.message.blocks = [b for b in blocks if not isinstance(b, ThinkingBlock)]
                yield item

        return items()


class ForgetsUsage(Cerebras):
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        response = super().chat(messages, **kwargs)
        response.additional_kwargs["total_tokens"] += 1
        return response


class IgnoresTypos(Cerebras):
    def __init__(self, **settings: Any) -> None:
        settings.pop("temprature", None)
        super().__init__(**settings)


class CallsWithoutArguments(Cerebras):
    def get_tool_calls_from_response(self, response: Any, **kwargs: Any) -> Any:
        calls = super().get_tool_calls_from_response(response, **kwargs)
        return [call.model_copy(update={"tool_kwargs": {}}) for call in calls]


class SwallowsMissingCalls(Cerebras):
    def get_tool_calls_from_response(self, response: Any, **kwargs: Any) -> Any:
        return super().get_tool_calls_from_response(response, error_on_no_tool_call=False)


MISTAKES = [
    (ShowsItsKey, "the_key_shows_nowhere", ["__repr__"]),
    (CompletesByChat, "a_call_is_one_pair_of_events", ["complete"]),
    (CompletesByChat, "the_rate_limiter_is_asked_once", ["complete"]),
    (WritesIntoHistories, "the_callers_messages_stay_as_they_are", []),
    (RepeatsItsSystemPrompt, "the_system_prompt_is_said_once", []),
    (StreamsIterators, "streams_are_generators", []),
    (RepeatsText, "deltas_add_up_and_items_are_cumulative", ["stream_chat"]),
    (LosesReasoningWhenAsync, "reasoning_is_apart_from_text", ["astream_chat"]),
    (LosesReasoningWhenAsync, "sync_and_async_are_the_same", ["stream_chat"]),
    (ForgetsUsage, "tokens_are_counted_as_the_service_counts_them", ["chat"]),
    (IgnoresTypos, "unknown_settings_are_refused", []),
    (CallsWithoutArguments, "a_tool_is_called", []),
    (CallsWithoutArguments, "partial_calls_can_be_read_all_along", []),
    (CallsWithoutArguments, "an_agent_calls_its_tool_and_answers", []),
    (SwallowsMissingCalls, "no_call_is_an_error_with_the_answer_in_it", []),
]


async def held(model_cls: type[Cerebras], promise: str, arguments: list[str]) -> None:
    """Runs one test of the suite, for a model of a class."""
    suite: Any = type("Suite", (test_conformance.TestMocked,), {"model_cls": model_cls})()
    suite._made = []
    outcome = getattr(suite, f"test_{promise}")(*arguments)
    if inspect.isawaitable(outcome):
        await outcome


@pytest.mark.parametrize(("model_cls", "promise", "arguments"), MISTAKES)
async def test_a_mistake_is_found(
    model_cls: type[Cerebras], promise: str, arguments: list[str]
) -> None:
    """§14: the test fails for the mistake, and for nothing else."""
    await held(Cerebras, promise, arguments)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        await held(model_cls, promise, arguments)
