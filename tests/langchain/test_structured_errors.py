"""Replies that are not what a schema asks for (LC-60 to LC-64)."""

from __future__ import annotations

import json
import pickle
from typing import Any

import langchain_core.exceptions
import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation
from pydantic import BaseModel, field_validator

from langchain_cerebras_ext._structured import StructuredOutputParser
from langchain_cerebras_ext._target import target_of
from langchain_cerebras_ext.errors import StructuredOutputError
from tests.langchain.schemas import METHODS, VALUE, Person, reply_with
from tests.langchain.support import Reply, chat, status_reply

BROKEN: dict[str, dict[str, Any]] = {
    "truncated": {"text": '{"name": "An', "finish_reason": "length"},
    "whole but cut by the limit": {"text": '{"name": "An"}', "finish_reason": "length"},
    "unfinished": {"text": '{"name": "An'},
    "not JSON": {"text": "Ann, aged 7"},
    "array": {"text": "[1, 2]"},
    "wrong type": {"text": '{"name": "Ann", "age": "old"}'},
    "missing field": {"text": '{"age": 7}'},
}


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", BROKEN)
def test_broken_reply_is_an_error_with_the_reply_on_it(
    kind: str, method: Any, is_streamed: bool
) -> None:
    """LC-61: final parsing is strict; nothing unfinished becomes a value."""
    facts = dict(BROKEN[kind])
    model, _ = chat(reply_with(facts.pop("text"), method, **facts))
    chain = model.with_structured_output(Person, method=method)
    with pytest.raises(OutputParserException) as caught:
        list(chain.stream("Hi")) if is_streamed else chain.invoke("Hi")
    assert isinstance(caught.value, StructuredOutputError)
    assert isinstance(caught.value.raw_message, AIMessage)


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", BROKEN)
def test_include_raw_never_raises_for_a_reply(kind: str, method: Any, is_streamed: bool) -> None:
    """LC-60: whatever is wrong with a reply is a value."""
    facts = dict(BROKEN[kind])
    model, _ = chat(reply_with(facts.pop("text"), method, **facts))
    chain = model.with_structured_output(Person, method=method, include_raw=True)
    if is_streamed:
        first, *others = chain.stream("Hi")
        for each in others:
            first = first + each
        result = first
    else:
        result = chain.invoke("Hi")
    assert result.keys() == {"raw", "parsed", "parsing_error"}
    assert result["parsed"] is None
    assert isinstance(result["parsing_error"], OutputParserException)
    assert isinstance(result["raw"], AIMessage)


def test_truncation_names_the_token_limit() -> None:
    """LC-61: the advice is about the cap."""
    model, _ = chat(reply_with('{"name": "An', "json_schema", finish_reason="length"))
    with pytest.raises(StructuredOutputError, match="max_tokens"):
        model.with_structured_output(Person).invoke("Hi")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(content="I would rather chat."), "but text"),
        (Reply(content=""), "but nothing"),
        (Reply(calls=(("c1", "other", "{}"),), finish_reason="tool_calls"), "calls 'other'"),
    ],
)
def test_missing_call_is_an_error_not_none(reply: Reply, words: str) -> None:
    """LC-62: no call of the tool is an error that says what came instead."""
    chain = chat(reply)[0].with_structured_output(Person, method="function_calling")
    with pytest.raises(StructuredOutputError, match=words):
        chain.invoke("Hi")


def test_any_exception_of_the_users_class_is_kept_as_a_value() -> None:
    """LC-60: even a validator that fails in its own way."""

    class Picky(BaseModel):
        name: str

        @field_validator("name")
        @classmethod
        def _never(cls, name: str) -> str:
            raise KeyError(name)

    model, _ = chat(Reply(content='{"name": "Ann"}'))
    result = model.with_structured_output(Picky, include_raw=True).invoke("Hi")
    assert isinstance(result["parsing_error"], StructuredOutputError)


def test_transport_errors_still_raise_with_include_raw() -> None:
    """LC-60: without a reply there is nothing to return."""
    model, _ = chat(status_reply(500, message="down"))
    with pytest.raises(langchain_core.exceptions.ModelAPIError):
        model.with_structured_output(Person, include_raw=True).invoke("Hi")


@pytest.mark.parametrize("method", METHODS)
def test_refusal_is_its_own_error(method: Any) -> None:
    """LC-64: `ModelRefusalError` where core has it, else an error that says so."""
    expected = getattr(langchain_core.exceptions, "ModelRefusalError", StructuredOutputError)
    model, _ = chat(Reply(refusal="I cannot."))
    with pytest.raises(expected, match="I cannot"):
        model.with_structured_output(Person, method=method).invoke("Hi")


def test_include_raw_streams_the_reply_as_it_comes() -> None:
    """LC-63: chunks of the reply first, the outcome last."""
    model, _ = chat(Reply(content=json.dumps(VALUE)), merge_deltas=False)
    parts = list(model.with_structured_output(Person, include_raw=True).stream("Hi"))
    assert all(part.keys() == {"raw"} for part in parts[:-1])
    assert parts[-1] == {"parsed": Person(**VALUE), "parsing_error": None}


@pytest.mark.parametrize("include_raw", [False, True])
def test_chain_pickles(include_raw: bool) -> None:
    """Reliability contract 5.5: chains travel to other processes."""
    model, _ = chat(Reply(content=json.dumps(VALUE)), pickle_secret=True)
    chain = model.with_structured_output(Person, include_raw=include_raw)
    assert type(pickle.loads(pickle.dumps(chain))) is type(chain)


def test_structured_output_error_pickles() -> None:
    """Reliability contract 5.5: errors keep type, text and fields."""
    error = StructuredOutputError("no", raw_message=AIMessage("x"), llm_output="x")
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is StructuredOutputError
    assert (str(copied), copied.raw_message, copied.llm_output) == (
        str(error),
        error.raw_message,
        error.llm_output,
    )


async def test_include_raw_streams_alike_in_async() -> None:
    """LC-63: the async twin of a chain with the reply beside its value."""
    model, _ = chat(Reply(content=json.dumps(VALUE)), merge_deltas=False)
    chain = model.with_structured_output(Person, include_raw=True)
    parts = [part async for part in chain.astream("Hi")]
    assert all(part.keys() == {"raw"} for part in parts[:-1])
    assert parts[-1] == {"parsed": Person(**VALUE), "parsing_error": None}
    assert (await chain.ainvoke("Hi"))["parsed"] == Person(**VALUE)


def test_parser_takes_plain_text_too() -> None:
    """The parser is a LangChain output parser: texts, generations, partial ones."""
    parser = StructuredOutputParser(target=target_of(Person), method="json_schema")
    text = json.dumps(VALUE)
    assert parser.invoke(text) == Person(**VALUE)
    assert parser.parse_result([Generation(text=text)]) == Person(**VALUE)
    cut = [ChatGeneration(message=AIMessage('{"name": "An'))]
    assert parser.parse_result(cut, partial=True) == {"name": "An"}
    assert list(parser.transform(iter([text[:5], text[5:]]))) == [Person(**VALUE)]
    assert list(parser.transform(iter([]))) == []


def test_whole_message_in_a_stream_is_parsed_too() -> None:
    """LC-10: with `streaming=False` a stream is one whole message."""
    model, _ = chat(Reply(content=json.dumps(VALUE)), streaming=False)
    assert list(model.with_structured_output(Person).stream("Hi")) == [Person(**VALUE)]


def test_every_problem_of_a_reply_is_counted() -> None:
    """The error names the first problem and says how many more there are."""
    model, _ = chat(Reply(content='{"name": 1, "age": "x"}'))
    with pytest.raises(StructuredOutputError, match=r"name: .* \(and 1 more\)"):
        model.with_structured_output(Person).invoke("Hi")
