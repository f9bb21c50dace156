"""The model inside what LangChain builds around it: fallbacks, parallels, histories, events."""

from __future__ import annotations

import inspect
import typing
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    filter_messages,
    merge_message_runs,
    messages_from_dict,
    messages_to_dict,
    trim_messages,
)
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough

from langchain_cerebras_ext import CerebrasLLM, ChatCerebras
from tests.langchain.paths import PATHS
from tests.langchain.replies import REPLIES
from tests.langchain.schemas import VALUE, Person
from tests.langchain.support import KEY, MODEL, OTHER_MODEL, QUIET_BETA, Reply, chat, status_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.server import RunningEmulator

pytestmark = [QUIET_BETA, pytest.mark.once]

DOWN = status_reply(503, message="down")
TOOL = {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}}
PUBLIC_METHODS = [
    pytest.param(method, id=f"{kind.__name__}.{name}")
    for kind in (ChatCerebras, CerebrasLLM)
    for name, method in inspect.getmembers(kind, inspect.isfunction)
    if method.__module__.startswith("langchain_cerebras_ext") and not name.startswith("_")
]


@pytest.mark.parametrize("method", PUBLIC_METHODS)
def test_signatures_can_be_read_at_run_time(method: Any) -> None:
    """LangChain's fallbacks read them, whichever method they are asked to pass on."""
    assert "return" in typing.get_type_hints(method)


def test_signatures_are_what_core_looks_for() -> None:
    """LC-02: core and the standard suite look for these parameters by name."""
    assert "tool_choice" in inspect.signature(ChatCerebras.bind_tools).parameters
    for hook in (ChatCerebras._generate, ChatCerebras._agenerate, CerebrasLLM._generate):
        assert "run_manager" in inspect.signature(hook).parameters


def test_fields_of_core_are_left_as_they_are() -> None:
    """LC-06: a field declared again would be dumped, or lose its validators."""
    for kind, base in ((ChatCerebras, BaseChatModel), (CerebrasLLM, BaseLLM)):
        own = {
            name
            for each in kind.__mro__
            if each.__module__.startswith("langchain_cerebras_ext")
            for name in inspect.get_annotations(each)
        }
        assert not own & base.model_fields.keys()


@pytest.mark.parametrize("path", [path for path in PATHS if path not in ("events", "aevents")])
def test_fallback_takes_over(path: str) -> None:
    """LC-70: on every path that core's fallbacks have, which leaves out content-block events."""
    model = chat(DOWN)[0].with_fallbacks([chat(Reply(content="Here."))[0]])
    assert PATHS[path](model, "Hi").text == "Here."


def test_tools_can_be_bound_to_a_model_with_fallbacks() -> None:
    """LC-49: core binds them to each model of the chain."""
    (first, asked), (second, answering) = chat(DOWN), chat(REPLIES["one call"])
    chain: Any = first.with_fallbacks([second])
    assert chain.bind_tools([TOOL]).invoke("Hi").tool_calls[0]["name"] == "add"
    assert asked.last["tools"] == answering.last["tools"]


def test_structured_output_of_a_model_with_fallbacks() -> None:
    """LC-56: a reply that is cut sends the chain on to the next model."""
    cut, whole = (
        Reply(content='{"name": "An', finish_reason="length"),
        Reply(content='{"name":"Ann","age":7}'),
    )
    chain: Any = chat(cut)[0].with_fallbacks([chat(whole)[0]])
    assert chain.with_structured_output(Person).invoke("Ann is 7") == Person(**VALUE)


def test_with_retry_tries_again() -> None:
    """LC-68: one retry of LangChain's own around a model that has none."""
    model, service = chat(DOWN, Reply(content="Here."))
    assert model.with_retry(wait_exponential_jitter=False).invoke("Hi").text == "Here."
    assert len(service.requests) == 2


async def test_branches_of_a_chain_run_side_by_side() -> None:
    """LC-81: parallel branches, sync and async, whole and streamed."""
    branches = {name: chat(Reply(content=name))[0] | StrOutputParser() for name in ("a", "b")}
    both: Any = RunnableParallel(**branches, given=RunnablePassthrough())
    expected = {"a": "a", "b": "b", "given": "Hi"}
    assert both.invoke("Hi") == await both.ainvoke("Hi") == expected
    total: dict[str, str] = {}
    async for part in both.astream("Hi"):
        for name, text in part.items():
            total[name] = total.get(name, "") + text
    assert total == expected


async def test_batch_as_completed_gives_every_answer_once() -> None:
    """LC-81: in any order, with the place of each."""
    model, _ = chat(Reply(content="Hi"))
    done = dict(model.batch_as_completed(["a", "b", "c"], {"max_concurrency": 2}))
    also = {i: message async for i, message in model.abatch_as_completed(["a", "b", "c"])}
    assert sorted(done) == sorted(also) == [0, 1, 2]


def test_batch_returns_errors_in_their_places() -> None:
    """LC-81: one failing prompt does not take the others along."""

    def answer(request: Any, httpx: Any) -> Any:
        if b"bad" in request.read():
            return httpx.Response(400, json={"message": "no"})
        return httpx.Response(200, json=Reply(content="Hi").body())

    good, bad, last = chat(answer)[0].batch(["a", "bad", "c"], return_exceptions=True)
    assert (good.text, last.text) == ("Hi", "Hi")
    assert isinstance(bad, Exception)


async def test_stream_of_inputs_is_transformed() -> None:
    """LC-01: the model as the middle of a chain that streams."""

    async def inputs() -> Any:
        for part in ("Say ", "hi"):
            yield part

    model, service = chat(Reply(content="Hi"))
    assert "".join(chunk.text for chunk in model.transform(iter(["Say ", "hi"]))) == "Hi"
    assert "".join([chunk.text async for chunk in model.atransform(inputs())]) == "Hi"
    assert [request["messages"][0]["content"] for request in service.requests] == ["Say hi"] * 2


@pytest.mark.filterwarnings("ignore:.*astream_log:DeprecationWarning")
async def test_older_event_streams_end_with_the_whole_message() -> None:
    """Section 8: `astream_events` v2 and `astream_log` need nothing from us, and work."""
    model, _ = chat(REPLIES["all"])
    expected = model.invoke("Hi")
    events = [event async for event in model.astream_events("Hi", version="v2")]
    kinds = [event["event"] for event in events]
    assert (kinds[0], kinds[-1]) == ("on_chat_model_start", "on_chat_model_end")
    assert set(kinds[1:-1]) == {"on_chat_model_stream"}
    assert events[-1]["data"]["output"].tool_calls == expected.tool_calls
    log: Any = None
    async for patch in model.astream_log("Hi"):
        log = patch if log is None else log + patch
    assert log.state["final_output"].text == expected.text


@pytest.mark.parametrize("path", ["invoke", "stream", "events"])
@pytest.mark.parametrize("kind", REPLIES)
def test_message_survives_being_written_down(kind: str, path: str) -> None:
    """LC-84: what stores of histories write and read."""
    message = PATHS[path](chat(REPLIES[kind])[0], "Hi")
    (back,) = messages_from_dict(messages_to_dict([message]))
    assert back == message


def test_messages_are_trimmed_by_the_models_own_count() -> None:
    """LC-73: the model is a token counter, offline."""
    model = ChatCerebras(model=MODEL, api_key=KEY)
    turns = [(HumanMessage(f"q{i} " * 20), AIMessage(f"a{i} " * 20)) for i in range(6)]
    history = [SystemMessage("Be brief."), *(message for turn in turns for message in turn)]
    kept = trim_messages(
        history, max_tokens=100, token_counter=model, include_system=True, start_on="human"
    )
    assert kept[0] == history[0]
    assert kept[-1] == history[-1]
    assert (
        model.get_num_tokens_from_messages(kept)
        <= 100
        < model.get_num_tokens_from_messages(history)
    )


def test_merged_and_filtered_histories_are_sent() -> None:
    """LC-16: what LangChain's helpers make of a history."""
    model, service = chat(Reply(content="Hi"))
    doubled = [SystemMessage("a"), SystemMessage("b"), HumanMessage("x"), HumanMessage("y")]
    model.invoke(merge_message_runs(doubled))
    assert [m["content"] for m in service.last["messages"]] == ["a\nb", "x\ny"]
    (filter_messages(include_types=["human"]) | model).invoke(doubled)
    assert [m["content"] for m in service.last["messages"]] == ["x", "y"]


def test_prompt_templates_carry_images() -> None:
    """LC-15: blocks with variables, in LangChain's form and in OpenAI's."""
    blocks = [
        {"type": "image", "base64": "{data}", "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,{data}"}},
    ]
    model, service = chat(Reply(content="Red."), model=OTHER_MODEL)
    for block in blocks:
        human = [{"type": "text", "text": "{question}"}, block]
        prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("h"), ("human", human)])
        (prompt | model).invoke({"question": "What colour?", "data": "AA==", "h": [("ai", "Yes?")]})
    urls = [request["messages"][1]["content"][1]["image_url"] for request in service.requests]
    assert urls == [{"url": "data:image/png;base64,AA=="}] * 2


def test_retrieval_chain_answers_from_its_documents(make_chat: Callable[..., ChatCerebras]) -> None:
    """A RAG chain: retriever, prompt, model, parser; whole and streamed alike."""
    documents = [Document("Oslo is the capital of Norway."), Document("Paris is in France.")]
    retriever = RunnableLambda(
        lambda question: [d for d in documents if question.split()[-1][:-1] in d.page_content]
    )
    prompt = ChatPromptTemplate.from_template(
        "Answer from the context.\n\nContext: {context}\n\nQuestion: {question}"
    )
    sources = {
        "context": retriever | (lambda found: "\n".join(d.page_content for d in found)),
        "question": RunnablePassthrough(),
    }
    chain: Any = sources | prompt | make_chat() | StrOutputParser()
    answer = chain.invoke("What is the capital of Norway?")
    assert "Oslo" in answer
    assert "".join(chain.stream("What is the capital of Norway?")) == answer


def test_listeners_and_names_reach_the_handlers(
    make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LC-79: tags, metadata and run names are LangChain's, and nothing of them is sent."""
    seen: list[Any] = []

    class Ears(BaseCallbackHandler):
        def on_chat_model_start(self, *_args: Any, **kwargs: Any) -> None:
            seen.append((kwargs["tags"], kwargs["metadata"]["team"], kwargs["name"]))

    config: Any = {
        "tags": ["t"],
        "metadata": {"team": "blue"},
        "run_name": "r",
        "callbacks": [Ears()],
    }
    make_chat().invoke("Hi", config)
    assert seen == [(["t"], "blue", "r")]
    assert cerebras_emulator.requests[-1].body.keys() == {"model", "messages"}


def test_chunks_of_a_tool_call_reach_the_next_link() -> None:
    """LC-32: whoever streams behind the model sees fragments, not whole calls only."""
    model, _ = chat(REPLIES["one call"], merge_deltas=False)
    seen: list[AIMessageChunk] = []

    def passing(chunks: Any) -> Any:
        for chunk in chunks:
            seen.append(chunk)
            yield chunk

    list((model | passing).stream("Hi"))
    assert sum(bool(chunk.tool_call_chunks) for chunk in seen) > 3
