"""`facts_of` and its notices: layers, fallback, and errors for wrong overrides."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields
from datetime import date

import pytest

from cerebras_ext import catalog
from cerebras_ext.catalog import (
    UNKNOWN_MODEL,
    ModelFacts,
    all_models,
    facts_of,
)


def test_catalog_exports_the_public_list() -> None:
    """A public name is added or removed on purpose (style guide §8)."""
    assert catalog.__all__ == [
        "UNKNOWN_MODEL",
        "Basis",
        "Endpoint",
        "FactGroup",
        "Family",
        "ModelFacts",
        "Reasoning",
        "ReasoningReplay",
        "Source",
        "Status",
        "ToolDeltaStyle",
        "all_models",
        "facts_of",
    ]


def test_facts_of_states_the_current_models_as_published() -> None:
    """Limits, prices and reasoning of the shared models are those of API specification §12.1."""
    published = {
        facts.id: (
            (facts.context_window, facts.context_window_paid),
            (facts.max_output_tokens, facts.max_output_tokens_paid),
            (facts.price_input_usd_per_mtok, facts.price_output_usd_per_mtok),
            (facts.reasoning_efforts, facts.reasoning_effort_default),
            facts.takes_images,
        )
        for facts in all_models()
        if facts.status == "production"
    }
    assert published == {
        "gpt-oss-120b": (
            (65_536, 131_072),
            (32_768, 40_960),
            (0.35, 0.75),
            (("low", "medium", "high"), "medium"),
            False,
        ),
        "qwen-3.8-27b": (
            (65_536, 131_072),
            (32_768, 40_960),
            (0.99, 1.49),
            (("none", "low", "medium", "high"), "high"),
            True,
        ),
    }


def test_facts_of_an_alias_are_those_of_the_model() -> None:
    """An alias gives the row of the id the API answers with (API specification §2.1)."""
    assert facts_of("llama3.3-70b") is facts_of("llama-3.3-70b")


def test_facts_of_an_unknown_id_are_the_documented_fallback() -> None:
    """An unknown id keeps its spelling and gets a window of 32,768 tokens, without an error."""
    facts = facts_of("acme/Next-1T")
    assert (facts.id, facts.name) == ("acme/Next-1T", "acme/Next-1T")
    assert facts.context_window == 32_768
    assert not facts.is_known
    assert facts.reasoning_efforts == UNKNOWN_MODEL.reasoning_efforts


@pytest.mark.parametrize("model_id", ["GPT-OSS-120B", " gpt-oss-120b", "gpt-oss", "unknown", ""])
def test_facts_of_matches_ids_exactly(model_id: str) -> None:
    """Nothing but the API's own spelling is known: a near id is not guessed to be a model."""
    assert not facts_of(model_id).is_known


def test_facts_of_lets_the_user_win() -> None:
    """Layers: defaults < family < model < user (style guide §9)."""
    facts = facts_of("gpt-oss-120b", context_window=131_072, supports_strict_tools=False)
    assert facts.context_window == 131_072
    assert not facts.supports_strict_tools
    assert facts.reasoning_efforts == facts_of("gpt-oss-120b").reasoning_efforts


def test_facts_of_takes_the_rules_of_a_named_family_for_an_unknown_id() -> None:
    """A dedicated endpoint's own id gets the rules of the family the user names."""
    facts = facts_of("acme-reviewer", family="gpt-oss", context_window=131_072)
    assert facts.id == "acme-reviewer"
    assert facts.reasoning_efforts == ("low", "medium", "high")
    assert facts.has_developer_role
    assert facts.context_window == 131_072
    assert not facts.is_known


@pytest.mark.parametrize(
    ("context_window", "reserve_tokens"),
    [(131_072, 4_096), (16_384, 4_096), (16_383, 4_095), (8_000, 2_000), (3, 0)],
)
def test_facts_of_keeps_the_reserve_within_a_quarter_of_the_window(
    context_window: int, reserve_tokens: int
) -> None:
    """A smaller window shrinks the reserve for the answer with it (LI-58)."""
    facts = facts_of("gpt-oss-120b", context_window=context_window)
    assert facts.output_reserve_tokens == reserve_tokens


def test_facts_of_keeps_a_reserve_that_was_given() -> None:
    """The user's own reserve is not second-guessed."""
    facts = facts_of("gpt-oss-120b", context_window=4_000, output_reserve_tokens=3_000)
    assert facts.output_reserve_tokens == 3_000


def test_facts_of_names_the_nearest_field() -> None:
    """A misspelt override is a `TypeError` that names the field meant."""
    with pytest.raises(TypeError, match=r"'contextwindow'.*did you mean 'context_window'\?"):
        facts_of("gpt-oss-120b", contextwindow=131_072)


@pytest.mark.parametrize("name", ["zzz", "id", "aliases", "sources"])
def test_facts_of_refuses_what_is_no_overridable_fact(name: str) -> None:
    """What identifies a row, and what is no field at all, cannot be overridden."""
    overrides = {name: ()}
    with pytest.raises(TypeError, match=f"{name!r} is no fact"):
        facts_of("gpt-oss-120b", **overrides)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("context_window", -1, "a whole number from 0"),
        ("context_window", True, "a whole number from 0"),
        ("context_window", 1.5, "a whole number from 0"),
        ("context_window_paid", "128k", "a whole number from 0 or None"),
        ("price_input_usd_per_mtok", -0.1, "a number from 0 or None"),
        ("reasoning", "on", "'always' | 'switchable' | 'none'"),
        ("reasoning_efforts", ["low"], "a tuple of text"),
        ("endpoints", frozenset({"embeddings"}), "a frozenset of 'chat' | 'completions'"),
        ("takes_images", 1, "True or False"),
        ("name", None, "text"),
        ("retired_on", "2026-09-03", "a date or None"),
        ("family", "gptoss", "'deepseek-r1' | "),
    ],
)
def test_facts_of_refuses_a_value_that_does_not_fit(
    name: str, value: object, expected: str
) -> None:
    """A wrong value is a `ValueError` that names field, value and what would fit."""
    with pytest.raises(ValueError, match="does not fit") as caught:
        facts_of("gpt-oss-120b", **{name: value})
    assert f"{name}={value!r}" in str(caught.value)
    assert expected in str(caught.value)


def test_facts_of_takes_a_whole_number_as_a_price() -> None:
    """A price may be written without a decimal point."""
    assert facts_of("gpt-oss-120b", price_input_usd_per_mtok=0).price_input_usd_per_mtok == 0


def test_facts_are_frozen_hashable_and_pickle_as_themselves() -> None:
    """A row is a value: it can be shared, compared, used as a key and sent to a worker."""
    facts = facts_of("gpt-oss-120b", context_window=131_072)
    with pytest.raises(FrozenInstanceError):
        facts.context_window = 1  # type: ignore[misc] # what is being proved
    assert pickle.loads(pickle.dumps(facts)) == facts
    assert hash(facts) == hash(facts_of("gpt-oss-120b", context_window=131_072))


def test_retirement_notice_names_the_day_and_the_replacement() -> None:
    """A user of a retired model is told since when, and what to use."""
    assert facts_of("llama3.1-8b").retirement_notice == (
        "Model 'llama3.1-8b' was retired on 2026-05-27; use 'gpt-oss-120b'."
    )


@pytest.mark.parametrize("model_id", ["gpt-oss-120b", "gemma-4-31b", "acme/next"])
def test_retirement_notice_is_silent_about_models_still_served(model_id: str) -> None:
    """Served, dedicated and unknown models give no retirement notice."""
    assert facts_of(model_id).retirement_notice is None


def test_unknown_notice_names_the_assumed_window_and_the_remedy() -> None:
    """A user of an unknown model is told what is assumed and how to correct it."""
    notice = facts_of("acme/next").unknown_notice
    assert notice is not None
    assert "'acme/next'" in notice
    assert "32,768" in notice
    assert "context_window" in notice


@pytest.mark.parametrize("model_id", ["gpt-oss-120b", "llama3.1-8b"])
def test_unknown_notice_is_silent_about_known_models(model_id: str) -> None:
    """A known model, even a retired one, gives no such notice."""
    assert facts_of(model_id).unknown_notice is None


def test_model_facts_defaults_describe_a_plain_text_model() -> None:
    """The lowest layer promises nothing beyond a text model with tools and JSON schemas."""
    plain = ModelFacts(id="x", name="x", family="unknown", status="production")
    assert not plain.is_reasoning
    assert not plain.takes_images
    assert not plain.takes_tools_with_response_format
    assert plain.output_reserve_tokens == 1_024
    promised = {
        field.name
        for field in fields(plain)
        if field.name.startswith("supports_") and getattr(plain, field.name)
    }
    assert promised == {
        "supports_tools",
        "supports_strict_tools",
        "supports_parallel_tool_calls",
        "supports_tool_choice",
        "supports_json_schema",
    }


def test_dedicated_models_may_have_left_the_shared_service() -> None:
    """`retired_on` dates the shared service; only `is_retired` means that nobody is served."""
    gemma = facts_of("gemma-4-31b")
    assert gemma.retired_on == date(2026, 9, 3)
    assert not gemma.is_retired
