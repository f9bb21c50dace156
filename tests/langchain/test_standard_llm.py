"""LangChain has no suite for LLMs: this is its chat suite's mirror for `CerebrasLLM` (LC-105).

Names and promises are those of `langchain-tests`, where a text completion can keep them.
"""

from __future__ import annotations

import asyncio
import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import langchain_core.exceptions as core
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, load
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import GenerationChunk
from langchain_core.prompts import PromptTemplate

from cerebras_ext.catalog import all_models
from cerebras_ext.emulator import EmulatorOptions
from langchain_cerebras_ext import CerebrasLLM
from tests.langchain.in_process import InProcessEmulator
from tests.langchain.standard import ALWAYS, NEVER, SWITCHABLE
from tests.langchain.support import KEY, QUIET_BETA

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator

pytestmark = [QUIET_BETA, pytest.mark.filterwarnings("ignore:Model .* was retired")]

PROMPT = "Once upon a time there was a cat that"
STATUSES = {
    400: core.ModelInvalidRequestError,
    401: core.ModelAuthenticationError,
    402: core.ModelPermissionDeniedError,
    403: core.ModelPermissionDeniedError,
    404: core.ModelNotFoundError,
    429: core.ModelRateLimitError,
    503: core.ModelAPIError,
}


class Listener(BaseCallbackHandler):
    """Notes what happens, in order."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def on_llm_start(self, serialized: Any, prompts: Any, **kwargs: Any) -> None:
        self.seen.append(("start", {"serialized": serialized, "prompts": prompts, **kwargs}))

    def on_llm_new_token(self, token: str, **_kwargs: Any) -> None:
        self.seen.append(("token", token))

    def on_retry(self, state: Any, **_kwargs: Any) -> None:
        self.seen.append(("retry", state.attempt_number))

    def on_llm_end(self, response: Any, **_kwargs: Any) -> None:
        self.seen.append(("end", response))

    def on_llm_error(self, error: BaseException, **_kwargs: Any) -> None:
        self.seen.append(("error", error))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.seen]


class LlmUnitTests:
    """What needs no service."""

    model_name = ALWAYS

    @property
    def params(self) -> dict[str, Any]:
        return {"model": self.model_name, "api_key": KEY}

    def test_init(self) -> None:
        """LC-102: the standard parameters of the chat suite are taken."""
        standard = {
            "temperature": 0,
            "max_tokens": 100,
            "timeout": 60,
            "stop": [],
            "max_retries": 2,
        }
        model = CerebrasLLM(**self.params, **standard)
        assert (model.temperature, model.max_tokens, model.stop) == (0, 100, [])

    def test_init_from_env(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """LC-11: key and address are read at construction, from our variables alone."""
        monkeypatch.setenv("CEREBRAS_API_KEY", "csk-test-env")
        monkeypatch.setenv("CEREBRAS_BASE_URL", "http://127.0.0.1:9/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "not-ours")
        model: Any = CerebrasLLM(model=self.model_name)
        assert model.api_key.get_secret_value() == "csk-test-env"
        assert model.base_url == "http://127.0.0.1:9"

    def test_standard_params(self) -> None:
        """LC-104: what tracing wants to know, with the types it wants."""
        model = CerebrasLLM(**self.params, temperature=0, max_tokens=10, stop=["test"])
        assert model._get_ls_params() == {
            "ls_provider": "cerebras",
            "ls_model_type": "llm",
            "ls_model_name": self.model_name,
            "ls_temperature": 0.0,
            "ls_max_tokens": 10,
            "ls_stop": ["test"],
        }

    def test_standard_params_model_override(self) -> None:
        """LC-104: a call's model is the one that is traced."""
        params = CerebrasLLM(**self.params)._get_ls_params(model=SWITCHABLE)
        assert params["ls_model_name"] == SWITCHABLE

    def test_serdes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """LC-90: loaded, a model equals the one that was dumped."""
        monkeypatch.setenv("CEREBRAS_API_KEY", KEY)
        model = CerebrasLLM(**self.params, temperature=0.5, echo=True)
        loaded = load(
            dumpd(model),
            allowed_objects=[CerebrasLLM],
            valid_namespaces=["langchain_cerebras_ext"],
            secrets_from_env=True,
        )
        assert loaded == model

    def test_construction_makes_no_client(self) -> None:
        """LC-04: nothing is opened before the first use."""
        assert "_clients" not in vars(CerebrasLLM(**self.params))

    def test_copy_is_not_its_original(self) -> None:
        """LC-83: what core derived from the old fields is derived again."""
        model = CerebrasLLM(**self.params)
        serialized: Any = model._serialized
        other: Any = model.model_copy(update={"temperature": 0.5})
        assert "temperature" not in serialized["kwargs"]
        assert other._serialized["kwargs"]["temperature"] == 0.5

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda m: m.model_copy()])
    def test_copies_are_equal(self, copied: Any) -> None:
        """LC-91, LC-92: before use; after use is with the integration tests."""
        model = CerebrasLLM(**self.params, temperature=0.5)
        assert copied(model) == model


class TestCerebrasLLMUnit(LlmUnitTests):
    """A model that always reasons."""


class TestNoReasoningUnit(LlmUnitTests):
    model_name = NEVER


class LlmIntegrationTests:
    """What a service answers; subclasses say which."""

    model_name = ALWAYS
    override = SWITCHABLE
    service: Any

    @property
    def params(self) -> dict[str, Any]:
        return {"model": self.model_name, "api_key": KEY, "max_tokens": 24, "max_retries": 0}

    @pytest.fixture
    def model(self) -> CerebrasLLM:
        return CerebrasLLM(**self.params)

    # ---- the four ways, and batches

    def test_invoke(self, model: CerebrasLLM) -> None:
        """LC-98: a text comes back."""
        text = model.invoke(PROMPT)
        assert isinstance(text, str)
        assert text

    async def test_ainvoke(self, model: CerebrasLLM) -> None:
        """LC-98: natively async."""
        assert await model.ainvoke(PROMPT) == model.invoke(PROMPT)

    def test_stream(self, model: CerebrasLLM) -> None:
        """LC-101: chunks add up to what `invoke` gives."""
        parts = list(model.stream(PROMPT))
        assert len(parts) > 1
        assert "".join(parts) == model.invoke(PROMPT)

    async def test_astream(self, model: CerebrasLLM) -> None:
        """LC-101: natively async."""
        assert "".join([part async for part in model.astream(PROMPT)]) == model.invoke(PROMPT)

    async def test_astream_events(self, model: CerebrasLLM) -> None:
        """LangChain's older events: start, streams, end, from the hooks' own callbacks."""
        events = [event async for event in model.astream_events(PROMPT, version="v2")]
        kinds = [event["event"] for event in events]
        assert (kinds[0], kinds[-1]) == ("on_llm_start", "on_llm_end")
        assert set(kinds[1:-1]) == {"on_llm_stream"}
        told = [str(event["data"]["chunk"]) for event in events[1:-1]]
        assert "".join(told) == model.invoke(PROMPT)

    @pytest.mark.parametrize("config", [None, {"max_concurrency": 2}])
    def test_batch(self, model: CerebrasLLM, config: Any) -> None:
        """LC-99: in order, however they are grouped."""
        prompts = [f"{PROMPT} {i}" for i in range(5)]
        assert model.batch(prompts, config) == [model.invoke(prompt) for prompt in prompts]

    @pytest.mark.parametrize("config", [None, {"max_concurrency": 2}])
    async def test_abatch(self, model: CerebrasLLM, config: Any) -> None:
        """LC-99: the same."""
        prompts = [f"{PROMPT} {i}" for i in range(5)]
        assert await model.abatch(prompts, config) == [model.invoke(prompt) for prompt in prompts]

    async def test_batch_as_completed(self, model: CerebrasLLM) -> None:
        """LC-99: every prompt once, in any order, sync and async."""
        prompts = [f"{PROMPT} {i}" for i in range(5)]
        expected = dict(enumerate(model.batch(prompts)))
        assert dict(model.batch_as_completed(prompts)) == expected
        assert {i: text async for i, text in model.abatch_as_completed(prompts)} == expected

    # ---- options

    @pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream"])
    def test_model_override(self, model: CerebrasLLM, path: str) -> None:
        """LC-22: the call's model answers on every path, and is named."""
        listener = Listener()
        self._run(model.with_config(callbacks=[listener]), path, model=self.override)
        result = listener.seen[-1][1]
        assert result.generations[0][0].generation_info["model_name"] == self.override

    @pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream"])
    def test_stop_sequence(self, model: CerebrasLLM, path: str) -> None:
        """LC-21: `stop` in the call and in the constructor; the call's wins."""
        stop = model.invoke(PROMPT).split()[2]
        assert stop not in self._run(model, path, stop=[stop])
        stopping = CerebrasLLM(**self.params, stop=[stop])
        assert stop not in self._run(stopping, path)
        assert stop in self._run(stopping, path, stop=[])

    # ---- usage and metadata

    def test_usage_metadata(self, model: CerebrasLLM) -> None:
        """LC-100: integer counts and the served model, in the result and in each generation."""
        result = model.generate([PROMPT, PROMPT])
        infos = [generation.generation_info or {} for (generation,) in result.generations]
        for info in infos:
            usage = info["token_usage"]
            assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"]
            assert info["model_name"] == self.model_name
            assert info["time_info"]["total_time"] >= 0
        total = sum(info["token_usage"]["total_tokens"] for info in infos)
        assert (result.llm_output or {})["token_usage"]["total_tokens"] == total

    def test_usage_metadata_streaming(self, model: CerebrasLLM) -> None:
        """LC-101: on one chunk only, the last, and equal to the whole reply's."""
        chunks = list(model._stream(PROMPT))
        assert [bool(chunk.generation_info) for chunk in chunks] == [False] * (len(chunks) - 1) + [
            True
        ]
        total = sum(chunks[1:], chunks[0])
        assert isinstance(total, GenerationChunk)
        (whole,) = model.generate([PROMPT]).generations[0]
        whole_info, info = whole.generation_info or {}, total.generation_info or {}
        assert info.keys() == whole_info.keys()
        for name in ("model_name", "finish_reason", "model_provider"):
            assert info[name] == whole_info[name]

    # ---- callbacks and errors

    @pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream"])
    def test_each_run_starts_and_ends_once(self, model: CerebrasLLM, path: str) -> None:
        """LC-79: start, tokens of streams, one end; the start shows the model without its key."""
        listener = Listener()
        text = self._run(model.with_config(callbacks=[listener]), path)
        kinds = listener.kinds
        assert (kinds[0], kinds[-1], kinds.count("end")) == ("start", "end", 1)
        tokens = [token for kind, token in listener.seen if kind == "token"]
        assert "".join(tokens) == (text if "stream" in path else "")
        assert listener.seen[0][1]["serialized"]["kwargs"]["model"] == self.model_name
        assert KEY not in str(listener.seen[0][1])

    @pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream"])
    @pytest.mark.parametrize("status", STATUSES)
    def test_errors_are_langchains_too(self, model: CerebrasLLM, path: str, status: int) -> None:
        """LC-74, LC-75: one class per condition on every path, and the run ends with it."""
        self.service.script({"status": status})
        listener = Listener()
        with pytest.raises(STATUSES[status]) as caught:
            self._run(model.with_config(callbacks=[listener]), path)
        assert listener.kinds == ["start", "error"]
        assert listener.seen[-1][1] is caught.value

    @pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream"])
    def test_retries_are_events_of_the_run(self, path: str) -> None:
        """LC-77: told to the handlers, as for chat."""
        self.service.script({"status": 503, "headers": {"retry-after-ms": "1"}})
        listener = Listener()
        model = CerebrasLLM(**{**self.params, "max_retries": 1}, callbacks=[listener])
        assert self._run(model, path)
        assert [what for kind, what in listener.seen if kind == "retry"] == [1]

    @pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream"])
    def test_fallback_takes_over(self, model: CerebrasLLM, path: str) -> None:
        """A chain of models: the second answers where the first cannot."""
        self.service.script({"status": 503})
        assert self._run(model.with_fallbacks([CerebrasLLM(**self.params)]), path)

    @pytest.mark.parametrize("path", ["invoke", "ainvoke"])
    def test_with_retry_tries_again(self, model: CerebrasLLM, path: str) -> None:
        """LC-68: LangChain's own retries know what can pass."""
        self.service.script({"status": 503})
        patient = model.with_retry(
            retry_if_exception_type=(core.ModelAPIError,), wait_exponential_jitter=False
        )
        assert self._run(patient, path)

    # ---- chains, loops, threads, copies

    @pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream"])
    def test_in_a_chain(self, model: CerebrasLLM, path: str) -> None:
        """A prompt before it and a parser behind it."""
        chain = PromptTemplate.from_template("{beginning} that") | model | StrOutputParser()
        given = {"beginning": "Once upon a time there was a cat"}
        assert self._run(chain, path, given) == model.invoke(PROMPT)

    def test_several_event_loops(self, model: CerebrasLLM) -> None:
        """LC-35: one model under several `asyncio.run`."""
        assert len({asyncio.run(model.ainvoke(PROMPT)) for _ in range(3)}) == 1

    def test_threads_share_a_model(self, model: CerebrasLLM) -> None:
        """LC-81: hooks are re-entrant."""
        prompts = [f"{PROMPT} {i}" for i in range(16)]
        expected = [model.invoke(prompt) for prompt in prompts]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(model.invoke, prompts)) == expected

    def test_copies_after_use(self, model: CerebrasLLM) -> None:
        """LC-91: copies and pickles of a model that was used work and are equal."""
        text = model.invoke(PROMPT)
        for twin in (copy.copy(model), copy.deepcopy(model), model.model_copy(deep=True)):
            assert twin == model
            assert twin.invoke(PROMPT) == text
        assert pickle.loads(pickle.dumps(model)).model == self.model_name

    def test_early_break(self, model: CerebrasLLM) -> None:
        """LC-29: who stops reading can go on with another call."""
        for _part in model.stream(PROMPT):
            break
        assert model.invoke(PROMPT)

    def _run(self, model: Any, path: str, given: Any = PROMPT, /, **options: Any) -> str:
        match path:
            case "invoke":
                return str(model.invoke(given, **options))
            case "ainvoke":
                return str(asyncio.run(model.ainvoke(given, **options)))
            case "stream":
                return "".join(model.stream(given, **options))
            case _:
                return asyncio.run(_joined(model, given, options))


async def _joined(model: Any, given: Any, options: dict[str, Any]) -> str:
    return "".join([part async for part in model.astream(given, **options)])


class TestCerebrasLLMIntegration(LlmIntegrationTests):
    """Against the emulator."""

    @pytest.fixture(autouse=True)
    def _emulator(self, whole_service: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
        whole_service.reset()
        self.service = whole_service
        monkeypatch.setenv("CEREBRAS_BASE_URL", whole_service.base_url)


class TestSwitchableReasoning(TestCerebrasLLMIntegration):
    model_name, override = SWITCHABLE, ALWAYS


class TestNoReasoning(TestCerebrasLLMIntegration):
    model_name = NEVER


class TestMockedTransport(LlmIntegrationTests):
    """With HTTP clients of the user's own, and a transport in place of the network."""

    @pytest.fixture(autouse=True)
    def _transport(self) -> None:
        options = EmulatorOptions(models=[row.id for row in all_models()])
        self.service = InProcessEmulator(options)
        self._clients = self.service.clients()

    @property
    def params(self) -> dict[str, Any]:
        return {**super().params, **self._clients}
