"""Tools out to the wire, and tool calls back from a response.

Names stay the tools' own in here. The request and the renderer translate them at the edge, so that
core finds a tool under the name it was registered with.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.tools import FunctionTool
from llama_index.core.tools.types import DefaultToolFnSchema

from cerebras_ext.errors import ConfigError
from cerebras_ext.partial_json import InvalidArguments, parse_partial_object, read_arguments
from llama_index_cerebras_ext._facts import facts_kept_in
from llama_index_cerebras_ext._messages import PastCall, past_calls_of
from llama_index_cerebras_ext._schemas import schema_of, strict_schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType

    from llama_index.core.tools.types import BaseTool, ToolMetadata
    from pydantic import BaseModel

    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.wire import FunctionDefinition, JsonObject, Tool

__all__ = [
    "InvalidToolArguments",
    "is_output_tool",
    "parameters_of",
    "tool_choice_of",
    "tool_selections_of",
    "wire_tools_of",
    "with_first_call_only",
]

_logger = logging.getLogger(__name__)


class InvalidToolArguments(ValueError):
    """The model called a tool, but what it wrote as arguments is no JSON object.

    A `ValueError`, as core expects of output that cannot be used.
    """


def wire_tools_of(tools: Sequence[BaseTool], *, is_strict: bool, facts: ModelFacts) -> list[Tool]:
    """The tools as the API takes them, under their own names.

    Args:
        tools: What the model may call.
        is_strict: Whether arguments are to be held to the schemas. The service wants one answer for
            all tools of a request, so one tool without a strict form makes all of them loose.
        facts: Of the model they go to.

    Raises:
        ConfigError: A tool has no name.
    """
    schemas = _strict_schemas(tools, facts) if is_strict else None
    if schemas is None:
        is_strict = False
        schemas = [parameters_of(tool.metadata) for tool in tools]
    return [
        _wire_tool(tool, schema, is_strict=is_strict)
        for tool, schema in zip(tools, schemas, strict=True)
    ]


def parameters_of(metadata: ToolMetadata) -> JsonObject:
    """The JSON schema of a tool's arguments: its own, with a plain object at the root.

    Core's `get_parameters_dict` is not used: it drops the root `$ref` of a recursive model, and
    everything with it.
    """
    schema = schema_of(_model_of(metadata))
    definition = schema.get("$defs", {}).get(schema.get("$ref", "").removeprefix("#/$defs/"))
    return schema if definition is None else {**definition, "$defs": schema["$defs"]}


def _model_of(metadata: ToolMetadata) -> type[BaseModel]:
    return metadata.fn_schema or DefaultToolFnSchema  # None is core's word for one text


def is_output_tool(tool: BaseTool) -> bool:
    """Whether core made the tool of an output class, for the model to answer through."""
    return isinstance(tool, FunctionTool) and tool.real_fn.__code__ is _output_function()


@lru_cache(maxsize=1)
def _output_function() -> CodeType:
    """The code that all tools made of output classes run."""
    return get_function_tool(DefaultToolFnSchema).real_fn.__code__


def tool_choice_of(
    choice: str | Mapping[str, Any] | None, *, is_required: bool = False
) -> str | JsonObject | None:
    """The tool choice as the API takes it; None leaves it to the service."""
    match choice:
        case None:
            return "required" if is_required else None
        case "any":
            return "required"
        case "auto" | "none" | "required":
            return choice
        case str():
            return {"type": "function", "function": {"name": choice}}
        case _:
            return dict(choice)


def tool_selections_of(
    response: ChatResponse, *, fails_without_call: bool = True
) -> list[ToolSelection]:
    """The tool calls of a response, or of one item of a stream.

    While a stream runs, arguments are what can be read of them so far. In a complete response they
    must be a JSON object: an agent must never call a tool without the arguments the model meant.

    Raises:
        InvalidToolArguments: The response is complete, but a call's arguments cannot be read.
        ValueError: There is no call, and `fails_without_call`.
    """
    facts = facts_kept_in(response)
    reason = facts.get("finish_reason")
    calls = past_calls_of(response.message)
    if not calls and fails_without_call:
        raise ValueError(
            f"expected at least one tool call, but the model answered {response.message.content!r} "
            f"(finish reason {reason!r})"
        )
    return [
        ToolSelection(
            tool_id=call.id or "",
            tool_name=call.name,
            tool_kwargs=_arguments_of(call, is_complete="finish_reason" in facts, reason=reason),
        )
        for call in calls
    ]


def with_first_call_only(message: ChatMessage) -> ChatMessage:
    """The message without any tool call but its first, in blocks and kwargs alike."""
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    kept = message.additional_kwargs.get("tool_calls", ())
    if len(calls) <= 1 and len(kept) <= 1:
        return message
    blocks = [b for b in message.blocks if not isinstance(b, ToolCallBlock) or b is calls[0]]
    kwargs = {**message.additional_kwargs, **({"tool_calls": list(kept[:1])} if kept else {})}
    return message.model_copy(update={"blocks": blocks, "additional_kwargs": kwargs})


def _wire_tool(tool: BaseTool, schema: JsonObject, *, is_strict: bool) -> Tool:
    name, description = tool.metadata.name, tool.metadata.description
    if not name:
        raise ConfigError("a tool has no name; give it one, so that the model can call it")
    if is_output_tool(tool):  # core may describe the function it runs instead of the class
        description = schema.get("description") or f"Give the answer as a {name}."
    function: FunctionDefinition = {"name": name, "parameters": schema}
    if description:
        function["description"] = description
    if is_strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _strict_schemas(tools: Sequence[BaseTool], facts: ModelFacts) -> list[JsonObject] | None:
    """The schemas in the form that strict decoding takes; None if one has no such form."""
    if not facts.supports_strict_tools:
        _logger.debug("%s takes no strict tools; the tools go out loose", facts.id)
        return None
    schemas: list[JsonObject] = []
    for tool in tools:
        schema = strict_schema_of(_model_of(tool.metadata), refused=facts.strict_tools_refuse)
        if isinstance(schema, str):
            name = tool.metadata.name
            _logger.debug("no strict tools, since %r has no strict form: %s", name, schema)
            return None
        schemas.append(schema)
    return schemas


def _arguments_of(call: PastCall, *, is_complete: bool, reason: str | None) -> JsonObject:
    if not isinstance(call.arguments, str):
        return dict(call.arguments)
    if not is_complete:
        return parse_partial_object(call.arguments)
    arguments = read_arguments(call.arguments)
    if isinstance(arguments, InvalidArguments):
        raise InvalidToolArguments(
            f"the model called {call.name!r} with arguments that cannot be used: "
            f"{arguments.reason} (finish reason {reason!r})"
        )
    return arguments
