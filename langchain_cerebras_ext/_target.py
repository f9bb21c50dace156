"""What structured output is to become, and how it is asked for."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.v1 import BaseModel as BaseModelV1

from langchain_cerebras_ext._functions import function_of
from langchain_cerebras_ext._shapes import is_object
from langchain_cerebras_ext._tools import strict_schema
from langchain_cerebras_ext._types import Method
from langchain_cerebras_ext.errors import UnsupportedInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cerebras_ext.catalog import ModelFacts
    from langchain_cerebras_ext._types import SchemaLike

__all__ = ["Plan", "Target", "plan_structured_output", "target_of"]

logger = logging.getLogger(__name__)

_DEFAULT_NAME = "answer"
_ANY_OBJECT: dict[str, Any] = {"type": "object"}
_NAME_KEYS = frozenset({"title", "name", "function", "toolSpec"})
"""Keys of a JSON schema, or of a function's form, that name it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """What a structured reply is to become.

    Attributes:
        name: Of the tool or of the response format.
        description: Of it; may be empty.
        schema: Plain JSON schema; None for any JSON object.
        traced: What LangChain can show in traces, where the schema is as it was given.
        kind: The class whose instances replies become; None for dicts.
    """

    name: str
    description: str = ""
    schema: dict[str, Any] | None = None
    traced: Any = None
    kind: type[Any] | None = None

    def value_of(self, found: dict[str, Any]) -> Any:
        """The value for a JSON object.

        Raises:
            Exception: Whatever the user's class raises for values it does not take.
        """
        if self.kind is None:
            return found
        if issubclass(self.kind, BaseModel):
            return self.kind.model_validate(found)
        if issubclass(self.kind, BaseModelV1):
            return self.kind.parse_obj(found)
        return TypeAdapter(self.kind).validate_python(found)


def target_of(schema: SchemaLike | None) -> Target:
    """The target for a pydantic class (v1 or v2), a dataclass, a `TypedDict`, or a JSON schema.

    Raises:
        UnsupportedInput: It is none of these.
    """
    if schema is None:
        return Target(_DEFAULT_NAME)
    kind: type[Any] | None = None
    source: Any = schema
    if isinstance(schema, type):
        if dataclasses.is_dataclass(schema):
            kind = schema
            source = {"title": kind.__name__, **TypeAdapter(kind).json_schema()}
        elif issubclass(schema, BaseModel | BaseModelV1):
            kind = schema
    elif is_object(schema):
        source = _named_schema(schema)
    try:
        function = function_of(source)
    except ValueError as error:
        raise UnsupportedInput(
            f"schema: {type(schema).__name__} {getattr(schema, '__name__', '')!r} is not one "
            f"({error}); give a pydantic class, a dataclass, a TypedDict or a JSON schema"
        ) from error
    return Target(
        name=function["name"],
        description=function.get("description", ""),
        schema=function.get("parameters", _ANY_OBJECT),
        traced={"type": "function", "function": function},
        kind=kind,
    )


def _named_schema(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema with a name, from one without, or from a response format."""
    body = given["json_schema"] if is_object(given.get("json_schema")) else given
    return body if _NAME_KEYS & body.keys() else {"title": _DEFAULT_NAME, **body}


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How a structured reply is asked for.

    Attributes:
        method: Which way.
        tools: A tool to bind for it.
        options: Other options to bind.
    """

    method: Method
    tools: tuple[dict[str, Any], ...]
    options: dict[str, Any]


def plan_structured_output(
    target: Target, facts: ModelFacts, *, method: Method | None, strict: bool | None
) -> Plan:
    """How to ask a model for a target.

    Args:
        target: What is wanted.
        facts: The model.
        method: The user's choice; None takes `json_schema` when model and schema allow, else a
            tool.
        strict: The user's choice; None is strict where the schema can be expressed.

    Raises:
        UnsupportedInput: What the user chose is not possible.
    """
    if method not in (None, *get_args(Method)):
        known = ", ".join(get_args(Method))
        raise UnsupportedInput(f"method: {method!r} is not known; give one of {known}")
    if target.schema is None:
        if method not in (None, "json_mode"):
            raise UnsupportedInput(f"schema: {method} needs one; json_mode takes any JSON object")
        return _json_mode(target, strict)
    fits = strict is not False and _fits_strictly(
        target, must_fit=bool(strict) and method != "json_mode"
    )
    if method is None:
        takes_schema = facts.supports_json_schema and (fits or strict is False)
        method = "json_schema" if takes_schema else "function_calling"
        logger.debug("structured output %r: method %s", target.name, method)
    match method:
        case "json_schema":
            body = {"name": target.name, "schema": target.schema, "strict": fits}
            if target.description:
                body["description"] = target.description
            response_format = {"type": "json_schema", "json_schema": body}
            return Plan(
                method, (), _traced(target, method, strict, response_format=response_format)
            )
        case "function_calling":
            return _function_calling(target, facts, strict)
        case "json_mode":
            return _json_mode(target, strict)


def _json_mode(target: Target, strict: bool | None) -> Plan:
    response_format = {"type": "json_object"}
    options = _traced(target, "json_mode", strict, response_format=response_format)
    return Plan("json_mode", (), options)


def _function_calling(target: Target, facts: ModelFacts, strict: bool | None) -> Plan:
    function: dict[str, Any] = {"name": target.name, "parameters": target.schema}
    if target.description:
        function["description"] = target.description
    if strict is not None:
        function["strict"] = strict
    options = _traced(target, "function_calling", strict)
    if facts.supports_parallel_tool_calls:
        options["parallel_tool_calls"] = False
    if facts.supports_tool_choice:
        options["tool_choice"] = target.name
    return Plan("function_calling", ({"type": "function", "function": function},), options)


def _traced(target: Target, method: Method, strict: bool | None, **options: Any) -> dict[str, Any]:
    """Options with what LangChain shows in traces about structured output."""
    shown = {"kwargs": {"method": method, "strict": strict}, "schema": target.traced}
    return {"ls_structured_output_format": shown, **options}


def _fits_strictly(target: Target, *, must_fit: bool) -> bool:
    try:
        strict_schema(target.schema or {}, f"schema {target.name!r}")
    except UnsupportedInput as error:
        if must_fit:
            raise
        logger.debug("structured output %r cannot be strict: %s", target.name, error)
        return False
    return True
