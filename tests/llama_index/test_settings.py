"""Fields, key and what they show: LI-01 to LI-08, LI-10, LI-68."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import httpx
import pytest
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.llms import LLM, ChatMessage
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from llama_index.core.types import PydanticProgramMode
from pydantic import SecretStr, ValidationError

from cerebras_ext import ConfigError, Timeouts
from llama_index_cerebras_ext import Cerebras
from tests.llama_index.support import KEY, MODEL, reply, served

CANARY = "csk-test-canary"


def model(**settings: Any) -> Cerebras:
    return Cerebras(**{"model": MODEL, "api_key": CANARY, **settings})


def test_it_is_a_function_calling_llm() -> None:
    """LI-01: agents and programs check the type."""
    assert issubclass(Cerebras, FunctionCallingLLM)


def test_the_type_tag_is_its_own() -> None:
    """LI-05: not the tag of another integration."""
    assert Cerebras.class_name() == "CerebrasExt"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("callback_manager", CallbackManager([])),
        ("rate_limiter", TokenBucketRateLimiter(requests_per_minute=60)),
        ("system_prompt", "Be brief."),
        ("messages_to_prompt", lambda messages: "m"),
        ("completion_to_prompt", lambda prompt: "p"),
        ("output_parser", None),
        ("pydantic_program_mode", PydanticProgramMode.FUNCTION),
        ("query_wrapper_prompt", None),
    ],
)
def test_inherited_fields_are_taken(name: str, value: Any) -> None:
    """LI-01: all fields of the base class are constructor keywords."""
    assert getattr(model(**{name: value}), name) is value


def test_no_callback_manager_becomes_an_empty_one() -> None:
    """LI-01: None is accepted, and core may assign another later."""
    llm = model(callback_manager=None)
    assert llm.callback_manager.handlers == []
    llm.callback_manager = CallbackManager([TokenCountingHandler()])
    assert len(llm.callback_manager.handlers) == 1


def test_every_field_of_ours_has_a_description() -> None:
    """LI-02: fields say what they are for."""
    ours = Cerebras.model_fields.keys() - FunctionCallingLLM.model_fields.keys()
    assert [name for name in ours if not Cerebras.model_fields[name].description] == []


def test_the_class_has_a_json_schema() -> None:
    """LI-02: what is not data must not stand in its way."""
    schema = json.dumps(Cerebras.model_json_schema())
    assert '"temperature"' in schema


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 2.5),
        ("top_p", -0.1),
        ("max_tokens", 0),
        ("top_logprobs", 21),
        ("reasoning_effort", "extreme"),
        ("max_retries", -1),
        ("context_window", 0),
        ("model", ""),
    ],
)
def test_values_out_of_bounds_are_refused(name: str, value: Any) -> None:
    """LI-02: at construction, naming the field."""
    with pytest.raises(ValidationError, match=name):
        model(**{name: value})


def test_temperature_is_not_set_by_default() -> None:
    """LI-03: the model's own default applies."""
    assert model().temperature is None


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("temprature", "did you mean 'temperature'"),
        ("modle_name", "has no field 'modle_name'"),
        ("num_ctx", "go to additional_kwargs"),
    ],
)
def test_unknown_keywords_are_refused(name: str, hint: str) -> None:
    """LI-04: a typo does not go unnoticed; the nearest field is named."""
    with pytest.raises(TypeError, match=hint):
        model(**{name: 1})


def test_the_incumbents_name_for_the_address_is_taken() -> None:
    """Moving over from llama-index-llms-cerebras changes the import alone."""
    assert model(api_base="http://localhost:1/v1/").base_url == "http://localhost:1"


def test_no_address_takes_none_away() -> None:
    """A key and prompts never go elsewhere because the other name is there, as None."""
    for names in (("base_url", "api_base"), ("api_base", "base_url")):
        address = dict(zip(names, ("http://localhost:1", None), strict=True))
        assert model(**address).base_url == "http://localhost:1"
        assert model(**dict(reversed(address.items()))).base_url == "http://localhost:1"


def test_two_addresses_are_refused() -> None:
    """Which one is meant is not for us to say."""
    with pytest.raises(ConfigError, match="base_url is given two values"):
        model(base_url="http://localhost:1", api_base="http://localhost:2")
    same = "http://localhost:1"
    assert model(base_url=same, api_base=same).base_url == same


@pytest.mark.parametrize("name", sorted(Cerebras.model_fields.keys() - {"model"}))
def test_none_means_the_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moving over: the incumbent takes None for whatever need not be set."""
    monkeypatch.setenv("CEREBRAS_API_KEY", CANARY)
    given, left_out = Cerebras(model=MODEL, **{name: None}), Cerebras(model=MODEL)
    if name != "callback_manager":  # one of its own for each model
        assert getattr(given, name) == getattr(left_out, name)


def test_none_is_a_value_where_a_subclass_says_so() -> None:
    """LI-03: a subclass with a temperature of its own can be told to send none."""

    class Cool(Cerebras):
        temperature: float | None = 0.1

    assert Cool(model=MODEL, api_key=CANARY, temperature=None).temperature is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("api_version", "no version"),
        ("audio_config", "text only"),
        ("modalities", "text only"),
        ("openai_client", "http_client"),
        ("reuse_client", "always shared"),
        ("should_use_structured_outputs", "pydantic_program_mode"),
        ("tokenizer", "Settings.tokenizer"),
    ],
)
def test_the_incumbents_other_keywords_are_to_be_left_out(name: str, reason: str) -> None:
    """Moving over: an error says why they have no field here, and guesses no other."""
    with pytest.raises(TypeError, match=f"leave it out: .*{reason}"):
        model(**{name: None})


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://localhost:1/v1", "http://localhost:1/v1/"]
)
def test_the_address_may_end_in_v1(url: str) -> None:
    """Design §7: with or without /v1, the request goes to the same place."""
    llm, service = served(reply({}), base_url=url)
    llm.complete("?")
    assert str(service.requests[0].url) == "http://localhost:1/v1/chat/completions"


def test_key_and_address_come_from_the_environment_at_construction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """LI-07: read when a model is made, not when the module is imported."""
    monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test-env")
    monkeypatch.setenv("CEREBRAS_BASE_URL", "http://localhost:9/v1")
    llm = Cerebras(model=MODEL)
    monkeypatch.delenv("CEREBRAS_API_KEY")
    assert isinstance(llm.api_key, SecretStr)
    assert llm.api_key.get_secret_value() == "csk-test-env"
    assert llm.base_url == "http://localhost:9"


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "CEREBRAS_KEY"])
def test_no_other_variable_is_read(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """LI-07: a key of another service is never sent here; the error says what to do."""
    monkeypatch.setenv(variable, "sk-other")
    with pytest.raises(ConfigError, match="CEREBRAS_API_KEY"):
        Cerebras(model=MODEL)


@pytest.mark.parametrize("key", [CANARY, SecretStr(CANARY), lambda: CANARY])
def test_every_kind_of_key_reaches_the_wire(key: Any) -> None:
    """LI-07: text, secret or a function."""
    llm, service = served(reply({}), api_key=key)
    llm.complete("?")
    assert service.requests[0].headers["authorization"] == f"Bearer {CANARY}"


def test_a_key_given_later_is_used() -> None:
    """LI-07: assigning the field changes the next request."""
    llm, service = served(reply({}))
    llm.complete("?")
    llm.api_key = SecretStr("csk-test-2")
    llm.complete("?")
    keys = [request.headers["authorization"] for request in service.requests]
    assert keys == [f"Bearer {KEY}", "Bearer csk-test-2"]


SECRET_HEADERS = {"X-Api-Key": CANARY, "Proxy-Authorization": CANARY, "x-session-token": CANARY}


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        lambda llm: str(llm.model_dump()),
        lambda llm: llm.model_dump_json(fallback=str),
        lambda llm: str(llm.to_dict()),
        lambda llm: llm.to_json(),
        lambda llm: str(llm.to_payload()),
        lambda llm: repr(copy.deepcopy(llm)),
        lambda llm: pickle.dumps(llm).decode("latin-1"),
    ],
)
def test_secrets_are_in_no_dump(shown: Any) -> None:
    """LI-07: neither the key nor headers that sound like one."""
    assert CANARY not in shown(model(default_headers=SECRET_HEADERS))


def test_a_wrong_key_is_not_repeated() -> None:
    """LI-07: an error about a key does not show it."""
    with pytest.raises(ConfigError) as caught:
        model(api_key=f"Bearer {CANARY}")
    assert CANARY not in str(caught.value)
    with pytest.raises(ValidationError) as invalid:
        model(api_key=12345678)
    assert "12345678" not in str(invalid.value)


def test_harmless_headers_are_dumped() -> None:
    """LI-07: only what sounds like a secret is left out."""
    llm = model(default_headers={**SECRET_HEADERS, "X-Team": "a"})
    assert llm.to_dict()["default_headers"] == {"X-Team": "a"}


def test_payload_shows_model_and_request_settings() -> None:
    """LI-08: tracers read `model`, `temperature` and `max_tokens`; what is not set is left out."""
    payload = model(temperature=0.5, max_tokens=9).to_payload()
    assert (
        payload.items()
        >= {
            "class_name": "CerebrasExt",
            "model": MODEL,
            "model_name": MODEL,
            "temperature": 0.5,
            "max_tokens": 9,
        }.items()
    )
    assert "top_p" not in payload


def test_settings_is_left_alone() -> None:
    """LI-10: making a model does not touch core's global settings."""
    from llama_index.core import Settings

    before = Settings._llm
    model()
    assert Settings._llm is before


@pytest.mark.parametrize("timeout", [7, 7.5, Timeouts(read_s=3), httpx.Timeout(9), None])
def test_timeouts_are_taken_in_every_form(timeout: Any) -> None:
    """LI-68: seconds, our own object or httpx's."""
    assert model(timeout=timeout)._config().timeout == Timeouts.of(timeout)


def test_bad_timeouts_are_refused() -> None:
    """LI-68: at construction."""
    with pytest.raises(ConfigError, match="timeout"):
        model(timeout=-1)


def test_insecure_addresses_are_refused() -> None:
    """A key goes over http to this machine only, unless the user insists."""
    with pytest.raises(ConfigError, match="allow_insecure_http"):
        model(base_url="http://example.com")
    assert model(base_url="http://example.com", allow_insecure_http=True).base_url


def test_it_works_as_an_llm_field_of_other_components() -> None:
    """LI-01: components validate their `llm` field by type."""
    from llama_index.core.extractors import TitleExtractor

    llm: LLM = model()
    assert TitleExtractor(llm=llm).llm is llm
    assert llm.to_dict()["class_name"] == "CerebrasExt"
    assert ChatMessage(content="x").content == "x"
