"""Schemas of every shape, and when they can be strict (LC-57, LC-59)."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, RootModel
from typing_extensions import TypedDict

from langchain_cerebras_ext.errors import StructuredOutputError, UnsupportedInput
from tests.langchain.schemas import reply_with
from tests.langchain.support import Reply, chat

INNER = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
SCORES = {"type": "object", "additionalProperties": {"type": "integer"}}
EITHER = {"anyOf": [INNER, {"type": "object", "properties": {"b": {"type": "string"}}}]}
PATTERN = {"type": "object", "patternProperties": {"^a": {"type": "integer"}}}


class TreeDict(TypedDict):
    """A tree."""

    children: list[TreeDict]


@dataclass
class TreeData:
    """A tree."""

    children: list[TreeData]


class Tree(BaseModel):
    """A tree."""

    children: list[Tree]


def in_every_form(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The ways to give a schema."""
    body = {"name": "answer", "schema": schema}
    return [
        schema,
        {"title": "answer", **schema},
        {"name": "answer", "parameters": schema},
        body,
        {"type": "json_schema", "json_schema": body},
    ]


@pytest.mark.parametrize("schema", [SCORES, EITHER, PATTERN, {"type": "object"}])
def test_schema_that_cannot_be_strict_is_sent_as_it_is_meant(schema: dict[str, Any]) -> None:
    """LC-59: it stays what it is, in a tool or as a response format that is not strict."""
    for given in in_every_form(schema):
        model, service = chat(reply_with('{"a": 1}', "function_calling", name="answer"))
        assert model.with_structured_output(given).invoke("Hi") == {"a": 1}
        assert service.last["tools"][0]["function"]["parameters"].items() >= schema.items()
        model, service = chat(Reply(content='{"a": 1}'))
        model.with_structured_output(given, method="json_schema").invoke("Hi")
        asked = service.last["response_format"]["json_schema"]
        assert asked["strict"] is False
        assert asked["schema"] == {"type": "object", **schema}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/I", "$defs": {"I": INNER}},
        {"allOf": [{"$ref": "#/$defs/I"}], "$defs": {"I": INNER}},
        {"properties": INNER["properties"], "required": ["a"]},
    ],
)
def test_schema_that_says_what_it_means_elsewhere_is_made_fit(schema: dict[str, Any]) -> None:
    """LC-57: references and parts are no obstacle to strict mode."""
    for given in in_every_form(schema):
        model, service = chat(Reply(content='{"a": 1}'))
        assert model.with_structured_output(given).invoke("Hi") == {"a": 1}
        asked = service.last["response_format"]["json_schema"]
        assert asked["strict"] is True
        assert asked["schema"] == {**INNER, "additionalProperties": False}


def test_class_of_any_keys_is_sent_as_it_is_meant() -> None:
    """LC-59: of a class too."""
    model, service = chat(
        reply_with('{"a": 1}', "function_calling", name="RootModel[dict[str, int]]")
    )
    with suppress(StructuredOutputError):  # the request is what counts
        model.with_structured_output(RootModel[dict[str, int]]).invoke("Hi")
    assert service.last["tools"][0]["function"]["parameters"].items() >= SCORES.items()


@pytest.mark.parametrize("schema", [TreeDict, TreeData, Tree])
def test_class_that_contains_itself_is_sent_whole(schema: Any) -> None:
    """LC-59: whichever kind of class it is."""
    model, service = chat(Reply())
    with suppress(StructuredOutputError):  # the request is what counts
        model.with_structured_output(schema).invoke("Hi")
    sent = service.last["tools"][0]["function"]
    assert sent["name"] == schema.__name__
    assert sent["parameters"]["properties"].keys() == {"children"}
    assert f"#/$defs/{schema.__name__}" in json.dumps(sent["parameters"]["properties"])


@pytest.mark.parametrize("method", [None, "json_schema", "function_calling"])
@pytest.mark.parametrize("schema", [Tree, SCORES])
def test_impossible_strictness_is_an_error_at_once(schema: Any, method: Any) -> None:
    """LC-52: what is known when the chain is made is said then, by whichever method."""
    with pytest.raises(UnsupportedInput, match="strict=False"):
        chat(Reply())[0].with_structured_output(schema, method=method, strict=True)


def test_json_mode_holds_nothing_to_the_schema() -> None:
    """LC-58: the schema is not sent, so it need not be fit for strict mode."""
    model, _ = chat(Reply(content='{"children": []}'))
    chain = model.with_structured_output(Tree, method="json_mode", strict=True)
    assert chain.invoke("Hi") == Tree(children=[])
