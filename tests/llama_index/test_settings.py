"""Fields, key, dumps, copies and pickles: LI-01 to LI-09, LI-62."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import subprocess
import sys
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
from tests.llama_index.support import HELLO, KEY, MODEL, Service, events, reply, served

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


FULL: dict[str, Any] = {
    "temperature": 0.5,
    "stop": ["a"],
    "logit_bias": {"1": 2.0},
    "system_prompt": "s",
    "pydantic_program_mode": PydanticProgramMode.FUNCTION,
    "timeout": Timeouts(total_s=7),
    "default_headers": {"X-Team": "a"},
    "additional_kwargs": {"x": 1},
    "catalog_overrides": {"family": "gpt-oss", "reasoning_efforts": ("low",)},
    "context_window": 1_000,
    "base_url": "http://localhost:9",
    "max_retries": 5,
}


@pytest.mark.parametrize("through", [lambda d: d, lambda d: json.loads(json.dumps(d))])
def test_dumps_come_back(through: Any) -> None:
    """LI-09: every field that is no secret survives a dump, as a dict or as JSON."""
    llm = model(**FULL)
    back = Cerebras.from_dict(through(llm.model_dump(mode="json")), api_key=CANARY)
    assert back.to_dict() == llm.to_dict()
    assert back._config() == llm._config()
    assert back.metadata == llm.metadata


def test_json_comes_back() -> None:
    """LI-09: through core's own JSON methods."""
    llm = model(temperature=0.5)
    assert Cerebras.from_json(llm.to_json(), api_key=CANARY).temperature == 0.5


def used(**settings: Any) -> Cerebras:
    """A model that has made calls of both kinds on clients of its own."""
    llm, _ = served(reply({"content": "x"}), **settings)
    llm.complete("?")
    asyncio.run(llm.acomplete("?"))
    return llm


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_have_no_key_and_load_without_one(
    protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LI-09: loading works; the key is looked up at the first call."""
    back = pickle.loads(pickle.dumps(used(temperature=0.5), protocol))
    assert (back.temperature, back.api_key) == (0.5, None)
    monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test-worker")
    service = Service([reply({"content": "y"})])
    back.http_client = httpx.Client(transport=service)
    assert back.complete("?").text == "y"
    assert service.requests[0].headers["authorization"] == "Bearer csk-test-worker"


def test_a_model_without_its_key_says_what_to_do_at_the_first_call() -> None:
    """LI-09: not while loading; both remedies are named."""
    back = pickle.loads(pickle.dumps(model()))
    with pytest.raises(ConfigError, match=r"CEREBRAS_API_KEY.*pickle_secret=True"):
        back.complete("?")


@pytest.mark.parametrize("key", [CANARY, SecretStr(CANARY)])
def test_pickle_secret_keeps_the_key(key: Any) -> None:
    """LI-09: for workers that just work."""
    back = pickle.loads(pickle.dumps(model(api_key=key, pickle_secret=True)))
    assert back.api_key.get_secret_value() == CANARY


def test_pickling_says_nothing_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """LI-09: no warning on the root logger, and the pickled object stays whole."""
    llm = used()
    pickle.dumps(llm)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert llm.complete("?").text == "x"
    assert llm.http_client is not None


def test_a_worker_process_can_use_a_pickled_model(tmp_path: Any) -> None:
    """LI-09: parallel ingestion sends models to other processes."""
    (tmp_path / "llm").write_bytes(pickle.dumps(model(pickle_secret=True)))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).metadata.model_name)"
    command = [sys.executable, "-c", code, str(tmp_path / "llm")]
    done = subprocess.run(  # noqa: S603 - the code is two lines above
        command, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == MODEL


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda llm: llm.model_copy(deep=True)])
def test_deep_copies_of_a_used_model_work(copied: Any) -> None:
    """LI-09: after requests were made."""
    llm = used(rate_limiter=TokenBucketRateLimiter(requests_per_minute=600))
    twin = copied(llm)
    assert twin.complete("?").text == "x"
    assert asyncio.run(twin.acomplete("?")).text == "x"
    twin.additional_kwargs["a"] = 1
    assert llm.additional_kwargs == {}


def test_copies_share_live_objects() -> None:
    """LI-09: two copies of a limiter would allow twice as much."""
    limiter = TokenBucketRateLimiter(requests_per_minute=60)
    llm = model(rate_limiter=limiter)
    assert copy.deepcopy(llm).rate_limiter is limiter


def test_an_updated_copy_has_a_client_of_its_own() -> None:
    """LI-09: a copy with another address does not send to the old one."""
    llm, service = served(reply({}))
    llm.complete("?")
    twin = llm.model_copy(update={"base_url": "http://localhost:7", "temperature": 0.5})
    twin.complete("?")
    llm.complete("?")
    hosts = [request.url.host for request in service.requests]
    assert hosts == ["api.cerebras.ai", "localhost", "api.cerebras.ai"]
    assert twin._clients is not llm._clients


def test_settings_is_left_alone() -> None:
    """LI-10: making a model does not touch core's global settings."""
    from llama_index.core import Settings

    before = Settings._llm
    model()
    assert Settings._llm is before


def test_models_with_equal_settings_share_connections() -> None:
    """LI-61: one client for equal settings, also where each request makes its own model."""
    first, second, other = model(), model(), model(max_retries=7)
    assert first._client() is second._client()
    assert first._async_client() is second._async_client()
    assert other._client() is not first._client()


def test_changed_settings_take_effect() -> None:
    """LI-61: an assigned field counts from the next call on."""
    llm = model()
    before = llm._client()
    llm.max_retries = 7
    assert llm._client() is not before
    assert llm._client().config.retry.max_retries == 7


def test_after_a_close_the_next_call_opens_anew() -> None:
    """LI-62: sync, and closing twice is fine."""
    llm = model(base_url="http://localhost:9")
    with llm:
        before = llm._client()
    llm.close()
    assert llm._client() is not before


async def test_after_an_aclose_the_next_call_opens_anew() -> None:
    """LI-62: async, and closing twice is fine."""
    llm = model(base_url="http://localhost:9")
    async with llm:
        before = llm._async_client()
    await llm.aclose()
    assert llm._async_client() is not before


def test_closing_one_model_leaves_others_of_equal_settings_alone() -> None:
    """LI-62: shared connections close with the last model that needs them."""
    first, second = model(), model()
    client = second._client()
    first._client()
    first.close()
    assert second._client() is client


def test_given_http_clients_are_used_and_stay_open() -> None:
    """LI-62: what the user hands in is the user's to close."""
    llm, service = served(reply({"content": "x"}), events(*HELLO))
    with llm:
        assert llm.complete("?").text == "x"
    assert len(service.requests) == 1
    assert not llm.http_client.is_closed


async def test_given_async_http_clients_are_used_and_stay_open() -> None:
    """LI-62: the same for async."""
    llm, service = served(reply({"content": "x"}))
    async with llm:
        assert (await llm.acomplete("?")).text == "x"
    assert len(service.requests) == 1
    assert not llm.async_http_client.is_closed


def test_construction_sends_nothing() -> None:
    """Design §7: warming up is opt-in."""
    _, service = served(reply({}))
    assert service.requests == []


async def test_warming_up_opens_a_connection() -> None:
    """Design §7: one small request, sync or async."""
    llm, service = served({})
    llm.warm_up()
    await llm.awarm_up()
    assert [request.url.path for request in service.requests] == ["/v1/tcp_warming"] * 2


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
