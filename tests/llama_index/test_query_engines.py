"""Query engines, chat engines, extractors and other consumers: §8, LI-17, LI-46, LI-57, LI-64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core import Document, DocumentSummaryIndex, SummaryIndex
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.evaluation import FaithfulnessEvaluator
from llama_index.core.extractors import (
    DocumentContextExtractor,
    KeywordExtractor,
    SummaryExtractor,
    TitleExtractor,
)
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.postprocessor import LLMRerank
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.selectors import LLMSingleSelector, PydanticSingleSelector
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.retrievers.bm25 import BM25Retriever
from pydantic import BaseModel

from cerebras_ext import RateLimited
from tests.llama_index.support import CORE_WARNINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.server import RunningEmulator
    from llama_index_cerebras_ext import Cerebras

pytestmark = CORE_WARNINGS

QUESTION = "What is the capital of Norway?"
FACTS = [
    "The capital of Norway is Oslo. It lies at a fjord.",
    "The capital of Sweden is Stockholm.",
    "Bergen is known for its rain.",
]
WORKING_MODES = [
    ResponseMode.REFINE,
    ResponseMode.COMPACT,
    ResponseMode.SIMPLE_SUMMARIZE,
    ResponseMode.TREE_SUMMARIZE,
    ResponseMode.GENERATION,
    ResponseMode.ACCUMULATE,
    ResponseMode.COMPACT_ACCUMULATE,
]
STREAMING_MODES = WORKING_MODES[:5]
FROM_CONTEXT = {mode for mode in WORKING_MODES if mode is not ResponseMode.GENERATION}


def scored_nodes() -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text), score=1.0) for text in FACTS]


def index_of(llm: Cerebras) -> SummaryIndex:
    return SummaryIndex.from_documents([Document(text=text) for text in FACTS])


def retriever() -> BM25Retriever:
    nodes = [TextNode(text=text) for text in FACTS]
    return BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=2)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("mode", WORKING_MODES)
async def test_every_response_mode_answers(
    mode: ResponseMode, is_async: bool, llm: Cerebras
) -> None:
    """§8: sync and async."""
    synthesizer = get_response_synthesizer(llm=llm, response_mode=mode)
    nodes = scored_nodes()
    if is_async:
        response = await synthesizer.asynthesize(QUESTION, nodes)
    else:
        response = synthesizer.synthesize(QUESTION, nodes)
    assert ("Oslo" in str(response)) == (mode in FROM_CONTEXT)
    assert str(response) != "Empty Response"


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("mode", STREAMING_MODES)
async def test_every_streaming_mode_streams(
    mode: ResponseMode, is_async: bool, llm: Cerebras
) -> None:
    """§8: response objects are generators over deltas."""
    synthesizer = get_response_synthesizer(llm=llm, response_mode=mode, streaming=True)
    if is_async:
        response: Any = await synthesizer.asynthesize(QUESTION, scored_nodes())
        text = "".join([token async for token in response.async_response_gen()])
    else:
        response = synthesizer.synthesize(QUESTION, scored_nodes())
        text = "".join(response.response_gen)
    assert ("Oslo" in text) == (mode in FROM_CONTEXT)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("mode", [ResponseMode.REFINE, ResponseMode.COMPACT])
async def test_filtered_answers_come_by_function(
    mode: ResponseMode,
    streaming: bool,
    is_async: bool,
    make_llm: Callable[..., Cerebras],
    cerebras_emulator: RunningEmulator,
) -> None:
    """§6.1, §13: refine builds core's function program past our methods; streams work too."""
    verdict = {"query_satisfied": True, "answer": "Oslo it is."}
    call = {"name": "StructuredRefineResponse", "arguments": verdict}
    cerebras_emulator.script({"tool_calls": [call], "times": 9})
    synthesizer = get_response_synthesizer(
        llm=make_llm(system_prompt="Be brief."),
        response_mode=mode,
        streaming=streaming,
        structured_answer_filtering=True,
    )
    if is_async:
        response: Any = await synthesizer.asynthesize(QUESTION, scored_nodes())
        chunks = [t async for t in response.async_response_gen()] if streaming else [str(response)]
    else:
        response = synthesizer.synthesize(QUESTION, scored_nodes())
        chunks = list(response.response_gen) if streaming else [str(response)]
    assert "".join(chunks) == "Oslo it is."
    for request in cerebras_emulator.requests:
        assert request.body["tool_choice"] == "required"
        brief = {"role": "system", "content": "Be brief."}
        assert request.body["messages"][0] == brief
        assert request.body["messages"].count(brief) == 1


class Capital(BaseModel):
    """A capital."""

    city: str


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("mode", [ResponseMode.COMPACT, ResponseMode.TREE_SUMMARIZE])
async def test_engines_answer_with_objects(
    mode: ResponseMode, is_async: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§6.1: `output_cls` uses the native route."""
    cerebras_emulator.script({"content": '{"city": "Oslo"}', "times": 9})
    synthesizer = get_response_synthesizer(llm=llm, response_mode=mode, output_cls=Capital)
    if is_async:
        response: Any = await synthesizer.asynthesize(QUESTION, scored_nodes())
    else:
        response = synthesizer.synthesize(QUESTION, scored_nodes())
    assert '"city":"Oslo"' in str(response).replace(" ", "")
    assert "response_format" in cerebras_emulator.requests[0].body


def test_trees_may_be_summarised_in_parallel(llm: Cerebras) -> None:
    """§8: async calls from sync code."""
    synthesizer = get_response_synthesizer(
        llm=llm, response_mode=ResponseMode.TREE_SUMMARIZE, use_async=True
    )
    assert "Oslo" in str(synthesizer.synthesize(QUESTION, scored_nodes()))


def test_a_whole_engine_packs_its_context_into_one_call(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-57: with the true window, retrieved texts fit into one prompt."""
    engine = index_of(llm).as_query_engine(llm=llm)
    assert "Oslo" in str(engine.query(QUESTION))
    assert len(cerebras_emulator.requests) == 1


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("filtering", [False, True])
async def test_an_outage_is_not_an_empty_answer(
    streaming: bool,
    is_async: bool,
    filtering: bool,
    make_llm: Callable[..., Cerebras],
    cerebras_emulator: RunningEmulator,
) -> None:
    """LI-64: refine swallows ValueError and TypeError and would answer "Empty Response"."""
    cerebras_emulator.script({"status": 429, "times": 9})
    synthesizer = get_response_synthesizer(
        llm=make_llm(max_retries=0),
        response_mode=ResponseMode.COMPACT,
        streaming=streaming,
        structured_answer_filtering=filtering,
    )

    async def answer() -> None:
        if is_async:
            response: Any = await synthesizer.asynthesize(QUESTION, scored_nodes())
            _ = [t async for t in response.async_response_gen()] if streaming else None
        else:
            response = synthesizer.synthesize(QUESTION, scored_nodes())
            _ = list(response.response_gen) if streaming else None

    with pytest.raises(RateLimited):
        await answer()


def engine_of(name: str, llm: Cerebras) -> Any:
    """A chat engine, with a memory that leaves no database connection open."""
    given: dict[str, Any] = {"llm": llm, "memory": ChatMemoryBuffer.from_defaults(llm=llm)}
    match name:
        case "simple":
            return SimpleChatEngine.from_defaults(**given)
        case "context":
            return ContextChatEngine.from_defaults(retriever=retriever(), **given)
        case "condense plus context":
            return CondensePlusContextChatEngine.from_defaults(retriever=retriever(), **given)
        case _:
            engine = index_of(llm).as_query_engine(llm=llm, streaming="streaming" in name)
            return CondenseQuestionChatEngine.from_defaults(query_engine=engine, **given)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("name", ["simple", "context", "condense", "condense plus context"])
async def test_chat_engines_answer_twice(name: str, is_async: bool, llm: Cerebras) -> None:
    """§8: a first and a second turn, with the history in between."""
    engine = engine_of(name, llm)
    for question in (QUESTION, "And what lies there?"):
        response = await engine.achat(question) if is_async else engine.chat(question)
        assert str(response)
    assert len(engine.chat_history) == 4


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    "name", ["simple", "context", "condense streaming", "condense plus context"]
)
async def test_chat_engines_stream(name: str, is_async: bool, llm: Cerebras) -> None:
    """§8, LI-22: deltas make the answer, and the answer is in the history."""
    engine = engine_of(name, llm)
    if is_async:
        response = await engine.astream_chat(QUESTION)
        text = "".join([token async for token in response.async_response_gen()])
    else:
        response = engine.stream_chat(QUESTION)
        text = "".join(response.response_gen)
    assert text
    assert engine.chat_history[-1].content == text


def test_a_streamed_history_can_be_sent_again(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-30, §13: core replaces the blocks of a streamed answer by one text; that goes back."""
    cerebras_emulator.script({"reasoning": "hm", "content": "Oslo."})
    engine = engine_of("simple", llm)
    "".join(engine.stream_chat(QUESTION).response_gen)
    engine.chat("Sure?")
    assert cerebras_emulator.requests[1].body["messages"][1] == {
        "role": "assistant",
        "content": "Oslo.",
    }


@pytest.mark.parametrize("is_async", [False, True])
async def test_reasoning_outlives_a_streaming_chat_engine_if_kept(
    is_async: bool, make_llm: Callable[..., Cerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LI-30, §13: what core leaves in place is the message's kwargs; the option uses them."""
    cerebras_emulator.script({"reasoning": "hm", "content": "Oslo."})
    engine = engine_of("simple", make_llm(keep_reasoning=True))
    if is_async:
        streamed = await engine.astream_chat(QUESTION)
        _ = [token async for token in streamed.async_response_gen()]
    else:
        "".join(engine.stream_chat(QUESTION).response_gen)
    engine.chat("Sure?")
    assert cerebras_emulator.requests[1].body["messages"][1] == {
        "role": "assistant",
        "content": "Oslo.",
        "reasoning": "hm",
    }


def test_a_chat_engines_system_prompt_is_there_once(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-17: from the engine, not from us."""
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory, system_prompt="Be brief.")
    engine.chat(QUESTION)
    roles = [message["role"] for message in cerebras_emulator.requests[0].body["messages"]]
    assert roles == ["system", "user"]


@pytest.mark.parametrize("extractor_cls", [TitleExtractor, SummaryExtractor, KeywordExtractor])
def test_extractors_fill_metadata(extractor_cls: Any, llm: Cerebras) -> None:
    """§8: they run async calls from sync code."""
    nodes = [TextNode(text=text) for text in FACTS]
    metadata = extractor_cls(llm=llm, show_progress=False).extract(nodes)
    assert all(each and all(each.values()) for each in metadata)


def test_the_context_extractor_needs_text_first(
    make_llm: Callable[..., Cerebras], cerebras_emulator: RunningEmulator
) -> None:
    """§8: it takes the first block, so reasoning is to be hidden; its maximum is sent."""
    store = SimpleDocumentStore()
    document = Document(text=" ".join(FACTS), id_="d1")
    store.add_documents([document])
    node = TextNode(text=FACTS[0])
    node.relationships = {"1": document.as_related_node_info()}  # type: ignore[dict-item]
    llm = make_llm(reasoning_format="hidden")
    extractor = DocumentContextExtractor(store, llm=llm, max_output_tokens=512)
    (metadata,) = extractor.extract([node])
    assert metadata["context"]
    assert cerebras_emulator.requests[0].body["max_completion_tokens"] == 512


def test_a_reranker_reads_choices(llm: Cerebras, cerebras_emulator: RunningEmulator) -> None:
    """§8: rerankers parse text."""
    cerebras_emulator.script({"content": "Doc: 1, Relevance: 9\nDoc: 3, Relevance: 4\n"})
    reranked = LLMRerank(llm=llm, top_n=1).postprocess_nodes(scored_nodes(), query_str=QUESTION)
    assert [node.text for node in reranked] == [FACTS[0]]


CHOICES = ["useful for questions about Norway", "useful for questions about Spain"]


def test_selectors_select(llm: Cerebras, cerebras_emulator: RunningEmulator) -> None:
    """§8: by text, and by an object."""
    cerebras_emulator.script({"content": '[{"choice": 1, "reason": "Norway"}]'})
    assert LLMSingleSelector.from_defaults(llm=llm).select(CHOICES, QUESTION).ind == 0
    call = {"name": "SingleSelection", "arguments": {"index": 1, "reason": "Norway"}}
    cerebras_emulator.script({"tool_calls": [call]})
    from llama_index.core.base.base_selector import SingleSelection
    from llama_index.core.program import FunctionCallingProgram
    from llama_index.core.prompts import PromptTemplate

    program = FunctionCallingProgram.from_defaults(
        SingleSelection, prompt=PromptTemplate("{query_str} {context_list}"), llm=llm
    )
    selector = PydanticSingleSelector(selector_program=program)
    assert selector.select(CHOICES, QUESTION).ind == 0


def test_an_evaluator_judges(llm: Cerebras, cerebras_emulator: RunningEmulator) -> None:
    """§8: evaluators read text."""
    cerebras_emulator.script({"content": "YES", "times": 9})
    result = FaithfulnessEvaluator(llm=llm).evaluate(
        query=QUESTION, response="Oslo.", contexts=[FACTS[0]]
    )
    assert result.passing


def test_summaries_index_documents(llm: Cerebras) -> None:
    """§8: indices that call the model while they are built."""
    index = DocumentSummaryIndex.from_documents(
        [Document(text=FACTS[0], id_="d1")], llm=llm, embed_model=MockEmbedding(8)
    )
    assert index.get_document_summary("d1")
