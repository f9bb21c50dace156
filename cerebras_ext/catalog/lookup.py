"""Finding a model's facts, with the user's own laid over them."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from types import MappingProxyType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from cerebras_ext.catalog.facts import ModelFacts
from cerebras_ext.catalog.families import FAMILIES, UNKNOWN_MODEL
from cerebras_ext.catalog.models import MODELS

__all__ = ["all_models", "facts_of"]

_BY_SPELLING = MappingProxyType(
    {spelling: row for row in MODELS for spelling in (row.id, *row.aliases)}
)
_WORDS: dict[Any, str] = {
    bool: "True or False",
    date: "a date",
    float: "a number from 0",
    int: "a whole number from 0",
    str: "text",
    type(None): "None",
}
_NOT_OVERRIDABLE = frozenset({"id", "aliases", "sources"})


def all_models() -> tuple[ModelFacts, ...]:
    """Every model the catalogue knows: served ones first, then retired ones, newest first."""
    return MODELS


def facts_of(model_id: str, **overrides: Any) -> ModelFacts:
    """The facts of one model.

    An alias gives the facts of the model it stands for. An unknown id gives `UNKNOWN_MODEL` under
    that id: whether to tell the user is the caller's business (`ModelFacts.unknown_notice`).

    Args:
        model_id: As the user wrote it.
        **overrides: Fields of `ModelFacts` that the user knows better. For an id without a row,
            `family="gpt-oss"` and the like start from that family instead: so a model on a
            dedicated endpoint, under a name of its own, gets its rules. Unless given, the reserve
            for the answer shrinks with `context_window`, to a quarter of it at most.

    Returns:
        A frozen row. Equal arguments give equal rows.

    Raises:
        TypeError: An override is no field of `ModelFacts`; names the nearest one.
        ValueError: An override's value does not fit its field.
    """
    row = _BY_SPELLING.get(model_id)
    if row is None:
        family = FAMILIES.get(overrides.get("family", "unknown"), UNKNOWN_MODEL)
        row = replace(family, id=model_id, name=model_id)
    if not overrides:
        return row
    _check(overrides)
    facts = replace(row, **overrides)
    if "output_reserve_tokens" in overrides:
        return facts
    reserve_tokens = min(facts.output_reserve_tokens, facts.context_window // 4)
    return replace(facts, output_reserve_tokens=reserve_tokens)


def _check(overrides: dict[str, Any]) -> None:
    known = {field.name for field in fields(ModelFacts)} - _NOT_OVERRIDABLE
    for name in overrides.keys() - known:
        raise TypeError(f"{name!r} is no fact of a model one can override{_nearest(name, known)}")
    hints = get_type_hints(ModelFacts)
    for name, value in overrides.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"{name}={value!r} does not fit: expected {_in_words(hints[name])}")


def _nearest(name: str, known: set[str]) -> str:
    from difflib import get_close_matches  # only on the way to an error

    matches = get_close_matches(name, known, n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def _fits(value: Any, hint: Any) -> bool:
    args = get_args(hint)
    match get_origin(hint):
        case None if hint in (int, float):  # every number here is a size or a price
            return isinstance(value, int | hint) and not isinstance(value, bool) and value >= 0
        case None:
            return isinstance(value, hint)
        case origin if origin is Literal:
            return value in args
        case origin if origin is UnionType:
            return any(_fits(value, arg) for arg in args)
        case origin:
            return isinstance(value, origin) and all(_fits(item, args[0]) for item in value)


def _in_words(hint: Any) -> str:
    args = get_args(hint)
    match get_origin(hint):
        case None:
            return _WORDS[hint]
        case origin if origin is Literal:
            return " | ".join(map(repr, args))
        case origin if origin is UnionType:
            return " or ".join(map(_in_words, args))
        case origin:
            return f"a {origin.__name__} of {_in_words(args[0])}"
