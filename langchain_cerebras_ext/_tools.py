"""Tools, tool choice and response formats as the wire takes them; nothing given is changed.

`bind_tools` turns whatever LangChain calls a tool into plain dicts with the tools' own names; the
request turns these into what travels: one `strict` for all, schemas inside the strict subset, names
the service accepts.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from cerebras_ext import wire
from cerebras_ext.schema import NotExpressible, StrictSchema, to_strict
from cerebras_ext.tool_names import ToolNames
from langchain_cerebras_ext._functions import function_of
from langchain_cerebras_ext._shapes import is_object, object_in
from langchain_cerebras_ext.errors import UnsupportedInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cerebras_ext.catalog import ModelFacts
    from langchain_cerebras_ext._types import ToolLike

__all__ = [
    "bound_tool_choice",
    "bound_tools",
    "response_format_to_wire",
    "strict_schema",
    "tool_choice_to_wire",
    "tool_names_of",
    "tools_to_wire",
]

logger = logging.getLogger(__name__)

_SCHEMA_KEYS = ("name", "description", "schema", "strict")
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
_CHOICE_WORDS = {"auto": "auto", "none": "none", "any": "required", "required": "required"}


def bound_tools(tools: Sequence[ToolLike], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """The tools as OpenAI-style dicts, names as the tools have them.

    Args:
        tools: Anything `function_of` takes.
        strict: For all of them; None keeps what each dict says.

    Raises:
        UnsupportedInput: They are no list, or one is not a function tool.
    """
    if not _is_series(tools):
        raise UnsupportedInput(f"tools: give a list of tools, not {_described(tools)} by itself")
    return [_bound_tool(tool, strict) for tool in tools]


def _is_series(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, Mapping | str | BaseModel)


def _bound_tool(tool: ToolLike, strict: bool | None) -> dict[str, Any]:
    try:
        function = function_of(tool)
    except ValueError as error:
        raise UnsupportedInput(
            f"tools: {_described(tool)} is not a tool ({error}); give a function, a LangChain "
            "tool, a pydantic class, or a dict with name and parameters"
        ) from error
    if strict is not None:
        function["strict"] = strict
    return {"type": "function", "function": function}


def _described(tool: object) -> str:
    if is_object(tool):
        return repr(tool.get("name") or tool.get("title") or tool.get("type") or sorted(tool))
    return repr(getattr(tool, "name", None) or getattr(tool, "__name__", type(tool).__name__))


def tool_names_of(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """The tools' own names, in order."""
    return [tool["function"]["name"] for tool in tools]


def bound_tool_choice(choice: object, names: Sequence[str]) -> wire.ToolChoice | None:
    """A tool choice as the wire spells it, names as the tools have them.

    Args:
        choice: None, a bool, `auto`, `none`, `any`, `required`, a tool's name, or one of these as
            OpenAI's or Anthropic's dict.
        names: The tools there are.

    Returns:
        None to leave the choice out; always so when there are no tools.

    Raises:
        UnsupportedInput: It names no such tool, or is none of these.
    """
    if choice is None or choice is False or not names:
        return None
    if choice is True:
        return "required"
    word = object_in(choice).get("type", choice)
    if isinstance(word, str) and word in _CHOICE_WORDS:
        return cast("wire.ToolChoice", _CHOICE_WORDS[word])
    name = choice if isinstance(choice, str) else _name_in(choice)
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(map(repr, names))}"
        raise UnsupportedInput(f"tool_choice: there is no tool {name!r}; {hint}")
    return wire.NamedToolChoice(type="function", function={"name": name})


def _name_in(choice: object) -> str:
    given = object_in(choice)
    name = object_in(given.get("function")).get("name", given.get("name"))
    if isinstance(name, str):
        return name
    raise UnsupportedInput(
        f"tool_choice: {choice!r} is not known; give 'auto', 'none', 'any', or the name of a tool"
    )


def tools_to_wire(
    tools: Sequence[Mapping[str, Any]], names: ToolNames, facts: ModelFacts
) -> list[wire.Tool]:
    """Bound tools as they travel.

    The service wants one `strict` for all tools of a request, so a mixture travels as not strict.

    Raises:
        UnsupportedInput: A strict tool's schema has no form in the strict subset, or two tools have
            one name.
    """
    functions: dict[str, Mapping[str, Any]] = {}
    for tool in tools:
        function = tool["function"]
        if functions.setdefault(function["name"], function) != function:
            raise UnsupportedInput(
                f"tools: two of them are called {function['name']!r}; rename one"
            )
    wanted = {bool(function.get("strict")) for function in functions.values()}
    is_strict = wanted == {True}
    if len(wanted) > 1:
        logger.debug(
            "some tools are strict and some are not; the service wants one value, so none is"
        )
    return [_tool_to_wire(each, names, facts, is_strict=is_strict) for each in functions.values()]


def _tool_to_wire(
    function: Mapping[str, Any], names: ToolNames, facts: ModelFacts, *, is_strict: bool
) -> wire.Tool:
    own_name = function["name"]
    parameters = function.get("parameters") or _NO_PARAMETERS
    if is_strict:
        parameters = strict_schema(
            parameters, f"tool {own_name!r}", refused=facts.strict_tools_refuse
        )
    elif parameters.get("type") == "object" and "properties" not in parameters:
        parameters = dict[str, Any](parameters, properties={})
    out = wire.FunctionDefinition(name=names.to_wire(own_name), parameters=dict(parameters))
    if description := function.get("description"):
        out["description"] = description
    if is_strict:
        out["strict"] = True
    return wire.Tool(type="function", function=out)


def tool_choice_to_wire(choice: wire.ToolChoice | None, names: ToolNames) -> wire.ToolChoice | None:
    """A bound tool choice as it travels."""
    if isinstance(choice, dict):
        name = names.to_wire(choice["function"]["name"])
        return wire.NamedToolChoice(type="function", function={"name": name})
    return choice


def response_format_to_wire(response_format: object) -> wire.ResponseFormat:
    """A response format as it travels; strict schemas inside the strict subset.

    Raises:
        UnsupportedInput: It is not one of the service's, or its strict schema cannot be expressed.
    """
    given = object_in(response_format)
    kind, body = given.get("type"), object_in(given.get("json_schema"))
    if kind in ("text", "json_object"):
        return cast("wire.ResponseFormat", {"type": kind})
    if kind == "json_schema" and body.get("name"):
        kept = {key: body[key] for key in _SCHEMA_KEYS if body.get(key) is not None}
        kept["name"] = ToolNames.of([kept["name"]]).to_wire(kept["name"])
        if kept.get("strict") and "schema" in kept:
            kept["schema"] = strict_schema(kept["schema"], f"response_format {kept['name']!r}")
        return cast("wire.ResponseFormat", {"type": "json_schema", "json_schema": kept})
    raise UnsupportedInput(
        "response_format: give {'type': 'json_object'} or {'type': 'json_schema', 'json_schema': "
        "{'name': …, 'schema': …}}; with_structured_output builds it from a class"
    )


def strict_schema(
    schema: Mapping[str, Any], what: str, *, refused: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """A copy of a schema inside the strict subset.

    Args:
        schema: Any JSON schema.
        what: Whose it is, for messages.
        refused: Keywords that the model refuses beyond the common ones.

    Raises:
        UnsupportedInput: It cannot be expressed there; says why.
    """
    try:
        strict = _strict_of(schema, refused)
    except NotExpressible as error:
        raise UnsupportedInput(f"{what}: {error}; use strict=False") from error
    for change in strict.changes:
        logger.debug("%s: strict schema: %s", what, change)
    return strict.schema


def _strict_of(schema: Mapping[str, Any], refused: frozenset[str]) -> StrictSchema:
    try:
        text = json.dumps(schema)
    except (TypeError, ValueError, RecursionError):
        return to_strict(schema, refused=refused)
    return _strict_of_text(text, refused)


@lru_cache(maxsize=256)
def _strict_of_text(text: str, refused: frozenset[str]) -> StrictSchema:
    """Applications send few schemas many times; the result is read, never changed."""
    return to_strict(json.loads(text), refused=refused)
