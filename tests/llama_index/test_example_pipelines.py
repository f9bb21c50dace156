"""Extractors, graphs, evaluators, ingestion over the example documents: §8, LI-09, LI-64."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import llama_index.core
import pytest
from llama_index.core import Document, KeywordTableIndex, PropertyGraphIndex, TreeIndex
from llama_index.core.evaluation import (
    AnswerRelevancyEvaluator,
    ContextRelevancyEvaluator,
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    GuidelineEvaluator,
    PairwiseComparisonEvaluator,
    RelevancyEvaluator,
)
from llama_index.core.extractors import (
    KeywordExtractor,
    PydanticProgramExtractor,
    QuestionsAnsweredExtractor,
    SummaryExtractor,
    TitleExtractor,
)
from llama_index.core.indices.property_graph import (
    DynamicLLMPathExtractor,
    SchemaLLMPathExtractor,
    SimpleLLMPathExtractor,
)
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.postprocessor import StructuredLLMRerank
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import BaseModel

from cerebras_ext import CerebrasError, RateLimited
from tests.llama_index.support import CORE_WARNINGS
from tests.llama_index.test_example_documents import example_documents, example_nodes, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.server import RunningEmulator
    from llama_index_cerebras_ext import Cerebras

pytestmark = CORE_WARNINGS

SENTENCE = TextNode(text="Ann works at Acme. Acme is in Oslo.")


class Facts(BaseModel):
    """What a text is about."""

    subject: str


@pytest.mark.parametrize(
    ("extractor_cls", "key"),
    [
        (TitleExtractor, "document_title"),
        (SummaryExtractor, "section_summary"),
        (KeywordExtractor, "excerpt_keywords"),
        (QuestionsAnsweredExtractor, "questions_this_excerpt_can_answer"),
    ],
)
def test_a_pipeline_fills_metadata(extractor_cls: Any, key: str, llm: Cerebras) -> None:
    """§8: extractors in a pipeline, as users have them; every chunk gets its value."""
    pipeline = IngestionPipeline(
        transformations=[SentenceSplitter(chunk_size=300), extractor_cls(llm=llm)]
    )
    nodes = pipeline.run(documents=example_documents())
    assert len(nodes) >= len(example_documents())
    assert all(node.metadata[key] for node in nodes)


async def test_objects_are_extracted_as_metadata(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§6.1: core's function program, built past our methods."""
    program = FunctionCallingProgram.from_defaults(Facts, prompt_template_str="{text}", llm=llm)
    extractor = PydanticProgramExtractor(program=program, input_key="text")
    (metadata,) = await extractor.aextract([SENTENCE])
    assert metadata["subject"]
    assert cerebras_emulator.requests[0].body["tool_choice"] == "required"


@pytest.mark.timeout(120)
def test_worker_processes_ingest(
    make_llm: Callable[..., Cerebras],
    cerebras_emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """LI-09: with `num_workers` core pickles the model into processes of their own."""
    # splitters carry a tokenizer, which new processes would download
    bundled = Path(llama_index.core.__file__).parent / "_static" / "tiktoken_cache"
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(bundled))
    llm = make_llm(pickle_secret=True)
    pipeline = IngestionPipeline(
        transformations=[SentenceSplitter(chunk_size=300), SummaryExtractor(llm=llm)]
    )
    nodes = pipeline.run(documents=example_documents(), num_workers=2)
    assert {node.metadata["file_name"] for node in nodes} == {
        document.metadata["file_name"] for document in example_documents()
    }
    assert all(node.metadata["section_summary"] for node in nodes)
    assert len(cerebras_emulator.requests) == len(nodes)


def graph_of(extractor: Any, llm: Cerebras) -> list[tuple[str, str, str]]:
    """The triplets that an extractor finds in a sentence."""
    index = PropertyGraphIndex(
        nodes=[SENTENCE.model_copy(deep=True)],
        kg_extractors=[extractor],
        llm=llm,
        embed_kg_nodes=False,
        show_progress=False,
    )
    store: Any = index.property_graph_store
    return [
        (relation.source_id, relation.label, relation.target_id)
        for relation in store.graph.relations.values()
        if relation.label != "SOURCE"
    ]


TRIPLET = {
    "subject": {"name": "Ann", "type": "PERSON"},
    "relation": {"type": "WORKS_AT"},
    "object": {"name": "Acme", "type": "COMPANY"},
}


def test_graphs_are_extracted_from_text(llm: Cerebras, cerebras_emulator: RunningEmulator) -> None:
    """§8: by `apredict`, through core's runner."""
    cerebras_emulator.script({"content": "(Ann, works at, Acme)\n(Acme, is in, Oslo)"})
    triplets = graph_of(SimpleLLMPathExtractor(llm=llm), llm)
    assert sorted(triplets) == [("Acme", "Is in", "Oslo"), ("Ann", "Works at", "Acme")]


def test_graphs_are_extracted_dynamically(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§8: core's other text format."""
    named = {"head": "Ann", "head_type": "PERSON", "relation": "WORKS_AT", "tail": "Acme"}
    cerebras_emulator.script({"content": json.dumps([{**named, "tail_type": "COMPANY"}])})
    assert graph_of(DynamicLLMPathExtractor(llm=llm), llm) == [("Ann", "WORKS_AT", "Acme")]


def test_graphs_are_extracted_as_objects(llm: Cerebras, cerebras_emulator: RunningEmulator) -> None:
    """§6.1: by `astructured_predict`, on the native route; the answer is core's own class."""
    cerebras_emulator.script({"content": json.dumps({"triplets": [TRIPLET]})})
    extractor = SchemaLLMPathExtractor(
        llm=llm,
        possible_entities=Literal["PERSON", "COMPANY"],  # type: ignore[arg-type]
        possible_relations=Literal["WORKS_AT"],  # type: ignore[arg-type]
        strict=False,
    )
    assert graph_of(extractor, llm) == [("Ann", "WORKS_AT", "Acme")]
    assert cerebras_emulator.requests[0].body["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize("extractor_cls", [SimpleLLMPathExtractor, SchemaLLMPathExtractor])
def test_an_outage_is_not_an_empty_graph(
    extractor_cls: Any, make_llm: Callable[..., Cerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LI-64: graph extractors swallow ValueError, TypeError and AttributeError."""
    llm = make_llm(max_retries=0)
    cerebras_emulator.script({"status": 429, "times": 9})
    with pytest.raises(RateLimited):
        graph_of(extractor_cls(llm=llm), llm)


def test_the_dynamic_extractor_raises_when_told_to(
    make_llm: Callable[..., Cerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LI-64: core swallows every error here; one setting of its own shows them."""
    llm = make_llm(max_retries=0)
    cerebras_emulator.script({"status": 503, "times": 9})
    assert graph_of(DynamicLLMPathExtractor(llm=llm), llm) == []
    with pytest.raises(CerebrasError):
        graph_of(DynamicLLMPathExtractor(llm=llm, raise_on_error=True), llm)


def test_a_graph_is_queried(llm: Cerebras, cerebras_emulator: RunningEmulator) -> None:
    """§8: synonyms are asked for, the graph's sentence is found, and it answers."""
    cerebras_emulator.script(
        {"content": "(Ann, works at, Acme)"}, {"content": "Ann^Acme"}, {"content": "At Acme."}
    )
    index = PropertyGraphIndex(
        nodes=[SENTENCE.model_copy(deep=True)],
        kg_extractors=[SimpleLLMPathExtractor(llm=llm)],
        llm=llm,
        embed_kg_nodes=False,
    )
    engine = index.as_query_engine(llm=llm, include_text=True)
    assert str(engine.query("Where does Ann work?")) == "At Acme."
    assert "Ann works at Acme" in "".join(texts_of(cerebras_emulator.requests[-1]))


GRADES = {
    FaithfulnessEvaluator: ("YES", 1.0),
    RelevancyEvaluator: ("YES", 1.0),
    CorrectnessEvaluator: ("4.5\nGood.", 4.5),
    AnswerRelevancyEvaluator: ("Fine.\n[RESULT] 2", 1.0),
    ContextRelevancyEvaluator: ("Fine.\n[RESULT] 4", 1.0),
    GuidelineEvaluator: ('{"passing": true, "feedback": "Fine."}', 1.0),
    PairwiseComparisonEvaluator: ("[[C]] Both are.", 0.5),
}


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("evaluator_cls", GRADES)
async def test_evaluators_grade(
    evaluator_cls: Any, is_async: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§8: all of core's, sync and async."""
    text, score = GRADES[evaluator_cls]
    cerebras_emulator.script({"content": text, "times": 9})
    given: dict[str, Any] = {"query": "Capital?", "response": "Oslo.", "contexts": ["Oslo is it."]}
    if evaluator_cls is PairwiseComparisonEvaluator:
        given |= {"second_response": "Rome."}
    evaluator = evaluator_cls(llm=llm)
    graded = await evaluator.aevaluate(**given) if is_async else evaluator.evaluate(**given)
    assert graded.score == score
    assert graded.invalid_result is False


def test_a_reranker_reads_an_object(llm: Cerebras, cerebras_emulator: RunningEmulator) -> None:
    """§6.1: the structured reranker uses the native route."""
    answer = {"documents": [{"document_number": 2, "relevance": 9}]}
    cerebras_emulator.script({"content": json.dumps(answer)})
    nodes = [NodeWithScore(node=node, score=1.0) for node in example_nodes()[:3]]
    reranked = StructuredLLMRerank(llm=llm, top_n=1).postprocess_nodes(nodes, query_str="Limits?")
    assert [each.node.node_id for each in reranked] == [example_nodes()[1].node_id]
    assert "response_format" in cerebras_emulator.requests[0].body


@pytest.mark.parametrize("index_cls", [TreeIndex, KeywordTableIndex])
def test_indices_ask_the_model_while_they_are_built(index_cls: Any, llm: Cerebras) -> None:
    """§8: and again while they are queried."""
    documents = [Document(text="The capital of Norway is Oslo."), Document(text="Bergen is rainy.")]
    given: dict[str, Any] = {"num_children": 2} if index_cls is TreeIndex else {}
    index = index_cls.from_documents(documents, llm=llm, **given)
    assert "Oslo" in str(index.as_query_engine(llm=llm).query("What is the capital of Norway?"))
