"""JSON schemas of pydantic classes, made once for each class: each takes about a millisecond."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pydantic_core import from_json, to_json

from cerebras_ext.schema import NotExpressible, to_strict

if TYPE_CHECKING:
    from pydantic import BaseModel

    from cerebras_ext.wire import JsonObject

__all__ = ["schema_of", "strict_schema_of"]

Variant = frozenset[str] | None
"""Keywords that a strict schema does without; None for the loose schema."""

_LOOSE: Variant = None
_kept: WeakKeyDictionary[type[BaseModel], dict[Variant, bytes | NotExpressible]]
_kept = WeakKeyDictionary()
"""JSON text, or why there is none; text, because whoever gets a schema may write into it.

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
) -> JsonObject | NotExpressible:
    """The schema in the form that strict decoding takes, or why there is none.

    Args:
        model: The class.
        refused: Keywords that the model behind the service does not take.
    """
    forms = _kept.setdefault(model, {})
    form = forms.get(refused)
    if form is None:
        try:
            form = to_json(to_strict(schema_of(model), refused=refused).schema)
        except NotExpressible as refusal:
            form = refusal.with_traceback(None)
        forms[refused] = form
    if isinstance(form, NotExpressible):
        return form
    schema: JsonObject = from_json(form)
    return schema
