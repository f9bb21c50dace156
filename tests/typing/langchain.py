"""Types of the public names of `langchain_cerebras_ext`, for the type checkers to prove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from langchain_core.language_models import ModelProfile
from langchain_core.language_models.chat_model_stream import ChatModelStream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import LLMResult
from pydantic import BaseModel, SecretStr

from langchain_cerebras_ext import CerebrasLLM, ChatCerebras, errors, register_with_langchain

if TYPE_CHECKING:
    from langchain_core.exceptions import ModelError, OutputParserException

    from cerebras_ext.errors import CerebrasError, RateLimited, StatusError


class City(BaseModel):
    """An output class."""

    name: str


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


model = ChatCerebras(
    model="m",
    api_key=SecretStr("k"),
    temperature=0.5,
    max_tokens=10,
    stop=["a"],
    timeout={"connect_s": 5.0},
    reasoning_effort="low",
    model_facts={"context_window": 131_072},
)
assert_type(model.invoke("?"), AIMessage)
assert_type(next(iter(model.stream("?"))), AIMessageChunk)
assert_type(model.stream_events("?", version="v3"), ChatModelStream)
assert_type(model.bind_tools([add, City, {"name": "x"}], tool_choice="any").invoke("?"), AIMessage)
assert_type(model.with_structured_output(City, include_raw=True).invoke("?"), Any)
assert_type(model.profile, ModelProfile | None)
assert_type(model.temperature, float | None)
assert_type(model.model_copy(update={"temperature": 1.0}), ChatCerebras)
assert_type(model.get_num_tokens("?"), int)
assert_type(model.warm_up(), None)
assert_type(register_with_langchain(), None)


async def native() -> None:
    """Async calls."""
    assert_type(await model.ainvoke("?"), AIMessage)
    async for chunk in model.astream("?"):
        assert_type(chunk, AIMessageChunk)
    assert_type(await model.awarm_up(), None)


llm = CerebrasLLM(model="m", api_key=SecretStr("k"), logprobs=3, max_concurrent_prompts=2)
assert_type(llm.invoke("?"), str)
assert_type(llm.generate(["?"]), LLMResult)

limited: type[RateLimited] = errors.RateLimited
both_trees: list[type[CerebrasError]] = [errors.ConfigError, errors.ServerError, errors.TimedOut]
also: list[type[ModelError]] = [errors.ConfigError, errors.ServerError, errors.TimedOut]
unparsed: type[OutputParserException] = errors.StructuredOutputError


def handle(error: errors.BadRequest) -> None:
    """Fields of both trees."""
    as_status: StatusError = error
    assert_type(as_status.code, str | None)
    assert_type(error.is_retryable, bool)
    assert_type(error.response, errors.ErrorResponse)


def handle_output(error: errors.StructuredOutputError) -> None:
    """The reply is on the error."""
    assert_type(error.raw_message, BaseMessage)
