"""What counts as a tool, and what is made of it (LC-49, LC-50)."""

from __future__ import annotations

import functools
import operator
from typing import Any

import pytest
from langchain_core.tools import StructuredTool, tool
from pydantic import BaseModel
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import TypedDict

from langchain_cerebras_ext.errors import UnsupportedInput
from tests.langchain.support import Reply, chat

HI = Reply(content="Hi")
INNER = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
SELVES = {"type": "array", "items": {"$ref": "#"}}


def sent_for(given: Any, **options: Any) -> dict[str, Any]:
    """The function that travels for a tool."""
    model, service = chat(HI)
    model.bind_tools([given], **options).invoke("Hi")
    (sent,) = service.last["tools"]
    function: dict[str, Any] = sent["function"]
    return function


def add(a: int, b: int) -> int:
    """Adds two numbers.

    Args:
        a: The first.
        b: The second.
    """
    return a + b


class Adder:
    """Knows how to add."""

    def __call__(self, a: int) -> int:
        """Adds one."""
        return a + 1


class TreeDict(TypedDict):
    """A tree."""

    children: list[TreeDict]


class Tree(BaseModel):
    """A tree."""

    children: list[Tree] = []


class TreeV1(BaseModelV1):
    """A tree."""

    children: list[TreeV1] = []


TreeV1.update_forward_refs()


def plant(tree: Tree) -> None:
    """Plants a tree."""


@pytest.mark.parametrize(
    "given",
    [
        {"name": "x", "description": "X.", "input_schema": INNER},
        {"type": "custom", "name": "x", "description": "X.", "input_schema": INNER},
        {"type": "function", "name": "x", "description": "X.", "parameters": INNER},
        {"name": "x", "description": "X.", "inputSchema": INNER},
        {"name": "x", "description": "X.", "schema": INNER},
        {"name": "x", "description": "X.", **INNER},
        {"toolSpec": {"name": "x", "description": "X.", "inputSchema": {"json": INNER}}},
        {"title": "x", "description": "X.", "$ref": "#/$defs/I", "$defs": {"I": INNER}},
    ],
)
def test_dict_of_any_provider_is_sent_whole(given: dict[str, Any]) -> None:
    """LC-49: name, description and schema travel, wherever a provider puts them."""
    sent = sent_for(given)
    assert (sent["name"], sent["description"]) == ("x", "X.")
    assert sent["parameters"].items() >= INNER.items()


def test_flat_tool_keeps_its_strict() -> None:
    """LC-52: the Responses API's form says `strict` beside the name."""
    flat = {"type": "function", "name": "x", "parameters": INNER, "strict": True}
    assert sent_for(flat)["strict"] is True


@pytest.mark.parametrize(
    "words",
    [
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "patternProperties": {"^a": {"type": "integer"}}},
        {"anyOf": [INNER, {"type": "object", "properties": {"b": {"type": "string"}}}]},
        {"allOf": [{"$ref": "#/$defs/I"}], "$defs": {"I": INNER}},
        {"$ref": "#/$defs/I", "required": ["b"], "$defs": {"I": INNER}},
    ],
)
def test_schema_without_properties_is_sent_as_it_is_meant(words: dict[str, Any]) -> None:
    """LC-49: arguments are described by more than `properties`."""
    for given in ({"title": "x", **words}, {"name": "x", "parameters": words}):
        assert sent_for(given)["parameters"].items() >= {"type": "object", **words}.items()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"type": "web_search_20250305", "name": "web_search", "max_uses": 3}, "built into"),
        ({"type": "bash_20250124", "name": "bash"}, "built into"),
        ({"type": "computer_20250124", "name": "computer"}, "built into"),
        ({"type": "text_editor_20250728", "name": "edit"}, "built into"),
        ({"type": "custom", "name": "free_text"}, "built into"),
        ({"google_search": {}}, "no name"),
        ({"title": "x", "type": "array", "items": {"type": "integer"}}, "'array'"),
        ({"name": "x", "parameters": [INNER]}, "list"),
        (operator.itemgetter(1), "itemgetter"),
    ],
)
def test_what_cannot_be_a_function_says_why(given: Any, problem: str) -> None:
    """LC-49: nothing that another service runs becomes a function without arguments."""
    with pytest.raises(UnsupportedInput, match=problem):
        chat(HI)[0].bind_tools([given])


@pytest.mark.parametrize(
    ("given", "name", "description", "arguments"),
    [
        (functools.partial(add, 1), "add", "Adds two numbers.", {"b"}),
        (Adder(), "Adder", "Adds one.", {"a"}),
        (Adder().__call__, "__call__", "Adds one.", {"a"}),
    ],
)
def test_whatever_has_a_signature_is_a_tool(
    given: Any, name: str, description: str, arguments: set[str]
) -> None:
    """LC-49: partial functions and instances that can be called need no name of their own."""
    sent = sent_for(given)
    assert (sent["name"], sent["description"]) == (name, description)
    assert sent["parameters"]["properties"].keys() == arguments


@pytest.mark.parametrize("given", [TreeDict, Tree, TreeV1, plant, tool(plant)])
def test_what_contains_itself_keeps_its_definitions(given: Any) -> None:
    """LC-49: classes and functions alike; core's converter would lose the inner shape, or fail."""
    parameters = sent_for(given)["parameters"]
    (definition,) = parameters.get("$defs", parameters.get("definitions")).values()
    assert definition["properties"]["children"]["items"].keys() == {"$ref"}
    assert parameters["properties"]


def test_root_that_contains_itself_is_said_to() -> None:
    """LC-49: `#` is a reference like any other, as MCP servers write it."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "children": SELVES}}
    given = StructuredTool(name="plant", description="Plants.", args_schema=schema, func=plant)
    assert sent_for(given)["parameters"] == schema


@pytest.mark.parametrize("given", [{"name": "x"}, add, None, "add", tool(add), Tree])
def test_tools_that_are_no_list_say_so(given: Any) -> None:
    """Bad input: the error says what to give."""
    model, _ = chat(HI, model_facts={"takes_tools_with_response_format": True})
    with pytest.raises(UnsupportedInput, match="give a list"):
        model.bind_tools(given)
    if given is not None:
        with pytest.raises(UnsupportedInput, match="give a list"):
            model.with_structured_output({"title": "x", **INNER}, tools=given)


def test_two_tools_of_one_name_say_so() -> None:
    """Bad input: a call could not be told from one of the other."""
    bound = chat(HI)[0].bind_tools([add, {"name": "add"}])  # the standard tests bind such
    with pytest.raises(UnsupportedInput, match="'add'"):
        bound.invoke("Hi")


def test_same_tool_twice_is_sent_once() -> None:
    """LC-49: lists put together from several places may overlap."""
    model, service = chat(HI)
    model.bind_tools([add, Tree, add]).invoke("Hi")
    assert [each["function"]["name"] for each in service.last["tools"]] == ["add", "Tree"]


@pytest.mark.parametrize(
    ("word", "sent"), [("any", "required"), ("auto", "auto"), ("none", "none")]
)
def test_tool_choice_in_the_form_of_anthropic(word: str, sent: str) -> None:
    """LC-50: the words come in a dict there."""
    model, service = chat(HI)
    model.bind_tools([add], tool_choice={"type": word}).invoke("Hi")
    assert service.last["tool_choice"] == sent
