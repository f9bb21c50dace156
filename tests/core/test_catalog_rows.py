"""Every row of the catalogue: complete, consistent, and sourced."""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cerebras_ext.catalog
from cerebras_ext.catalog import FactGroup, ModelFacts, all_models, facts_of
from tests.captures import Capture, captures, needs_captures

if TYPE_CHECKING:
    from collections.abc import Iterator

# API specification §12.1 to §12.3, every id it spells.
SHARED = ("gpt-oss-120b", "qwen-3.8-27b")
DEDICATED = ("gemma-4-31b",)
TRIAL = ("kimi-k2.7-code",)
RETIRED = (
    "zai-glm-4.7",
    "llama3.1-8b",
    "qwen-3-235b-a22b-instruct-2507",
    "qwen-3-32b",
    "llama-3.3-70b",
    "zai-glm-4.6",
    "qwen-3-235b-a22b-thinking-2507",
    "qwen-3-coder-480b",
    "llama-4-scout-17b-16e-instruct",
    "llama-4-maverick-17b-128e-instruct",
    "deepseek-r1-distill-llama-70b",
    "qwen-3-235b-a22b",
    "llama3.1-70b",
)

FIELDS_OF_GROUP: dict[FactGroup, tuple[str, ...]] = {
    "endpoints": ("endpoints",),
    "images": ("takes_images", "max_images", "max_images_paid"),
    "limits": (
        "context_window",
        "context_window_paid",
        "max_output_tokens",
        "max_output_tokens_paid",
    ),
    "prediction": ("supports_predicted_outputs",),
    "price": ("price_input_usd_per_mtok", "price_output_usd_per_mtok"),
    "reasoning": (
        "reasoning",
        "reasoning_efforts",
        "reasoning_effort_default",
        "reasoning_formats",
        "reasoning_replay",
        "clear_thinking",
        "has_developer_role",
    ),
    "speed": ("tokens_per_s",),
    "status": ("status", "aliases", "retired_on", "replacement"),
    "tools": (
        "supports_tools",
        "supports_strict_tools",
        "supports_parallel_tool_calls",
        "supports_tool_choice",
        "tool_delta_style",
        "strict_tools_refuse",
        "supports_json_schema",
        "takes_tools_with_response_format",
    ),
}
OUR_CHOICE = {"id", "name", "family", "vendor_model", "output_reserve_tokens", "sources"}

PLAIN = ModelFacts(id="", name="", family="unknown", status="unknown")

each_row = pytest.mark.parametrize("row", all_models(), ids=lambda row: row.id)


def test_catalog_holds_exactly_the_documented_ids() -> None:
    """Every id of API specification §12 has a row with its status, and nothing else has."""
    assert {row.id: row.status for row in all_models()} == {
        **dict.fromkeys(SHARED, "production"),
        **dict.fromkeys(DEDICATED, "dedicated"),
        **dict.fromkeys(TRIAL, "trial"),
        **dict.fromkeys(RETIRED, "retired"),
    }


def test_catalog_spellings_are_unique() -> None:
    """No id or alias names two models."""
    spellings = [spelling for row in all_models() for spelling in (row.id, *row.aliases)]
    assert len(spellings) == len(set(spellings))


def test_fact_groups_cover_every_field_once() -> None:
    """The table above, which the source test rests on, misses no field of `ModelFacts`."""
    grouped = [name for names in FIELDS_OF_GROUP.values() for name in names]
    assert sorted([*grouped, *OUR_CHOICE]) == sorted(field.name for field in fields(ModelFacts))


@each_row
@pytest.mark.parametrize("group", FIELDS_OF_GROUP)
def test_row_cites_a_source_for_each_group_it_states(row: ModelFacts, group: FactGroup) -> None:
    """A fact that differs from the plain default has a source (style guide §9)."""
    is_stated = any(getattr(row, name) != getattr(PLAIN, name) for name in FIELDS_OF_GROUP[group])
    has_source = any(group in source.facts for source in row.sources)
    assert has_source or not is_stated


@each_row
def test_row_values_fit_their_types(row: ModelFacts) -> None:
    """A row written over itself as overrides passes the checks that users' values pass."""
    overridable = {field.name for field in fields(row)} - {"id", "aliases", "sources"}
    assert facts_of(row.id, **{name: getattr(row, name) for name in overridable}) == row


@each_row
def test_row_efforts_agree_with_how_the_model_reasons(row: ModelFacts) -> None:
    """The default effort is an accepted one, and reasoning fields go to reasoning models only."""
    assert row.reasoning_effort_default in (None, *row.reasoning_efforts)
    match row.reasoning:
        case "none":
            assert row.reasoning_efforts == row.reasoning_formats == ()
            assert row.reasoning_replay == "none"
            assert not row.clear_thinking
        case "switchable":
            assert "none" in row.reasoning_efforts
        case "always":
            assert row.reasoning_effort_default != "none"


@each_row
def test_row_reserve_is_the_decided_one(row: ModelFacts) -> None:
    """LI-58: 4,096 tokens for reasoning models, else 1,024, at most a quarter of the window."""
    assert row.output_reserve_tokens == (4_096 if row.is_reasoning else 1_024)
    assert row.output_reserve_tokens <= row.context_window // 4


@each_row
def test_row_limits_grow_with_the_tier_and_fit_the_window(row: ModelFacts) -> None:
    """The paid tier never gets less, and an answer is never longer than its window."""
    assert (row.context_window_paid or row.context_window) >= row.context_window
    assert (row.max_output_tokens or 0) <= row.context_window
    assert (row.max_output_tokens_paid or row.max_output_tokens or 0) >= (
        row.max_output_tokens or 0
    )
    assert row.max_images_paid >= row.max_images
    assert row.takes_images == (row.max_images > 0)


@each_row
def test_row_names_published_weights(row: ModelFacts) -> None:
    """Every model served so far has open weights, and the row says which (LC-95 `open_weights`)."""
    assert row.vendor_model is not None
    assert row.vendor_model.count("/") == 1


@each_row
def test_row_prices_come_in_pairs(row: ModelFacts) -> None:
    """A cost can be computed for both directions or for neither."""
    assert (row.price_input_usd_per_mtok is None) == (row.price_output_usd_per_mtok is None)


@each_row
def test_row_gone_from_the_shared_service_names_a_replacement_on_it(row: ModelFacts) -> None:
    """A retirement has a day and a replacement, and the replacement is in production."""
    assert (row.retired_on is None) == (row.replacement is None)
    if row.is_retired:
        assert row.retired_on is not None
    if row.status == "production":
        assert row.retired_on is None
    if row.replacement is not None:
        assert facts_of(row.replacement).status == "production"


@each_row
def test_row_refuses_keywords_only_where_strict_tools_exist(row: ModelFacts) -> None:
    """Extra strict-mode refusals belong to models that take strict tools."""
    assert row.supports_strict_tools or not row.strict_tools_refuse


def test_catalog_lists_served_models_before_retired_ones() -> None:
    """The order is stable and useful: served first, then retired, newest retirement first."""
    rows = all_models()
    retired = [row for row in rows if row.is_retired]
    assert rows[-len(retired) :] == tuple(retired)
    days = [row.retired_on or date.max for row in retired]
    assert days == sorted(days, reverse=True)


def test_catalog_imports_only_the_standard_library() -> None:
    """The facts are readable, fast, wherever Python is: no third-party import in the package."""
    folder = Path(cerebras_ext.catalog.__file__).parent
    foreign = {
        name
        for path in folder.glob("*.py")
        for name in _imported_names(ast.parse(path.read_text(encoding="utf-8")))
        if not name.startswith("cerebras_ext.catalog")
        and name.partition(".")[0] not in sys.stdlib_module_names
    }
    assert foreign == set()


def _imported_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield module


def _models_in(capture: Capture) -> Iterator[str]:
    # A router between client and service has ids of its own.
    if capture.request and "via" not in capture.raw:
        yield from _models_of(capture.request["body"])
    response = capture.response
    yield from _models_of(response.get("body"))
    for listed in (response.get("body") or {}).get("data", ()):
        yield listed["id"]
    for event in response.get("events", ()):
        yield from _models_of(event)
    for line in response.get("sse", "").splitlines():
        if line.startswith("data: {"):
            yield from _models_of(json.loads(line.removeprefix("data: ")))


def _models_of(payload: dict[str, Any] | None) -> Iterator[str]:
    if payload and "model" in payload:
        yield payload["model"]


@needs_captures
@pytest.mark.parametrize(
    "capture", [one for one in captures() if any(_models_in(one))], ids=lambda capture: capture.id
)
def test_catalog_knows_every_recorded_model(capture: Capture) -> None:
    """No id that the service was seen to take or give is unknown here."""
    assert {name for name in _models_in(capture) if not facts_of(name).is_known} == set()
