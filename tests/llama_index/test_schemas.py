"""Schemas of classes are made once: LI-51, LI-72."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from pydantic import BaseModel

from llama_index_cerebras_ext import _schemas
from llama_index_cerebras_ext._schemas import schema_of, strict_schema_of

pytestmark = pytest.mark.once


class Free(BaseModel):
    options: dict[str, Any]


def make_class() -> type[BaseModel]:
    class Made(BaseModel):
        code: str

        n_schemas: int = 0

        @classmethod
        def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
            made_schemas.append(cls.__name__)
            return super().model_json_schema(*args, **kwargs)

    return Made


made_schemas: list[str] = []


@pytest.mark.parametrize("read", [schema_of, strict_schema_of])
def test_a_schema_is_made_once(read: Any) -> None:
    """LI-72: it costs more than a request does."""
    made_schemas.clear()
    model = make_class()
    assert read(model) == read(model)
    assert len(made_schemas) == 1


@pytest.mark.parametrize("read", [schema_of, strict_schema_of])
def test_writing_into_a_schema_changes_no_other(read: Any) -> None:
    """LI-51: everybody gets a schema of their own."""
    model = make_class()
    read(model)["properties"].clear()
    assert read(model)["properties"].keys() == {"code", "n_schemas"}


def test_strict_forms_differ_by_what_is_refused() -> None:
    """LI-38: models differ in the keywords they take."""

    class Bounded(BaseModel):
        n: int

        model_config = {
            "json_schema_extra": {"properties": {"n": {"type": "integer", "minimum": 1}}}
        }

    taken = strict_schema_of(Bounded)
    refused = strict_schema_of(Bounded, refused=frozenset({"minimum"}))
    assert isinstance(taken, dict)
    assert isinstance(refused, dict)
    assert "minimum" in taken["properties"]["n"]
    assert "minimum" not in refused["properties"]["n"]


def test_why_there_is_no_strict_form_is_kept() -> None:
    """LI-51: the reason is told each time."""
    first, second = strict_schema_of(Free), strict_schema_of(Free)
    assert isinstance(first, str)
    assert first == second != ""


def test_an_entry_goes_with_its_class() -> None:
    """Applications that make classes on the fly do not fill the memory."""
    gc.collect()
    n_before = len(_schemas._kept)
    schema_of(make_class())
    gc.collect()
    assert len(_schemas._kept) == n_before
