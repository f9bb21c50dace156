"""Structured output: three methods, every kind of schema, whole and streamed (section 10)."""

from __future__ import annotations

import asyncio
import json
import pickle
from dataclasses import dataclass
from typing import Any

import langchain_core.exceptions
import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.tracers.base import BaseTracer
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel, Field, field_validator
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import TypedDict

from langchain_cerebras_ext.errors import StructuredOutputError, UnknownParameter, UnsupportedInput
from tests.langchain.support import Reply, chat, status_reply

METHODS = ["json_schema", "function_calling", "json_mode"]
VALUE = {"name": "Ann", "age": 7}


class Person(BaseModel):
    """A person."""

    name: str
    age: int = Field(default=0, description="In years.")


class PersonV1(BaseModelV1):
    """A person."""

    name: str
    age: int = 0


class PersonDict(TypedDict):
    """A person."""

    name: str
    age: int


@dataclass
class PersonData:
    """A person."""

    name: str
    age: int = 0


SCHEMA = {
    "title": "Person",
    "description": "A person.",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
}
UNTITLED = {key: value for key, value in SCHEMA.items() if key != "title"}
FUNCTION = {"name": "Person", "description": "A person.", "parameters": UNTITLED}
KINDS: dict[str, tuple[Any, Any]] = {
    "pydantic": (Person, Person(**VALUE)),
    "pydantic v1": (PersonV1, PersonV1(**VALUE)),
    "dataclass": (PersonData, PersonData(**VALUE)),
    "typed dict": (PersonDict, VALUE),
    "json schema": (SCHEMA, VALUE),
    "untitled json schema": (UNTITLED, VALUE),
    "function": (FUNCTION, VALUE),
}
RECURSIVE = {
    "title": "Tree",
    "type": "object",
    "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
    "$defs": {
        "Tree": {
            "type": "object",
            "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
        }
    },
}


def reply_with(text: str, method: str, *, name: str = "Person", **facts: Any) -> Reply:
    """A reply that gives this JSON the way a method asks for it."""
    if method == "function_calling":
        return Reply(calls=(("c1", name, text),), **{"finish_reason": "tool_calls", **facts})
    return Reply(content=text, **facts)


def name_of(kind: str) -> str:
    return {"dataclass": "PersonData", "untitled json schema": "answer"}.get(
        kind, getattr(KINDS[kind][0], "__name__", "Person")
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_reply_becomes_a_value_of_the_schema(kind: str, method: str) -> None:
    """LC-59: classes give instances, dicts and `TypedDict`s give dicts, by every method."""
    schema, value = KINDS[kind]
    reply = reply_with(json.dumps(VALUE), method, name=name_of(kind))
    model, _ = chat(reply)
    chain = model.with_structured_output(schema, method=method)
    assert chain.invoke("Ann is 7") == value
    assert asyncio.run(chain.ainvoke("Ann is 7")) == value


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_stream_gives_growing_dicts_or_one_instance(kind: str, method: str) -> None:
    """LC-63: dict schemas grow, classes come once at the end; sync and async alike."""
    schema, value = KINDS[kind]
    reply = reply_with(json.dumps(VALUE), method, name=name_of(kind))
    model, _ = chat(reply, merge_deltas=False)
    chain = model.with_structured_output(schema, method=method)

    async def collect() -> list[Any]:
        return [each async for each in chain.astream("Ann is 7")]

    streamed = list(chain.stream("Ann is 7"))
    assert streamed == asyncio.run(collect())
    assert streamed[-1] == value
    if isinstance(value, dict):
        assert len(streamed) > 2
        assert all(isinstance(each, dict) for each in streamed)
        assert streamed[0] == {"name": "An"}
    else:
        assert len(streamed) == 1


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("method", METHODS)
def test_reasoning_and_output_version_do_not_disturb(method: str, output_version: str) -> None:
    """LC-63: reasoning is no part of the value, in either format of messages."""
    given = reply_with(json.dumps(VALUE), method)
    reply = Reply(
        content=given.content,
        calls=given.calls,
        reasoning='{"name": "Bob"}',
        finish_reason=given.finish_reason,
    )
    model, _ = chat(reply, output_version=output_version)
    chain = model.with_structured_output(SCHEMA, method=method)
    assert chain.invoke("Ann is 7") == VALUE
    assert list(chain.stream("Ann is 7"))[-1] == VALUE


# ---- what is asked for


def test_default_is_a_strict_json_schema() -> None:
    """LC-57, LC-58: models that take a schema get it, inside the strict subset."""
    model, service = chat(reply_with(json.dumps(VALUE), "json_schema"))
    model.with_structured_output(Person).invoke("Ann is 7")
    asked = service.last["response_format"]["json_schema"]
    assert (asked["name"], asked["strict"], asked["description"]) == ("Person", True, "A person.")
    assert asked["schema"]["additionalProperties"] is False
    assert "tools" not in service.last


@pytest.mark.parametrize(
    "settings", [{"model_facts": {"supports_json_schema": False}}, {"schema": RECURSIVE}]
)
def test_default_falls_back_on_a_tool(settings: dict[str, Any]) -> None:
    """LC-57, design section 7: no schema support, or a schema that cannot be strict."""
    schema = settings.pop("schema", SCHEMA)
    name = schema["title"]
    model, service = chat(reply_with("{}", "function_calling", name=name), **settings)
    model.with_structured_output(schema).invoke("Ann is 7")
    assert service.last["tools"][0]["function"]["name"] == name
    assert service.last["tool_choice"]["function"]["name"] == name
    assert service.last["parallel_tool_calls"] is False
    assert "response_format" not in service.last


def test_json_mode_asks_for_any_object() -> None:
    """LC-58: `json_mode` sends no schema, and needs none."""
    model, service = chat(Reply(content='{"x": 1}'))
    assert model.with_structured_output(method="json_mode").invoke("JSON, please") == {"x": 1}
    assert service.last["response_format"] == {"type": "json_object"}
    assert model.with_structured_output().invoke("JSON, please") == {"x": 1}


@pytest.mark.parametrize(
    ("method", "strict", "sent"),
    [
        ("json_schema", None, True),
        ("json_schema", True, True),
        ("json_schema", False, False),
        ("function_calling", None, None),
        ("function_calling", True, True),
        ("function_calling", False, None),
    ],
)
def test_strict_is_the_users_to_choose(method: Any, strict: bool | None, sent: Any) -> None:
    """LC-56: every combination constructs, and says what it means on the wire."""
    model, service = chat(reply_with(json.dumps(VALUE), method))
    model.with_structured_output(Person, method=method, strict=strict).invoke("Ann is 7")
    asked = (
        service.last["response_format"]["json_schema"]
        if method == "json_schema"
        else service.last["tools"][0]["function"]
    )
    assert asked.get("strict") == sent


def test_strict_schema_that_cannot_be_says_so() -> None:
    """LC-52: asking for the impossible is an error with the reason, at once."""
    model, _ = chat(Reply(content="{}"))
    with pytest.raises(UnsupportedInput, match="strict=False"):
        model.with_structured_output(RECURSIVE, method="json_schema", strict=True)
    model.with_structured_output(RECURSIVE, method="json_schema")


def test_model_without_forced_choice_is_not_forced() -> None:
    """LC-58: rows without tool choice get the tool alone."""
    model, service = chat(
        reply_with(json.dumps(VALUE), "function_calling"),
        model_facts={"supports_tool_choice": False},
    )
    model.with_structured_output(Person, method="function_calling").invoke("Ann is 7")
    assert "tool_choice" not in service.last


@pytest.mark.parametrize("method", METHODS)
def test_trace_shows_the_users_schema(method: Any) -> None:
    """LC-58: `options` of the start callback name method and schema, not the fixed schema."""
    options: list[Any] = []

    class Tracer(BaseTracer):
        def _persist_run(self, run: Any) -> None:
            """Nothing is kept."""

        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> Any:
            options.append(kwargs["options"])
            return super().on_chat_model_start(*args, **kwargs)

    model, _ = chat(reply_with(json.dumps(VALUE), method))
    model.with_structured_output(Person, method=method).invoke("Hi", {"callbacks": [Tracer()]})
    shown = options[0]["ls_structured_output_format"]
    assert shown["schema"] == convert_to_json_schema(Person)
    assert shown["kwargs"]["method"] == method


def test_tools_beside_a_schema_only_where_the_model_takes_both() -> None:
    """LC-65: otherwise an error that explains the alternative."""
    tools = [{"name": "look", "parameters": {"type": "object", "properties": {}}}]
    model, _ = chat(Reply(content="{}"))
    with pytest.raises(UnsupportedInput, match="create_agent"):
        model.with_structured_output(Person, tools=tools)
    calling = Reply(calls=(("c1", "look", "{}"),), finish_reason="tool_calls")
    able, service = chat(
        calling,
        reply_with(json.dumps(VALUE), "json_schema"),
        model_facts={"takes_tools_with_response_format": True},
    )
    chain = able.with_structured_output(Person, tools=tools, include_raw=True)
    first = chain.invoke("Hi")
    assert (first["parsed"], first["parsing_error"]) == (None, None)
    assert first["raw"].tool_calls[0]["name"] == "look"
    assert chain.invoke("Hi")["parsed"] == Person(**VALUE)
    assert {"tools", "response_format"} <= service.last.keys()


def test_unknown_option_names_the_nearest() -> None:
    """LC-21: kwargs are options of the call."""
    model, service = chat(Reply(content="{}"))
    with pytest.raises(UnknownParameter, match="temperature"):
        model.with_structured_output(Person, temprature=1)
    model.with_structured_output(SCHEMA, temperature=0.5).invoke("Hi")
    assert service.last["temperature"] == 0.5


@pytest.mark.parametrize(
    ("schema", "method"), [(3, None), ({"type": "object"}, "xml"), (None, "json_schema")]
)
def test_impossible_request_says_so(schema: Any, method: Any) -> None:
    """Bad input: the error names what is wrong and what is known."""
    with pytest.raises(UnsupportedInput, match=r"schema|method"):
        chat(Reply())[0].with_structured_output(schema, method=method)


# ---- replies that are not what was asked for

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
