"""Schemas of pydantic models, dataclasses and TypedDicts in strict mode (LC-57, LC-59, LI-51)."""

from __future__ import annotations

import enum
import math
import sys
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from random import Random
from types import NoneType
from typing import Annotated, Any, Generic, Literal, NotRequired, TypeVar
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter, create_model
from typing_extensions import TypedDict

from cerebras_ext.schema import NotExpressible, find_violations, to_strict
from tests.core.schema_maker import make_instance
from tests.core.schema_reference import accepts

ItemT = TypeVar("ItemT")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    """Where someone lives."""

    street: str
    zip_code: str = Field(pattern=r"^\d{5}$", description="Five digits.")


class Person(BaseModel):
    """Someone."""

    name: str = Field(min_length=1)
    age: int | None = Field(default=None, ge=0, lt=150)
    home: Address = Field(description="The first home.")
    colour: Colour = Colour.RED
    tags: set[str] = Field(default_factory=set, max_length=3)
    born: date | None = None


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog", "puppy"]
    good: bool = True


class Box(BaseModel, Generic[ItemT]):
    item: ItemT
    pair: tuple[ItemT, int]


class Zoo(BaseModel):
    animals: list[Annotated[Cat | Dog, Field(discriminator="kind")]]
    favourite: Cat | Dog | None = None
    boxes: list[Box[Box[str]]]
    best: Box[Cat]


class Tree(BaseModel):
    children: list[Tree] = []


class Boss(BaseModel):
    staff: list[Employee]


class Employee(BaseModel):
    boss: Boss | None


@dataclass
class Item:
    """A line of an order."""

    name: str
    n: int = 1
    notes: list[str] = field(default_factory=list)


class Movie(TypedDict):
    """A film."""

    title: str
    year: NotRequired[int]
    cast: Annotated[list[str], Field(min_length=1)]


def _schema_of(kind: Any) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema()


EXPRESSIBLE = [Address, Person, Cat, Dog, Zoo, Box[int], Box[list[Box[Address]]], Item, Movie]


@pytest.mark.parametrize("kind", EXPRESSIBLE, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("require_all", [False, True])
def test_schema_of_a_type_becomes_strict(kind: Any, mode: Any, require_all: bool) -> None:
    """Models, generics, dataclasses and TypedDicts all have a strict form."""
    strict = to_strict(TypeAdapter(kind).json_schema(mode=mode), require_all=require_all)
    assert find_violations(strict.schema) == []
    assert to_strict(strict.schema, require_all=require_all).changes == ()


@pytest.mark.parametrize("kind", [Cat, Dog, Zoo, Box[int], Item], ids=lambda kind: kind.__name__)
def test_what_the_service_may_answer_is_valid(kind: Any) -> None:
    """Where nothing was given up, every strict answer is an instance of the type."""
    strict = to_strict(_schema_of(kind))
    given_up = {change.keyword for change in strict.changes if change.effect == "wider"}
    assert given_up <= {"minItems", "maxItems"}
    for seed in range(200):
        answer = make_instance(Random(seed), strict.schema)
        if accepts(_with_whole_tuples(strict.schema), answer):
            TypeAdapter(kind).validate_python(answer)


def _with_whole_tuples(schema: Any) -> Any:
    """The schema with the length of tuples said again, which strict mode cannot ask for."""
    if isinstance(schema, list):
        return [_with_whole_tuples(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    node = {keyword: _with_whole_tuples(value) for keyword, value in schema.items()}
    return {**node, "minItems": len(node["prefixItems"])} if "prefixItems" in node else node


def test_model_is_written_out() -> None:
    """A model of the usual kind, in full (LI-51)."""
    assert to_strict(Person.model_json_schema()).schema == {
        "title": "Person",
        "description": "Someone.",
        "type": "object",
        "properties": {
            "name": {"title": "Name", "description": "Minimum length: 1.", "type": "string"},
            "age": {
                "title": "Age",
                "anyOf": [
                    {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
                    {"type": "null"},
                ],
                "default": None,
            },
            "home": {"description": "The first home.", "anyOf": [{"$ref": "#/$defs/Address"}]},
            "colour": {"anyOf": [{"$ref": "#/$defs/Colour"}], "default": "red"},
            "tags": {
                "title": "Tags",
                "description": "Maximum number of items: 3. All items must be different.",
                "type": "array",
                "items": {"type": "string"},
            },
            "born": {
                "title": "Born",
                "anyOf": [{"description": "Format: date.", "type": "string"}, {"type": "null"}],
                "default": None,
            },
        },
        "required": ["name", "home"],
        "additionalProperties": False,
        "$defs": {
            "Address": {
                "title": "Address",
                "description": "Where someone lives.",
                "type": "object",
                "properties": {
                    "street": {"title": "Street", "type": "string"},
                    "zip_code": {
                        "title": "Zip Code",
                        "description": r"Five digits. Must match the regular expression `^\d{5}$`.",
                        "type": "string",
                    },
                },
                "required": ["street", "zip_code"],
                "additionalProperties": False,
            },
            "Colour": {"title": "Colour", "type": "string", "enum": ["red", "blue"]},
        },
    }


def test_cached_schema_of_a_class_is_not_touched() -> None:
    """A schema is a class's own; making it strict leaves it alone (LI-51)."""
    schema = Person.model_json_schema()
    to_strict(schema)
    assert schema == Person.model_json_schema()


def test_tag_with_a_default_is_required() -> None:
    """Pydantic answers a missing tag with an error, so the service has to give it."""
    strict = to_strict(Zoo.model_json_schema())
    cat, dog = strict.schema["properties"]["animals"]["items"]["anyOf"]
    assert cat["required"] == ["kind"]
    assert dog == {"$ref": "#/$defs/Dog"}


@pytest.mark.parametrize(
    ("extra", "effects"),
    [("forbid", set()), ("ignore", {"narrower"}), ("allow", {"narrower"})],
)
def test_model_is_closed_whatever_it_does_with_extras(extra: Any, effects: set[str]) -> None:
    """A model open to more is closed, which the report says."""
    model = create_model("Model", __config__=ConfigDict(extra=extra), a=(int, ...))
    strict = to_strict(model.model_json_schema())
    assert strict.schema["additionalProperties"] is False
    assert {change.effect for change in strict.changes} == effects


def test_root_model_becomes_the_object_it_holds() -> None:
    """A root model of an object is a reference at the root, which strict mode does not take."""
    strict = to_strict(RootModel[Address].model_json_schema())
    assert strict.schema["properties"].keys() == {"street", "zip_code"}
    assert "$defs" not in strict.schema


def test_generic_definitions_get_names_the_service_takes() -> None:
    """Names of nested generics stay apart and in the alphabet (LI-51)."""
    strict = to_strict(Zoo.model_json_schema())
    assert {"Box_Box_str__", "Box_str_", "Box_Cat_"} <= strict.schema["$defs"].keys()


@pytest.mark.parametrize("keys", [Literal["red", "blue"], Colour])
@pytest.mark.skipif(
    "propertyNames" not in _schema_of(dict[Colour, int]),
    reason="this release of pydantic does not say which keys a mapping has",
)
def test_mapping_with_known_keys_is_an_object(keys: Any) -> None:
    """A mapping is free-form only if its keys are."""
    model = create_model("Model", counts=(dict[keys, int], ...))
    counts = to_strict(model.model_json_schema()).schema["properties"]["counts"]
    assert counts == {
        "title": "Counts",
        "type": "object",
        "properties": {"red": {"type": "integer"}, "blue": {"type": "integer"}},
        "additionalProperties": False,
    }


def test_empty_model_is_an_object_without_properties() -> None:
    """A tool without arguments has a valid schema (LI-35, API specification §9.1)."""
    strict = to_strict(create_model("Nothing").model_json_schema())
    assert strict.schema == {
        "title": "Nothing",
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }


def test_default_json_does_not_have_is_left_out() -> None:
    """An infinite default cannot be sent."""
    model = create_model("Model", limit=(float, math.inf))
    assert "default" not in to_strict(model.model_json_schema()).schema["properties"]["limit"]


@pytest.mark.parametrize(
    ("annotation", "rule"),
    [
        (Any, "free-form"),
        (dict, "free-form"),
        (dict[str, int], "free-form"),
        (list, "free-form"),
        (list[Any], "free-form"),
        (Tree, "recursion"),
        (Boss, "recursion"),
    ],
    ids=str,
)
def test_field_that_strict_mode_cannot_say_is_refused(annotation: Any, rule: str) -> None:
    """Free-form values and recursion are reasons, not silent changes (LI-38)."""
    model = create_model("Model", a=(annotation, ...))
    with pytest.raises(NotExpressible) as caught:
        to_strict(model.model_json_schema())
    assert {reason.rule for reason in caught.value.reasons} == {rule}


@pytest.mark.parametrize("kind", [Tree, Boss, RootModel[Tree], RootModel[list[int]], int])
def test_root_that_strict_mode_cannot_say_is_refused(kind: Any) -> None:
    """Recursive roots and roots that are no object have no strict form."""
    with pytest.raises(NotExpressible):
        to_strict(_schema_of(kind))


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="pydantic.v1 ends with Python 3.13")
def test_schema_of_pydantic_1_becomes_strict() -> None:
    """`definitions`, single `allOf` and array-form items of pydantic 1 are understood (LC-57)."""
    from pydantic import v1  # here, as it warns where it does not work

    class Leaf(v1.BaseModel):
        size: int = v1.Field(ge=1)

    class Plant(v1.BaseModel):
        leaf: Leaf = v1.Field(..., description="The leaf.")
        leaves: list[Leaf]
        colour: Colour = Colour.RED
        pair: tuple[int, str]
        note: str | None = None

        class Config:
            extra = "forbid"

    Plant.update_forward_refs(Leaf=Leaf)
    strict = to_strict(Plant.schema())
    properties = strict.schema["properties"]
    assert find_violations(strict.schema) == []
    assert properties["leaf"] == {
        "title": "Leaf",
        "description": "The leaf.",
        "anyOf": [{"$ref": "#/$defs/Leaf"}],
    }
    assert properties["leaves"]["items"] == {"$ref": "#/$defs/Leaf"}
    assert properties["pair"]["prefixItems"] == [{"type": "integer"}, {"type": "string"}]
    assert properties["pair"]["items"] is False
    assert strict.schema["$defs"]["Leaf"]["properties"]["size"]["minimum"] == 1
    assert strict.schema["required"] == ["leaf", "leaves", "pair"]


# --- any model

_LEAVES: list[Any] = [
    int, str, float, bool, NoneType, date, datetime, UUID, Decimal, bytes, Colour, Address, Cat,
    Literal["a", 1, None], Annotated[int, Field(ge=0, multiple_of=3)],
    Annotated[str, Field(min_length=1, max_length=9, pattern="^a")],
]  # fmt: skip

_annotations = st.recursive(
    st.sampled_from(_LEAVES),
    lambda inner: st.one_of(
        inner.map(lambda item: list[item]),
        inner.map(lambda item: item | None),
        inner.map(lambda item: Box[item]),
        st.tuples(inner, inner).map(lambda items: tuple[items]),
        st.tuples(inner, inner).map(lambda items: items[0] | items[1]),
    ),
    max_leaves=4,
)


@st.composite
def _models(draw: st.DrawFn) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name in draw(st.sets(st.sampled_from(["a", "b", "c", "d"]), min_size=1)):
        default = draw(st.sampled_from([..., None, Field(description="D"), Field(default="x")]))
        fields[name] = (draw(_annotations), default)
    return create_model("Model", **fields)


@settings(deadline=None, max_examples=60)
@given(_models(), st.booleans())
def test_any_model_becomes_strict(model: type[BaseModel], require_all: bool) -> None:
    """Whatever fields a model has, it gets a valid schema or a limit of the service."""
    try:
        strict = to_strict(model.model_json_schema(), require_all=require_all)
    except NotExpressible as error:
        assume({reason.rule for reason in error.reasons} != {"limit"})
        raise
    assert find_violations(strict.schema) == []
    assert to_strict(strict.schema, require_all=require_all).changes == ()
