"""CerebrasLLM: text completions (contract section 19)."""

from __future__ import annotations

import asyncio
import pickle
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import langchain_core.exceptions as core
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.load import dumpd, load
from langchain_core.runnables import ConfigurableField

from cerebras_ext._http import http_library
from langchain_cerebras_ext import CerebrasLLM
from langchain_cerebras_ext.errors import (
    MissingKey,
    ProtocolError,
    RateLimited,
    StreamIncomplete,
    UnknownParameter,
    UnsupportedInput,
)
from tests.langchain.support import (
    KEY,
    MODEL,
    OTHER_MODEL,
    QUIET_BETA,
    USAGE,
    Service,
    cut,
    sse,
    status_reply,
)

if TYPE_CHECKING:
    from cerebras_ext.emulator.server import RunningEmulator

pytestmark = QUIET_BETA


@dataclass(frozen=True)
class Continuation:
    """One text completion, whole or as a stream."""

    text: str
    finish_reason: str = "stop"

    def _shown(self, choice: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "id": "chatcmpl-2",
            "object": "text_completion",
            "created": 1_764_000_000,
            "model": MODEL,
            "choices": [{"index": 0, **choice}],
            **more,
        }

    def body(self) -> dict[str, Any]:
        return self._shown({"text": self.text, "finish_reason": self.finish_reason}, usage=USAGE)

    def chunks(self) -> list[dict[str, Any]]:
        parts = [self._shown({"text": part}) for part in cut(self.text, 3)]
        return [*parts, self._shown({"text": "", "finish_reason": self.finish_reason}, usage=USAGE)]


def llm(*replies: Any, **settings: Any) -> tuple[CerebrasLLM, Service]:
    """A model whose service plays these replies."""
    service = Service(list(replies))
    given: dict[str, Any] = {"model": MODEL, "api_key": KEY, "max_retries": 0, **settings}
    return CerebrasLLM(**service.clients(), **given), service


async def _collected(model: CerebrasLLM, prompt: str) -> list[str]:
    return [part async for part in model.astream(prompt)]


def test_prompt_is_continued() -> None:
    """LC-98: invoke and ainvoke give the text."""
    model, service = llm(Continuation("Paris."))
    assert model.invoke("The capital of France is") == "Paris."
    assert asyncio.run(model.ainvoke("The capital of France is")) == "Paris."
    assert service.last == {"model": MODEL, "prompt": "The capital of France is"}


def test_stream_gives_the_text_as_it_comes() -> None:
    """LC-98, LC-101: native streams, sync and async."""
    model, _ = llm(Continuation("abcdef"), merge_deltas=False)
    assert list(model.stream("x")) == asyncio.run(_collected(model, "x")) == ["abc", "def", ""]


def test_empty_continuation_streams_too() -> None:
    """LC-101: a stream without text is no error."""
    assert "".join(llm(Continuation(""))[0].stream("x")) == ""


@pytest.mark.parametrize("is_async", [False, True])
def test_token_callbacks_are_ours_to_fire(is_async: bool) -> None:
    """LC-101: unlike for chat models, core leaves them to the integration."""
    told: list[Any] = []

    class Ears(BaseCallbackHandler):
        def on_llm_new_token(self, token: str, *, chunk: Any = None, **_kwargs: Any) -> None:
            told.append((token, chunk.text))

    class AsyncEars(AsyncCallbackHandler):
        async def on_llm_new_token(self, token: str, *, chunk: Any = None, **_kwargs: Any) -> None:
            told.append((token, chunk.text))

    handler = AsyncEars() if is_async else Ears()
    model, _ = llm(Continuation("abcdef"), merge_deltas=False, callbacks=[handler])
    asyncio.run(_collected(model, "x")) if is_async else list(model.stream("x"))
    assert told == [("abc", "abc"), ("def", "def"), ("", "")]


@pytest.mark.parametrize("is_async", [False, True])
def test_several_prompts_keep_their_order(is_async: bool) -> None:
    """LC-99: one list per prompt, in order."""

    def answer(request: Any, httpx: Any) -> Any:
        import json

        prompt = json.loads(request.read())["prompt"]
        return httpx.Response(200, json=Continuation(f"<{prompt}>").body())

    model, _ = llm(answer)
    prompts = [str(i) for i in range(20)]
    given = asyncio.run(model.abatch(prompts)) if is_async else model.batch(prompts)
    assert given == [f"<{prompt}>" for prompt in prompts]


@pytest.mark.parametrize("is_async", [False, True])
def test_no_prompts_are_no_continuations(is_async: bool) -> None:
    """LC-99: an empty list is an empty list."""
    model, service = llm(Continuation("x"))
    result = asyncio.run(model.agenerate([])) if is_async else model.generate([])
    assert result.generations == []
    assert service.requests == []


def test_prompts_under_way_are_bounded() -> None:
    """LC-99: `max_concurrent_prompts` at once, and not one more."""
    together, too_many = threading.Barrier(3), threading.Barrier(4)
    met: list[str] = []

    def answer(_request: Any, httpx: Any) -> Any:
        together.wait(5)
        with suppress(threading.BrokenBarrierError):
            too_many.wait(0.3)
            met.append("a fourth")
        return httpx.Response(200, json=Continuation("x").body())

    model, _ = llm(answer, max_concurrent_prompts=3)
    model.generate(["p"] * 9)
    assert met == []


async def test_prompts_under_way_are_bounded_in_async_too() -> None:
    """LC-99: a semaphore of `max_concurrent_prompts`."""
    here, most = 0, 0
    httpx = http_library()

    async def answer(_request: Any) -> Any:
        nonlocal here, most
        here += 1
        most = max(most, here)
        for _ in range(100):  # every task that may start has started by then
            await asyncio.sleep(0)
        here -= 1
        return httpx.Response(200, json=Continuation("x").body())

    model, _ = llm(max_concurrent_prompts=3)
    model.http_async_client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    await model.agenerate(["p"] * 9)
    assert most == 3


@pytest.mark.parametrize("is_async", [False, True])
def test_one_failing_prompt_fails_its_group(is_async: bool) -> None:
    """LC-99: the error is ours, and the same in both worlds."""
    model, _ = llm(Continuation("x"), status_reply(429, message="slow"), Continuation("x"))
    with pytest.raises(RateLimited) as caught:
        asyncio.run(model.abatch(["a", "b"])) if is_async else model.batch(["a", "b"])
    assert isinstance(caught.value, core.ModelRateLimitError)


def test_usage_is_summed_and_kept_per_prompt() -> None:
    """LC-100: core gives the sum to the first prompt only, so each generation has its own."""
    model, _ = llm(Continuation("x"))
    result = model.generate(["a", "b"])
    assert result.llm_output is not None
    assert result.llm_output["token_usage"]["total_tokens"] == 64
    assert result.llm_output["model_name"] == MODEL
    for (generation,) in result.generations:
        info = generation.generation_info or {}
        assert info["token_usage"]["total_tokens"] == 32
        assert info["usage_metadata"]["input_token_details"] == {"cache_read": 5}
        assert (info["finish_reason"], info["model_provider"]) == ("stop", "cerebras")


def test_stream_says_the_same_as_invoke() -> None:
    """LC-101: the last chunk carries what a whole reply says."""
    model, _ = llm(Continuation("abcdef"))
    (generation,) = model.generate(["x"]).generations[0]
    first, *others = model._stream("x")
    for chunk in others:
        first = first + chunk
    assert first.text == generation.text
    assert first.generation_info == generation.generation_info


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 5),
        ("min_tokens", 2),
        ("temperature", 0.5),
        ("stop", ["x"]),
        ("logprobs", 3),
        ("echo", True),
        ("best_of", 2),
        ("suffix", "!"),
        ("grammar_root", "object"),
        ("return_raw_tokens", True),
        ("seed", 1),
    ],
)
def test_option_reaches_the_wire_from_field_and_call(name: str, value: Any) -> None:
    """LC-102: same names as for chat; on this endpoint `max_tokens` is the wire's own."""
    model, service = llm(Continuation("x"), **{name: value})
    model.invoke("p")
    assert service.last[name] == value
    plain, called = llm(Continuation("x"))
    plain.invoke("p", **{name: value})
    list(plain.stream("p", **{name: value}))
    assert [request[name] for request in called.requests] == [value, value]


def test_option_under_the_chat_endpoints_name_is_taken() -> None:
    """LC-21: a call takes the names that the constructor takes, each option once."""
    model, service = llm(Continuation("one"), Continuation("two"), cache=InMemoryCache())
    assert model.invoke("p") == "one"
    assert model.invoke("p", max_completion_tokens=3) == "two"
    list(model.stream("p", max_completion_tokens=3))
    assert [request.get("max_tokens") for request in service.requests] == [None, 3, 3]
    with pytest.raises(UnsupportedInput, match="max_tokens"):
        model.invoke("p", max_tokens=1, max_completion_tokens=2)


def test_model_that_is_none_is_the_models_own() -> None:
    """LC-21: as for chat."""
    model, service = llm(Continuation("x"))
    model.invoke("p", model=None)
    list(model.stream("p", model=None))
    assert [request["model"] for request in service.requests] == [MODEL, MODEL]


def test_unknown_option_names_the_nearest() -> None:
    """LC-21 for this class."""
    model, _ = llm(Continuation("x"))
    with pytest.raises(UnknownParameter, match="temperature"):
        model.invoke("p", temprature=1)
    with pytest.raises(UnknownParameter, match="temperature"):
        CerebrasLLM(model=MODEL, api_key=KEY, temprature=1)
    with pytest.raises(UnsupportedInput, match="n: "):
        model.invoke("p", n=2)


@pytest.mark.parametrize("is_async", [False, True])
def test_cache_knows_the_options_of_a_call(is_async: bool) -> None:
    """LC-103: one temperature's answer is not another's; without options the key is the fields."""
    model, service = llm(
        Continuation("one"), Continuation("two"), Continuation("three"), cache=InMemoryCache()
    )

    def call(**options: Any) -> str:
        return (
            asyncio.run(model.ainvoke("p", **options)) if is_async else model.invoke("p", **options)
        )

    assert call() == "one"
    assert call(temperature=1.0) == "two"
    assert call(temperature=1.0) == "two"
    assert call(model=OTHER_MODEL) == "three"
    assert call() == "one"
    assert len(service.requests) == 3


def test_extra_body_of_a_call_joins_the_models() -> None:
    """LC-103: the escape hatch is part of the key too."""
    model, service = llm(Continuation("x"), extra_body={"a": 1})
    model.invoke("p", extra_body={"b": 2})
    assert (service.last["a"], service.last["b"]) == (1, 2)


def test_reply_without_a_continuation_is_an_error() -> None:
    """LC-105: as for chat."""
    model, _ = llm(lambda _request, httpx: httpx.Response(200, json={"choices": []}))
    with pytest.raises(ProtocolError):
        model.invoke("p")


def test_cache_knows_the_model() -> None:
    """LC-103: identifying parameters are not empty."""
    cache = InMemoryCache()
    first, _ = llm(Continuation("one"), cache=cache)
    second, _ = llm(Continuation("two"), cache=cache, model=OTHER_MODEL)
    assert (first.invoke("p"), second.invoke("p")) == ("one", "two")


def test_langsmith_parameters() -> None:
    """LC-104: provider and type are said, not guessed."""
    model, _ = llm(Continuation("x"), temperature=0.5)
    assert model._get_ls_params(model=OTHER_MODEL, max_tokens=3, stop=["a"]) == {
        "ls_provider": "cerebras",
        "ls_model_type": "llm",
        "ls_model_name": OTHER_MODEL,
        "ls_temperature": 0.5,
        "ls_max_tokens": 3,
        "ls_stop": ["a"],
    }
    assert model._llm_type == "cerebras-completions"


@pytest.mark.parametrize("is_async", [False, True])
def test_broken_stream_raises(is_async: bool) -> None:
    """LC-105: errors are those of the chat model."""
    broken = sse(Continuation("abc").chunks()[:-1], done=False)
    model, _ = llm(broken)
    with pytest.raises(StreamIncomplete):
        asyncio.run(_collected(model, "p")) if is_async else list(model.stream("p"))


def test_round_trip_and_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """LC-105: serialisation, pickling and keys are those of the chat model."""
    monkeypatch.setenv("CEREBRAS_API_KEY", KEY)
    model = CerebrasLLM(model=MODEL, temperature=0.5, max_tokens=3)
    loaded = load(
        dumpd(model),
        allowed_objects=[CerebrasLLM],
        valid_namespaces=["langchain_cerebras_ext"],
        secrets_from_env=True,
    )
    assert loaded == model
    monkeypatch.delenv("CEREBRAS_API_KEY")
    with pytest.raises(MissingKey):
        pickle.loads(pickle.dumps(model)).invoke("p")


def test_configurable_fields() -> None:
    """LC-08 for this class."""
    model, service = llm(Continuation("x"))
    flexible = model.configurable_fields(temperature=ConfigurableField(id="t"))
    flexible.with_config(configurable={"t": 0.5}).invoke("p")
    assert service.last["temperature"] == 0.5


def test_against_the_emulator(cerebras_emulator: RunningEmulator) -> None:
    """LC-98: the emulator's closed schema takes what is sent."""
    model = CerebrasLLM(
        model=MODEL, api_key=KEY, base_url=cerebras_emulator.base_url, max_tokens=20, stop=["\n"]
    )
    text = model.invoke("Once upon a time")
    assert text
    assert "".join(model.stream("Once upon a time")) == text
    assert asyncio.run(model.ainvoke("Once upon a time")) == text
