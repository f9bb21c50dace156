"""Pydantic classes out as response formats, and the objects that answers hold back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Generic

from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from llama_index.core.types import Model, PydanticProgramMode
from pydantic import BaseModel, ValidationError

from cerebras_ext.errors import ConfigError
from cerebras_ext.partial_json import parse_partial_object
from cerebras_ext.tool_names import ToolNames
from llama_index_cerebras_ext._facts import facts_kept_in
from llama_index_cerebras_ext._schemas import schema_of, strict_schema_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llama_index.core.base.llms.types import ChatResponse

    from cerebras_ext.catalog import ModelFacts
    from cerebras_ext.wire import JsonObject, JsonSchemaFormat, JsonSchemaResponseFormat

__all__ = [
    "EmptyOutput",
    "InvalidOutput",
    "ObjectReader",
    "StructuredOutputError",
    "TruncatedOutput",
    "response_format_of",
]

_logger = logging.getLogger(__name__)

_MAX_QUOTED_CHARS = 200

_NOT_YET = (ValueError, TypeError, LookupError, AttributeError)
"""What validating half an object may raise: a validator may count on the other half."""


class StructuredOutputError(ValueError):
    """The model answered, but not with the object asked for.

    A `ValueError`: core goes on without such an object where it can do without.
    """


class EmptyOutput(StructuredOutputError):
    """The answer has no text."""


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
        they get a format even if function calling was asked for. None when core's way is taken:
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
        text = response.message.content or ""
        reason = facts_kept_in(response).get("finish_reason")
        name = self._output_cls.__name__
        if not text.strip():
            raise EmptyOutput(f"the model gave no {name}, but nothing (finish reason {reason!r})")
        try:
            return self._output_cls.model_validate_json(text)
        except ValidationError as error:
            excerpt = text if len(text) <= _MAX_QUOTED_CHARS else f"{text[:_MAX_QUOTED_CHARS]}…"
            if reason == "length":
                message = (
                    f"the {name} is cut off (finish reason 'length'), raise max_tokens: {excerpt}"
                )
                raise TruncatedOutput(message) from error
            problem = "; ".join(_problems(error))
            raise InvalidOutput(
                f"the model gave no valid {name} (finish reason {reason!r}): {problem}: {excerpt}"
            ) from error

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
        text = response.message.content or ""
        if not self._is_due(text):
            return None
        values = parse_partial_object(text)
        if values == self._values or not values:
            return None
        self._values = values
        self._shown = self._object_of(values)
        return self._shown

    def _is_due(self, text: str) -> bool:
        """Whether enough is new: with steps that grow, reading stays linear in the text."""
        n_new = len(text) - self._n_read_chars
        if n_new <= len(text) // 256:
            return False
        self._n_read_chars = len(text)
        return True

    def _object_of(self, values: JsonObject) -> Model | FlexibleModel:
        try:
            return self._output_cls.model_validate(values)
        except _NOT_YET:
            self._flexible_cls = self._flexible_cls or create_flexible_model(self._output_cls)
            return self._flexible_cls.model_validate(values)


def _problems(error: ValidationError) -> Sequence[str]:
    """What is wrong, by place; at most three things, and none of the values."""
    details: list[Any] = error.errors(include_url=False, include_input=False, include_context=False)
    return [f"{'.'.join(map(str, d['loc'])) or 'root'}: {d['msg']}" for d in details[:3]]
