"""What LangChain calls a tool or a schema, as a function with a name and parameters.

Core's converter reads classes, LangChain tools and functions. Dicts are read here: of these it
leaves out schemas without `properties`, and takes tools that run at another provider for functions.
"""

from __future__ import annotations

import functools
import inspect
import json
from typing import TYPE_CHECKING, Any

from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, TypeAdapter
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import is_typeddict

from cerebras_ext.schema import NotExpressible, to_strict
from langchain_cerebras_ext._shapes import is_object, object_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["function_of"]

_KEYS = ("name", "description", "strict")
_PARAMETERS = ("parameters", "schema", "input_schema", "inputSchema")
"""Where OpenAI (in functions and response formats), Anthropic and MCP put a function's schema."""
_SCHEMA_WORDS = frozenset({"type", "properties", "$ref", "anyOf", "oneOf", "allOf", "title"})
"""By one of these a JSON schema is known."""
_ABOUT = frozenset({"title", "description"})
_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})


def function_of(source: Any) -> dict[str, Any]:
    """A tool or schema as a function: `name`; `description`, `parameters`, `strict` if it has them.

    Parameters are the schema of an object.

    Raises:
        ValueError: It is no function; says why.
    """
    try:
        function = _in_dict(source if is_object(source) else _converted(source))
    except Exception as error:  # a user's class may raise anything when asked for its schema
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(reason) from error
    parameters = function.get("parameters", {})
    if not is_object(parameters):
        raise ValueError(f"its parameters are of type {type(parameters).__name__}, not a schema")
    if parameters:  # arguments are an object even where the schema does not say so
        function["parameters"] = {"type": "object", **_opened(parameters)}
        if (kind := function["parameters"]["type"]) != "object":
            raise ValueError(
                f"{function['name']!r} is of type {kind!r}, but the service takes objects only; "
                "make it a field of a class"
            )
    return function


def _in_dict(given: Mapping[str, Any]) -> dict[str, Any]:
    """The function in a dict of any provider's form."""
    kind = given.get("type")
    if kind == "function":
        given = object_in(given.get("function", given))
    elif is_object(spec := given.get("toolSpec")):  # Bedrock's
        given = {**spec, "parameters": object_in(spec.get("inputSchema")).get("json")}
    places = [place for place in _PARAMETERS if place in given]
    if places:
        parameters = given[places[0]]
    elif kind == "function" or not _SCHEMA_WORDS & given.keys():
        parameters = None
    elif isinstance(kind, str) and kind not in _TYPES:
        raise ValueError(
            f"{kind!r} is built into another provider's service; the Cerebras API takes function "
            "tools only"
        )
    else:
        given = _opened(given)
        parameters = {key: given[key] for key in given if key not in {*_KEYS, *_ABOUT}}
    if not (name := given.get("name") or given.get("title")):
        raise ValueError("it has no name")
    about = {**{key: given.get(key) for key in _KEYS}, "name": name}
    found = {**about, "parameters": parameters or None}
    return {key: value for key, value in found.items() if value is not None}


def _converted(source: Any) -> Mapping[str, Any]:
    """What core makes of it, with all its definitions where core would lose some."""
    if is_typeddict(source):
        try:
            return convert_to_openai_tool(source)
        except (TypeError, RecursionError):  # it has marks, or contains itself: pydantic takes both
            return {"title": source.__name__, **TypeAdapter[Any](source).json_schema()}
    of_tool: object = getattr(source, "tool_call_schema", None)
    if of_tool is None and callable(source) and not isinstance(source, type):
        source = _arguments_of(source)
    converted = convert_to_openai_tool(source)
    written = _written(source if of_tool is None else of_tool)
    if "$ref" not in json.dumps(written, default=str) or not _contains_itself(written):
        return converted
    whole = {key: value for key, value in _opened(written).items() if key not in _ABOUT}
    return {**converted, "function": {**converted["function"], "parameters": whole}}


def _arguments_of(function: Callable[..., Any]) -> type[Any]:
    """The class of a function's arguments, as core makes it.

    Core asks for a name, which a partial function has not, nor an instance that can be called.
    """
    from langchain_core.tools import create_schema_from_function

    if not hasattr(function, "__name__"):
        function = _named(function)
    return create_schema_from_function(
        function.__name__, function, filter_args=(), parse_docstring=True, include_injected=False
    )


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that looks like the given one and has the name of what it calls."""
    signature = inspect.signature(function)
    called: Any = function.func if isinstance(function, functools.partial) else function
    is_named = hasattr(called, "__name__")

    @functools.wraps(called if is_named else called.__call__)
    def looks_alike() -> None:
        """Never called."""

    vars(looks_alike)["__signature__"] = signature
    looks_alike.__name__ = called.__name__ if is_named else type(called).__name__
    return looks_alike


def _written(schema: object) -> Mapping[str, Any]:
    """The JSON schema of a class, or the schema itself."""
    if not isinstance(schema, type):
        return object_in(schema)
    if issubclass(schema, BaseModel):
        return schema.model_json_schema()
    return schema.schema() if issubclass(schema, BaseModelV1) else {}


def _contains_itself(schema: Mapping[str, Any]) -> bool:
    """Whether references lead back to where they stand.

    Core puts definitions in the place of references, and nothing where one contains itself: of a
    tree the model would learn that a node has children, and not that these are nodes.
    """
    try:
        to_strict(schema)
    except NotExpressible as error:
        return any(reason.rule == "recursion" for reason in error.reasons)
    return False


def _opened(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema that says at its root what it refers to there; the service wants an object there."""
    if "$ref" not in schema:
        return schema
    target: Any = schema
    for token in str(schema["$ref"]).split("/")[1:]:
        target = object_in(target).get(token)
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    if not is_object(target) or (target.keys() & beside.keys()) - _ABOUT:
        return schema  # what stands beside the reference would replace a part of the target
    return {**target, **beside}
