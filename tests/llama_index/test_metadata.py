"""What core plans by: LI-06, LI-57, LI-58."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from llama_index.core.base.llms.types import MessageRole
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.prompts import PromptTemplate

from cerebras_ext.catalog import all_models
from llama_index_cerebras_ext import Cerebras
from llama_index_cerebras_ext._metadata import warn_if_unknown
from tests.llama_index.support import KEY, MODEL

pytestmark = pytest.mark.once

LONG = "word " * 3_000


def model(**settings: Any) -> Cerebras:
    return Cerebras(**{"model": MODEL, "api_key": KEY, **settings})


@pytest.mark.parametrize("facts", all_models(), ids=lambda facts: facts.id)
def test_the_catalogue_answers_for_known_models(facts: Any) -> None:
    """LI-57: window, reserve and abilities of every row."""
    metadata = model(model=facts.id).metadata
    assert metadata.context_window == facts.context_window
    assert metadata.num_output == facts.output_reserve_tokens
    assert metadata.is_function_calling_model is facts.supports_tools
    assert (metadata.is_chat_model, metadata.model_name) == (True, facts.id)
    assert metadata.system_role is MessageRole.SYSTEM


def test_an_unknown_model_warns_once_and_works() -> None:
    """LI-57: a documented window, never an error."""
    warn_if_unknown.cache_clear()
    with pytest.warns(UserWarning, match="'my-model' is not in the catalogue"):
        metadata = model(model="my-model").metadata
    assert (metadata.context_window, metadata.model_name) == (32_768, "my-model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(model="my-model")


def test_who_names_the_window_is_not_warned() -> None:
    """LI-57: a constructor override says that the user knows."""
    warn_if_unknown.cache_clear()
    assert model(model="mine", context_window=100_000).metadata.context_window == 100_000


def test_a_dedicated_endpoint_takes_the_facts_of_its_family() -> None:
    """Catalogue: defaults < family < model < user."""
    overrides = {"family": "gpt-oss", "context_window": 131_072}
    llm = model(model="my-endpoint", context_window=131_072, catalog_overrides=overrides)
    assert llm._facts.has_developer_role
    assert llm.metadata.context_window == 131_072


@pytest.mark.parametrize(
    ("overrides", "error", "said"),
    [
        ({"contxt_window": 1}, TypeError, "did you mean 'context_window'"),
        ({"context_window": "big"}, ValueError, "context_window='big'"),
    ],
)
def test_mistaken_facts_are_found_at_construction(
    overrides: dict[str, Any], error: type[Exception], said: str
) -> None:
    """LI-04: a typo in them does not go unnoticed either."""
    with pytest.raises(error, match=said):
        model(catalog_overrides=overrides)


def test_the_warning_points_at_the_users_line() -> None:
    """LI-57: where the model was made."""
    warn_if_unknown.cache_clear()
    with pytest.warns(UserWarning, match="not in the catalogue") as caught:
        Cerebras(model="my-other-model", api_key=KEY)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"max_tokens": 500}, 500),
        ({"max_tokens": 1_000_000}, 65_536 // 2),
        ({"additional_kwargs": {"max_tokens": 500}}, 500),
        ({"additional_kwargs": {"max_completion_tokens": 500}, "max_tokens": 9}, 500),
        ({"additional_kwargs": {"max_tokens": None}, "max_tokens": 9}, 4_096),
        ({"context_window": 4_000}, 1_000),
        ({"context_window": 4_000, "max_tokens": 4_000}, 2_000),
    ],
)
def test_num_output_leaves_room_for_the_prompt(settings: dict[str, Any], expected: int) -> None:
    """LI-58: a set maximum counts, but never so much that nothing is left."""
    metadata = model(**settings).metadata
    assert metadata.num_output == expected
    assert metadata.num_output < metadata.context_window


@pytest.mark.parametrize(
    ("settings", "calls_functions"),
    [
        ({}, True),
        ({"is_function_calling_model": False}, False),
        ({"catalog_overrides": {"supports_tools": False}}, False),
        ({"catalog_overrides": {"supports_tools": False}, "is_function_calling_model": True}, True),
        ({"is_chat_model": False}, False),
        ({"is_chat_model": False, "is_function_calling_model": True}, False),
    ],
)
def test_who_calls_functions(settings: dict[str, Any], calls_functions: bool) -> None:
    """LI-57: the catalogue, the user, and the endpoint: text completions have no tools."""
    assert model(**settings).metadata.is_function_calling_model is calls_functions


def test_the_reserve_is_not_sent() -> None:
    """LI-58: the service counts a requested maximum against quotas at once."""
    from tests.llama_index.support import reply, served

    llm, service = served(reply({}))
    llm.complete("?")
    assert "max_completion_tokens" not in service.sent[0]


def test_prompts_are_packed_into_few_calls() -> None:
    """LI-57: with core's defaults the same text would take several calls."""
    helper = PromptHelper.from_llm_metadata(model().metadata)
    packed = helper.repack(PromptTemplate("{context_str}"), [LONG] * 4)
    assert len(packed) == 1


def test_metadata_is_cheap() -> None:
    """LI-06: facts are looked up once, however often core asks."""
    llm = model(catalog_overrides={"family": "gpt-oss"}, context_window=50_000)
    assert llm._facts is llm._facts
