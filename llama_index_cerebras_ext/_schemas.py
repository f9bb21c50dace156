"""JSON schemas of pydantic classes, made once for each class: each takes about a millisecond."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pydantic_core import from_json, to_json

if TYPE_CHECKING:
    from pydantic import BaseModel

    from cerebras_ext.wire import JsonObject

__all__ = ["schema_of", "strict_schema_of"]

Variant = frozenset[str] | None
"""Keywords that a strict schema does without; None for the loose schema."""

_LOOSE: Variant = None
_kept: WeakKeyDictionary[type[BaseModel], dict[Variant, bytes | str]]
_kept = WeakKeyDictionary()
"""JSON as bytes, or as text why there is none; bytes, for whoever gets a schema may write into it.

A class takes its entry with it when it goes. `_kept.clear()` makes everything anew.
"""


def schema_of(model: type[BaseModel]) -> JsonObject:
    """The class's own schema."""
    forms = _kept.setdefault(model, {})
    text = forms.get(_LOOSE)
    if text is None:
        text = forms[_LOOSE] = to_json(model.model_json_schema())
    assert isinstance(text, bytes)
    schema: JsonObject = from_json(text)
    return schema


def strict_schema_of(
    model: type[BaseModel], *, refused: frozenset[str] = frozenset()
) -> JsonObject | str:
    """The schema in the form that strict decoding takes, or in words why there is none.

    Args:
        model: The class.
        refused: Keywords that the model behind the service does not take.
    """
    forms = _kept.setdefault(model, {})
    form = forms.get(refused)
    if form is None:
        from cerebras_ext.schema import NotExpressible, to_strict  # most programs never need it

        try:
            form = to_json(to_strict(schema_of(model), refused=refused).schema)
        except NotExpressible as refusal:
            form = str(refusal)
        forms[refused] = form
    if isinstance(form, str):
        return form
    schema: JsonObject = from_json(form)
    return schema
