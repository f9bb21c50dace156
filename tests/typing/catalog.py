"""The catalogue's public types, as a user's type checker sees them."""

from __future__ import annotations

from datetime import date
from typing import Literal, assert_type

from cerebras_ext.catalog import UNKNOWN_MODEL, Family, ModelFacts, Source, all_models, facts_of

facts = facts_of("gpt-oss-120b", context_window=131_072)

assert_type(facts, ModelFacts)
assert_type(all_models(), tuple[ModelFacts, ...])
assert_type(UNKNOWN_MODEL, ModelFacts)

assert_type(facts.family, Family)
assert_type(
    facts.status, Literal["production", "preview", "dedicated", "trial", "retired", "unknown"]
)
assert_type(facts.context_window, int)
assert_type(facts.max_output_tokens, int | None)
assert_type(facts.price_input_usd_per_mtok, float | None)
assert_type(facts.endpoints, frozenset[Literal["chat", "completions"]])
assert_type(facts.reasoning, Literal["always", "switchable", "none"])
assert_type(facts.reasoning_efforts, tuple[str, ...])
assert_type(facts.retired_on, date | None)
assert_type(facts.sources, tuple[Source, ...])
assert_type(facts.is_known, bool)
assert_type(facts.retirement_notice, str | None)
assert_type(facts.unknown_notice, str | None)

facts.context_window = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue] # frozen
