"""Tools and tool choice: API specification §9.1 and §9.2."""

from __future__ import annotations

import pytest

from cerebras_ext.emulator.accepted import NamedTool
from tests.emulator.requests import accepted, chat_body, named_tool, refused

STRICT = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "additionalProperties": False,
}
LOOSE = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}
CHOOSE_F = {"type": "function", "function": {"name": "f"}}


def test_tools_are_read():
    """§9.1: name, description, parameters, strict; the last two have defaults."""
    body = chat_body(tools=[named_tool("f", description="d", parameters=LOOSE), named_tool("g")])

    first, second = accepted(body).tools

    assert (first.name, first.description, first.parameters) == ("f", "d", LOOSE)
    assert (second.description, second.parameters, second.is_strict) == ("", {}, False)


@pytest.mark.parametrize("name", ["f", "F_1-x", "x" * 64])
def test_tool_name_is_accepted(name):
    """§9.1: letters, digits, underscore and hyphen, up to 64."""
    assert accepted(chat_body(tools=[named_tool(name)])).tools[0].name == name


@pytest.mark.parametrize("name", ["", "a.b", "a b", "é", "f\n"])
def test_tool_name_is_refused(name):
    """§9.1: other characters break the grammar the service compiles."""
    problem = refused(chat_body(tools=[named_tool(name)]))

    assert problem.message.startswith("Failed to compile the JSON schema grammar")
    assert problem.param == "tools"


@pytest.mark.parametrize("other", [{}, {"strict": False}])
def test_mixed_strict_is_refused(other):
    """§9.2: all tools have the same `strict`; leaving it out counts as false."""
    tools = [named_tool("f", strict=True, parameters=STRICT), named_tool("g", **other)]

    problem = refused(chat_body(tools=tools))

    assert problem.message == "Tools with mixed values for 'strict' are not allowed"
    assert problem.param == "tools"


def test_uniform_strict_is_accepted():
    """§9.2: strict everywhere, a tool without a schema included."""
    tools = [named_tool("f", strict=True, parameters=STRICT), named_tool("g", strict=True)]

    assert all(tool.is_strict for tool in accepted(chat_body(tools=tools)).tools)


def test_strict_is_refused_by_models_without_it():
    """§9.2: older models know no strict tools."""
    tools = [named_tool(strict=True, parameters=STRICT)]

    problem = refused(chat_body(model="llama-3.3-70b", tools=tools))

    assert problem.message == "Tools with strict=True are not supported by this model"


def test_strict_tool_keeps_the_schema_rules():
    """§8.1: the rules of strict response formats hold for strict tools."""
    problem = refused(chat_body(tools=[named_tool(strict=True, parameters={**LOOSE})]))

    assert problem.message == "'additionalProperties' is required to be supplied and set to false."
    assert problem.param == "tools"


def test_loose_tool_takes_any_schema():
    """§8.1: the rules do not bind schemas that are not strict."""
    schema = {"type": "object", "additionalProperties": True, "properties": {"a": {"pattern": "x"}}}

    assert accepted(chat_body(tools=[named_tool(parameters=schema)])).tools[0].parameters == schema


@pytest.mark.parametrize("keyword", ["minLength", "maxLength"])
def test_qwen_refuses_text_bounds_in_strict_tools(keyword):
    """§9.2: what gpt-oss takes in a strict tool, qwen-3.8-27b may not."""
    schema = {**STRICT, "properties": {"a": {"type": "string", keyword: 3}}}
    tools = [named_tool(strict=True, parameters=schema)]

    assert accepted(chat_body(tools=tools))
    problem = refused(chat_body(model="qwen-3.8-27b", tools=tools))
    assert problem.message == f"Unsupported JSON schema fields: {{'{keyword}'}}"


@pytest.mark.parametrize(
    ("fields", "choice"),
    [
        ({}, "none"),
        ({"tools": []}, "none"),
        ({"tools": [named_tool("f")]}, "auto"),
        ({"tools": [named_tool("f")], "tool_choice": None}, "auto"),
        ({"tools": [named_tool("f")], "tool_choice": "none"}, "none"),
        ({"tools": [named_tool("f")], "tool_choice": "required"}, "required"),
        ({"tools": [named_tool("f")], "tool_choice": CHOOSE_F}, NamedTool("f")),
    ],
)
def test_tool_choice_is_read(fields, choice):
    """§2.1: without a choice, "auto" with tools and "none" without."""
    assert accepted(chat_body(**fields)).tool_choice == choice


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tool_choice": "auto"}, "only allowed when 'tools' are specified"),
        ({"tool_choice": "none", "tools": []}, "only allowed when 'tools' are specified"),
        ({"tool_choice": CHOOSE_F, "tools": [named_tool("g")]}, "not one of 'tools'"),
    ],
)
def test_tool_choice_is_refused(fields, message):
    """§1.2: a choice needs tools, and can only name one of them."""
    problem = refused(chat_body(**fields))

    assert message in problem.message
    assert (problem.status, problem.param) == (400, "tool_choice")
