"""Structured prediction through a function call, whole and streamed: LI-34, LI-45, LI-48, LI-49."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, Field

from llama_index_cerebras_ext import (
    EmptyOutput,
    InvalidOutput,
    StructuredOutputError,
    TruncatedOutput,
)
from tests.llama_index.support import call_delta, chunk, events, last_chunk, reply, served
from tests.llama_index.test_structured_predict import (
    ANN,
    ANN_JSON,
    Person,
    both_ways,
    call_reply,
    json_events,
    predicted,
    streamed,
)


class Free(BaseModel):
    options: dict[str, Any]


def call_events(
    name: str, arguments: str, size: int = 4, reason: str = "tool_calls"
) -> list[bytes]:
    pieces = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    return events(
        chunk(call_delta("", 0, "a", name)),
        *(chunk(call_delta(piece, 0)) for piece in pieces),
        last_chunk(reason),
    )


@both_ways
async def test_the_function_route_requires_the_call(is_async: bool) -> None:
    """LI-34: one tool, required."""
    llm, service = served(
        call_reply("Person", ANN_JSON), pydantic_program_mode=PydanticProgramMode.FUNCTION
    )
    assert await predicted(llm, Person, is_async=is_async) == ANN
    assert service.sent[0]["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in service.sent[0]["tools"]] == ["Person"]


@both_ways
async def test_the_function_stream_requires_the_call_too(is_async: bool) -> None:
    """§13: core does not ask for it in streams; LI-42: open strings are shown."""
    llm, service = served(
        call_events("Person", ANN_JSON), pydantic_program_mode=PydanticProgramMode.FUNCTION
    )
    shown = await streamed(llm, Person, is_async=is_async)
    assert service.sent[0]["tool_choice"] == "required"
    assert "An" in [each.name for each in shown]
    assert shown[-1] == ANN


@both_ways
async def test_text_in_place_of_the_call_is_read(is_async: bool) -> None:
    """§13: a model that answers in text after all is understood, as long as the text is JSON."""
    mode = PydanticProgramMode.FUNCTION
    llm, _ = served(reply({"content": ANN_JSON}), json_events(ANN_JSON), pydantic_program_mode=mode)
    assert await predicted(llm, Person, is_async=is_async) == ANN
    assert (await streamed(llm, Person, is_async=is_async))[-1] == ANN


class Rows(BaseModel):
    """Rows, which have no strict form."""

    rows: list[dict[str, int]]
    note: str = ""


CUT_ROWS = '{"rows":[{"a":1},{"a":2},{"a"'
PROSE = "I would rather not."
NO_ROWS = [
    (call_reply("Rows", CUT_ROWS, "length"), call_events("Rows", CUT_ROWS, reason="length")),
    (
        reply({"reasoning": "Hm."}, "length"),
        events(chunk({"reasoning": "Hm."}), last_chunk("length")),
    ),
    (reply({"content": PROSE}), json_events(PROSE)),
    (call_reply("Rows", '{"rows":5}'), call_events("Rows", '{"rows":5}')),
]


@both_ways
@pytest.mark.parametrize("mode", [PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION])
@pytest.mark.parametrize(
    ("answers", "error", "said"),
    [
        (NO_ROWS[0], TruncatedOutput, "raise max_tokens"),
        (NO_ROWS[1], EmptyOutput, "raise max_tokens"),
        (NO_ROWS[2], InvalidOutput, PROSE),
        (NO_ROWS[3], InvalidOutput, "rows: "),
    ],
    ids=["cut", "nothing", "prose", "invalid"],
)
async def test_function_calls_without_object_raise(
    is_async: bool,
    mode: PydanticProgramMode,
    answers: tuple[Any, Any],
    error: type[StructuredOutputError],
    said: str,
) -> None:
    """LI-48, LI-49: whole or streamed, never with a partial as if it were the answer."""
    llm, _ = served(*answers, pydantic_program_mode=mode)
    with pytest.raises(error, match=said):
        await predicted(llm, Rows, is_async=is_async)
    with pytest.raises(error, match=said):
        await streamed(llm, Rows, is_async=is_async)


class Style(BaseModel):
    """A style, whose fields have other names in JSON."""

    font: str = Field("", alias="fontName")
    size: int = Field(1, alias="fontSize")
    options: dict[str, str] = {}


@both_ways
@pytest.mark.parametrize("size", [1, 3, 1_000])
async def test_function_streams_read_aliases(is_async: bool, size: int) -> None:
    """LI-49: the last object is the one that the whole call gives, however the bytes were cut."""
    arguments = '{"fontName":"Inter","fontSize":12,"options":{"a":"b"}}'
    llm, _ = served(call_reply("Style", arguments), call_events("Style", arguments, size))
    whole = await predicted(llm, Style, is_async=is_async)
    assert whole == Style.model_validate_json(arguments)
    shown = await streamed(llm, Style, is_async=is_async)
    assert shown[-1] == whole
    assert [each.options for each in shown].count({"a": "b"}) == 1


@both_ways
async def test_models_without_tools_are_asked_by_text(is_async: bool) -> None:
    """LI-45: what has no strict form is then core's to ask for."""
    llm, service = served(
        reply({"content": '{"options": {"a": 1}}'}),
        json_events('{"options": {"a": 1}}'),
        is_function_calling_model=False,
    )
    assert await predicted(llm, Free, is_async=is_async) == Free(options={"a": 1})
    assert (await streamed(llm, Free, is_async=is_async))[-1] == Free(options={"a": 1})
    assert all(sent.keys().isdisjoint({"tools", "response_format"}) for sent in service.sent)


@both_ways
async def test_what_has_no_strict_form_is_called_as_a_function(is_async: bool) -> None:
    """LI-45, LI-51: a free-form dict."""
    llm, service = served(call_reply("Free", '{"options": {"a": 1}}'))
    assert await predicted(llm, Free, is_async=is_async) == Free(options={"a": 1})
    assert "response_format" not in service.sent[0]
