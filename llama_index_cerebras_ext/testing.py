"""Promises that any LlamaIndex LLM should keep, as tests: a constructor in, promises out.

Core has no such suite. Subclass `LLMConformance`, say how a model with scripted answers is made,
and let pytest (with pytest-asyncio in auto mode) collect the subclass:

>>> class TestMine(LLMConformance):
...     def make_llm(self, *answers, **settings):
...         return MyLLM(transport=my_fake_service(answers), **settings)

A live service, or a recording of one, says what it wants: with `is_scripted = False` the same
promises are held against whatever it answers. The questions are those that the answers fit.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import pickle
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, ThinkingBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
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
_QUESTION = "Say hello to the world."
_HELLO = Answer("Hello, world!")
_THOUGHT = Answer("Hello, world!", reasoning="A greeting.")
_ORDER = "Call greet with the name Ann."
_CALL = Answer(calls=(("greet", {"name": "Ann"}),))
_OSLO = City(name="Oslo", n_people=700_000)
_OSLO_ANSWER = Answer(_OSLO.model_dump_json(), calls=(("City", _OSLO.model_dump()),))
_PROMPT = PromptTemplate("A city in {country}.")

_every_method = pytest.mark.parametrize("method", _ALL)
_every_stream = pytest.mark.parametrize("method", _STREAMS)


class LLMConformance(ABC):
    """The tests. Class attributes say what cannot be told from the outside.

    Attributes:
        key: What `make_llm` uses as the key; it must show nowhere.
        reasons: Whether answers may carry reasoning.
        is_scripted: Whether the answers are those that `make_llm` was given.
    """

    key: ClassVar[str] = "conformance-key"
    reasons: ClassVar[bool] = True
    is_scripted: ClassVar[bool] = True

    @abstractmethod
    def make_llm(self, *answers: Answer, **settings: Any) -> FunctionCallingLLM:
        """A model whose next calls get these answers; `settings` go to the constructor."""

    async def _results(self, llm: FunctionCallingLLM, method: str, **kwargs: Any) -> list[Any]:
        """What an endpoint gives, as a list; whole responses have one element."""
        given: Any = [ChatMessage(content=_QUESTION)] if "chat" in method else _QUESTION
        result = getattr(llm, method)(given, **kwargs)
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, Generator):
            return list(cast("Generator[Any, None, None]", result))
        if isinstance(result, AsyncGenerator):
            return [item async for item in cast("AsyncGenerator[Any, None]", result)]
        return [result]

    async def _leave_after_one_item(self, llm: FunctionCallingLLM, method: str) -> None:
        given: Any = [ChatMessage(content=_QUESTION)] if "chat" in method else _QUESTION
        stream = getattr(llm, method)(given)
        if inspect.isawaitable(stream):
            items: Any = await stream
            await anext(items)
            await items.aclose()
        else:
            next(stream)
            stream.close()

    def _is_answer(self, text: str, answer: Answer = _HELLO) -> bool:
        """Whether this is the text of the answer; without a script, whether it is any."""
        return text == answer.text if self.is_scripted else bool(text)

    @_every_method
    async def test_every_endpoint_answers(self, method: str) -> None:
        """All eight, with the whole text at the end."""
        last = (await self._results(self.make_llm(_HELLO), method))[-1]
        assert self._is_answer(_text_of(last))

    @_every_method
    def test_async_endpoints_are_coroutine_functions(self, method: str) -> None:
        """Callers await the call, of a stream too."""
        function = inspect.unwrap(getattr(type(self.make_llm()), method))
        assert inspect.iscoroutinefunction(function) is method.startswith("a")

    async def test_streams_are_generators(self) -> None:
        """Core takes anything else for a whole response."""
        llm = self.make_llm(_HELLO, _HELLO)
        messages = [ChatMessage(content=_QUESTION)]
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
        assert self._is_answer(so_far)

    @pytest.mark.parametrize("method", ["stream_chat", "astream_chat"])
    async def test_reasoning_is_apart_from_text(self, method: str) -> None:
        """New reasoning is `thinking_delta` on the response; ReAct must not find it in the text."""
        answer = _THOUGHT if self.reasons else _HELLO
        items = await self._results(self.make_llm(answer), method)
        deltas = [item.additional_kwargs.get("thinking_delta") or "" for item in items]
        blocks = [b for b in items[-1].message.blocks if isinstance(b, ThinkingBlock)]
        assert ["".join(deltas)] * self.reasons == [block.content for block in blocks]
        assert bool("".join(deltas)) is self.reasons
        assert self._is_answer(_text_of(items[-1]))

    @pytest.mark.parametrize("method", ["chat", "stream_chat"])
    async def test_sync_and_async_are_the_same(self, method: str) -> None:
        """Item by item, for the same answer."""
        answer = _THOUGHT if self.reasons else _HELLO
        llm = self.make_llm(answer, answer)
        sync_items = await self._results(llm, method)
        async_items = await self._results(llm, f"a{method}")
        if self.is_scripted:  # else the second answer need not be the first
            assert [i.message for i in sync_items] == [i.message for i in async_items]
        last, async_last = sync_items[-1], async_items[-1]
        assert last.additional_kwargs.keys() == async_last.additional_kwargs.keys()
        assert _block_types(last) == _block_types(async_last)

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

    @_every_method
    async def test_tokens_are_counted_as_the_service_counts_them(self, method: str) -> None:
        """By a callback manager that was assigned later, as core does."""
        counter = TokenCountingHandler()
        llm = self.make_llm(_HELLO)
        llm.callback_manager = CallbackManager([counter])
        last = (await self._results(llm, method))[-1]
        assert counter.total_llm_token_count == last.additional_kwargs["total_tokens"] > 0

    @_every_stream
    async def test_a_stream_may_be_left(self, method: str) -> None:
        """The next call finds the model as it was."""
        llm = self.make_llm(_HELLO, _HELLO)
        await self._leave_after_one_item(llm, method)
        last = (await self._results(llm, method))[-1]
        assert self._is_answer(_text_of(last))

    def test_the_callers_messages_stay_as_they_are(self) -> None:
        """Neither the list nor its messages change."""
        history = [ChatMessage(content="Hi"), ChatMessage(role=MessageRole.ASSISTANT, content="Ho")]
        before = copy.deepcopy(history)
        llm = self.make_llm(_HELLO, _HELLO)
        llm.chat(history)
        llm.chat_with_tools([_tool()], user_msg=_QUESTION, chat_history=history)
        assert history == before

    def test_the_system_prompt_is_said_once(self) -> None:
        """By core in `predict`; a model that adds it again says it twice."""
        with _listening() as heard:
            self.make_llm(_HELLO, system_prompt="Be brief.").predict(PromptTemplate(_QUESTION))
        starts = [event for event in heard.events if event.class_name() == "LLMChatStartEvent"]
        assert [message.content for message in starts[0].messages] == ["Be brief.", _QUESTION]

    async def test_a_tool_is_called(self) -> None:
        """Through core's own method, sync and async."""
        llm = self.make_llm(_CALL, _CALL)
        assert str(llm.predict_and_call([_tool()], user_msg=_ORDER)) == "Hi Ann"
        assert str(await llm.apredict_and_call([_tool()], user_msg=_ORDER)) == "Hi Ann"

    async def test_partial_calls_can_be_read_all_along(self) -> None:
        """Agents ask for the calls of every item."""
        llm = self.make_llm(_CALL)
        stream = await llm.astream_chat_with_tools([_tool()], user_msg=_ORDER)
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
        response = llm.chat([ChatMessage(content=_QUESTION)])
        assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
        with pytest.raises(ValueError, match=re.escape(_text_of(response)[:20])):
            llm.get_tool_calls_from_response(response)

    def test_a_message_with_calls_is_plain_json(self) -> None:
        """Memories and contexts store it, and send what they read back."""
        llm = self.make_llm(_CALL)
        message = llm.chat_with_tools([_tool()], user_msg=_ORDER).message
        dumped = json.loads(json.dumps(message.model_dump(mode="json")))
        assert ChatMessage.model_validate(dumped) == message

    async def test_an_agent_calls_its_tool_and_answers(self) -> None:
        """Two turns: the second one holds the call and its result."""
        agent: Any = FunctionAgent(tools=[_tool()], llm=self.make_llm(_CALL, _HELLO))
        run = agent.run(user_msg=_ORDER)
        events = [event async for event in run.stream_events()]
        assert self._is_answer(str(await run))
        results = [e.tool_output.content for e in events if isinstance(e, ToolCallResult)]
        assert results == ["Hi Ann"]

    async def test_objects_come_back(self) -> None:
        """From all four methods, whichever route the model takes to them."""
        llm = self.make_llm(*[_OSLO_ANSWER] * 4)
        in_norway: dict[str, Any] = {"output_cls": City, "prompt": _PROMPT, "country": "Norway"}
        found = [
            llm.structured_predict(**in_norway),
            await llm.astructured_predict(**in_norway),
            list(llm.stream_structured_predict(**in_norway))[-1],
            [each async for each in await llm.astream_structured_predict(**in_norway)][-1],
        ]
        assert all(type(each) is City for each in found)
        assert not self.is_scripted or found == [_OSLO] * 4

    def test_a_structured_llm_answers_with_objects(self) -> None:
        """What agents with an output class use."""
        structured = self.make_llm(_OSLO_ANSWER).as_structured_llm(City)
        response = structured.chat([ChatMessage(content="A city in Norway.")])
        assert isinstance(response.raw, City)
        assert City.model_validate_json(_text_of(response)) == response.raw

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
        assert self._is_answer(_text_of(llm.complete(_QUESTION)))
        assert self._is_answer(_text_of(copy.deepcopy(llm).complete(_QUESTION)))
        assert pickle.loads(pickle.dumps(llm)).metadata == llm.metadata  # noqa: S301 - just made

    def test_one_model_serves_loop_after_loop(self) -> None:
        """Core runs coroutines in loops that come and go."""
        llm = self.make_llm(_HELLO, _HELLO, _HELLO)
        for _ in range(3):
            assert self._is_answer(_text_of(asyncio.run(llm.acomplete(_QUESTION))))


def _block_types(response: Any) -> list[str]:
    blocks = response.message.blocks if isinstance(response, ChatResponse) else []
    return [block.block_type for block in blocks]


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
