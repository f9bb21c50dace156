"""The checker and the emulator: two readings of one page, which have to agree (§8.1)."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from cerebras_ext.emulator.strict_rules import find_strict_problems
from cerebras_ext.schema import NotExpressible, StrictSchema, find_violations, to_strict
from tests.core.schema_maker import make_schema, spoil

_untimed = settings(deadline=None)
_seeds = st.integers(0, 2**32 - 1)


def _drawn(seed: int, *, require_all: bool = False) -> tuple[Random, StrictSchema]:
    """The first of the seed's schemas that has a strict form."""
    rng = Random(seed)
    while True:
        try:
            return rng, to_strict(make_schema(rng), require_all=require_all)
        except NotExpressible:
            continue


@_untimed
@given(_seeds, st.booleans())
def test_emulator_takes_every_strict_schema(seed: int, require_all: bool) -> None:
    """What `to_strict` answers is taken by a server that knows nothing of it."""
    _, strict = _drawn(seed, require_all=require_all)
    assert find_strict_problems(strict.schema) == []


@_untimed
@given(_seeds)
def test_emulator_and_checker_refuse_the_same(seed: int) -> None:
    """A strict schema with one thing changed is refused by both or by neither."""
    rng, strict = _drawn(seed)
    spoilt = spoil(rng, strict.schema)
    assert bool(find_violations(spoilt)) is bool(find_strict_problems(spoilt))
