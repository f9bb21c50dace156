"""The service as this emulator plays it: which models it has, for which tier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from cerebras_ext.catalog import all_models, facts_of
from cerebras_ext.emulator.problems import MODEL_ARCHIVED, MODEL_NOT_FOUND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cerebras_ext.catalog import ModelFacts

__all__ = ["SHARED_STATUSES", "Service", "Tier"]

Tier: TypeAlias = Literal["free", "paid"]

SHARED_STATUSES = frozenset({"production", "preview"})
"""Catalogue statuses that any key can use; the rest must be asked for by id."""


@dataclass(frozen=True, slots=True)
class Service:
    """Which models answer, and with whose limits.

    `models` maps canonical ids to their facts. Build it with `Service.of`.
    """

    models: Mapping[str, ModelFacts]
    tier: Tier = "free"

    @classmethod
    def of(cls, ids: Iterable[str] | None = None, *, tier: Tier = "free") -> Service:
        """A service with the models `ids`, or with those any key can use.

        Retired and dedicated models can be named, so that old recordings can be played back; an id
        the catalogue does not know is served with its documented fallback facts.

        Args:
            ids: Model ids, aliases included.
            tier: Whose context windows, output maxima and image counts hold.
        """
        if ids is None:
            facts = [row for row in all_models() if row.status in SHARED_STATUSES]
        else:
            facts = [facts_of(id) for id in ids]
        return cls({row.id: row for row in facts}, tier)

    def facts(self, model: str) -> ModelFacts:
        """Facts of the served model with this id or alias.

        Raises:
            ApiProblem: `model_archived` for a model that left the shared service, `model_not_found`
                for any other.
        """
        known = facts_of(model)
        served = self.models.get(known.id)
        if served is not None:
            return served
        has_left = known.retired_on is not None
        refusal = MODEL_ARCHIVED if has_left else MODEL_NOT_FOUND
        raise refusal.problem(model=model)

    def context_window(self, facts: ModelFacts) -> int:
        """Tokens of prompt and answer together, for this tier."""
        return (self.tier == "paid" and facts.context_window_paid) or facts.context_window

    def max_output_tokens(self, facts: ModelFacts) -> int | None:
        """The longest answer of a model, for this tier."""
        return (self.tier == "paid" and facts.max_output_tokens_paid) or facts.max_output_tokens

    def max_images(self, facts: ModelFacts) -> int:
        """Images in one request, for this tier."""
        return facts.max_images_paid if self.tier == "paid" else facts.max_images
