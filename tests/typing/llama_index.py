"""Types of the public names of `llama_index_cerebras_ext`, for the type checkers to prove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel, SecretStr

from cerebras_ext import Timeouts
from llama_index_cerebras_ext import (
    Cerebras,
    EmptyOutput,
    InvalidOutput,
    InvalidToolArguments,
    StructuredOutputError,
    TruncatedOutput,
    register_with_llama_index,
)
from llama_index_cerebras_ext.testing import Answer, LLMConformance

if TYPE_CHECKING:
    from llama_index.core.llms.llm import ToolSelection


class City(BaseModel):
    """An output class."""

    name: str


llm = Cerebras(model="m", api_key=SecretStr("k"), timeout=Timeouts(total_s=5), stop=["a"])
messages = [ChatMessage(content="?")]

assert_type(llm.chat(messages), ChatResponse)
assert_type(llm.stream_chat(messages), ChatResponseGen)
assert_type(llm.complete("?"), CompletionResponse)
assert_type(llm.stream_complete("?"), CompletionResponseGen)
assert_type(llm.metadata, LLMMetadata)
assert_type(llm.temperature, float | None)
assert_type(llm.structured_predict(City, PromptTemplate("?")), City)
assert_type(register_with_llama_index(), None)

errors: list[type[ValueError]] = [
    EmptyOutput,
    InvalidOutput,
    InvalidToolArguments,
    StructuredOutputError,
    TruncatedOutput,
]


class TestMine(LLMConformance):
    """The conformance suite, for a model of ours."""

    def make_llm(self, *answers: Answer, **settings: Any) -> Cerebras:
        return Cerebras(model="m", **settings)


assert_type(Answer("Hi", calls=(("greet", {"name": "Ann"}),)).text, str)


async def calls() -> None:
    """The async endpoints."""
    assert_type(await llm.achat(messages), ChatResponse)
    assert_type(await llm.astream_chat(messages), ChatResponseAsyncGen)
    assert_type(await llm.acomplete("?"), CompletionResponse)
    assert_type(await llm.astream_complete("?"), CompletionResponseAsyncGen)
    assert_type(await llm.astructured_predict(City, PromptTemplate("?")), City)


def selections(response: ChatResponse) -> list[ToolSelection]:
    """Tool calls are typed."""
    return llm.get_tool_calls_from_response(response)
