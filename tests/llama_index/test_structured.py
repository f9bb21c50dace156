"""Response formats and the objects that come back: LI-45 to LI-51."""

from __future__ import annotations

import logging
from typing import Any, Generic, Literal, TypeVar

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock, ToolCallBlock
from llama_index.core.program.utils import FlexibleModel
from llama_index.core.response_synthesizers.refine import StructuredRefineResponse
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, Field, RootModel, field_validator, model_validator

from cerebras_ext.catalog import facts_of
from cerebras_ext.errors import ConfigError
from cerebras_ext.schema import find_violations
from llama_index_cerebras_ext import (
    EmptyOutput,
    InvalidOutput,
    StructuredOutputError,
    TruncatedOutput,
)
from llama_index_cerebras_ext._structured import ObjectReader, response_format_of

FACTS = facts_of("gpt-oss-120b")
T = TypeVar("T")


class Person(BaseModel):
    name: str
    age: int


class Profile(BaseModel):
    """A profile."""

    person: Person
    tags: list[Literal["a", "b"]] = Field(default_factory=list, max_length=3)
    code: str | None = Field(default=None, pattern="^[A-Z]+$")


class Box(BaseModel, Generic[T]):
    content: T


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Branch(BaseModel):
    tree: Tree


class Free(BaseModel):
    options: dict[str, Any]


class Names(RootModel[list[str]]):
    pass


def format_of(output_cls: type[BaseModel], **options: Any) -> Any:
    given: dict[str, Any] = {"facts": FACTS, "mode": PydanticProgramMode.DEFAULT, **options}
    return response_format_of(output_cls, **given)


def response(text: str | None, finish_reason: str | None = None) -> ChatResponse:
    """An answer; complete if it has a finish reason."""
    facts = {} if finish_reason is None else {"finish_reason": finish_reason}
    return ChatResponse(
        message=ChatMessage(role="assistant", content=text), additional_kwargs=facts
    )


def call_response(
    arguments: str | dict[str, Any], finish_reason: str | None = None, *, said: str = ""
) -> ChatResponse:
    """The same, given through a call, perhaps after some words."""
    whole = response(None, finish_reason)
    call = ToolCallBlock(tool_call_id="a", tool_name="Person", tool_kwargs=arguments)
    whole.message.blocks = [TextBlock(text=said), call] if said else [call]
    return whole


@pytest.mark.parametrize("output_cls", [Person, Profile, Box[Person], StructuredRefineResponse])
def test_classes_get_a_strict_schema(output_cls: type[BaseModel]) -> None:
    """LI-51: one that the service would take."""
    json_schema = format_of(output_cls)["json_schema"]
    assert json_schema["strict"] is True
    assert find_violations(json_schema["schema"]) == []


def test_property_order_is_kept() -> None:
    """LI-51: refine puts its answer and its verdict in an order that matters."""
    schema = format_of(StructuredRefineResponse)["json_schema"]["schema"]
    assert list(schema["properties"]) == list(StructuredRefineResponse.model_fields)


def test_the_classes_own_schema_is_not_changed() -> None:
    """LI-51: pydantic keeps it."""
    before = Profile.model_json_schema()
    format_of(Profile)
    assert Profile.model_json_schema() == before


def test_names_are_sanitised() -> None:
    """LI-51: generic classes have brackets in their names."""
    assert format_of(Box[str])["json_schema"]["name"] == "Box_str"


@pytest.mark.parametrize("output_cls", [Branch, Free])
def test_what_has_no_strict_form_is_left_to_function_calling(
    output_cls: type[BaseModel], caplog: pytest.LogCaptureFixture
) -> None:
    """LI-45, LI-51: and the debug log says why."""
    caplog.set_level(logging.DEBUG, logger="llama_index_cerebras_ext")
    assert format_of(output_cls) is None
    assert output_cls.__name__ in caplog.text


@pytest.mark.parametrize("output_cls", [Tree, Names])
def test_roots_that_core_cannot_call_are_sent_loosely(output_cls: type[BaseModel]) -> None:
    """§13: core's function calling needs properties at the root."""
    json_schema = format_of(output_cls)["json_schema"]
    assert json_schema["strict"] is False
    assert json_schema["schema"] == output_cls.model_json_schema()


@pytest.mark.parametrize("mode", [m for m in PydanticProgramMode if m.value != "default"])
def test_other_modes_are_cores(mode: PydanticProgramMode) -> None:
    """LI-45: who asks for a mode gets it."""
    assert format_of(Person, mode=mode) is None


def test_models_without_json_schema_use_functions() -> None:
    """LI-50: that knowledge is in the catalogue."""
    assert format_of(Person, facts=facts_of("gpt-oss-120b", supports_json_schema=False)) is None


@pytest.mark.parametrize("output_cls", [int, list[int], Person(name="Ann", age=3)])
def test_what_is_no_pydantic_class_is_refused(output_cls: Any) -> None:
    """LI-48: by an error of ours, which core does not take for a missing object."""
    with pytest.raises(ConfigError, match=r"output_cls: .* is not a pydantic class"):
        format_of(output_cls)


def test_a_complete_answer_is_validated() -> None:
    """LI-48: as JSON, by the class."""
    person = ObjectReader(Person).whole(response('{"name": "Ann", "age": 3}', "stop"))
    assert person == Person(name="Ann", age=3)


@pytest.mark.parametrize(
    ("text", "reason", "error", "said"),
    [
        (None, "stop", EmptyOutput, "'stop'"),
        ("", "length", EmptyOutput, "'length'"),
        ("", "length", EmptyOutput, "raise max_tokens"),
        ("  \n", "stop", EmptyOutput, "Person"),
        ('{"name": "An', "length", TruncatedOutput, "raise max_tokens"),
        ('{"name": "An', "stop", InvalidOutput, '{"name": "An'),
        ('{"name": "Ann", "age": "old"}', "stop", InvalidOutput, "age: "),
        ("I would rather not", "stop", InvalidOutput, "I would rather not"),
        ("x" * 10_000, "stop", InvalidOutput, "…"),
    ],
)
def test_answers_without_object_say_what_happened(
    text: str | None, reason: str, error: type[Exception], said: str
) -> None:
    """LI-48: one class for each kind, with the finish reason and a short excerpt."""
    with pytest.raises(error) as caught:
        ObjectReader(Person).whole(response(text, reason))
    assert said in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("arguments", "reason", "error", "said"),
    [
        ('{"name": "An', "length", TruncatedOutput, "raise max_tokens"),
        ("", "length", EmptyOutput, "raise max_tokens"),
        ('{"name": "An', "tool_calls", InvalidOutput, '{"name": "An'),
        ('{"name": "Ann"}', "tool_calls", InvalidOutput, "age: "),
        ('["Ann", 3]', "tool_calls", InvalidOutput, "'tool_calls'"),
        ("", "tool_calls", InvalidOutput, "name: "),
    ],
)
def test_calls_without_object_say_what_happened(
    arguments: str, reason: str, error: type[Exception], said: str
) -> None:
    """LI-48: by the same classes as texts; words beside a call are not what is read."""
    with pytest.raises(error) as caught:
        ObjectReader(Person).whole(call_response(arguments, reason, said="Here you are."))
    assert said in str(caught.value)
    assert "Here" not in str(caught.value)


@pytest.mark.parametrize("arguments", ['{"name": "Ann", "age": 3}', {"name": "Ann", "age": 3}])
def test_a_complete_call_is_validated(arguments: str | dict[str, Any]) -> None:
    """LI-48: as a text is; whoever stands between may have parsed the arguments."""
    person = ObjectReader(Person).whole(call_response(arguments, "tool_calls"))
    assert person == Person(name="Ann", age=3)


class Settings(BaseModel):
    is_dark: bool = False


@pytest.mark.parametrize("arguments", ["", "  ", "null", "{}"])
def test_a_call_may_leave_its_arguments_out(arguments: str) -> None:
    """LI-41: that stands for an empty object, unless the call was cut off."""
    reader = ObjectReader(Settings)
    assert reader.whole(call_response(arguments, "tool_calls")) == Settings()
    if arguments != "{}":
        with pytest.raises(StructuredOutputError):
            reader.whole(call_response(arguments, "length"))


@pytest.mark.parametrize("respond", [response, call_response])
def test_halves_of_characters_do_not_cost_the_object(respond: Any) -> None:
    """LI-41: a character that was cut in two is replaced."""
    assert ObjectReader(Person).whole(respond('{"name": "A\ud83d", "age": 3}', "stop")) == Person(
        name="A\ufffd", age=3
    )


def test_these_errors_are_value_errors() -> None:
    """LI-48: core's synthesizers go on without such an object."""
    assert issubclass(StructuredOutputError, ValueError)


def fed(
    output_cls: type[Any], text: str, *, step: int = 1, reason: str | None = "stop"
) -> list[Any]:
    """What a reader shows of a text that arrives in pieces."""
    reader = ObjectReader(output_cls)
    items = [response(text[:n]) for n in range(step, len(text) + 1, step)]
    if reason is not None:
        items.append(response(text, reason))
    return [shown for item in items if (shown := reader.feed(item)) is not None]


def test_objects_grow_and_end_validated() -> None:
    """LI-49: partial objects first, then real ones; the last one is the validated object."""
    shown = fed(Person, '{"name": "Ann", "age": 31}')
    assert [(each.name, each.age) for each in shown[:4]] == [
        ("", None),
        ("A", None),
        ("An", None),
        ("Ann", None),
    ]
    assert all(isinstance(each, FlexibleModel) for each in shown[:4])
    assert shown[-1] == Person(name="Ann", age=31)


def test_calls_grow_as_texts_do() -> None:
    """LI-49: and words in front of a call, however long, do not hold its objects back."""
    text = '{"name": "Ann", "age": 31}'
    reader = ObjectReader(Person)
    items = [response("Let me see. " * 9)]
    items += [call_response(text[:n], said="Let me see. " * 9) for n in range(len(text) + 1)]
    items.append(call_response(text, "tool_calls", said="Let me see. " * 9))
    shown = [each for item in items if (each := reader.feed(item)) is not None]
    assert list(map(repr, shown)) == list(map(repr, fed(Person, text)))
    assert shown[-1] == Person(name="Ann", age=31)


def test_items_that_change_nothing_are_left_out() -> None:
    """LI-49: white space and reasoning bring no new object."""
    shown = fed(Person, '{\n\n\n "name": "A",\n\n "age": 3}\n\n\n')
    assert [each.model_dump(exclude_none=True) for each in shown] == [
        {"name": ""},
        {"name": "A"},
        {"name": "A", "age": 3},
    ]


def test_a_stream_shows_at_least_one_object() -> None:
    """LI-49: core reads its loop variable after the loop."""
    assert fed(Person, '{"name":"A","age":3}', step=1_000) == [Person(name="A", age=3)]


def test_the_last_object_is_not_shown_twice() -> None:
    """LI-49: unless something changed."""
    shown = fed(Person, '{"name":"A","age":3}', step=len('{"name":"A","age":3}'))
    assert shown == [Person(name="A", age=3)]


def test_a_stream_that_ends_invalid_raises() -> None:
    """LI-49: never with a partial as if it were the answer."""
    with pytest.raises(TruncatedOutput):
        fed(Person, '{"name": "Ann"', reason="length")


class Picky(BaseModel):
    a: str = ""
    b: str = ""

    @model_validator(mode="before")
    @classmethod
    def _needs_both(cls, values: Any) -> Any:
        return {**values, "b": values["b"].upper()}

    @field_validator("a")
    @classmethod
    def _long(cls, value: str) -> str:
        return str(int(value))


def test_validators_may_count_on_the_whole_object() -> None:
    """LI-49: what a validator raises over half an object means "not yet"."""
    shown = fed(Picky, '{"a": "12", "b": "x"}')
    assert isinstance(shown[0], FlexibleModel)
    assert shown[-1] == Picky.model_validate({"a": "12", "b": "x"})


def test_what_validators_raise_is_no_valid_object() -> None:
    """LI-48: over a whole answer it means that the class is not met, whatever it is."""
    with pytest.raises(InvalidOutput, match=r"a validator raised KeyError: \{"):
        fed(Picky, '{"a": "12"}')


@pytest.mark.parametrize("n_chars", [1_000, 10_000, 100_000])
def test_reading_a_stream_is_linear_in_its_text(
    n_chars: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LI-72: characters parsed are at most a few hundred times those that arrived."""
    from llama_index_cerebras_ext import _structured

    n_parsed = 0

    def counting(text: str) -> dict[str, Any]:
        nonlocal n_parsed
        n_parsed += len(text)
        return {}

    monkeypatch.setattr(_structured, "parse_partial_object", counting)
    reader = ObjectReader(Person)
    for n in range(4, n_chars, 4):
        reader.feed(response("x" * n))
    assert n_parsed < 300 * n_chars
