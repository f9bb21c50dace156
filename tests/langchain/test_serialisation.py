"""Dumps, copies, pickles, caches, and what must never be in them (sections 14 to 16)."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import cloudpickle
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumpd, dumps, load, loads
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.tracers.base import BaseTracer

from langchain_cerebras_ext import CerebrasLLM, ChatCerebras
from langchain_cerebras_ext.errors import BadRequest, MissingKey, UnknownParameter
from tests.langchain.paths import ChunkListener
from tests.langchain.support import KEY, MODEL, OTHER_MODEL, QUIET_BETA, Reply, chat, status_reply

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = QUIET_BETA

CANARY = "csk-test-canary"
PROXY = "http://ann:proxy-canary@127.0.0.1:9"
HEADERS = {"x-secret": "header-canary"}
MODULES = pytest.mark.parametrize(
    "module", [pickle, cloudpickle], ids=lambda module: module.__name__
)
KINDS = pytest.mark.parametrize("kind", [ChatCerebras, CerebrasLLM])


def secretive(kind: type[Any] = ChatCerebras, **settings: Any) -> Any:
    """A model with everything that must stay secret."""
    given = {"api_key": CANARY, "proxy": PROXY, "default_headers": HEADERS, **settings}
    return kind(model=MODEL, **given)


def test_round_trip_through_langchains_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """LC-90: dumped and loaded, a model is equal, its key read from the environment."""
    monkeypatch.setenv("CEREBRAS_API_KEY", KEY)
    model = ChatCerebras(
        model=MODEL,
        temperature=0.5,
        stop=["x"],
        timeout={"total_s": 9.0},
        model_facts={"context_window": 131_072},
        extra_body={"new": 1},
    )
    dumped = json.loads(json.dumps(dumpd(model)))
    loaded = load(
        dumped,
        allowed_objects=[ChatCerebras],
        valid_namespaces=["langchain_cerebras_ext"],
        secrets_from_env=True,
    )
    assert loaded == model
    assert dumped["kwargs"]["api_key"] == {"lc": 1, "type": "secret", "id": ["CEREBRAS_API_KEY"]}


@KINDS
def test_dump_holds_what_differs_from_the_defaults(kind: type[Any]) -> None:
    """LC-89: constructor arguments, without excluded fields."""
    model = secretive(kind, temperature=0.5)
    kwargs = dumpd(model)["kwargs"]
    assert kwargs["model"] == MODEL
    assert kwargs["temperature"] == 0.5
    assert not {"default_headers", "proxy", "http_client", "top_p", "streaming"} & kwargs.keys()


def test_reply_with_lc_data_comes_back_as_plain_data() -> None:
    """Reliability contract 8.1: a reply cannot smuggle a secret reference into a dump."""
    smuggled = '{"lc": 1, "type": "secret", "id": ["CEREBRAS_API_KEY"]}'
    reply = Reply(calls=(("c1", "x", smuggled),), finish_reason="tool_calls")
    message = chat(reply)[0].invoke("Hi")
    loaded = loads(dumps(message), secrets_from_env=True, allowed_objects="messages")
    assert loaded.tool_calls[0]["args"] == json.loads(smuggled)


@MODULES
@KINDS
def test_pickle_leaves_the_key_behind(
    kind: type[Any], module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LC-91: a pickle holds no key; where it is loaded the environment has it, or an error."""
    pickled = module.dumps(secretive(kind))
    assert CANARY.encode() not in pickled
    loaded = module.loads(pickled)
    assert loaded.api_key is None
    with pytest.raises(MissingKey, match=r"CEREBRAS_API_KEY.*pickle_secret"):
        loaded.invoke("Hi")
    monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test-there")
    assert loaded._config().api_key.get_secret_value() == "csk-test-there"


@MODULES
@KINDS
def test_pickle_keeps_the_key_on_request(kind: type[Any], module: Any) -> None:
    """LC-91: `pickle_secret=True` makes workers that just work."""
    model = kind(model=MODEL, api_key=CANARY, temperature=0.5, pickle_secret=True)
    assert module.loads(module.dumps(model)) == model


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_model_pickles_before_and_after_use(protocol: int) -> None:
    """LC-91: clients, locks, callbacks and limiters stay behind."""
    model, _ = chat(
        Reply(content="Hi"),
        pickle_secret=True,
        callbacks=[ChunkListener()],
        rate_limiter=InMemoryRateLimiter(requests_per_second=1000),
        cache=InMemoryCache(),
    )
    fresh = pickle.loads(pickle.dumps(model, protocol))
    model.invoke("Hi")
    used = pickle.loads(pickle.dumps(model, protocol))
    assert type(fresh) is type(used) is ChatCerebras
    assert (used.callbacks, used.rate_limiter, used.http_client) == (None, None, None)


def test_bound_model_pickles() -> None:
    """Reliability contract 5.5: bindings too."""
    bound = chat(Reply())[0].bind_tools([{"name": "x", "parameters": {"type": "object"}}])
    assert pickle.loads(pickle.dumps(bound)).kwargs == bound.kwargs  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda m: m.model_copy(), lambda m: m.model_copy(deep=True)],
)
def test_copy_is_equal_and_works_after_use(copied: Callable[[Any], Any]) -> None:
    """LC-91, LC-92: copies before and after the first call, sharing the HTTP clients."""
    model, service = chat(Reply(content="Hi"), callbacks=[ChunkListener()], temperature=0.5)
    model.invoke("Hi")
    second = copied(model)
    assert second == model
    assert second.http_client is model.http_client
    second.invoke("Hi")
    assert len(service.requests) == 2


def test_use_does_not_change_equality() -> None:
    """LC-92: private state takes no part in it."""
    model, _ = chat(Reply(content="Hi"))
    twin = model.model_copy()
    model.invoke("Hi")
    assert model == twin


def test_copy_does_not_answer_for_its_original() -> None:
    """LC-83: a copy with another model misses the original's cache entry, and traces itself."""
    cache = InMemoryCache()
    model, service = chat(Reply(content="one"), Reply(content="two"), cache=cache)
    assert model.invoke("Hi").content == "one"
    other = model.model_copy(update={"model": OTHER_MODEL})
    assert other.invoke("Hi").content == "two"
    assert other._serialized["kwargs"]["model"] == OTHER_MODEL
    assert [request["model"] for request in service.requests] == [MODEL, OTHER_MODEL]


def test_copy_gets_its_own_profile() -> None:
    """LC-94: the profile follows the model, unless the user gave it."""
    model = ChatCerebras(model=MODEL, api_key=KEY)
    other = model.model_copy(update={"model": OTHER_MODEL})
    assert other.profile == ChatCerebras(model=OTHER_MODEL, api_key=KEY).profile
    assert model.profile != other.profile
    given = ChatCerebras(model=MODEL, api_key=KEY, profile={"max_input_tokens": 5})
    assert given.model_copy(update={"model": OTHER_MODEL}).profile == {"max_input_tokens": 5}


def test_copy_with_an_unknown_field_says_so() -> None:
    """LC-09: `model_copy` does not swallow a typo either."""
    with pytest.raises(UnknownParameter, match="temperature"):
        ChatCerebras(model=MODEL, api_key=KEY).model_copy(update={"temprature": 1})


@pytest.mark.parametrize(
    "update",
    [
        {"model": OTHER_MODEL},
        {"base_url": "http://127.0.0.1:9"},
        {"temperature": 0.5},
        {"reasoning_effort": "low"},
        {"extra_body": {"x": 1}},
        {"stop": ["a"]},
        {"max_tokens": 9},
    ],
)
def test_everything_that_changes_the_answer_is_in_the_cache_key(update: dict[str, Any]) -> None:
    """LC-82, LC-93: in the dump that keys the cache, and in the identifying parameters."""
    plain = ChatCerebras(model=MODEL, api_key=KEY)
    other = ChatCerebras(**{"model": MODEL, "api_key": KEY, **update})
    assert plain._get_llm_string() != other._get_llm_string()
    assert plain._identifying_params != other._identifying_params


def test_identifying_params_are_plain_and_ordered() -> None:
    """LC-93: JSON data, without what is unset, in one order."""
    model = secretive(temperature=0.5, prediction="canary text", model_facts={"context_window": 9})
    params = model._identifying_params
    assert json.loads(json.dumps(params)) == params
    assert list(params) == [
        "model",
        "temperature",
        "base_url",
        "model_facts",
        "replay_foreign_reasoning",
    ]


def test_invocation_parameters_are_complete_and_hold_no_secret() -> None:
    """LC-87: fields and call kwargs, for callbacks and LangSmith; no key, header or prediction."""
    model = secretive(temperature=0.5, prediction="canary text")
    shown = model._get_invocation_params(stop=["x"], max_tokens=9, tools=[])
    assert shown["model"] == MODEL
    assert (shown["temperature"], shown["max_tokens"], shown["stop"]) == (0.5, 9, ["x"])
    assert shown["_type"] == "cerebras-chat"
    assert "canary" not in repr(shown)


def test_cached_reply_survives_json() -> None:
    """LC-84: what persistent caches write and read."""
    model, _ = chat(Reply(content="Hi", reasoning="Hm"), include_response_headers=True)
    message = model.invoke("Hi")
    assert loads(dumps(message), allowed_objects="messages") == message


def test_cache_hit_keeps_the_message() -> None:
    """LC-85: core adds a cost of 0 to the usage; nothing else changes and nothing chokes."""
    model, service = chat(Reply(content="Hi"), cache=InMemoryCache())
    first, second = model.invoke("Hi"), model.invoke("Hi")
    assert len(service.requests) == 1
    assert second.content == first.content
    assert dict(second.usage_metadata or {}) == {
        **dict(first.usage_metadata or {}),
        "total_cost": 0,
    }


class Keeper(BaseTracer):
    """Keeps everything a tracer is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def _persist_run(self, run: Any) -> None:
        self.told.append(run.model_dump() if hasattr(run, "model_dump") else vars(run))

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> Any:
        self.told.append((args, kwargs))
        return super().on_chat_model_start(*args, **kwargs)


SINKS: dict[str, Callable[[Any], Any]] = {
    "repr": repr,
    "str": str,
    "model_dump": lambda model: repr(model.model_dump()),
    "model_dump_json": lambda model: model.model_dump_json(),
    "to_json": lambda model: repr(model.to_json()),
    "dumps": dumps,
    "dumpd": lambda model: repr(dumpd(model)),
    "asdict": lambda model: repr(model.asdict()),
    "identifying params": lambda model: repr(model._identifying_params),
    "ls params": lambda model: repr(model._get_ls_params()),
    "pickle": pickle.dumps,
    "cloudpickle": cloudpickle.dumps,
    "repr of a copy": lambda model: repr(copy.deepcopy(model)),
    "bound": lambda model: repr(model.bind(stop=["x"])),
    "dumps of a bound one": lambda model: dumps(model.bind(stop=["x"])),
}
"""Everything that shows a model."""


@KINDS
@pytest.mark.parametrize("sink", SINKS)
def test_secrets_are_not_in(sink: str, kind: type[Any]) -> None:
    """LC-88, reliability contract 6: key, proxy password and header value stay inside."""
    shown = SINKS[sink](secretive(kind))
    text = shown.decode("latin-1") if isinstance(shown, bytes) else shown
    assert "canary" not in text


@pytest.mark.parametrize("is_failing", [False, True])
def test_secrets_are_not_in_traces_logs_and_tracebacks(
    is_failing: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Reliability contract 6: tracers, every logger at DEBUG, exceptions with their chains."""
    caplog.set_level(logging.DEBUG)
    reply = status_reply(401, message="Wrong API Key", code="wrong_api_key")
    model, _ = chat(
        reply if is_failing else Reply(content="Hi"), api_key=CANARY, default_headers=HEADERS
    )
    keeper = Keeper()
    text = ""
    try:
        model.invoke("Hi", {"callbacks": [keeper]})
        list(model.stream("Hi", {"callbacks": [keeper]}))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not show the key
        text = "".join(traceback.format_exception(error)) + repr(vars(error))
        text += repr(pickle.dumps(error))
    logged = "".join(record.getMessage() + str(record.exc_info) for record in caplog.records)
    assert keeper.told
    assert "canary" not in repr(keeper.told) + logged + text


def test_prompt_is_not_in_errors() -> None:
    """Reliability contract 6: what the user asked stays out of exceptions."""
    model, _ = chat(status_reply(400, message="no"))
    with pytest.raises(BadRequest) as caught:
        model.invoke("a very private prompt")
    assert "private" not in str(caught.value) + repr(vars(caught.value))
