"""Structured output: what is asked of the model, and how its reply becomes the schema's value.

Final replies are parsed strictly; core's own parsers repair unfinished JSON and give None where
nothing was called. Partial values, for display while a stream runs, come from a lenient parser and
are never final.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import langchain_core.exceptions
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers.transform import BaseTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableMap
from langchain_core.runnables.utils import AddableDict
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.v1 import BaseModel as BaseModelV1

from cerebras_ext.partial_json import parse_partial_object, read_arguments
from langchain_cerebras_ext._tools import strict_schema
from langchain_cerebras_ext.errors import StructuredOutputError, UnsupportedInput

if TYPE_CHECKING:
    from langchain_core.language_models import LanguageModelInput

    from cerebras_ext.catalog import ModelFacts

__all__ = [
    "Method",
    "Plan",
    "SchemaLike",
    "StructuredOutputParser",
    "Target",
    "plan_structured_output",
    "target_of",
    "with_raw",
]

logger = logging.getLogger(__name__)

Method = Literal["json_schema", "function_calling", "json_mode"]
SchemaLike: TypeAlias = type | dict[str, Any]

_DEFAULT_NAME = "answer"
_REFUSAL = getattr(langchain_core.exceptions, "ModelRefusalError", None)  # since core 1.7.5
_LENGTH_ADVICE = "the reply was cut at the token limit; raise max_tokens or ask for less"


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """What a structured reply is to become.

    Attributes:
        original: The user's schema; None for any JSON object.
        name: Of the tool or of the response format.
        description: Of it; may be empty.
        schema: Plain JSON schema.
        is_class: Whether results are instances, so that a stream has nothing to show before its
            end.
    """

    original: SchemaLike | None
    name: str
    description: str
    schema: dict[str, Any]
    is_class: bool

    @property
    def traced(self) -> Any:
        """The schema in a form that LangChain can show in traces: the user's own wherever it
        can.
        """
        if isinstance(self.original, type) and not dataclasses.is_dataclass(self.original):
            return self.original
        if (
            isinstance(self.original, Mapping)
            and {"title", "name", "function"} & self.original.keys()
        ):
            return self.original
        return {"title": self.name, **self.schema}

    def value_of(self, found: dict[str, Any]) -> Any:
        """The schema's value for a JSON object.

        Raises:
            Exception: Whatever the user's class raises for values it does not take.
        """
        original = self.original
        if not self.is_class or not isinstance(original, type):
            return found
        if issubclass(original, BaseModel):
            return original.model_validate(found)
        if issubclass(original, BaseModelV1):
            return original.parse_obj(found)
        return TypeAdapter(original).validate_python(found)


def target_of(schema: SchemaLike | None) -> Target:
    """The target for a pydantic class (v1 or v2), a dataclass, a `TypedDict`, or a JSON schema.

    Raises:
        UnsupportedInput: It is none of these.
    """
    if schema is None:
        return Target(None, _DEFAULT_NAME, "", {"type": "object"}, is_class=False)
    is_dataclass = isinstance(schema, type) and dataclasses.is_dataclass(schema)
    is_model = isinstance(schema, type) and issubclass(schema, BaseModel | BaseModelV1)
    function = _function_of(schema, is_dataclass=is_dataclass)
    return Target(
        original=schema,
        name=function["name"],
        description=function.get("description") or "",
        schema=function.get("parameters") or {"type": "object", "properties": {}},
        is_class=is_dataclass or is_model,
    )


def _function_of(schema: SchemaLike, *, is_dataclass: bool) -> Mapping[str, Any]:
    source: Any = schema
    if is_dataclass:
        source = {
            "title": getattr(schema, "__name__", _DEFAULT_NAME),
            **TypeAdapter(schema).json_schema(),
        }
    elif isinstance(schema, Mapping) and not {"title", "name", "function"} & schema.keys():
        source = {"title": _DEFAULT_NAME, **schema}
    try:
        function: Mapping[str, Any] = convert_to_openai_tool(source)["function"]
    except (KeyError, TypeError, ValueError) as error:
        raise UnsupportedInput(
            f"schema: {type(schema).__name__} {getattr(schema, '__name__', '')!r} is not one; give a pydantic "
            "class, a dataclass, a TypedDict or a JSON schema"
        ) from error
    return function


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
    fits = strict is not False and _fits_strictly(
        target, must_fit=bool(strict) and method == "json_schema"
    )
    if method is None:
        wants_schema = facts.supports_json_schema and (fits or strict is False)
        method = (
            "json_mode"
            if target.original is None
            else "json_schema"
            if wants_schema
            else "function_calling"
        )
        logger.debug("structured output %r: method %s", target.name, method)
    if target.original is None and method != "json_mode":
        raise UnsupportedInput(f"schema: {method} needs one; json_mode takes any JSON object")
    traced = {"kwargs": {"method": method, "strict": strict}, "schema": target.traced}
    options: dict[str, Any] = {"ls_structured_output_format": traced}
    if method == "json_mode":
        return Plan(method, (), {**options, "response_format": {"type": "json_object"}})
    if method == "json_schema":
        return Plan(
            method, (), {**options, "response_format": _json_schema_format(target, is_strict=fits)}
        )
    if method != "function_calling":
        raise UnsupportedInput(
            f"method: {method!r} is not known; give one of {', '.join(get_args(Method))}"
        )
    function = {"name": target.name, "description": target.description, "parameters": target.schema}
    if strict is not None:
        function["strict"] = strict
    if facts.supports_tool_choice:
        options["tool_choice"] = target.name
    return Plan(
        method,
        ({"type": "function", "function": function},),
        {**options, "parallel_tool_calls": False},
    )


def _fits_strictly(target: Target, *, must_fit: bool) -> bool:
    try:
        strict_schema(target.schema, f"schema {target.name!r}")
    except UnsupportedInput as error:
        if must_fit:
            raise
        logger.debug("structured output %r cannot be strict: %s", target.name, error)
        return False
    return True


def _json_schema_format(target: Target, *, is_strict: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"name": target.name, "schema": target.schema, "strict": is_strict}
    if target.description:
        body["description"] = target.description
    return {"type": "json_schema", "json_schema": body}


class StructuredOutputParser(BaseTransformOutputParser[Any]):
    """Turns a reply into a target's value; a stream of chunks into growing dicts, or one instance
    at its end.

    Attributes:
        target: What the reply is to become.
        method: Where the reply says it: in its text, or in the arguments of a call.
        may_call_tools: Whether a reply that calls tools instead of answering is fine; its value is
            None.
    """

    target: Target
    method: Method
    may_call_tools: bool = False

    def parse(self, text: str) -> Any:
        """The value in a text."""
        return self.parse_result([ChatGeneration(message=AIMessage(text))])

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """The value of a reply.

        Raises:
            StructuredOutputError: The reply is not what the schema asks for.
        """
        generation = result[0]
        if not isinstance(generation, ChatGeneration):
            return self.parse(generation.text)
        if partial:
            return parse_partial_object(generation.message.text)
        return self.value_of(generation.message)

    def value_of(self, message: BaseMessage) -> Any:
        """The value of a finished reply."""
        _raise_if_refused(message)
        if message.response_metadata.get("finish_reason") == "length":
            raise _error(_LENGTH_ADVICE, message)
        found = self._called(message) if self.method == "function_calling" else self._said(message)
        if found is None:
            return None
        try:
            return self.target.value_of(found)
        except ValidationError as error:
            raise _error(
                f"the reply does not fit {self.target.name!r}: {_first(error)}", message
            ) from error
        except Exception as error:
            raise _error(
                f"the reply does not fit {self.target.name!r}: {error}", message
            ) from error

    def _said(self, message: BaseMessage) -> dict[str, Any] | None:
        text = message.text
        if not text.strip() and self.may_call_tools and getattr(message, "tool_calls", None):
            return None
        if not text.strip():
            raise _error(f"the reply has no text, {_instead(message)}", message)
        found = read_arguments(text)
        if not isinstance(found, dict):
            raise _error(f"the reply's text is {found.reason}", message)
        return found

    def _called(self, message: BaseMessage) -> dict[str, Any]:
        for call in getattr(message, "tool_calls", ()):
            if call["name"] == self.target.name:
                arguments: dict[str, Any] = call["args"]
                return arguments
        for bad in getattr(message, "invalid_tool_calls", ()):
            if bad["name"] == self.target.name:
                reason = bad.get("error") or "not a JSON object"
                raise _error(
                    f"the arguments of the call of {self.target.name!r} are {reason}", message
                )
        raise _error(f"the reply does not call {self.target.name!r}, {_instead(message)}", message)

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:
        growing = _Growing(self)
        for chunk in input:
            yield from growing.feed(chunk)
        yield from growing.end()

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:
        growing = _Growing(self)
        async for chunk in input:
            for value in growing.feed(chunk):
                yield value
        for value in growing.end():
            yield value

    def beside(self, outputs: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Replies under `raw` as they come, then `parsed` and `parsing_error`; never raises for a
        reply.
        """
        seen: list[BaseMessage] = []
        for output in outputs:
            seen.append(output["raw"])
            yield AddableDict(output)
        yield self._outcome(seen)

    async def abeside(
        self, outputs: AsyncIterator[dict[str, Any]]
    ) -> AsyncIterator[dict[str, Any]]:
        """As `beside`."""
        seen: list[BaseMessage] = []
        async for output in outputs:
            seen.append(output["raw"])
            yield AddableDict(output)
        yield self._outcome(seen)

    def _outcome(self, chunks: list[BaseMessage]) -> AddableDict:
        try:
            return AddableDict(parsed=self.value_of(_sum(chunks)), parsing_error=None)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the reply is a value here
            return AddableDict(parsed=None, parsing_error=error)

    @property
    def _type(self) -> str:
        return "cerebras-structured-output"


class _Growing:
    """A structured reply as it arrives."""

    def __init__(self, parser: StructuredOutputParser) -> None:
        self._parser = parser
        self._chunks: list[BaseMessage] = []
        self._text: list[str] = []
        self._shown: Any = None

    def feed(self, chunk: str | BaseMessage) -> Iterator[Any]:
        message = AIMessageChunk(chunk) if isinstance(chunk, str) else chunk
        self._chunks.append(message)
        if self._parser.target.is_class or not (text := self._new_text(message)):
            return
        self._text.append(text)
        found = parse_partial_object("".join(self._text))
        if found and found != self._shown:
            self._shown = found
            yield found

    def end(self) -> Iterator[Any]:
        if not self._chunks:
            return
        value = self._parser.value_of(_sum(self._chunks))
        if self._shown is None or value != self._shown:
            yield value

    def _new_text(self, message: BaseMessage) -> str:
        if self._parser.method != "function_calling":
            return message.text
        fragments = getattr(message, "tool_call_chunks", ())
        return "".join(fragment["args"] or "" for fragment in fragments if not fragment["index"])


def _sum(chunks: list[BaseMessage]) -> BaseMessage:
    first, *others = chunks
    if isinstance(first, AIMessageChunk) and others:
        return first + [chunk for chunk in others if isinstance(chunk, AIMessageChunk)]
    return first


def with_raw(
    model: Runnable[LanguageModelInput, AIMessage], parser: StructuredOutputParser
) -> Runnable[LanguageModelInput, dict[str, Any]]:
    """A chain that gives the reply itself beside its value, and errors about the reply as
    values.
    """
    return RunnableMap(raw=model) | RunnableGenerator(parser.beside, parser.abeside)


def _raise_if_refused(message: BaseMessage) -> None:
    refusal = message.additional_kwargs.get("refusal")
    if not refusal:
        return
    if _REFUSAL is not None:
        raise _REFUSAL(refusal, raw_message=message)
    raise _error(f"the model refused: {refusal}", message)


def _error(problem: str, message: BaseMessage) -> StructuredOutputError:
    return StructuredOutputError(problem, raw_message=message, llm_output=message.text)


def _instead(message: BaseMessage) -> str:
    """What a reply holds instead of what was asked for."""
    calls = [call["name"] for call in getattr(message, "tool_calls", ())]
    if calls:
        return f"but calls {', '.join(map(repr, calls))}"
    finish = message.response_metadata.get("finish_reason")
    return f"but {'text' if message.text else 'nothing'} (finish reason {finish!r})"


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, problem["loc"]))
    more = error.error_count() - 1
    return f"{where or 'value'}: {problem['msg']}" + (f" (and {more} more)" if more else "")
