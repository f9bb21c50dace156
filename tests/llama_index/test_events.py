"""Events, callbacks, rate limiting and token counts: LI-13 to LI-15, LI-24, LI-46, LI-70."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.callbacks import (
    CallbackManager,
    CBEventType,
    LlamaDebugHandler,
    TokenCountingHandler,
)
from llama_index.core.instrumentation import root_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.rate_limiter import BaseRateLimiter
from pydantic import BaseModel, Field

from cerebras_ext import CerebrasError
from tests.llama_index.support import (
    HELLO,
    HELLO_REPLY,
    chunk,
    events,
    last_chunk,
    reply,
    served,
)
from tests.llama_index.test_endpoints import METHODS, input_of, results_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llama_index.core.instrumentation.events import BaseEvent

QUESTION = [ChatMessage(role="user", content="?")]
BROKEN = events(*HELLO[:4], has_done=False)
"""A stream that ends without a finish."""


class Recorder(BaseEventHandler):
    """Remembers events."""

    seen: list[Any] = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "Recorder"

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.seen.append(event)

    @property
    def names(self) -> list[str]:
        return [event.class_name() for event in self.seen if event.class_name() != "SpanDropEvent"]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Hears everything that core's dispatchers say."""
    handler = Recorder()
    root_dispatcher.add_event_handler(handler)
    yield handler
    root_dispatcher.event_handlers.remove(handler)


class Limiter(BaseRateLimiter):
    """Counts acquisitions."""

    n_sync: int = 0
    n_async: int = 0

    def acquire(self, num_tokens: int = 0) -> None:
        self.n_sync += 1

    async def async_acquire(self, num_tokens: int = 0) -> None:
        self.n_async += 1


def kind_of(method: str) -> str:
    return "LLMChat" if "chat" in method else "LLMCompletion"


def answer_for(method: str) -> Any:
    return events(*HELLO) if "stream" in method else HELLO_REPLY


@pytest.mark.parametrize("method", METHODS)
async def test_a_call_is_one_start_and_one_end(method: str, recorder: Recorder) -> None:
    """LI-14, LI-15: one pair of events, with progress for each item in between."""
    llm, _ = served(answer_for(method))
    results = await results_of(llm, method)
    n_items = len(results) if "stream" in method else 0
    kind = kind_of(method)
    progress = [f"{kind}InProgressEvent"] * n_items
    assert recorder.names == [f"{kind}StartEvent", *progress, f"{kind}EndEvent"]
    assert recorder.seen[-1].response == results[-1]  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", METHODS)
async def test_events_show_the_callers_input(method: str, recorder: Recorder) -> None:
    """LI-13: prompt or messages, the call's keywords, the model's payload; and no secret."""
    llm, _ = served(answer_for(method), temperature=0.5)
    await results_of(llm, method, top_p=0.5)
    start: Any = recorder.seen[0]
    shown = start.messages if "chat" in method else start.prompt
    assert shown == input_of(method)
    assert start.additional_kwargs["top_p"] == 0.5
    assert start.model_dict["temperature"] == 0.5
    assert "csk-test" not in str([event.model_dump() for event in recorder.seen])


@pytest.mark.parametrize("method", METHODS)
async def test_legacy_callbacks_get_one_pair(method: str) -> None:
    """LI-14: start and end with the response."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    llm, _ = served(answer_for(method), callback_manager=CallbackManager([debug]))
    await results_of(llm, method)
    assert len(debug.get_event_pairs(CBEventType.LLM)) == 1


@pytest.mark.parametrize("method", [name for name in METHODS if "stream" not in name])
async def test_a_failed_call_has_no_end(method: str, recorder: Recorder) -> None:
    """LI-14: the span is dropped, the callback ends with the exception."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    llm, _ = served({"bad": "reply"}, callback_manager=CallbackManager([debug]))
    with pytest.raises(CerebrasError):
        await results_of(llm, method)
    assert recorder.names == [f"{kind_of(method)}StartEvent"]
    (pair,) = debug.get_event_pairs(CBEventType.LLM)
    assert "exception" in pair[1].payload  # type: ignore[operator]


@pytest.mark.parametrize("method", [name for name in METHODS if "stream" in name])
async def test_a_broken_stream_ends_in_an_exception_event(method: str, recorder: Recorder) -> None:
    """LI-14: items that came, then the exception."""
    llm, _ = served(BROKEN)
    with pytest.raises(CerebrasError):
        await results_of(llm, method)
    kind = kind_of(method)
    progress = [f"{kind}InProgressEvent"] * 3
    assert recorder.names == [f"{kind}StartEvent", *progress, "ExceptionEvent"]


def test_an_abandoned_stream_ends_in_an_exception_event(recorder: Recorder) -> None:
    """LI-14: core's own way of saying that the consumer stopped."""
    llm, _ = served(events(*HELLO))
    stream = llm.stream_chat(QUESTION)
    next(stream)
    stream.close()
    assert recorder.names == ["LLMChatStartEvent", "LLMChatInProgressEvent", "ExceptionEvent"]


async def test_a_cancelled_stream_ends_in_an_exception_event(recorder: Recorder) -> None:
    """LI-14: cancellation passes through and is told."""
    llm, _ = served(events(*HELLO))
    stream = await llm.astream_chat(QUESTION)
    await anext(stream)
    with pytest.raises(asyncio.CancelledError):
        await stream.athrow(asyncio.CancelledError())
    assert recorder.names == ["LLMChatStartEvent", "LLMChatInProgressEvent", "ExceptionEvent"]


@pytest.mark.parametrize("method", [name for name in METHODS if "stream" in name])
async def test_items_are_the_same_where_nobody_listens(method: str) -> None:
    """LI-72: events for nobody are not made; everything else is as with a listener."""
    llm, _ = served(events(*HELLO))
    unheard = await results_of(llm, method)
    llm.callback_manager = CallbackManager([TokenCountingHandler()])
    assert [item.model_dump() for item in await results_of(llm, method)] == [
        item.model_dump() for item in unheard
    ]


def test_a_listener_on_any_dispatcher_is_heard(recorder: Recorder) -> None:
    """LI-14: handlers may hang on core's own dispatchers too."""
    from llama_index.core.llms.callbacks import dispatcher

    root_dispatcher.event_handlers.remove(recorder)
    dispatcher.add_event_handler(recorder)
    llm, _ = served(events(*HELLO))
    list(llm.stream_chat(QUESTION))
    dispatcher.event_handlers.remove(recorder)
    root_dispatcher.add_event_handler(recorder)
    assert recorder.names[0] == "LLMChatStartEvent"
    assert recorder.names[-1] == "LLMChatEndEvent"


def test_a_stream_nobody_reads_has_only_begun(recorder: Recorder) -> None:
    """LI-14: start alone."""
    llm, service = served(events(*HELLO))
    llm.stream_chat(QUESTION)
    assert recorder.names == ["LLMChatStartEvent"]
    assert service.requests == []


@pytest.mark.parametrize("method", METHODS)
async def test_the_rate_limiter_is_asked_once(method: str) -> None:
    """LI-14, LI-70: one acquisition for one call, `complete` included."""
    limiter = Limiter()
    llm, _ = served(answer_for(method), rate_limiter=limiter)
    await results_of(llm, method)
    expected = (0, 1) if method.startswith("a") else (1, 0)
    assert (limiter.n_sync, limiter.n_async) == expected


@pytest.mark.parametrize("method", METHODS)
async def test_counted_tokens_are_the_reported_ones(method: str) -> None:
    """LI-24: the counting handler finds the service's own numbers."""
    counter = TokenCountingHandler()
    llm, _ = served(answer_for(method), callback_manager=CallbackManager([counter]))
    await results_of(llm, method)
    counted = (counter.prompt_llm_token_count, counter.completion_llm_token_count)
    assert counted == (11, 7)


@pytest.mark.parametrize("is_async", [False, True])
async def test_spans_are_those_of_the_public_methods(is_async: bool, recorder: Recorder) -> None:
    """LI-13: events carry the span of the method that the user called."""
    llm, _ = served(events(*HELLO))
    await results_of(llm, "astream_chat" if is_async else "stream_chat")
    span_ids = {event.span_id or "" for event in recorder.seen}
    name = "Cerebras.astream_chat" if is_async else "Cerebras.stream_chat"
    assert len(span_ids) == 1
    assert span_ids.pop().startswith(name)


class Person(BaseModel):
    name: str


PERSON = '{"name": "Ann"}'
PROMPT = PromptTemplate("Someone from {place}.")


@pytest.mark.parametrize("is_async", [False, True])
async def test_structured_calls_tell_of_themselves_and_their_chat(
    is_async: bool, recorder: Recorder
) -> None:
    """LI-46: structured events around the events of one chat; tokens and limits count once."""
    limiter = Limiter()
    llm, _ = served(reply({"content": PERSON}), rate_limiter=limiter)
    if is_async:
        await llm.astructured_predict(Person, PROMPT, place="Oslo")
    else:
        llm.structured_predict(Person, PROMPT, place="Oslo")
    assert recorder.names == [
        "LLMStructuredPredictStartEvent",
        "LLMChatStartEvent",
        "LLMChatEndEvent",
        "LLMStructuredPredictEndEvent",
    ]
    start: Any = recorder.seen[0]
    assert (start.output_cls, start.template, start.template_args) == (
        Person,
        PROMPT,
        {"place": "Oslo"},
    )
    assert limiter.n_sync + limiter.n_async == 1


@pytest.mark.parametrize("is_async", [False, True])
async def test_structured_streams_keep_cores_events(is_async: bool, recorder: Recorder) -> None:
    """LI-45: core's public methods and their events stay in place."""
    llm, _ = served(
        events(chunk({"content": '{"name": "A'}), chunk({"content": 'nn"}'}), last_chunk())
    )
    if is_async:
        stream = await llm.astream_structured_predict(Person, PROMPT, place="Oslo")
        shown = [each async for each in stream]
    else:
        shown = list(llm.stream_structured_predict(Person, PROMPT, place="Oslo"))
    names = [name for name in recorder.names if "Structured" in name]
    assert names == [
        "LLMStructuredPredictStartEvent",
        *["LLMStructuredPredictInProgressEvent"] * len(shown),
        "LLMStructuredPredictEndEvent",
    ]
    assert shown[-1] == Person(name="Ann")


@pytest.mark.parametrize("mode", ["function", "default"])
async def test_fallback_routes_tell_once(mode: str, recorder: Recorder) -> None:
    """LI-46: the function route sends its events, and ours none beside."""

    class Free(BaseModel):
        options: dict[str, Any]

    call = {
        "id": "a",
        "type": "function",
        "function": {"name": "Free", "arguments": '{"options":{}}'},
    }
    llm, _ = served(reply({"tool_calls": [call]}, "tool_calls"), pydantic_program_mode=mode)
    assert llm.structured_predict(Free, PROMPT, place="Oslo") == Free(options={})
    assert recorder.names.count("LLMStructuredPredictStartEvent") == 1
    assert recorder.names.count("LLMStructuredPredictEndEvent") == 1
