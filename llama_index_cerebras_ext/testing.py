"""Promises that any LlamaIndex LLM should keep, as tests: a constructor in, promises out.

Core has no such suite. Subclass `LLMConformance`, say how a model with scripted answers is made,
and let pytest (with pytest-asyncio in auto mode) collect the subclass:

>>> class TestMine(LLMConformance):
...     def make_llm(self, *answers, **settings):
...         return MyLLM(transport=my_fake_service(answers), **settings)
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.prompts import PromptTemplate
from llama_index.core.rate_limiter import BaseRateLimiter
from llama_index.core.tools import FunctionTool
from llama_index_instrumentation import root_dispatcher
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from llama_index.core.llms.function_calling import FunctionCallingLLM

__all__ = ["Answer", "LLMConformance"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service is to answer.

    Attributes:
        text: Its text.
        reasoning: What it thinks first.
        calls: Tools it calls, with their arguments.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=())


class _Heard(BaseEventHandler):
    events: list[Any] = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "ConformanceEvents"

    def handle(self, event: Any, **_: Any) -> None:
        self.events.append(event)


class _Counter(BaseRateLimiter):
    n_acquired: int = 0

    def acquire(self, num_tokens: int = 0) -> None:
        self.n_acquired += 1

    async def async_acquire(self, num_tokens: int = 0) -> None:
        self.n_acquired += 1


class City(BaseModel):
    """A city."""

    name: str
    n_people: int


_METHODS = ("chat", "stream_chat", "complete", "stream_complete")
_ALL = (*_METHODS, *(f"a{name}" for name in _METHODS))
_STREAMS = tuple(name for name in _ALL if "stream" in name)
_HELLO = Answer("Hello, world!")
_THOUGHT = Answer("Hello, world!", reasoning="A greeting.")
_PROMPT = PromptTemplate("A city in {country}.")

_every_method = pytest.mark.parametrize("method", _ALL)
_every_stream = pytest.mark.parametrize("method", _STREAMS)


class LLMConformance(ABC):
    """The tests. Class attributes say what cannot be told from the outside.

    Attributes:
        key: What `make_llm` uses as the key; it must show nowhere.
        reasons: Whether answers may carry reasoning.
    """

    key: ClassVar[str] = "conformance-key"
    reasons: ClassVar[bool] = True

    @abstractmethod
    def make_llm(self, *answers: Answer, **settings: Any) -> FunctionCallingLLM:
        """A model whose next calls get these answers; `settings` go to the constructor."""

    async def _results(self, llm: FunctionCallingLLM, method: str, **kwargs: Any) -> list[Any]:
        """What an endpoint gives, as a list; whole responses have one element."""
        given: Any = [ChatMessage(content="Hi")] if "chat" in method else "Hi"
        result = getattr(llm, method)(given, **kwargs)
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, Generator):
            return list(cast("Generator[Any, None, None]", result))
        if isinstance(result, AsyncGenerator):
            return [item async for item in cast("AsyncGenerator[Any, None]", result)]
        return [result]

    @_every_method
    async def test_every_endpoint_answers(self, method: str) -> None:
        """All eight, with the whole text at the end."""
        last = (await self._results(self.make_llm(_HELLO), method))[-1]
        assert _text_of(last) == _HELLO.text

    @_every_method
    def test_async_endpoints_are_coroutine_functions(self, method: str) -> None:
        """Callers await the call, of a stream too."""
        function = inspect.unwrap(getattr(type(self.make_llm()), method))
        assert inspect.iscoroutinefunction(function) is method.startswith("a")

    async def test_streams_are_generators(self) -> None:
        """Core takes anything else for a whole response."""
        llm = self.make_llm(_HELLO, _HELLO)
        messages = [ChatMessage(content="Hi")]
        assert isinstance(llm.stream_chat(messages), Generator)
        assert isinstance(await llm.astream_chat(messages), AsyncGenerator)

    @_every_stream
    async def test_deltas_add_up_and_items_are_cumulative(self, method: str) -> None:
        """Chat engines rebuild the answer from deltas; agents read the item."""
        items = await self._results(self.make_llm(_HELLO), method)
        so_far = ""
        for item in items:
            so_far += item.delta or ""
            assert _text_of(item) == so_far
        assert so_far == _HELLO.text

    @pytest.mark.parametrize("method", ["stream_chat", "astream_chat"])
    async def test_reasoning_is_apart_from_text(self, method: str) -> None:
        """New reasoning is `thinking_delta` on the response; ReAct must not find it in the text."""
        if not self.reasons:
            pytest.skip("this model does not reason")
        items = await self._results(self.make_llm(_THOUGHT), method)
        deltas = [item.additional_kwargs.get("thinking_delta") or "" for item in items]
        assert "".join(deltas) == _THOUGHT.reasoning
        assert _text_of(items[-1]) == _THOUGHT.text

    async def test_sync_and_async_streams_are_the_same(self) -> None:
        """Item by item, for the same answer."""
        llm = self.make_llm(_HELLO, _HELLO)
        sync_items = await self._results(llm, "stream_chat")
        async_items = await self._results(llm, "astream_chat")
        assert [item.message for item in sync_items] == [item.message for item in async_items]

    @_every_method
    async def test_a_call_is_one_pair_of_events(self, method: str) -> None:
        """`complete` on a chat model is no second call."""
        with _listening() as heard:
            results = await self._results(self.make_llm(_HELLO), method)
        names = [event.class_name() for event in heard.events]
        kind = "LLMChat" if "chat" in method else "LLMCompletion"
        n_items = len(results) if "stream" in method else 0
        progress = [f"{kind}InProgressEvent"] * n_items
        assert names == [f"{kind}StartEvent", *progress, f"{kind}EndEvent"]
        assert heard.events[-1].response == results[-1]

    @_every_method
    async def test_the_rate_limiter_is_asked_once(self, method: str) -> None:
        """One acquisition for one call."""
        limiter = _Counter()
        await self._results(self.make_llm(_HELLO, rate_limiter=limiter), method)
        assert limiter.n_acquired == 1

    def test_the_callers_messages_stay_as_they_are(self) -> None:
        """Neither the list nor its messages change."""
        history = [ChatMessage(content="Hi"), ChatMessage(role=MessageRole.ASSISTANT, content="Ho")]
        before = copy.deepcopy(history)
        llm = self.make_llm(_HELLO, _HELLO)
        llm.chat(history)
        llm.chat_with_tools([_tool()], user_msg="Hi", chat_history=history)
        assert history == before

    async def test_a_tool_is_called(self) -> None:
        """Through core's own method, sync and async."""
        answer = Answer(calls=(("greet", {"name": "Ann"}),))
        llm = self.make_llm(answer, answer)
        assert str(llm.predict_and_call([_tool()], user_msg="Hi")) == "Hi Ann"
        assert str(await llm.apredict_and_call([_tool()], user_msg="Hi")) == "Hi Ann"

    async def test_partial_calls_can_be_read_all_along(self) -> None:
        """Agents ask for the calls of every item."""
        llm = self.make_llm(Answer(calls=(("greet", {"name": "Ann"}),)))
        stream = await llm.astream_chat_with_tools([_tool()], user_msg="Hi")
        seen = [
            llm.get_tool_calls_from_response(item, error_on_no_tool_call=False)
            async for item in stream
        ]
        assert [(call.tool_name, call.tool_kwargs) for call in seen[-1]] == [
            ("greet", {"name": "Ann"})
        ]

    def test_no_call_is_an_error_with_the_answer_in_it(self) -> None:
        """Unless the caller says that it is fine."""
        llm = self.make_llm(_HELLO)
        response = llm.chat_with_tools([_tool()], user_msg="Hi")
        assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
        with pytest.raises(ValueError, match=r"Hello, world!"):
            llm.get_tool_calls_from_response(response)

    async def test_objects_come_back(self) -> None:
        """Whichever route the model takes to them."""
        oslo = City(name="Oslo", n_people=700_000)
        answer = Answer(text=oslo.model_dump_json(), calls=(("City", oslo.model_dump()),))
        llm = self.make_llm(answer, answer, answer)
        assert llm.structured_predict(City, _PROMPT, country="Norway") == oslo
        assert await llm.astructured_predict(City, _PROMPT, country="Norway") == oslo
        assert list(llm.stream_structured_predict(City, _PROMPT, country="Norway"))[-1] == oslo

    def test_the_metadata_leaves_room_for_a_prompt(self) -> None:
        """Core subtracts one from the other."""
        metadata = self.make_llm().metadata
        assert metadata.is_chat_model
        assert 0 < max(metadata.num_output, 256) < metadata.context_window

    def test_unknown_settings_are_refused(self) -> None:
        """A typo must not go unnoticed."""
        with pytest.raises((TypeError, ValueError), match="temprature"):
            self.make_llm(temprature=0.5)

    def test_no_callback_manager_is_fine(self) -> None:
        """Core passes None at times."""
        assert self.make_llm(callback_manager=None).callback_manager is not None

    @pytest.mark.parametrize("shown", ["__repr__", "__str__", "to_dict", "to_json", "to_payload"])
    def test_the_key_shows_nowhere(self, shown: str) -> None:
        """Not in dumps, and not in what tracers print."""
        assert self.key not in str(getattr(self.make_llm(), shown)())

    def test_dumps_come_back(self) -> None:
        """Every field that is no secret."""
        llm = self.make_llm(temperature=0.5, system_prompt="Be brief.")
        back = type(llm).from_dict(llm.to_dict(), api_key=self.key)
        assert back.to_dict() == llm.to_dict()

    def test_a_used_model_can_be_copied_and_pickled(self) -> None:
        """After a call, when clients and locks exist."""
        llm = self.make_llm(_HELLO, _HELLO)
        assert _text_of(llm.complete("Hi")) == _HELLO.text
        assert _text_of(copy.deepcopy(llm).complete("Hi")) == _HELLO.text
        assert pickle.loads(pickle.dumps(llm)).metadata == llm.metadata  # noqa: S301 - just made

    def test_one_model_serves_loop_after_loop(self) -> None:
        """Core runs coroutines in loops that come and go."""
        llm = self.make_llm(_HELLO, _HELLO, _HELLO)
        for _ in range(3):
            assert _text_of(asyncio.run(llm.acomplete("Hi"))) == _HELLO.text


def _text_of(response: Any) -> str:
    text = response.message.content if isinstance(response, ChatResponse) else response.text
    return str(text or "")


def _tool() -> FunctionTool:
    def greet(name: str) -> str:
        """Greets somebody."""
        return f"Hi {name}"

    return FunctionTool.from_defaults(greet)


@contextmanager
def _listening() -> Generator[_Heard, None, None]:
    """Hears what core's dispatchers say."""
    heard = _Heard()
    root_dispatcher.add_event_handler(heard)
    try:
        yield heard
    finally:
        root_dispatcher.event_handlers.remove(heard)
