"""How a reply becomes the value of a schema.

Final replies are parsed strictly; core's own parsers repair unfinished JSON and give None where
nothing was called. Partial values, for display while a stream runs, come from a lenient parser and
are never final.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import langchain_core.exceptions
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers.transform import BaseTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableMap
from langchain_core.runnables.utils import AddableDict
from pydantic import ValidationError

from cerebras_ext.partial_json import parse_partial_object, read_arguments
from langchain_cerebras_ext._target import Target  # noqa: TC001 - pydantic reads it
from langchain_cerebras_ext._types import Method  # noqa: TC001 - as well
from langchain_cerebras_ext.errors import StructuredOutputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.language_models import LanguageModelInput

__all__ = ["StructuredOutputParser", "with_raw"]

_REFUSAL = getattr(langchain_core.exceptions, "ModelRefusalError", None)  # since core 1.7.5
_LENGTH_ADVICE = "the reply was cut at the token limit; raise max_tokens or ask for less"


class StructuredOutputParser(BaseTransformOutputParser[Any]):
    """Turns a reply into a target's value.

    A stream of chunks becomes growing dicts, or one instance at its end.

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
        return self.parse_result([ChatGeneration(message=AIMessage(content=text))])

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
        """Replies under `raw`, then `parsed` and `parsing_error`; never raises for a reply."""
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
        message = AIMessageChunk(content=chunk) if isinstance(chunk, str) else chunk
        self._chunks.append(message)
        if self._parser.target.kind is not None or not (text := self._new_text(message)):
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
    """A chain that gives replies beside their values, and what is wrong with them as a value."""
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
