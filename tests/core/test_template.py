"""Objects filled in from a template: what the constructor makes, or the constructor itself."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from cerebras_ext._template import templated


class Plain(BaseModel):
    """A model that keeps what it is given."""

    kind: str = "plain"
    text: str
    notes: list[str] = Field(default_factory=list)


class Open(Plain):
    """With fields nobody declared."""

    model_config = ConfigDict(extra="allow")


class Stripped(Plain):
    """That changes what it is given."""

    @field_validator("text")
    @classmethod
    def _strip(cls, text: str) -> str:
        return text.strip()


class Derived(Plain):
    """That works something out."""

    length: int = 0

    @model_validator(mode="after")
    def _measure(self) -> Derived:
        self.length = len(self.text)
        return self


class Secretive(Plain):
    """With state of its own."""

    _seen: list[str] = PrivateAttr(default_factory=list)


class Word(str):
    """A kind of text."""


class Typed(Plain):
    """That makes another type of what it is given."""

    @field_validator("text")
    @classmethod
    def _type(cls, text: str) -> str:
        return Word(text)


EXAMPLES: tuple[dict[str, Any], ...] = (
    {"text": " a ", "notes": []},
    {"text": "", "notes": ["b"]},
)


@pytest.mark.parametrize("kind", [Plain, Open])
def test_filled_objects_are_those_of_the_constructor(kind: type[Plain]) -> None:
    """In everything that pydantic, pickle and copy see."""
    make = templated(kind, *EXAMPLES)
    assert make is not kind
    for example in EXAMPLES:
        made, wanted = make(**example), kind(**example)
        assert type(made) is kind
        assert made == wanted
        assert repr(made) == repr(wanted)
        assert made.model_dump() == wanted.model_dump()
        assert made.model_dump_json(exclude_unset=True) == wanted.model_dump_json(
            exclude_unset=True
        )
        assert pickle.loads(pickle.dumps(made)) == wanted
        assert copy.deepcopy(made) == wanted
        assert made.model_copy(update={"text": "c"}) == wanted.model_copy(update={"text": "c"})


def test_filled_objects_share_nothing() -> None:
    """What is done to one does not show in the next."""
    make = templated(Open, *EXAMPLES)
    first, second = make(text="a", notes=[]), make(text="a", notes=[])
    first.text = "b"
    first.notes.append("c")
    first.kind = "other"
    first.unknown = 1  # type: ignore[attr-defined]  # extra is what this is about
    assert second == Open(text="a", notes=[])
    assert second.model_fields_set == {"text", "notes"}


@pytest.mark.parametrize("kind", [Stripped, Derived, Secretive, Typed])
def test_the_constructor_stays_where_it_does_more_than_keep(kind: type[Plain]) -> None:
    """Whatever a new release adds, nothing is handed over that the constructor would not make."""
    assert templated(kind, *EXAMPLES) is kind
