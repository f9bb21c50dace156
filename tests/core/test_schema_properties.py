"""What holds for every schema, however strange."""

from __future__ import annotations

import json
from copy import deepcopy
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from cerebras_ext.schema import NotExpressible, StrictSchema, find_violations, to_strict
from cerebras_ext.schema.keywords import KEYWORDS
from tests.core.schema_maker import make_instance, make_neighbour, make_schema, spoil
from tests.core.schema_reference import accepts, modern, relaxed

if TYPE_CHECKING:
    from collections.abc import Callable

_untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

_seeds = st.integers(0, 2**32 - 1)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
"""Any JSON, numbers JSON does not have included."""


def _drawn(
    seed: int, is_wanted: Callable[[StrictSchema], bool] = bool, **options: Any
) -> tuple[Random, dict[str, Any], StrictSchema]:
    """The first of the seed's schemas that has a strict form, of the kind wanted."""
    rng = Random(seed)
    while True:
        schema = make_schema(rng)
        try:
            strict = to_strict(schema, **options)
        except NotExpressible:
            continue
        if is_wanted(strict):
            return rng, schema, strict


@_untimed
@given(_seeds, st.booleans())
def test_strict_schema_has_no_violations(seed: int, require_all: bool) -> None:
    """What comes out passes the checker and is plain JSON."""
    _, _, strict = _drawn(seed, require_all=require_all)
    assert find_violations(strict.schema) == []
    assert json.loads(json.dumps(strict.schema, allow_nan=False)) == strict.schema


@_untimed
@given(_seeds, st.booleans())
def test_second_pass_changes_nothing(seed: int, require_all: bool) -> None:
    """A strict schema is its own strict form, and no change is reported."""
    _, _, strict = _drawn(seed, require_all=require_all)
    again = to_strict(strict.schema, require_all=require_all)
    assert again.changes == ()
    assert again.schema == strict.schema


@_untimed
@given(_seeds)
def test_schema_given_stays_as_it_is(seed: int) -> None:
    """Neither the answer nor the refusal touches the schema given."""
    schema = make_schema(Random(seed))
    before = deepcopy(schema)
    try:
        to_strict(schema)
    except NotExpressible as error:
        assert error.reasons, "a refusal says why"  # noqa: PT017 - either outcome is fine
    assert schema == before


def _only_restates(strict: StrictSchema) -> bool:
    wider = (change for change in strict.changes if change.effect == "wider")
    return all(change.rule == "restated" for change in wider)


@_untimed
@given(_seeds)
def test_strict_instances_are_valid_under_the_schema_given(seed: int) -> None:
    """Nothing is loosened but what the report says: constraints removed and restated."""
    rng, schema, strict = _drawn(seed, _only_restates)
    reference = relaxed(schema, strict.changes)
    for _ in range(10):
        instance = make_instance(rng, strict.schema)
        assert accepts(reference, instance) or not accepts(strict.schema, instance)


def _narrows_nothing(strict: StrictSchema) -> bool:
    return all(change.effect != "narrower" for change in strict.changes)


@_untimed
@given(_seeds)
def test_instances_of_the_schema_given_are_lost_only_where_reported(seed: int) -> None:
    """Without a change of effect `narrower`, everything accepted before is accepted still."""
    rng, schema, strict = _drawn(seed, _narrows_nothing)
    reference = modern(schema)
    for _ in range(10):
        instance = make_neighbour(rng, make_instance(rng, strict.schema))
        assert accepts(strict.schema, instance) or not accepts(reference, instance)


@_untimed
@given(_seeds)
def test_schema_without_a_reported_change_is_equal(seed: int) -> None:
    """No change goes unreported."""
    rng, _, strict = _drawn(seed)
    spoilt = spoil(rng, strict.schema)
    try:
        again = to_strict(spoilt)
    except NotExpressible:
        reject()
    assert again.changes or again.schema == spoilt


@_untimed
@given(_json)
def test_any_json_gets_an_answer(schema: Any) -> None:
    """JSON that is no schema is refused with a reason like any other."""
    assert find_violations(schema)
    with pytest.raises(NotExpressible) as caught:
        to_strict(schema)
    assert caught.value.reasons


@_untimed
@given(st.dictionaries(st.sampled_from(sorted(KEYWORDS)), _json, min_size=1))
def test_keywords_with_any_value_get_an_answer(node: dict[str, Any]) -> None:
    """Keywords with values they cannot have end in a reason or a valid schema, nothing else."""
    try:
        strict = to_strict({"type": "object", "properties": {"a": node}, **node})
    except NotExpressible:
        return
    assert find_violations(strict.schema) == []
