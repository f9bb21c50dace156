"""Structured prediction end to end: LI-17, LI-36, LI-45 to LI-50, §13."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts import (
    ChatPromptTemplate,
    PromptTemplate,
    PromptType,
    SelectorPromptTemplate,
)
from llama_index.core.prompts.utils import is_chat_model
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel

from cerebras_ext import RateLimited, StatusError
from llama_index_cerebras_ext import Cerebras, InvalidOutput, TruncatedOutput
from tests.llama_index.support import (
    CORE_WARNINGS,
    chunk,
    events,
    last_chunk,
    reply,
    served,
    text_reply,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.server import RunningEmulator

T = TypeVar("T")
PROMPT = PromptTemplate("Someone from {place}.")


class Person(BaseModel):
    """A person."""

    name: str
    age: int


class Box(BaseModel, Generic[T]):
    content: T


class Node(BaseModel):
    value: int
    children: list[Node] = []


ANN = Person(name="Ann", age=3)
ANN_JSON = '{"name": "Ann", "age": 3}'


def call_reply(name: str, arguments: str, reason: str = "tool_calls") -> dict[str, Any]:
    call = {"id": "a", "type": "function", "function": {"name": name, "arguments": arguments}}
    return reply({"tool_calls": [call]}, reason)


def json_events(text: str, size: int = 4) -> list[bytes]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return events(*(chunk({"content": piece}) for piece in pieces), last_chunk())


async def predicted(llm: Cerebras, output_cls: Any, *, is_async: bool, **kwargs: Any) -> Any:
    """A structured prediction, sync or async."""
    given: dict[str, Any] = {"place": "Oslo", **kwargs}
    if is_async:
        return await llm.astructured_predict(output_cls, PROMPT, **given)
    return llm.structured_predict(output_cls, PROMPT, **given)


async def streamed(llm: Cerebras, output_cls: Any, *, is_async: bool, **kwargs: Any) -> list[Any]:
    """What a structured stream shows, sync or async."""
    given: dict[str, Any] = {"place": "Oslo", **kwargs}
    if is_async:
        stream = await llm.astream_structured_predict(output_cls, PROMPT, **given)
        return [each async for each in stream]
    return list(llm.stream_structured_predict(output_cls, PROMPT, **given))


both_ways = pytest.mark.parametrize("is_async", [False, True])


@both_ways
async def test_the_native_route_asks_for_the_schema(is_async: bool) -> None:
    """LI-45: a strict response format, no tools, and one message."""
    llm, service = served(reply({"content": ANN_JSON}))
    assert await predicted(llm, Person, is_async=is_async) == ANN
    sent = service.sent[0]
    assert sent["response_format"]["type"] == "json_schema"
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert sent["messages"] == [{"role": "user", "content": "Someone from Oslo."}]
    assert "tools" not in sent


@both_ways
async def test_the_native_stream_ends_with_the_object(is_async: bool) -> None:
    """LI-49: partial objects, then the real one."""
    llm, _ = served(json_events(ANN_JSON))
    shown = await streamed(llm, Person, is_async=is_async)
    assert len(shown) > 2
    assert shown[0].age is None
    assert shown[-1] == ANN


@both_ways
@pytest.mark.parametrize("mode", [None, PydanticProgramMode.FUNCTION])
async def test_the_system_prompt_is_there_once(
    is_async: bool, mode: PydanticProgramMode | None
) -> None:
    """LI-17, §13: on the native route, and on core's, whose async program forgets it."""
    body = call_reply("Person", ANN_JSON) if mode else reply({"content": ANN_JSON})
    settings = {"pydantic_program_mode": mode} if mode else {}
    llm, service = served(body, system_prompt="Be {brief}.", **settings)
    assert await predicted(llm, Person, is_async=is_async) == ANN
    assert service.sent[0]["messages"] == [
        {"role": "system", "content": "Be {brief}."},
        {"role": "user", "content": "Someone from Oslo."},
    ]


@both_ways
async def test_text_mode_parses_text(is_async: bool) -> None:
    """LI-45: `LLM` mode is core's: the schema in the prompt, the answer parsed as text."""
    llm, service = served(
        reply({"content": f"Here: {ANN_JSON}"}), pydantic_program_mode=PydanticProgramMode.LLM
    )
    assert await predicted(llm, Person, is_async=is_async) == ANN
    assert service.sent[0].keys() == {"model", "messages"}


@both_ways
async def test_core_does_not_write_into_the_callers_prompt(is_async: bool) -> None:
    """LI-19: its text program hangs its own parser on the prompt that it is given."""
    mode = PydanticProgramMode.LLM
    llm, _ = served(reply({"content": ANN_JSON}), json_events(ANN_JSON), pydantic_program_mode=mode)
    await predicted(llm, Person, is_async=is_async)
    await streamed(llm, Person, is_async=is_async)
    assert PROMPT.output_parser is None


@both_ways
async def test_text_mode_streams(is_async: bool) -> None:
    """LI-45: and so is its stream."""
    llm, _ = served(json_events(ANN_JSON), pydantic_program_mode=PydanticProgramMode.LLM)
    assert (await streamed(llm, Person, is_async=is_async))[-1] == ANN


@both_ways
@pytest.mark.parametrize("mode", [*list(PydanticProgramMode)[:1], PydanticProgramMode.FUNCTION])
async def test_generic_classes_work_on_both_routes(
    is_async: bool, mode: PydanticProgramMode
) -> None:
    """LI-36: core's dispatch looks the tool up under its own name, brackets and all."""
    arguments = '{"content": "x"}'
    is_native = mode is PydanticProgramMode.DEFAULT
    body = reply({"content": arguments}) if is_native else call_reply("Box_str", arguments)
    llm, _ = served(body, pydantic_program_mode=mode)
    assert await predicted(llm, Box[str], is_async=is_async) == Box[str](content="x")


@both_ways
@pytest.mark.parametrize("mode", [PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION])
async def test_recursive_classes_work(is_async: bool, mode: PydanticProgramMode) -> None:
    """§13: core's function route cannot take a recursive root, even if it is asked for."""
    answer = reply({"content": '{"value": 1, "children": [{"value": 2}]}'})
    llm, service = served(answer, pydantic_program_mode=mode)
    node = await predicted(llm, Node, is_async=is_async)
    assert node.children[0].value == 2
    assert service.sent[0]["response_format"]["json_schema"]["strict"] is False


def test_chat_models_without_the_text_route_are_asked_by_text() -> None:
    """LI-16, LI-45: the text endpoint has no response format; core's text program does the work."""
    llm, service = served(text_reply(ANN_JSON), is_chat_model=False)
    assert llm.structured_predict(Person, PROMPT, place="Oslo") == ANN
    assert service.requests[0].url.path == "/v1/completions"


def test_selector_prompts_choose_the_chat_variant() -> None:
    """LI-47: the model is told to the prompt."""
    chat = ChatPromptTemplate(message_templates=[ChatMessage(content="chat variant")])
    prompt = SelectorPromptTemplate(
        default_template=PromptTemplate("text variant", prompt_type=PromptType.CUSTOM),
        conditionals=[(is_chat_model, chat)],
    )
    llm, service = served(reply({"content": ANN_JSON}))
    llm.structured_predict(Person, prompt)  # type: ignore[arg-type]
    assert service.sent[0]["messages"][0]["content"] == "chat variant"


@both_ways
@pytest.mark.parametrize("mode", [PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION])
async def test_llm_kwargs_go_out_and_stay_whole(is_async: bool, mode: PydanticProgramMode) -> None:
    """LI-19, LI-47: sent without what belongs to core's programs; the dict is not touched."""
    is_native = mode is PydanticProgramMode.DEFAULT
    body = reply({"content": ANN_JSON}) if is_native else call_reply("Person", ANN_JSON)
    llm, service = served(body, pydantic_program_mode=mode)
    given = {
        "temperature": 0.5,
        "tool_required": True,
        "tool_choice": "auto",
        "allow_parallel_tool_calls": True,
    }
    before = dict(given)
    await predicted(llm, Person, is_async=is_async, llm_kwargs=given)
    assert service.sent[0]["temperature"] == 0.5
    assert service.sent[0].get("tool_choice") == (None if is_native else "required")
    assert "allow_parallel_tool_calls" not in service.sent[0]
    assert given == before


def test_raw_reasoning_would_break_the_json() -> None:
    """LI-50: `raw` puts the reasoning in front of the answer; the schema takes precedence."""
    llm, service = served(reply({"content": ANN_JSON}), reasoning_format="raw")
    llm.structured_predict(Person, PROMPT, place="Oslo")
    assert service.sent[0]["reasoning_format"] == "parsed"


@both_ways
async def test_bad_answers_are_value_errors(is_async: bool) -> None:
    """LI-48: in both forms."""
    llm, _ = served(reply({"content": "no"}), json_events("no"))
    with pytest.raises(InvalidOutput):
        await predicted(llm, Person, is_async=is_async)
    with pytest.raises(InvalidOutput):
        await streamed(llm, Person, is_async=is_async)


async def test_truncated_answers_say_so() -> None:
    """LI-48, LI-56: the finish reason tells what to do."""
    llm, _ = served(reply({"content": '{"name": "A'}, "length"))
    with pytest.raises(TruncatedOutput, match="max_tokens"):
        await predicted(llm, Person, is_async=False)


@both_ways
@pytest.mark.parametrize("mode", [PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION])
async def test_api_failures_are_no_value_errors(
    is_async: bool,
    mode: PydanticProgramMode,
    make_llm: Callable[..., Cerebras],
    cerebras_emulator: RunningEmulator,
) -> None:
    """LI-48, LI-64: core must not take an outage for a missing object."""
    cerebras_emulator.script({"status": 429})
    llm = make_llm(max_retries=0, pydantic_program_mode=mode)
    with pytest.raises(RateLimited) as caught:
        await predicted(llm, Person, is_async=is_async)
    assert not isinstance(caught.value, ValueError | TypeError)


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    is_sunny: bool


@CORE_WARNINGS
@both_ways
async def test_a_structured_llm_chats_and_streams(
    is_async: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§6.1: `as_structured_llm` in its chat forms, against the emulator's own strict rules."""
    structured = llm.as_structured_llm(Weather)
    question = [ChatMessage(content="Is it sunny in Oslo?")]
    if is_async:
        response = await structured.achat(question)
        items = [item async for item in await structured.astream_chat(question)]
    else:
        response = structured.chat(question)
        items = list(structured.stream_chat(question))
    assert isinstance(response.raw, Weather)
    assert isinstance(items[-1].raw, Weather)
    assert Weather.model_validate_json(response.message.content or "") == response.raw
    assert cerebras_emulator.requests[0].body["response_format"]["json_schema"]["strict"] is True


@both_ways
async def test_a_structured_llm_completes(is_async: bool, llm: Cerebras) -> None:
    """§6.1: and in its completion form."""
    structured = llm.as_structured_llm(Weather)
    if is_async:
        completion = await structured.acomplete("Is it sunny in Oslo?")
    else:
        completion = structured.complete("Is it sunny in Oslo?")
    assert isinstance(completion.raw, Weather)


@both_ways
async def test_core_programs_work_on_their_own(
    is_async: bool, llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """§6.1: refine builds the function program directly, past our methods."""
    program = FunctionCallingProgram.from_defaults(Weather, prompt=PROMPT, llm=llm)
    weather = await program.acall(place="Oslo") if is_async else program(place="Oslo")
    assert isinstance(weather, Weather)
    assert cerebras_emulator.requests[0].body["tool_choice"] == "required"


def test_status_errors_keep_their_status() -> None:
    """LI-65: through the structured route."""
    import httpx

    llm, _ = served(httpx.Response(400, json={"message": "no", "code": "wrong_api_format"}))
    with pytest.raises(StatusError) as caught:
        llm.structured_predict(Person, PROMPT, place="Oslo")
    assert caught.value.status == 400
