"""What the documentation says about limits of core: each is as it says, for as long as it says.

A test that fails here means that core has moved on, and that the page can be shortened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core import Settings, SummaryIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.extractors import DocumentContextExtractor
from llama_index.core.llms import ChatMessage
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.schema import Document, NodeWithScore, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.tools import FunctionTool, QueryEngineTool
from llama_index.core.workflow import Context
from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticUserError

from cerebras_ext import BadRequest
from tests.llama_index.support import CORE_WARNINGS, chunk, events, last_chunk, reply, served
from tests.llama_index.test_contexts import can_dump_chats

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.server import RunningEmulator
    from llama_index_cerebras_ext import Cerebras

pytestmark = CORE_WARNINGS

PROMPT = PromptTemplate("?")
PERSON = '{"name": "Ann"}'


class Person(BaseModel):
    """A person."""

    name: str


def test_a_structured_llm_streams_no_completions() -> None:
    """§13: it says so itself."""
    llm, _ = served(reply({"content": PERSON}))
    with pytest.raises(NotImplementedError):
        llm.as_structured_llm(Person).stream_complete("?")


def test_cores_own_program_ends_a_stream_with_what_it_has() -> None:
    """§13: used past the model's methods, it takes a refusal for an object without values."""
    llm, _ = served(events(chunk({"content": "I would rather not."}), last_chunk()))
    program = FunctionCallingProgram.from_defaults(Person, prompt=PROMPT, llm=llm)
    *_, last = program.stream_call()
    assert not isinstance(last, Person)


class Answer(BaseModel):
    """An answer, under the name that core looks for."""

    answer: str


@pytest.mark.parametrize(
    ("output_cls", "text", "shown"),
    [
        (Person, PERSON, "Empty Response"),
        (Answer, '{"answer": "Ann"}', "Ann"),
    ],
)
@pytest.mark.parametrize("mode", [ResponseMode.REFINE, ResponseMode.COMPACT])
def test_streamed_refinement_wants_a_field_called_answer(
    mode: ResponseMode, output_cls: type[BaseModel], text: str, shown: str
) -> None:
    """§13: whatever the model says in other fields is dropped."""
    llm, _ = served(events(chunk({"content": text}), last_chunk()))
    synthesizer = get_response_synthesizer(
        llm=llm, response_mode=mode, output_cls=output_cls, streaming=True
    )
    response: Any = synthesizer.synthesize("Who?", [NodeWithScore(node=TextNode(text="Ann."))])
    assert str(response) == shown


def test_a_structured_llm_does_not_stream_through_engines() -> None:
    """§13: core reads the generator's own name as JSON."""
    llm, _ = served(events(chunk({"content": PERSON}), last_chunk()))
    structured = llm.as_structured_llm(Person)
    synthesizer = get_response_synthesizer(llm=structured, streaming=True)
    with pytest.raises(ValidationError, match="generator object"):
        synthesizer.synthesize("Who?", [NodeWithScore(node=TextNode(text="Ann."))])


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_function_call_that_is_none_says_what_came(is_async: bool) -> None:
    """§13, LI-41: core's own program wants a call; the error holds the model's words."""
    llm, _ = served(reply({"content": "I would rather not."}))
    program = FunctionCallingProgram.from_defaults(Person, prompt=PROMPT, llm=llm)
    with pytest.raises(ValueError, match="I would rather not"):
        await program.acall() if is_async else program()


@pytest.mark.parametrize(
    ("settings", "is_found"), [({}, False), ({"reasoning_format": "hidden"}, True)]
)
def test_the_context_extractor_reads_the_first_block(
    settings: dict[str, Any], is_found: bool
) -> None:
    """§8: with reasoning in front it finds no text, and gives up."""
    answer = {"content": "About cities."} if settings else {"reasoning": "Hm.", "content": "No."}
    llm, _ = served(reply(answer), **settings)
    store = SimpleDocumentStore()
    document = Document(text="Oslo is a city.", id_="d1")
    store.add_documents([document])
    node = TextNode(text="Oslo is a city.")
    node.relationships = {"1": document.as_related_node_info()}  # type: ignore[dict-item]
    (found,) = DocumentContextExtractor(store, llm=llm, max_retries=0).extract([node])
    assert bool(found.get("context")) is is_found


@pytest.mark.parametrize(
    ("name", "hiding", "refused"),
    [
        ("gpt-oss-120b", {"reasoning_format": "hidden"}, {"reasoning_effort": "none"}),
        ("qwen-3.8-27b", {"reasoning_effort": "none"}, {"reasoning_format": "hidden"}),
    ],
)
def test_each_model_hides_its_reasoning_in_its_own_way(
    name: str, hiding: dict[str, Any], refused: dict[str, Any], make_llm: Callable[..., Cerebras]
) -> None:
    """§8: which is what the context extractor needs; the other way is refused."""
    message = make_llm(model=name, **hiding).chat([ChatMessage(content="?")]).message
    assert [block.block_type for block in message.blocks] == ["text"]
    with pytest.raises(BadRequest, match="not supported by this model"):
        make_llm(model=name, **refused).chat([ChatMessage(content="?")])


@pytest.mark.parametrize("mode", [ResponseMode.ACCUMULATE, ResponseMode.COMPACT_ACCUMULATE])
def test_accumulated_answers_are_not_streamed(mode: ResponseMode, llm: Cerebras) -> None:
    """§8: core says so, when it is asked."""
    synthesizer = get_response_synthesizer(llm=llm, response_mode=mode, streaming=True)
    with pytest.raises(ValueError, match="Unable to stream"):
        synthesizer.synthesize("?", [NodeWithScore(node=TextNode(text="Ann."))])


@pytest.mark.parametrize("mode", [ResponseMode.NO_TEXT, ResponseMode.CONTEXT_ONLY])
def test_modes_that_ask_no_model_want_one_in_the_settings(
    mode: ResponseMode, llm: Cerebras, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§8: core makes their synthesizer without the model that it was given."""
    monkeypatch.setattr(Settings, "_llm", None)
    with pytest.raises(ImportError, match="llama-index-llms-openai"):
        get_response_synthesizer(llm=llm, response_mode=mode)
    monkeypatch.setattr(Settings, "_llm", llm)
    assert get_response_synthesizer(llm=llm, response_mode=mode)


def test_sub_questions_want_a_generator(llm: Cerebras) -> None:
    """§8: core's default is in a package of its own; its generator for any model is not."""
    engine = SummaryIndex([]).as_query_engine(llm=llm)
    tools = [QueryEngineTool.from_defaults(engine, name="facts", description="Knows.")]
    with pytest.raises(ImportError, match="llama-index-question-gen-openai"):
        SubQuestionQueryEngine.from_defaults(tools, llm=llm)
    generator = LLMQuestionGenerator.from_defaults(llm=llm)
    assert SubQuestionQueryEngine.from_defaults(tools, llm=llm, question_gen=generator)


def test_calling_tools_by_text_needs_its_parts() -> None:
    """LI-44: core passes None on for what the caller leaves out."""
    llm, _ = served(reply({"content": "Answer: x"}), is_function_calling_model=False)
    with pytest.raises(ValueError, match="validation error"):
        llm.predict_and_call([FunctionTool.from_defaults(str.upper, name="up")], user_msg="?")


@pytest.mark.skipif(can_dump_chats(), reason="this core can dump chats with this pydantic")
@pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key")
async def test_a_context_forgets_what_cannot_be_dumped(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-54: core leaves the memory out of the context, between runs as well."""
    cerebras_emulator.script({"content": "One."}, {"content": "Two."})
    agent: Any = FunctionAgent(tools=[], llm=llm)
    context = Context(agent)
    await agent.run(user_msg="First?", ctx=context)
    await agent.run(user_msg="Second?", ctx=context)
    roles = [each["role"] for each in cerebras_emulator.requests[1].body["messages"]]
    assert roles == ["user"]


def test_annotations_that_are_text_hide_the_context(llm: Cerebras) -> None:
    """§8: core then takes it for an argument that the model is to give."""

    async def note(ctx: Context, text: str) -> str:
        """Notes a text."""
        return text

    assert isinstance(note.__annotations__["ctx"], str)
    tool = FunctionTool.from_defaults(async_fn=note)
    with pytest.raises(PydanticUserError, match="not fully defined"):
        llm.chat_with_tools([tool], user_msg="?")
