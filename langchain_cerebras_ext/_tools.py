"""Tools, tool choice and response formats as the wire takes them; nothing given is changed.

`bind_tools` turns whatever LangChain calls a tool into plain dicts with the tools' own names; the
request turns these into what travels: one `strict` for all, schemas inside the strict subset, names
the service accepts.
"""

from __future__ import annotations

import json
import logging
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, PydanticUserError, TypeAdapter
from typing_extensions import is_typeddict

from cerebras_ext import wire
from cerebras_ext.schema import NotExpressible, StrictSchema, find_violations, to_strict
from cerebras_ext.tool_names import ToolNames
from langchain_cerebras_ext._shapes import is_object, object_in
from langchain_cerebras_ext.errors import UnsupportedInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cerebras_ext.catalog import ModelFacts
    from langchain_cerebras_ext._types import ToolLike

__all__ = [
    "bound_tool_choice",
    "bound_tools",
    "convertible",
    "response_format_to_wire",
    "strict_schema",
    "tool_choice_to_wire",
    "tool_names_of",
    "tools_to_wire",
    "with_lost_definitions",
]

logger = logging.getLogger(__name__)

_FUNCTION_KEYS = ("name", "description", "parameters", "strict")
_SCHEMA_KEYS = ("name", "description", "schema", "strict")
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
_CHOICE_WORDS = {"auto": "auto", "none": "none", "any": "required", "required": "required"}


def bound_tools(tools: Sequence[ToolLike], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """The tools as OpenAI-style dicts, names as the tools have them.

    Args:
        tools: Anything `convert_to_openai_tool` takes.
        strict: For all of them; None keeps what each dict says.

    Raises:
        UnsupportedInput: One is not a function tool.
    """
    return [_bound_tool(tool, strict) for tool in tools]


def convertible(source: Any) -> Any:
    """A tool or schema in a form that core's converter takes.

    It gives up on typed dicts with `Required` or `NotRequired`, which pydantic understands.

    Raises:
        PydanticUserError: Pydantic does not either; says why.
    """
    if is_typeddict(source):
        try:
            convert_to_openai_tool(source)
        except TypeError:
            return {"title": source.__name__, **TypeAdapter[Any](source).json_schema()}
    return source


def with_lost_definitions(source: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters with all their definitions where core's converter lost some.

    It puts definitions in the place of references, and nothing where one contains itself: of a tree
    the model would learn that a node has children, and not that these are nodes.

    Args:
        source: A class, a LangChain tool, or a JSON schema.
        parameters: What core made of it.
    """
    if "{}" not in json.dumps(parameters, default=str):
        return parameters
    schema: object = getattr(source, "tool_call_schema", source)
    written = object_in(schema)
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        written = schema.model_json_schema()
    definitions = object_in(written.get("$defs"))
    if not definitions or all(found.rule != "recursion" for found in find_violations(written)):
        return parameters
    name = str(written.get("$ref", "")).removeprefix("#/$defs/")
    root = definitions.get(name, written)
    kept = {key: value for key, value in root.items() if key not in ("title", "description")}
    return {**kept, "type": "object", "$defs": definitions}


def _bound_tool(tool: ToolLike, strict: bool | None) -> dict[str, Any]:
    try:
        converted = convert_to_openai_tool(convertible(tool))
    except (TypeError, ValueError, PydanticUserError) as error:
        raise UnsupportedInput(
            f"tools: {_described(tool)} is not a tool ({str(error).splitlines()[0]}); give a "
            "function, a LangChain tool, a pydantic class, or a dict with name and parameters"
        ) from error
    function = object_in(converted.get("function"))
    if converted.get("type") != "function" or not function.get("name"):
        raise UnsupportedInput(
            f"tools: {_described(tool)} is built into another provider's service; the Cerebras API "
            "takes function tools only"
        )
    kept = {key: function[key] for key in _FUNCTION_KEYS if function.get(key) is not None}
    if parameters := kept.get("parameters"):
        kept["parameters"] = with_lost_definitions(tool, parameters)
    if strict is not None:
        kept["strict"] = strict
    return {"type": "function", "function": kept}


def _described(tool: ToolLike) -> str:
    if is_object(tool):
        return repr(tool.get("name") or tool.get("title") or tool.get("type") or sorted(tool))
    return repr(getattr(tool, "name", None) or getattr(tool, "__name__", type(tool).__name__))


def tool_names_of(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """The tools' own names, in order."""
    return [tool["function"]["name"] for tool in tools]


def bound_tool_choice(choice: object, names: Sequence[str]) -> wire.ToolChoice | None:
    """A tool choice as the wire spells it, names as the tools have them.

    Args:
        choice: None, a bool, `auto`, `none`, `any`, `required`, a tool's name, or the named form as
            a dict.
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
    if isinstance(choice, str) and choice in _CHOICE_WORDS:
        return cast("wire.ToolChoice", _CHOICE_WORDS[choice])
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
        UnsupportedInput: A strict tool's schema has no form in the strict subset.
    """
    wanted = {bool(tool["function"].get("strict")) for tool in tools}
    is_strict = wanted == {True}
    if len(wanted) > 1:
        logger.debug(
            "some tools are strict and some are not; the service wants one value, so none is"
        )
    return [_tool_to_wire(tool["function"], names, facts, is_strict=is_strict) for tool in tools]


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
