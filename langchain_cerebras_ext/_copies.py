"""Copies and changes of models: what was worked out from a field never outlives its value."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - see `_types` for why it is not hidden
from typing import Any, Self

from pydantic import BaseModel

from langchain_cerebras_ext._options import unknown_option

__all__ = ["STAYS_BEHIND", "Copies"]

STAYS_BEHIND = (
    "callbacks",
    "http_async_client",
    "http_client",
    "rate_limiter",
    "ssl_context",
)
"""Fields whose values belong to a process; a pickle has None in their place, copies share them."""

_CLIENTS = "_clients"


class Copies(BaseModel):
    """A model that can be copied and changed, to be mixed into LangChain's base classes."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets a field; what was derived from the old values is derived again."""
        if name not in ("model", "model_facts"):
            super().__setattr__(name, value)
        else:
            before = self.__copy__()
            super().__setattr__(name, value)
            self._derive_again(before)
        if self._is_field(name):
            self._forget_derived(but=_CLIENTS)  # they look at the fields themselves

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied._forget_derived()
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        shared = [getattr(self, name, None) for name in STAYS_BEHIND]
        known = {id(value): value for value in shared if value is not None}
        return super(Copies, self.__copy__()).__deepcopy__({**known, **(memo or {})})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields replaced; what core derived from the old ones is derived again.

        Raises:
            UnknownParameter: There is no such field.
        """
        for name in update or ():
            if name not in type(self).model_fields:
                raise unknown_option(name, type(self).model_fields, where=type(self).__name__)
        copied = super().model_copy(update=dict(update) if update else None, deep=deep)
        copied._derive_again(self)
        return copied

    def _is_field(self, name: str) -> bool:
        return name in type(self).model_fields

    def _forget_derived(self, *, but: str = "") -> None:
        """Drops cached properties: core's dump of the old fields, and our clients."""
        for name in vars(self).keys() - type(self).model_fields.keys() - {but}:
            del vars(self)[name]

    def _derive_again(self, original: Copies) -> None:
        """A hook for what depends on other fields, after a copy with changes."""
