"""Callbacks, rate limiter, traces, tokens, profile (sections 12, 14, 15 and 17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.callbacks import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    UsageMetadataCallbackHandler,
)
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.rate_limiters import BaseRateLimiter

from cerebras_ext._version import __version__
from cerebras_ext.catalog import all_models, facts_of
from langchain_cerebras_ext import CerebrasLLM, ChatCerebras
from langchain_cerebras_ext._profile import profile_of, warn_if_unknown
from langchain_cerebras_ext.errors import ConfigError, StreamIncomplete
from tests.langchain.paths import PATHS
from tests.langchain.replies import ADD, REPLIES
from tests.langchain.support import KEY, MODEL, OTHER_MODEL, QUIET_BETA, Reply, chat, sse

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.server import RunningEmulator

pytestmark = QUIET_BETA


class Listener(BaseCallbackHandler):
    """Notes what happens, in order."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def on_chat_model_start(self, *_args: Any, **kwargs: Any) -> None:
        self.seen.append(("start", kwargs))

    def on_llm_new_token(self, token: Any, **_kwargs: Any) -> None:
        self.seen.append(("token", token))

    def on_stream_event(self, event: Any, **_kwargs: Any) -> None:
        self.seen.append(("event", event["event"]))

    def on_llm_end(self, response: Any, **_kwargs: Any) -> None:
        self.seen.append(("end", response))

    def on_llm_error(self, error: BaseException, **_kwargs: Any) -> None:
        self.seen.append(("error", error))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.seen]


@pytest.mark.parametrize("path", PATHS)
def test_each_run_starts_and_ends_once(path: str) -> None:
    """LC-79: start, then tokens or events, then exactly one end."""
    listener = Listener()
    model, _ = chat(Reply(content="Hello"), callbacks=[listener])
    PATHS[path](model, "Hi")
    first, *middle, last = listener.kinds
    assert (first, last) == ("start", "end")
    assert set(middle) <= {"token", "event"}


@pytest.mark.parametrize("path", ["stream", "astream", "events", "aevents"])
def test_failed_run_ends_with_the_error(path: str) -> None:
    """LC-79: end or error, never both."""
    listener = Listener()
    broken = sse(Reply(content="Hello").chunks()[:-1], done=False)
    with pytest.raises(StreamIncomplete):
        PATHS[path](chat(broken, callbacks=[listener])[0], "Hi")
    assert listener.kinds[-1] == "error"
    assert "end" not in listener.kinds


@pytest.mark.parametrize("path", ["stream", "astream"])
def test_tokens_are_told_once(path: str) -> None:
    """LC-28: core fires token callbacks; the hooks fire none."""
    listener = Listener()
    model, _ = chat(Reply(content="abcdef"), merge_deltas=False, callbacks=[listener])
    PATHS[path](model, "Hi")
    assert [token for kind, token in listener.seen if kind == "token"] == ["", "abc", "def", ""]


@pytest.mark.parametrize("path", ["events", "aevents"])
def test_event_path_tells_no_tokens(path: str) -> None:
    """LC-28: the bridge's `run_manager` is left alone."""
    listener = Listener()
    PATHS[path](chat(Reply(content="abc"), callbacks=[listener])[0], "Hi")
    assert "token" not in listener.kinds


async def test_async_handlers_are_awaited() -> None:
    """LC-80: async handlers hear of every token of an async stream."""
    told: list[Any] = []

    class Ears(AsyncCallbackHandler):
        async def on_llm_new_token(self, token: Any, **_kwargs: Any) -> None:
            told.append(token)

    model, _ = chat(Reply(content="abcdef"), merge_deltas=False, callbacks=[Ears()])
    async for _chunk in model.astream("Hi"):
        pass
    assert told == ["", "abc", "def", ""]


@pytest.mark.parametrize("path", PATHS)
def test_rate_limiter_is_asked_once_a_call(path: str) -> None:
    """LC-79: core asks it; we never do."""

    class Counter(BaseRateLimiter):
        n = 0

        def acquire(self, *, blocking: bool = True) -> bool:
            self.n += 1
            return blocking

        async def aacquire(self, *, blocking: bool = True) -> bool:
            return self.acquire(blocking=blocking)

    limiter = Counter()
    model, _ = chat(Reply(content="Hi"), rate_limiter=limiter)
    PATHS[path](model, "Hi")
    assert limiter.n == 1


@pytest.mark.parametrize("path", PATHS)
def test_usage_callback_counts_every_path(path: str) -> None:
    """LC-23: without `model_name` the handler drops the counts."""
    counter = UsageMetadataCallbackHandler()
    model, _ = chat(Reply(content="Hi"), callbacks=[counter])
    PATHS[path](model, "Hi")
    assert counter.usage_metadata[MODEL]["total_tokens"] == 32


@pytest.mark.parametrize("path", ["invoke", "ainvoke", "events", "aevents"])
def test_retries_are_events_of_the_run(
    path: str, make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LC-77, reliability contract 8.3: one run a call; its retries are told to the handlers."""
    cerebras_emulator.script({"status": 503, "headers": {"retry-after-ms": "1"}}, {"content": "Hi"})
    told: list[Any] = []

    class Ears(BaseCallbackHandler):
        def on_retry(self, state: Any, **_kwargs: Any) -> None:
            told.append((state.attempt_number, type(state.outcome.exception()).__name__))

    PATHS[path](make_chat(callbacks=[Ears()]), "Hi")
    assert told == [(1, "ServerError")]


def test_usage_of_several_prompts_is_summed() -> None:
    """LC-01: `llm_output` of a legacy `generate`."""
    model, _ = chat(Reply(content="Hi"))
    output = model.generate([[HumanMessage("a")], [HumanMessage("b")]]).llm_output
    assert output is not None
    assert output["token_usage"]["total_tokens"] == 64
    assert output["model_name"] == MODEL


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ({"prompt_tokens": 3}, None),
        (
            {"prompt_tokens": 3, "completion_tokens": 4},
            {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 9,
                "total_tokens": 19,
                "image_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 0},
                "completion_tokens_details": {
                    "reasoning_tokens": 2,
                    "accepted_prediction_tokens": 3,
                    "rejected_prediction_tokens": 1,
                },
            },
            {
                "input_tokens": 10,
                "output_tokens": 9,
                "total_tokens": 19,
                "input_token_details": {"cache_read": 0, "image": 4},
                "output_token_details": {
                    "reasoning": 2,
                    "accepted_prediction": 3,
                    "rejected_prediction": 1,
                },
            },
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 1,
                "image_tokens": 6,
                "prompt_tokens_details": {"cached_tokens": 8},
            },
            {
                "input_tokens": 10,
                "output_tokens": 1,
                "total_tokens": 11,
                "input_token_details": {"cache_read": 8},
            },
        ),
    ],
)
@pytest.mark.parametrize("path", ["invoke", "stream", "events"])
def test_counts_are_what_was_reported(path: str, usage: Any, expected: Any) -> None:
    """LC-71: absent is not zero, details stay within their totals."""
    model, _ = chat(Reply(content="Hi", extra={"usage": usage}))
    assert PATHS[path](model, "Hi").usage_metadata == expected


def test_langsmith_parameters_follow_the_call() -> None:
    """LC-86: provider, model, limits; a call's values before the model's."""
    model = ChatCerebras(model=MODEL, api_key=KEY, temperature=0.5, max_tokens=9, stop=["a"])
    assert model._get_ls_params() == {
        "ls_provider": "cerebras",
        "ls_model_type": "chat",
        "ls_model_name": MODEL,
        "ls_temperature": 0.5,
        "ls_max_tokens": 9,
        "ls_stop": ["a"],
    }
    called = model._get_ls_params(
        stop=["b"], model=OTHER_MODEL, temperature=0.1, max_completion_tokens=3
    )
    assert called["ls_model_name"] == OTHER_MODEL
    assert (called["ls_temperature"], called["ls_max_tokens"]) == (0.1, 3)
    assert called["ls_stop"] == ["b"]


def test_provider_is_one_word_everywhere() -> None:
    """LC-23: `model_provider` equals `ls_provider`, or summarisation switches itself off."""
    model, _ = chat(Reply(content="Hi"))
    provider = model._get_ls_params()["ls_provider"]
    assert model.invoke("Hi").response_metadata["model_provider"] == provider


@pytest.mark.parametrize("kind", [ChatCerebras, CerebrasLLM])
def test_trace_names_this_package(kind: type[Any]) -> None:
    """LC-12: versions of all layers are in the metadata."""
    versions = kind(model=MODEL, api_key=KEY).metadata["lc_versions"]
    assert versions["langchain-cerebras-ext"] == __version__
    assert "langchain-core" in versions


def test_tokens_are_estimated_offline() -> None:
    """LC-73: no tokenizer, no download."""
    model = ChatCerebras(model=MODEL, api_key=KEY)
    assert model.get_num_tokens("hello there") == 3
    messages = [HumanMessage("hello there"), AIMessage("", tool_calls=[])]
    plain = model.get_num_tokens_from_messages(messages)

    def add(a: int) -> int:
        """Adds."""
        return a

    assert model.get_num_tokens_from_messages(messages, [add]) > plain > 3


def test_messages_are_counted_by_the_users_tokenizer() -> None:
    """LC-73: `custom_get_token_ids` counts histories and tools as well as texts."""
    model = ChatCerebras(
        model=MODEL, api_key=KEY, custom_get_token_ids=lambda text: [1] * len(text.split())
    )
    messages = [HumanMessage("one two three"), AIMessage("four")]
    plain = model.get_num_tokens_from_messages(messages)
    assert plain == 6  # roles count too

    def add(a: int) -> int:
        """Adds numbers."""
        return a

    assert model.get_num_tokens_from_messages(messages, [add]) > plain + 2


def test_token_ids_need_a_tokenizer() -> None:
    """LC-73: a function can be given; without one the error says so."""
    with pytest.raises(ConfigError, match="custom_get_token_ids"):
        ChatCerebras(model=MODEL, api_key=KEY).get_token_ids("hello")
    exact = ChatCerebras(
        model=MODEL, api_key=KEY, custom_get_token_ids=lambda text: [1] * len(text)
    )
    assert exact.get_token_ids("hello") == [1] * 5
    assert exact.get_num_tokens("hello") == 5


@pytest.mark.parametrize("facts", all_models(), ids=lambda facts: facts.id)
def test_profile_is_the_catalogues(facts: Any) -> None:
    """LC-95, LC-96: one row feeds request rules and profile; keys are those core knows."""
    model = ChatCerebras(model=facts.id, api_key=KEY)
    profile: Any = model.profile
    assert profile["max_input_tokens"] == facts.context_window
    assert profile["image_inputs"] is facts.takes_images
    assert profile["reasoning_output"] is facts.is_reasoning
    assert profile["structured_output"] is facts.takes_tools_with_response_format


@pytest.mark.filterwarnings("ignore:Model 'my-own-model' is not in the catalogue")
def test_profile_of_an_unknown_model_is_none() -> None:
    """LC-96: no guess."""
    assert ChatCerebras(model="my-own-model", api_key=KEY).profile is None


def test_profile_of_a_described_model_is_what_was_said_of_it() -> None:
    """LC-96: facts the user gives are no guess; what nobody said is not in the profile."""
    facts = {"family": "gpt-oss", "context_window": 131_072}
    profile: Any = ChatCerebras(model="my-endpoint", api_key=KEY, model_facts=facts).profile
    assert (profile["name"], profile["max_input_tokens"]) == ("my-endpoint", 131_072)
    assert profile["reasoning_effort_levels"] == ["low", "medium", "high"]
    assert not {"status", "open_weights"} & profile.keys()


@pytest.mark.parametrize("kind", [ChatCerebras, CerebrasLLM])
def test_unknown_model_is_told_of_once(kind: type[Any], recwarn: pytest.WarningsRecorder) -> None:
    """Design section 4: one warning a process and id, at the line that makes the model."""
    warn_if_unknown.cache_clear()
    for _ in range(2):
        kind(model="my-own-model", api_key=KEY)
    (warning,) = recwarn.list
    assert "'my-own-model' is not in the catalogue" in str(warning.message)
    assert warning.filename == __file__


def test_unknown_model_of_a_call_is_told_of_once(recwarn: pytest.WarningsRecorder) -> None:
    """Design section 4: also when a call or a copy names it."""
    warn_if_unknown.cache_clear()
    model, _ = chat(Reply(content="Hi"))
    for _ in range(2):
        model.invoke("Hi", model="my-own-model")
        model.model_copy(update={"model": "my-own-model"}).invoke("Hi")
    assert len(recwarn.list) == 1


@pytest.mark.parametrize("facts", all_models(), ids=lambda facts: facts.id)
def test_known_models_are_not_told_of(facts: Any) -> None:
    """Design section 4: nor are those the user describes."""
    warn_if_unknown.cache_clear()
    for spelling in (facts.id, *facts.aliases):
        ChatCerebras(model=spelling, api_key=KEY)
    ChatCerebras(model="my-own-model", api_key=KEY, model_facts={"context_window": 9})


def test_profile_is_the_users_to_give_or_correct() -> None:
    """LC-94: a given profile wins; corrected facts show in the resolved one."""
    given = ChatCerebras(model=MODEL, api_key=KEY, profile={"max_input_tokens": 5})
    assert given.profile == {"max_input_tokens": 5}
    wide = ChatCerebras(model=MODEL, api_key=KEY, model_facts={"context_window": 131_072})
    assert wide.profile is not None
    assert wide.profile["max_input_tokens"] == 131_072


def test_profile_is_new_each_time() -> None:
    """LC-94: nobody's change reaches another model."""
    assert profile_of(facts_of(MODEL)) is not profile_of(facts_of(MODEL))


def test_levels_of_reasoning_are_in_the_profile() -> None:
    """LC-95: what `reasoning_effort` takes can be read off."""
    profile: Any = ChatCerebras(model=MODEL, api_key=KEY).profile
    assert profile["reasoning_effort_levels"] == ["low", "medium", "high"]
    assert profile["reasoning_effort_default"] == "medium"


def test_message_metadata_is_plain_json(make_chat: Callable[..., ChatCerebras]) -> None:
    """LC-84: whatever the service said, metadata is JSON data."""
    import json

    for message in (make_chat().invoke("Hi"), PATHS["stream"](make_chat(), "Hi")):
        assert json.loads(json.dumps(message.response_metadata)) == message.response_metadata


def test_cached_message_replays_as_events() -> None:
    """LC-47: under an event listener a cache hit tells the same blocks as the call did."""
    from langchain_core.caches import InMemoryCache

    model, service = chat(REPLIES["reasoning and call"], cache=InMemoryCache())
    cold = PATHS["invoke_under_event_listener"](model, "Hi")
    warm = PATHS["invoke_under_event_listener"](model, "Hi")
    assert len(service.requests) == 1
    assert warm.tool_calls == cold.tool_calls
    assert warm.tool_calls[0]["id"] == ADD[0]
