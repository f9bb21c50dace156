"""Structured output: three methods, every kind of schema, whole and streamed (section 10)."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NotRequired, Required

import pytest
from langchain_core.tracers.base import BaseTracer
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel, RootModel, TypeAdapter
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import TypedDict

from langchain_cerebras_ext.errors import StructuredOutputError, UnknownParameter, UnsupportedInput
from tests.langchain.schemas import METHODS, VALUE, Person, reply_with
from tests.langchain.support import Reply, chat


class PersonV1(BaseModelV1):
    """A person."""

    name: str
    age: int = 0


class PersonDict(TypedDict):
    """A person."""

    name: str
    age: int


class PartialDict(TypedDict, total=False):
    """A person."""

    name: Required[str]
    age: NotRequired[int]


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
ABOUT = {"name": "Person", "description": "A person."}
FUNCTION = {**ABOUT, "parameters": UNTITLED}
FORMAT = {**ABOUT, "strict": True, "schema": UNTITLED}
KINDS: dict[str, tuple[Any, Any]] = {
    "pydantic": (Person, Person(**VALUE)),
    "pydantic v1": (PersonV1, PersonV1(**VALUE)),
    "dataclass": (PersonData, PersonData(**VALUE)),
    "typed dict": (PersonDict, VALUE),
    "typed dict with marks": (PartialDict, VALUE),
    "json schema": (SCHEMA, VALUE),
    "untitled json schema": (UNTITLED, VALUE),
    "function": (FUNCTION, VALUE),
    "tool": ({"type": "function", "function": FUNCTION}, VALUE),
    "anthropic tool": ({**ABOUT, "input_schema": UNTITLED}, VALUE),
    "response format": ({"type": "json_schema", "json_schema": FORMAT}, VALUE),
    "body of a response format": (FORMAT, VALUE),
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


@pytest.mark.parametrize("kind", KINDS)
def test_schema_in_any_form_is_sent_whole(kind: str) -> None:
    """LC-59: whichever way it is written down, name, description and properties travel."""
    model, service = chat(reply_with(json.dumps(VALUE), "json_schema"))
    model.with_structured_output(KINDS[kind][0], method="json_schema").invoke("Ann is 7")
    sent = service.last["response_format"]["json_schema"]
    assert sent["name"] == name_of(kind)
    if kind == "dataclass":  # older releases of pydantic leave its description out
        expected = TypeAdapter(PersonData).json_schema().get("description")
    else:
        expected = "A person."
    assert sent.get("description") == expected
    assert sent["schema"]["properties"].keys() == {"name", "age"}


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
        assert all(one != next_one for one, next_one in pairwise(streamed))
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


class Branch(BaseModel):
    """A tree."""

    name: str
    branches: list[Branch] = []


class Forest(BaseModel):
    """Trees."""

    trees: list[Branch]


@pytest.mark.parametrize("schema", [Branch, Forest, RECURSIVE, Forest.model_json_schema()])
def test_what_contains_itself_is_said_to(schema: Any) -> None:
    """LC-59: core's converter loses the inner shape; here its definitions go along, in a tool."""
    model, service = chat(Reply())
    with suppress(StructuredOutputError):  # the request is what counts
        model.with_structured_output(schema).invoke("Hi")
    sent = service.last["tools"][0]["function"]["parameters"]
    assert sent["type"] == "object"
    assert sent["properties"].keys() & {"branches", "trees", "children"}
    (name,) = sent["$defs"]
    assert f"#/$defs/{name}" in json.dumps(sent["properties"])
    assert f"#/$defs/{name}" in json.dumps(sent["$defs"])


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


@pytest.mark.parametrize(
    ("fact", "field"),
    [
        ("supports_tool_choice", "tool_choice"),
        ("supports_parallel_tool_calls", "parallel_tool_calls"),
    ],
)
def test_model_is_not_sent_what_it_refuses(fact: str, field: str) -> None:
    """LC-58: rows without forced choice, or without the parallel switch, do without."""
    answer = reply_with(json.dumps(VALUE), "function_calling")
    for is_supported in (True, False):
        model, service = chat(answer, model_facts={fact: is_supported})
        model.with_structured_output(Person, method="function_calling").invoke("Ann is 7")
        assert (field in service.last) is is_supported


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


def test_method_follows_the_model_of_the_call() -> None:
    """LC-57: a model named beside the schema is the one whose row decides."""
    model, _ = chat(Reply())
    for name, takes_switch in (("qwen-3.8-27b", True), ("llama3.1-8b", False)):
        chain: Any = model.with_structured_output(Person, method="function_calling", model=name)
        assert ("parallel_tool_calls" in chain.first.kwargs) is takes_switch


def test_unknown_option_names_the_nearest() -> None:
    """LC-21: kwargs are options of the call."""
    model, service = chat(Reply(content="{}"))
    with pytest.raises(UnknownParameter, match="temperature"):
        model.with_structured_output(Person, temprature=1)
    model.with_structured_output(SCHEMA, temperature=0.5).invoke("Hi")
    assert service.last["temperature"] == 0.5


@pytest.mark.parametrize(
    ("schema", "method"),
    [
        (3, None),
        (int, None),
        (RootModel[list[int]], None),
        ({"title": "Numbers", "type": "array", "items": {"type": "integer"}}, "function_calling"),
        ({"type": "object"}, "xml"),
        (None, "json_schema"),
    ],
)
def test_impossible_request_says_so(schema: Any, method: Any) -> None:
    """Bad input: the error names what is wrong and what is known."""
    with pytest.raises(UnsupportedInput, match=r"schema|method"):
        chat(Reply())[0].with_structured_output(schema, method=method)
