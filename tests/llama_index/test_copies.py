"""Dumps, pickles and copies: LI-09."""

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
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from llama_index.core.types import PydanticProgramMode
from pydantic import SecretStr

from cerebras_ext import ConfigError, Timeouts
from llama_index_cerebras_ext import Cerebras
from tests.llama_index.support import MODEL, Service, reply, served

CANARY = "csk-test-canary"


def model(**settings: Any) -> Cerebras:
    return Cerebras(**{"model": MODEL, "api_key": CANARY, **settings})


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
