"""The tools of a request as values, and what the service refuses in them (API specification §9)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from cerebras_ext.emulator.accepted import NamedTool, Tool, ToolChoice
from cerebras_ext.emulator.problems import ApiProblem, invalid_request
from cerebras_ext.emulator.strict_rules import find_strict_problems

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cerebras_ext.catalog import ModelFacts

__all__ = ["read_tool_choice", "read_tools"]

# Longer names are refused by the request schema.
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")


def read_tools(body: Mapping[str, Any], facts: ModelFacts) -> tuple[Tool, ...]:
    """The tools of a request whose schema has been checked.

    Raises:
        ApiProblem: Tools the model does not take: by name, by mixed `strict`, by schema.
    """
    tools = tuple(_read_tool(tool["function"]) for tool in body.get("tools") or ())
    if tools and not facts.supports_tools:
        raise _refused("Tools are not supported by this model.")
    for tool in tools:
        if not _NAME.fullmatch(tool.name):
            # Recorded for names with dots, which break the grammar a schema is compiled to.
            raise _refused(f"Failed to compile the JSON schema grammar: tool name {tool.name!r}")
    if len({tool.is_strict for tool in tools}) > 1:
        raise _refused("Tools with mixed values for 'strict' are not allowed")
    if any(tool.is_strict for tool in tools):
        _check_strict(tools, facts)
    return tools


def _read_tool(function: Mapping[str, Any]) -> Tool:
    return Tool(
        name=function["name"],
        description=function.get("description") or "",
        parameters=function.get("parameters") or {},
        is_strict=function.get("strict", False),
    )


def _check_strict(tools: Sequence[Tool], facts: ModelFacts) -> None:
    if not facts.supports_strict_tools:
        raise _refused("Tools with strict=True are not supported by this model")
    for tool in tools:
        if not tool.parameters:
            continue  # a tool without arguments needs no schema
        problems = find_strict_problems(tool.parameters, refused=facts.strict_tools_refuse)
        if problems:
            raise _refused(problems[0].message)


def read_tool_choice(
    body: Mapping[str, Any], tools: Sequence[Tool], facts: ModelFacts
) -> ToolChoice:
    """Whether and which tools the answer must call; "none" without tools.

    Raises:
        ApiProblem: A choice without tools, of a tool that is not offered, or of a form the model
            does not take.
    """
    choice: Any = body.get("tool_choice")
    if choice is None:
        return "auto" if tools else "none"
    if not tools:
        raise _refused("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
    if not facts.supports_tool_choice and choice not in ("auto", "none"):
        raise _refused(
            f"Unsupported tool_choice {choice!r}. Expected 'auto' or 'none'", "tool_choice"
        )
    if isinstance(choice, str):
        return cast("ToolChoice", choice)  # the schema admits the three words only
    name: str = choice["function"]["name"]
    if name not in {tool.name for tool in tools}:
        raise _refused(f"'tool_choice' names {name!r}, which is not one of 'tools'.", "tool_choice")
    return NamedTool(name)


def _refused(message: str, param: str = "tools") -> ApiProblem:
    return invalid_request(message, param=param)
