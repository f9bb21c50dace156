"""Engines over the example documents, end to end, with what their second turn asks: §8, LI-57.

Nothing is scripted where the emulator's own answers are enough.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core import Settings, SimpleDirectoryReader
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.indices.query.query_transform import (
    HyDEQueryTransform,
    StepDecomposeQueryTransform,
)
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import (
    CitationQueryEngine,
    MultiStepQueryEngine,
    RetrieverQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.selectors import (
    LLMMultiSelector,
    LLMSingleSelector,
    PydanticMultiSelector,
    PydanticSingleSelector,
)
from llama_index.core.tools import QueryEngineTool
from llama_index.retrievers.bm25 import BM25Retriever

from tests.llama_index.support import CORE_WARNINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.core import Document
    from llama_index.core.schema import BaseNode

    from cerebras_ext.emulator.server import RunningEmulator
    from llama_index_cerebras_ext import Cerebras

pytestmark = CORE_WARNINGS

DATA = Path(__file__).parents[2] / "examples" / "data"


@cache
def example_documents() -> list[Document]:
    return SimpleDirectoryReader(str(DATA), required_exts=[".md"]).load_data()


@cache
def example_nodes() -> list[BaseNode]:
    splitter = SentenceSplitter(chunk_size=300, chunk_overlap=20)
    return splitter.get_nodes_from_documents(example_documents())


QUESTION = "How many requests per minute does the free trial allow?"
ANSWER = "5 requests per minute"
MODES = [
    ResponseMode.REFINE,
    ResponseMode.COMPACT,
    ResponseMode.SIMPLE_SUMMARIZE,
    ResponseMode.TREE_SUMMARIZE,
    ResponseMode.GENERATION,
    ResponseMode.ACCUMULATE,
    ResponseMode.COMPACT_ACCUMULATE,
]
SILENT_MODES = [ResponseMode.NO_TEXT, ResponseMode.CONTEXT_ONLY]

both_ways = pytest.mark.parametrize("is_async", [False, True])


def retriever(top_k: int = 3) -> BM25Retriever:
    return BM25Retriever.from_defaults(nodes=example_nodes(), similarity_top_k=top_k)


def engine_of(llm: Cerebras, **settings: Any) -> RetrieverQueryEngine:
    return RetrieverQueryEngine.from_args(retriever(), llm=llm, **settings)


async def answered(engine: Any, question: str = QUESTION, *, is_async: bool) -> str:
    """An engine's answer, streamed or not."""
    response = await engine.aquery(question) if is_async else engine.query(question)
    if hasattr(response, "async_response_gen") and is_async:
        return "".join([token async for token in response.async_response_gen()])
    if hasattr(response, "response_gen"):
        return "".join(response.response_gen)
    return str(response)


def texts_of(request: Any) -> list[str]:
    """What the messages of a request say."""
    return [str(message.get("content") or "") for message in request.body["messages"]]


@both_ways
@pytest.mark.parametrize("mode", MODES)
async def test_engines_answer_from_the_documents(
    mode: ResponseMode, is_async: bool, llm: Cerebras
) -> None:
    """§8: every response mode; `generation` alone does not look at the documents."""
    text = await answered(engine_of(llm, response_mode=mode), is_async=is_async)
    assert (ANSWER in text) is (mode is not ResponseMode.GENERATION)
    assert text


@both_ways
@pytest.mark.parametrize("mode", MODES[:5])
async def test_engines_stream_from_the_documents(
    mode: ResponseMode, is_async: bool, llm: Cerebras
) -> None:
    """§8: core streams in these modes, and refuses to in the others."""
    engine = engine_of(llm, response_mode=mode, streaming=True)
    text = await answered(engine, is_async=is_async)
    assert (ANSWER in text) is (mode is not ResponseMode.GENERATION)
    assert text


@pytest.fixture
def _everywhere(llm: Cerebras, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some parts of core look for the global model, whichever they are given."""
    monkeypatch.setattr(Settings, "_llm", llm)


@pytest.mark.usefixtures("_everywhere")
@pytest.mark.parametrize("mode", SILENT_MODES)
def test_modes_without_a_model_ask_nothing(
    mode: ResponseMode, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§8: two modes only retrieve."""
    engine_of(llm, response_mode=mode).query(QUESTION)
    assert not cerebras_emulator.requests


@both_ways
@pytest.mark.parametrize("streaming", [False, True])
async def test_refine_shows_the_answer_so_far(
    streaming: bool, is_async: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§8: the second request holds the first answer; one request for each text."""
    cerebras_emulator.script({"content": "Draft."}, {"content": "Better."}, {"content": "Final."})
    engine = engine_of(llm, response_mode=ResponseMode.REFINE, streaming=streaming)
    assert await answered(engine, is_async=is_async) == "Final."
    first, second, third = cerebras_emulator.requests
    assert "Draft." not in "".join(texts_of(first))
    assert "Draft." in "".join(texts_of(second))
    assert "Better." in "".join(texts_of(third))


def chat_engine_of(name: str, llm: Cerebras, *, streaming: bool) -> Any:
    given: dict[str, Any] = {"llm": llm, "memory": ChatMemoryBuffer.from_defaults(llm=llm)}
    match name:
        case "simple":
            return SimpleChatEngine.from_defaults(**given)
        case "context":
            return ContextChatEngine.from_defaults(retriever=retriever(), **given)
        case "condense plus context":
            return CondensePlusContextChatEngine.from_defaults(retriever=retriever(), **given)
        case _:
            query_engine = engine_of(llm, streaming=streaming)
            return CondenseQuestionChatEngine.from_defaults(query_engine=query_engine, **given)


async def said(engine: Any, question: str, *, streaming: bool, is_async: bool) -> str:
    """A chat engine's answer."""
    if not streaming:
        return str(await engine.achat(question) if is_async else engine.chat(question))
    if not is_async:
        return "".join(engine.stream_chat(question).response_gen)
    response = await engine.astream_chat(question)
    return "".join([token async for token in response.async_response_gen()])


@both_ways
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("name", ["simple", "context", "condense", "condense plus context"])
async def test_chat_engines_send_their_history(
    name: str,
    streaming: bool,
    is_async: bool,
    llm: Cerebras,
    cerebras_emulator: RunningEmulator,
) -> None:
    """§8: the second turn's request holds the first turn's question and answer."""
    engine = chat_engine_of(name, llm, streaming=streaming)
    first = await said(engine, QUESTION, streaming=streaming, is_async=is_async)
    n_requests = len(cerebras_emulator.requests)
    second = await said(engine, "And per day?", streaming=streaming, is_async=is_async)
    assert first
    assert second
    assert (ANSWER in first) is (name != "simple")
    asked = cerebras_emulator.requests[n_requests]
    said_before = "\n".join(texts_of(asked))
    assert QUESTION in said_before
    assert first.strip() in said_before
    if "condense" not in name:
        roles = [message["role"] for message in asked.body["messages"]]
        assert roles[-3:] == ["user", "assistant", "user"]


def tools_of(llm: Cerebras) -> list[QueryEngineTool]:
    return [
        QueryEngineTool.from_defaults(engine_of(llm), name=name, description=text)
        for name, text in [
            ("limits", "useful for questions about the rate limits of the free trial"),
            ("other", "useful for questions about cooking"),
        ]
    ]


@both_ways
@pytest.mark.parametrize(
    "selector_cls",
    [LLMSingleSelector, LLMMultiSelector, PydanticSingleSelector, PydanticMultiSelector],
)
async def test_routers_route(selector_cls: Any, is_async: bool, llm: Cerebras) -> None:
    """§8: by text and by function call, one or several; the model picks, an engine answers."""
    router = RouterQueryEngine.from_defaults(
        tools_of(llm), llm=llm, selector=selector_cls.from_defaults(llm=llm)
    )
    assert ANSWER in await answered(router, is_async=is_async)


@both_ways
async def test_the_default_selector_calls_a_function(
    is_async: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§6.1: core chooses by what the model can do."""
    router = RouterQueryEngine.from_defaults(tools_of(llm), llm=llm, select_multi=True)
    assert ANSWER in await answered(router, is_async=is_async)
    assert "tools" in cerebras_emulator.requests[0].body


@pytest.mark.parametrize("streaming", [False, True])
async def test_agents_ask_the_documents(
    streaming: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-52: an engine is a tool; the agent's second turn holds what it answered."""
    agent: Any = FunctionAgent(tools=tools_of(llm)[:1], llm=llm, streaming=streaming)
    assert ANSWER in str(await agent.run(user_msg=QUESTION))
    first, *_, last = cerebras_emulator.requests
    assert [tool["function"]["name"] for tool in first.body["tools"]] == ["limits"]
    assert [each["role"] for each in last.body["messages"]] == ["user", "assistant", "tool"]
    assert ANSWER in last.body["messages"][2]["content"]


@pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning")
async def test_a_team_of_agents_asks_the_documents(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-53: handed over, one agent asks by function, and gives back to one that reads text."""
    to_expert = {"name": "handoff", "arguments": {"to_agent": "expert", "reason": "knows limits"}}
    asks = {"name": "limits", "arguments": {"input": QUESTION}}
    to_writer = {"name": "handoff", "arguments": {"to_agent": "writer", "reason": "writes well"}}
    cerebras_emulator.script(
        {"tool_calls": [to_expert]},
        {"tool_calls": [asks]},
        {"content": f"The documents say: {ANSWER}."},  # the engine's own request
        {"tool_calls": [to_writer]},
        {"content": f"Thought: I can answer without using any more tools.\nAnswer: {ANSWER}!"},
    )
    front = FunctionAgent(name="front", description="Asks others.", tools=[], llm=llm)
    expert = FunctionAgent(name="expert", description="Knows.", tools=tools_of(llm)[:1], llm=llm)
    writer = ReActAgent(name="writer", description="Writes.", tools=[], llm=llm)
    team: Any = AgentWorkflow(agents=[front, expert, writer], root_agent="front")
    assert str(await team.run(user_msg=QUESTION)) == f"{ANSWER}!"
    written = cerebras_emulator.requests[-1].body["messages"]
    roles = [message["role"] for message in written]
    assert roles == ["system", "user", *["assistant", "tool"] * 3]
    assert ANSWER in written[5]["content"]


@both_ways
@pytest.mark.parametrize("use_async", [False, True])
async def test_questions_are_split_and_answers_joined(
    use_async: bool, is_async: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§8: the last request holds the answers to the parts."""
    items = [{"sub_question": QUESTION, "tool_name": "limits"}]
    plan = f"```json\n{json.dumps({'items': items})}\n```"
    cerebras_emulator.script({"contains": "sub-question", "content": plan})
    engine = SubQuestionQueryEngine.from_defaults(
        tools_of(llm),
        llm=llm,
        question_gen=LLMQuestionGenerator.from_defaults(llm=llm),
        use_async=use_async,
        verbose=False,
    )
    assert await answered(engine, QUESTION, is_async=is_async)
    assert len(cerebras_emulator.requests) == 3
    assert ANSWER in "".join(texts_of(cerebras_emulator.requests[-1]))


@pytest.mark.parametrize("streaming", [False, True])
def test_citations_are_asked_for(
    streaming: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§8: a synthesizer with prompts of its own."""
    cerebras_emulator.script({"content": "Five [1].", "times": 9})
    engine = CitationQueryEngine(retriever=retriever(), llm=llm)
    if streaming:
        engine = CitationQueryEngine.from_args(
            index=None,  # type: ignore[arg-type] - the retriever is given
            llm=llm,
            retriever=retriever(),
            streaming=True,
        )
    response: Any = engine.query(QUESTION)
    text = "".join(response.response_gen) if streaming else str(response)
    assert text == "Five [1]."
    assert "Source 1:" in "".join(texts_of(cerebras_emulator.requests[0]))


def test_a_made_up_document_finds_the_true_one(llm: Cerebras) -> None:
    """§8: HyDE asks the model first, then the documents."""
    hyde = TransformQueryEngine(engine_of(llm), HyDEQueryTransform(llm=llm, include_original=True))
    assert ANSWER in str(hyde.query(QUESTION))


@pytest.mark.usefixtures("_everywhere")
def test_questions_in_steps_show_what_was_learnt(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§8: the second step's request holds the first step's answer."""
    cerebras_emulator.script(
        {"content": QUESTION}, {"content": "Five it is."}, {"content": "None"}, {"content": "Five."}
    )
    engine = MultiStepQueryEngine(
        engine_of(llm), StepDecomposeQueryTransform(llm=llm), index_summary="Rate limits"
    )
    assert str(engine.query("May I ask ten times?")) == "Five."
    assert "Five it is." in "".join(texts_of(cerebras_emulator.requests[2]))


def test_a_long_document_costs_one_call(
    make_llm: Callable[..., Cerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LI-57: all example documents fit into the window, so there is nothing to refine."""
    nodes = BM25Retriever.from_defaults(
        nodes=example_nodes(), similarity_top_k=len(example_nodes())
    )
    engine = RetrieverQueryEngine.from_args(nodes, llm=make_llm())
    assert ANSWER in str(engine.query(QUESTION))
    assert len(cerebras_emulator.requests) == 1
