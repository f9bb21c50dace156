"""Errors, retries and headers as LlamaIndex's users meet them: LI-64 to LI-66, LI-69."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from llama_index.core.llms import ChatMessage

from cerebras_ext import (
    BadRequest,
    CerebrasError,
    ConfigError,
    ConnectionFailed,
    NotFound,
    PaymentRequired,
    ProtocolError,
    RateLimited,
    ServerError,
    StreamFailed,
    StreamIncomplete,
    StreamInterrupted,
    Unauthorized,
)
from tests.llama_index.support import HELLO, KEY, events, served
from tests.llama_index.test_endpoints import METHODS, results_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.server import RunningEmulator
    from llama_index_cerebras_ext import Cerebras

QUESTION = [ChatMessage(content="?")]
STREAMS = [name for name in METHODS if "stream" in name]
SWALLOWED_BY_CORE = (ValueError, TypeError, RuntimeError, AttributeError, LookupError)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, Unauthorized),
        (402, PaymentRequired),
        (404, NotFound),
        (429, RateLimited),
        (503, ServerError),
    ],
)
async def test_each_situation_has_its_class(
    status: int,
    kind: type[CerebrasError],
    method: str,
    make_llm: Callable[..., Cerebras],
    cerebras_emulator: RunningEmulator,
) -> None:
    """LI-64, LI-65: from every endpoint, with status and code, and nothing that core swallows."""
    cerebras_emulator.script({"status": status})
    with pytest.raises(kind) as caught:
        await results_of(make_llm(max_retries=0), method)
    error: Any = caught.value
    assert error.status == status
    assert not isinstance(error, SWALLOWED_BY_CORE)
    assert str(status) in str(error)


async def test_rate_limits_are_recognisable_by_their_text() -> None:
    """LI-65, §8: core's context extractor looks for words in the message."""
    body = {"message": "Tokens per minute limit exceeded", "code": "token_quota_exceeded"}
    llm, _ = served(httpx.Response(429, json=body, headers={"x-should-retry": "false"}))
    with pytest.raises(RateLimited) as caught:
        llm.chat(QUESTION)
    text = str(caught.value).lower()
    assert "429" in text
    assert "rate limit" in text


@pytest.mark.parametrize("method", STREAMS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("cut:2", StreamInterrupted),
        ("no-finish:2", StreamIncomplete),
        ("error-frame:2", StreamFailed),
        ("error-event:2", StreamFailed),
        ("bad-frame:2", ProtocolError),
    ],
)
async def test_broken_streams_have_their_classes_and_keep_what_came(
    fault: str,
    kind: type[CerebrasError],
    method: str,
    llm: Cerebras,
    cerebras_emulator: RunningEmulator,
) -> None:
    """LI-65: no HTTP library's exception in the middle of a stream; the partial reply is there."""
    cerebras_emulator.script({"content": "One two three four.", "fault": fault})
    with pytest.raises(kind) as caught:
        await results_of(llm, method)
    error: Any = caught.value
    assert not isinstance(error, SWALLOWED_BY_CORE)
    assert error.partial is not None


@pytest.mark.parametrize("method", METHODS)
async def test_no_connection_is_an_error_of_ours(method: str) -> None:
    """LI-65: transport failures are translated."""
    from llama_index_cerebras_ext import Cerebras

    llm = Cerebras(model="gpt-oss-120b", api_key=KEY, base_url="http://127.0.0.1:9", max_retries=0)
    with pytest.raises(ConnectionFailed):
        await results_of(llm, method)
    llm.close()
    await llm.aclose()


@pytest.mark.parametrize("n_retries", [0, 1, 3])
@pytest.mark.parametrize("is_async", [False, True])
async def test_retries_are_counted_exactly(n_retries: int, is_async: bool) -> None:
    """LI-66: `max_retries=n` means n+1 requests, in one layer."""
    headers = {"retry-after-ms": "1"}
    llm, service = served(
        httpx.Response(503, json={"message": "no"}, headers=headers), max_retries=n_retries
    )
    with pytest.raises(ServerError) as caught:
        await results_of(llm, "achat" if is_async else "chat")
    assert len(service.requests) == n_retries + 1
    assert caught.value.retries_taken == n_retries


def test_retries_may_be_set_per_call() -> None:
    """LI-18, LI-66: the call's own word wins."""
    headers = {"retry-after-ms": "1"}
    llm, service = served(
        httpx.Response(503, json={"message": "no"}, headers=headers), max_retries=5
    )
    with pytest.raises(ServerError):
        llm.chat(QUESTION, max_retries=1)
    assert len(service.requests) == 2


@pytest.mark.parametrize("method", STREAMS)
async def test_streams_are_retried_before_their_first_event(method: str) -> None:
    """LI-66: and the consumer sees one whole stream."""
    failure = httpx.Response(503, json={"message": "no"}, headers={"retry-after-ms": "1"})
    llm, service = served(failure, events(*HELLO), max_retries=1)
    items = await results_of(llm, method)
    assert "".join(item.delta for item in items) == "Hello"
    assert len(service.requests) == 2


@pytest.mark.parametrize("method", STREAMS)
async def test_streams_are_not_retried_after_that(method: str) -> None:
    """LI-66: nothing is sent twice once something was handed out."""
    llm, service = served(events(*HELLO[:4], has_done=False), max_retries=3)
    with pytest.raises(CerebrasError):
        await results_of(llm, method)
    assert len(service.requests) == 1


def test_errors_pickle_as_themselves() -> None:
    """LI-65: workers send them back."""
    llm, _ = served(httpx.Response(404, json={"message": "gone", "code": "model_not_found"}))
    with pytest.raises(NotFound) as caught:
        llm.chat(QUESTION)
    back = pickle.loads(pickle.dumps(caught.value))
    assert (type(back), str(back), back.code) == (NotFound, str(caught.value), "model_not_found")


def test_core_may_note_things_on_our_errors() -> None:
    """LI-14: core sets an attribute on exceptions it has reported."""
    error = ConfigError("x")
    error.event_added = True  # type: ignore[attr-defined]
    assert error.event_added  # type: ignore[attr-defined]


def test_bad_values_are_found_before_sending() -> None:
    """LI-64: a wrong field is an error of ours that names it; nothing is sent."""
    llm, service = served({})
    with pytest.raises(ConfigError, match="temperature"):
        llm.chat(QUESTION, temperature="hot")
    assert service.requests == []


def test_a_stream_shows_a_refusal_at_its_first_item() -> None:
    """LI-20: the price of opening late."""
    llm, _ = served(httpx.Response(401, json={"message": "Wrong API Key"}))
    stream = llm.stream_chat(QUESTION)
    with pytest.raises(Unauthorized):
        next(stream)


def test_untranslatable_messages_are_found_at_the_call() -> None:
    """LI-20, LI-27: what needs no network is checked at once, in streams too."""
    from llama_index.core.base.llms.types import AudioBlock

    llm, service = served(events(*HELLO))
    message = ChatMessage(role="user", blocks=[AudioBlock(audio=b"x")])
    with pytest.raises(ConfigError, match="audio"):
        llm.stream_chat([message])
    assert service.requests == []
