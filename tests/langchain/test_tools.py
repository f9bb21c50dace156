"""Tools, their choice, and response formats (section 9)."""

from __future__ import annotations

import json
from typing import Any, NotRequired, Required

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import BaseTool, tool
from pydantic import BaseModel, Field
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import TypedDict

from langchain_cerebras_ext.errors import (
    UnknownParameter,
    UnsupportedInput,
)
from tests.langchain.paths import PATHS
from tests.langchain.support import QUIET_BETA, Reply, chat

pytestmark = QUIET_BETA

HI = Reply(content="Hi")
CALL_PATHS = [path for path in PATHS if "listener" not in path]


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@tool
def adder(a: int) -> int:
    """Adds one."""
    return a + 1


class Add(BaseModel):
    """Adds two numbers."""

    a: int = Field(description="first")


class AddV1(BaseModelV1):
    """Adds two numbers."""

    a: int


class AddDict(TypedDict):
    """Adds two numbers."""

    a: int


class PartialDict(TypedDict, total=False):
    """Adds, maybe."""

    a: Required[int]
    b: NotRequired[int]


PARAMETERS = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize(
    "given",
    [
        add,
        adder,
        Add,
        AddV1,
        AddDict,
        PartialDict,
        {"type": "function", "function": {"name": "x", "parameters": PARAMETERS}},
        {"name": "x", "parameters": PARAMETERS},
        {"title": "x", **PARAMETERS},
        {"name": "x", "input_schema": PARAMETERS, "cache_control": {"type": "ephemeral"}},
    ],
    ids=lambda given: str(getattr(given, "__name__", type(given).__name__)),
)
def test_tool_in_any_form_is_a_function_on_the_wire(given: Any) -> None:
    """LC-49: everything `convert_to_openai_tool` takes, reduced to the wire's closed schema."""
    model, service = chat(HI)
    bound = model.bind_tools([given])
    assert isinstance(bound, RunnableBinding)
    bound.invoke("Hi")
    (sent,) = service.last["tools"]
    assert sent["type"] == "function"
    assert sent["function"].keys() <= {"name", "description", "parameters", "strict"}
    assert "a" in sent["function"]["parameters"]["properties"]


class Node(BaseModel):
    """A tree."""

    name: str
    children: list[Node] = []


@tool
def plant(tree: Node) -> str:
    """Plants a tree."""
    return tree.name


@pytest.mark.parametrize("given", [Node, plant, Node.model_json_schema()["$defs"]["Node"]])
def test_tool_keeps_definitions_that_contain_themselves(given: Any) -> None:
    """LC-49: core's converter would leave nothing of them."""
    if isinstance(given, dict):
        given = {**given, "$defs": Node.model_json_schema()["$defs"]}
    model, service = chat(HI)
    model.bind_tools([given]).invoke("Hi")
    parameters = service.last["tools"][0]["function"]["parameters"]
    assert parameters["type"] == "object"
    assert parameters["$defs"]["Node"]["properties"]["children"]["items"] == {
        "$ref": "#/$defs/Node"
    }
    assert "#/$defs/Node" in json.dumps(parameters["properties"])


def test_runnable_as_a_tool() -> None:
    """LC-49: chains turned into tools."""
    inner: BaseTool = chat(HI)[0].as_tool(name="ask", description="Asks.", arg_types={"input": str})
    model, service = chat(HI)
    model.bind_tools([inner]).invoke("Hi")
    assert service.last["tools"][0]["function"]["name"] == "ask"


@pytest.mark.parametrize(
    "given", [{"type": "web_search"}, {"type": "mcp", "server": "x"}, {"a": 1}, 3]
)
def test_what_is_no_function_tool_says_so(given: Any) -> None:
    """LC-49: other providers' built-in tools raise at bind time."""
    with pytest.raises(UnsupportedInput, match="tools: "):
        chat(HI)[0].bind_tools([given])


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, None),
        (False, None),
        ("auto", "auto"),
        ("none", "none"),
        ("any", "required"),
        ("required", "required"),
        (True, "required"),
        ("add", {"type": "function", "function": {"name": "add"}}),
        (
            {"type": "function", "function": {"name": "add"}},
            {"type": "function", "function": {"name": "add"}},
        ),
        ({"type": "tool", "name": "add"}, {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_tool_choice_in_any_form(choice: Any, sent: Any) -> None:
    """LC-50: LangChain's words become the wire's."""
    model, service = chat(HI)
    model.bind_tools([add, adder], tool_choice=choice).invoke("Hi")
    assert service.last.get("tool_choice") == sent


@pytest.mark.parametrize("choice", ["ad", {"function": {}}, 3, {"type": "function"}])
def test_tool_choice_of_no_tool_says_so(choice: Any) -> None:
    """LC-50: a name is checked against the bound ones."""
    with pytest.raises(UnsupportedInput, match="tool_choice"):
        chat(HI)[0].bind_tools([add], tool_choice=choice)


@pytest.mark.parametrize("choice", [None, "any", "auto", "add"])
def test_no_tools_means_no_tool_fields(choice: Any) -> None:
    """LC-50, LC-51: an empty list is legal; the wire refuses a choice without tools."""
    model, service = chat(HI, parallel_tool_calls=True)
    model.bind_tools([], tool_choice=choice).invoke("Hi")
    assert service.last.keys() == {"model", "messages"}


@pytest.mark.parametrize(
    ("strict", "dicts", "sent"),
    [
        (None, [None, None], [None, None]),
        (True, [None, None], [True, True]),
        (True, [False, None], [True, True]),
        (False, [True, True], [None, None]),
        (None, [True, True], [True, True]),
        (None, [True, None], [None, None]),
        (None, [True, False], [None, None]),
    ],
)
def test_strict_is_one_value_for_all_tools(
    strict: bool | None, dicts: list[bool | None], sent: list[bool | None]
) -> None:
    """LC-52: uniform, never null; a mixture travels as not strict."""
    tools = [
        {
            "type": "function",
            "function": {"name": f"t{i}", "parameters": PARAMETERS}
            | ({} if flag is None else {"strict": flag}),
        }
        for i, flag in enumerate(dicts)
    ]
    model, service = chat(HI)
    model.bind_tools(tools, strict=strict).invoke("Hi")
    assert [each["function"].get("strict") for each in service.last["tools"]] == sent


def test_strict_schemas_are_fixed_on_a_copy() -> None:
    """LC-52: what is sent is inside the strict subset; what was given is untouched."""
    given = {"name": "x", "parameters": {**PARAMETERS}}
    model, service = chat(HI)
    model.bind_tools([given], strict=True).invoke("Hi")
    assert service.last["tools"][0]["function"]["parameters"]["additionalProperties"] is False
    assert given["parameters"] == PARAMETERS


def test_schema_that_cannot_be_strict_says_so() -> None:
    """LC-52: a strict tool the service would refuse is an error of ours that names the reason."""
    endless = {
        "type": "object",
        "properties": {"next": {"$ref": "#/$defs/node"}},
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
    }
    model, _ = chat(HI)
    bound = model.bind_tools([{"name": "x", "parameters": endless}], strict=True)
    with pytest.raises(UnsupportedInput, match="strict=False"):
        bound.invoke("Hi")


def test_odd_tool_names_are_mapped_there_and_back() -> None:
    """LC-53: names of MCP servers, in tools, choice, history and replies, streamed or not."""
    name = "files.read all"
    reply = Reply(calls=(("c9", "files_read_all", "{}"),), finish_reason="tool_calls")
    history = [
        HumanMessage("Hi"),
        AIMessage("", tool_calls=[{"name": name, "args": {}, "id": "c1"}]),
        ToolMessage("x", tool_call_id="c1", name=name),
    ]
    for path in CALL_PATHS:
        model, service = chat(reply)
        bound = model.bind_tools([{"name": name, "parameters": PARAMETERS}], tool_choice=name)
        assert PATHS[path](bound, history).tool_calls[0]["name"] == name
        sent = service.last
        assert sent["tools"][0]["function"]["name"] == "files_read_all"
        assert sent["tool_choice"]["function"]["name"] == "files_read_all"
        assert sent["messages"][1]["tool_calls"][0]["function"]["name"] == "files_read_all"
        assert sent["messages"][2]["name"] == "files_read_all"


def test_call_of_a_tool_that_was_never_bound_is_shown() -> None:
    """LC-55: an unknown name is surfaced unchanged."""
    reply = Reply(calls=(("c1", "made_up", "{}"),), finish_reason="tool_calls")
    message = chat(reply)[0].bind_tools([add]).invoke("Hi")
    assert message.tool_calls[0]["name"] == "made_up"


def test_strict_schema_that_is_no_json_says_so() -> None:
    """LC-52: a schema that cannot even be written down is an error of ours."""
    odd = {"type": "object", "properties": {"a": {"enum": [{1, 2}]}}}
    bound = chat(HI)[0].bind_tools([{"name": "x", "parameters": odd}], strict=True)
    with pytest.raises(UnsupportedInput, match="strict=False"):
        bound.invoke("Hi")


def test_unknown_option_of_bind_tools_raises_at_bind_time() -> None:
    """LC-54: kwargs of `bind_tools` are call options."""
    model, service = chat(HI)
    with pytest.raises(UnknownParameter, match="temperature"):
        model.bind_tools([add], temprature=1)
    model.bind_tools([add], temperature=0.5).invoke("Hi")
    assert service.last["temperature"] == 0.5


def test_tools_bound_without_bind_tools_work_too() -> None:
    """LC-20: `.bind(tools=…)` with plain tools is a call kwarg like any other."""
    model, service = chat(HI)
    model.bind(tools=[add], tool_choice="any").invoke("Hi")
    assert service.last["tools"][0]["function"]["name"] == "add"
    assert service.last["tool_choice"] == "required"


def test_parameters_of_a_tool_without_arguments() -> None:
    """API specification 9.1: an empty, closed object where a tool has no parameters."""
    model, service = chat(HI)
    model.bind_tools([{"name": "now"}, {"name": "then", "parameters": {"type": "object"}}]).invoke(
        "Hi"
    )
    first, second = (each["function"]["parameters"] for each in service.last["tools"])
    assert first == {"type": "object", "properties": {}, "additionalProperties": False}
    assert second == {"type": "object", "properties": {}}


def test_response_format_with_tools_only_where_the_model_takes_both() -> None:
    """LC-66: what a model is known to refuse is an error that names the alternative."""
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": PARAMETERS}}
    model, _ = chat(HI)
    with pytest.raises(UnsupportedInput, match="ToolStrategy"):
        model.bind_tools([add], response_format=wanted).invoke("Hi")
    able, service = chat(HI, model_facts={"takes_tools_with_response_format": True})
    able.bind_tools([add], response_format=wanted).invoke("Hi")
    assert service.last["response_format"] == wanted


@pytest.mark.parametrize("wrong", ["json", {"type": "xml"}, {"type": "json_schema"}])
def test_unknown_response_format_says_so(wrong: Any) -> None:
    """Bad input: the error shows what the service takes."""
    with pytest.raises(UnsupportedInput, match="response_format"):
        chat(HI)[0].invoke("Hi", response_format=wrong)
