"""Pydantic classes out as response formats or tools, and the objects that answers hold back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Generic

from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from llama_index.core.types import Model, PydanticProgramMode
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from cerebras_ext._json import replace_lone_surrogates
from cerebras_ext.errors import ConfigError
from cerebras_ext.partial_json import parse_partial_object, read_arguments
from cerebras_ext.tool_names import ToolNames
from llama_index_cerebras_ext._facts import facts_kept_in
from llama_index_cerebras_ext._schemas import schema_of, strict_schema_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llama_index.core.base.llms.types import ChatResponse, LLMMetadata
    from llama_index.core.tools import FunctionTool

    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.wire import JsonObject, JsonSchemaFormat, JsonSchemaResponseFormat

__all__ = [
    "EmptyOutput",
    "InvalidOutput",
    "ObjectReader",
    "StructuredOutputError",
    "TruncatedOutput",
    "output_tool_of",
    "response_format_of",
]

_logger = logging.getLogger(__name__)

_MAX_QUOTED_CHARS = 200

_MISFITS = (ValueError, TypeError, LookupError, AttributeError)
"""What validating may raise: a class's own validators may count on what is not there."""


class StructuredOutputError(ValueError):
    """The model answered, but not with the object asked for.

    A `ValueError`: core goes on without such an object where it can do without.
    """


class EmptyOutput(StructuredOutputError):
    """The answer has neither text nor call."""


class TruncatedOutput(StructuredOutputError):
    """The answer ran into the maximum of tokens before the object was complete."""


class InvalidOutput(StructuredOutputError):
    """The answer is not JSON, or not of the class asked for."""


def response_format_of(
    output_cls: type[BaseModel], *, facts: ModelFacts, mode: PydanticProgramMode
) -> JsonSchemaResponseFormat | None:
    """The response format that makes the model answer with an object of the class.

    Returns:
        A strict format wherever the schema has a strict form. A loose one for classes that core's
        function calling cannot handle either, because their schema has no properties at its root;
        they get a format even if function calling was asked for. None when another way is taken:
        another mode was asked for, the model takes no schemas, or this one has no strict form.

    Raises:
        ConfigError: The class is none of pydantic's.
    """
    if not _is_pydantic_class(output_cls):
        raise ConfigError(
            f"output_cls: {output_cls!r} is not a pydantic class; "
            "make one with a field for it, or wrap it: RootModel[...]"
        )
    is_asked = mode is PydanticProgramMode.DEFAULT or (
        mode is PydanticProgramMode.FUNCTION and "properties" not in schema_of(output_cls)
    )
    if not is_asked or not facts.supports_json_schema:
        return None
    strict = strict_schema_of(output_cls)
    if not isinstance(strict, str):
        return _format(output_cls, strict, is_strict=True)
    _logger.debug("%s has no strict form: %s", output_cls.__name__, strict)
    schema = schema_of(output_cls)
    return None if "properties" in schema else _format(output_cls, schema, is_strict=False)


def output_tool_of(
    output_cls: type[BaseModel], *, metadata: LLMMetadata, mode: PydanticProgramMode
) -> FunctionTool | None:
    """The tool through which the model answers with an object of the class.

    Returns:
        None when core's way is taken: the model takes no tools, or another mode was asked for.
    """
    if mode not in (PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION):
        return None
    return get_function_tool(output_cls) if metadata.is_function_calling_model else None


def _is_pydantic_class(given: object) -> bool:
    return isinstance(given, type) and issubclass(given, BaseModel)


def _format(
    output_cls: type[BaseModel], schema: JsonObject, *, is_strict: bool
) -> JsonSchemaResponseFormat:
    name = output_cls.__name__
    wire_name = ToolNames.of([name]).to_wire(name)  # the service names both by one rule
    json_schema: JsonSchemaFormat = {"name": wire_name, "schema": schema, "strict": is_strict}
    return {"type": "json_schema", "json_schema": json_schema}


class ObjectReader(Generic[Model]):
    """Reads the object of an answer; of a stream, a better one with each item that changes it."""

    def __init__(self, output_cls: type[Model]) -> None:
        """Reads objects of a class."""
        self._output_cls = output_cls
        self._flexible_cls: type[FlexibleModel] | None = None
        self._n_read_chars = 0
        self._values: JsonObject | None = None
        self._shown: Model | FlexibleModel | None = None

    def whole(self, response: ChatResponse) -> Model:
        """The object of a complete answer.

        Raises:
            StructuredOutputError: There is none.
        """
        text, is_called = _written_in(response)
        reason = facts_kept_in(response).get("finish_reason")
        if is_called and reason != "length" and read_arguments(text) == {}:
            text = "{}"  # a call may leave its arguments out
        if not text.strip():
            advice = ", raise max_tokens" if reason == "length" else ""
            name = self._output_cls.__name__
            message = f"the model gave no {name}, but nothing (finish reason {reason!r}){advice}"
            raise EmptyOutput(message)
        try:
            return self._output_cls.model_validate_json(replace_lone_surrogates(text))
        except _MISFITS as error:
            raise self._misfit(text, reason, error) from error

    def _misfit(self, text: str, reason: str | None, error: Exception) -> StructuredOutputError:
        name = self._output_cls.__name__
        excerpt = text if len(text) <= _MAX_QUOTED_CHARS else f"{text[:_MAX_QUOTED_CHARS]}…"
        if reason == "length":
            return TruncatedOutput(
                f"the {name} is cut off (finish reason 'length'), raise max_tokens: {excerpt}"
            )
        problem = "; ".join(_problems(error))
        return InvalidOutput(
            f"the model gave no valid {name} (finish reason {reason!r}): {problem}: {excerpt}"
        )

    def feed(self, response: ChatResponse) -> Model | FlexibleModel | None:
        """The object so far; None when the item did not change it, or too little to read again.

        All fields of a partial object are optional. It becomes an object of the class as soon as
        its values allow it. The last item's object is read as strictly as any whole one.

        Raises:
            StructuredOutputError: The item is the last one, and holds no object of the class.
        """
        if "finish_reason" in facts_kept_in(response):
            final = self.whole(response)
            return None if final == self._shown else final
        text, _ = _written_in(response)
        if not self._is_due(text):
            return None
        values = parse_partial_object(text)
        if values == self._values or not values:
            return None
        self._values = values
        self._shown = self._object_of(values)
        return self._shown

    def _is_due(self, text: str) -> bool:
        """Whether enough is new: with steps that grow, reading stays linear in the text.

        A text that is shorter than before is another one: a call, after some words.
        """
        n_new = len(text) - self._n_read_chars
        if 0 <= n_new <= len(text) // 256:
            return False
        self._n_read_chars = len(text)
        return True

    def _object_of(self, values: JsonObject) -> Model | FlexibleModel:
        try:
            return self._output_cls.model_validate(values)
        except _MISFITS:
            self._flexible_cls = self._flexible_cls or create_flexible_model(self._output_cls)
            return self._flexible_cls.model_validate(values)


def _written_in(response: ChatResponse) -> tuple[str, bool]:
    """The text that is to be the object, and whether a call holds it."""
    for block in response.message.blocks:
        if isinstance(block, ToolCallBlock):
            given = block.tool_kwargs
            return given if isinstance(given, str) else to_json(given).decode(), True
    return response.message.content or "", False


def _problems(error: Exception) -> Sequence[str]:
    """What is wrong, by place; at most three things, and none of the values."""
    if not isinstance(error, ValidationError):
        return [f"a validator raised {type(error).__name__}"]
    details: list[Any] = error.errors(include_url=False, include_input=False, include_context=False)
    return [f"{'.'.join(map(str, d['loc'])) or 'root'}: {d['msg']}" for d in details[:3]]
