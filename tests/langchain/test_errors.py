"""Errors: one class per condition, the same from every path (section 13)."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import cloudpickle
import langchain_core.exceptions as core
import pytest
from langchain.agents.middleware import ModelRetryMiddleware
from langchain_core.tracers.base import BaseTracer

from cerebras_ext import errors as client
from cerebras_ext._http import http_library
from langchain_cerebras_ext import errors as lc
from langchain_cerebras_ext._errors import langchain_error_of
from tests.langchain.paths import PATHS
from tests.langchain.support import QUIET_BETA, Reply, chat, sse, status_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.server import RunningEmulator
    from langchain_cerebras_ext import ChatCerebras

pytestmark = QUIET_BETA

STREAMS = ["stream", "astream", "events", "aevents", "invoke_under_chunk_listener"]
STATUSES: dict[str, tuple[int, str | None, type[Exception], type[Exception], bool]] = {
    "400": (400, "wrong_api_format", lc.BadRequest, core.ModelInvalidRequestError, False),
    "overflow": (
        400,
        "context_length_exceeded",
        lc.ContextOverflow,
        core.ContextOverflowError,
        False,
    ),
    "401": (401, "wrong_api_key", lc.Unauthorized, core.ModelAuthenticationError, False),
    "402": (402, "payment_required", lc.PaymentRequired, core.ModelPermissionDeniedError, False),
    "403": (403, None, lc.Forbidden, core.ModelPermissionDeniedError, False),
    "404": (404, "model_not_found", lc.NotFound, core.ModelNotFoundError, False),
    "408": (408, None, lc.RequestTimedOut, core.ModelTimeoutError, True),
    "409": (409, None, lc.Conflict, core.ModelAPIError, True),
    "413": (413, "image_too_large", lc.TooLarge, core.ModelInvalidRequestError, False),
    "418": (418, None, lc.StatusError, core.ModelInvalidRequestError, False),
    "422": (422, None, lc.Unprocessable, core.ModelInvalidRequestError, False),
    "429": (429, "request_quota_exceeded", lc.RateLimited, core.ModelRateLimitError, True),
    "500": (500, None, lc.ServerError, core.ModelAPIError, True),
    "503": (503, None, lc.ServerError, core.ModelAPIError, True),
}


def raised(path: str, model: Any) -> Exception:
    """The exception a path ends with."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the test's question
        PATHS[path](model, "Hi")
    return caught.value


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", STATUSES)
def test_status_has_its_class_on_every_path(kind: str, path: str) -> None:
    """LC-74, LC-75: client class and LangChain class at once, from every way of calling."""
    status, code, ours, cores, is_retryable = STATUSES[kind]
    model, _ = chat(status_reply(status, message="no", code=code, type="t", param="p"))
    error = raised(path, model)
    assert type(error) is ours
    assert isinstance(error, (client.StatusError))
    assert isinstance(error, cores)
    assert error.is_retryable is is_retryable
    assert (error.status, error.code, error.request_id) == (status, code, "req-err")


@pytest.mark.parametrize(
    ("advice", "is_retryable"), [("true", True), ("false", False), (None, True)]
)
def test_refusal_to_be_asked_again_is_not_retryable(advice: str | None, is_retryable: bool) -> None:
    """LC-74: a 429 the server marks as final still is a rate limit, but not retryable."""
    headers = {"x-should-retry": advice} if advice else {}
    model, _ = chat(status_reply(429, message="full", code="queue_exceeded", headers=headers))
    error = raised("invoke", model)
    assert isinstance(error, core.ModelRateLimitError)
    assert error.is_retryable is is_retryable


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("failure", "ours", "cores"),
    [
        ("ConnectError", lc.ConnectionFailed, core.ModelConnectionError),
        ("ReadError", lc.ConnectionFailed, core.ModelConnectionError),
        ("ConnectTimeout", lc.TimedOut, core.ModelTimeoutError),
        ("ReadTimeout", lc.TimedOut, core.ModelTimeoutError),
    ],
)
def test_transport_failure_has_its_class_on_every_path(
    failure: str, ours: type[Exception], cores: type[Exception], path: str
) -> None:
    """LC-74, LC-75: what the HTTP library raises never reaches the user."""

    def fail(_request: Any, httpx: Any) -> Any:
        raise getattr(httpx, failure)("broken")

    error = raised(path, chat(fail)[0])
    assert type(error) is ours
    assert isinstance(error, cores)


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize(
    ("event", "ours", "cores", "is_retryable"),
    [
        ({"status_code": 500}, lc.StreamFailed, core.ModelAPIError, True),
        ({"status_code": 429}, lc.StreamFailed, core.ModelAPIError, True),
        ({"status_code": 400}, lc.StreamFailed, core.ModelAPIError, False),
        (
            {"status_code": 400, "code": "context_length_exceeded"},
            lc.StreamOverflow,
            core.ContextOverflowError,
            False,
        ),
    ],
)
def test_error_event_in_a_stream_has_its_class(
    event: dict[str, Any], ours: type[Any], cores: type[Any], is_retryable: bool, path: str
) -> None:
    """LC-75: after the first chunk as before it; what had arrived is on the error."""
    problem = {"message": "no", "code": event.get("code", ""), "type": "", "param": ""}
    chunks = [*Reply(content="Hello").chunks()[:-1]]
    broken = sse([*chunks, {"error": problem, "status_code": event["status_code"]}], done=False)
    error: Any = raised(path, chat(broken)[0])
    assert type(error) is ours
    assert isinstance(error, cores)
    assert error.is_retryable is is_retryable
    assert error.partial.choices[0].message.content == "Hello"


@pytest.mark.parametrize("path", STREAMS)
def test_unreadable_stream_is_an_api_error(path: str) -> None:
    """LC-74: a frame that is not JSON."""
    error = raised(
        path, chat(sse(Reply(content="Hi").chunks()[:-1], done=False) + b"data: {\n\n")[0]
    )
    assert type(error) is lc.ProtocolError
    assert isinstance(error, core.ModelAPIError)


@pytest.mark.parametrize("path", ["invoke", "ainvoke"])
def test_reply_without_an_answer_is_an_api_error(path: str) -> None:
    """LC-27: there is exactly one generation, or an error."""
    model, _ = chat(lambda _request, httpx: httpx.Response(200, json={"choices": []}))
    assert type(raised(path, model)) is lc.ProtocolError


@pytest.mark.parametrize("path", ["invoke", "ainvoke"])
def test_unreadable_reply_is_an_api_error(path: str) -> None:
    """LC-74: a body that is not the documented shape."""
    model, _ = chat(lambda _request, httpx: httpx.Response(200, json={"choices": 3}))
    error = raised(path, model)
    assert type(error) is lc.ProtocolError
    assert isinstance(error, core.ModelAPIError)


@pytest.mark.parametrize("path", ["invoke", "stream", "events", "invoke_under_chunk_listener"])
def test_interruption_passes_through(path: str) -> None:
    """LC-78: Ctrl-C is neither translated nor swallowed."""

    def interrupt(_request: Any, _httpx: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PATHS[path](chat(interrupt)[0], "Hi")


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_cancellation_passes_through(is_streamed: bool) -> None:
    """LC-78: a cancelled call ends as cancelled."""
    started, never = asyncio.Event(), asyncio.Event()
    model, service = chat(Reply(content="Hi"))

    async def hang(_request: Any) -> Any:
        started.set()
        await never.wait()

    httpx = http_library()
    model.http_async_client = httpx.AsyncClient(transport=httpx.MockTransport(hang))

    async def call() -> None:
        if is_streamed:
            async for _chunk in model.astream("Hi"):
                pass
        else:
            await model.ainvoke("Hi")

    task = asyncio.create_task(call())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert service.requests == []


def test_every_client_error_has_a_class_of_both_trees() -> None:
    """LC-74: a new client error cannot be forgotten here."""
    for name in client.__all__:
        kind = getattr(client, name)
        if kind in (client.CerebrasError, client.StreamError):
            continue
        same = langchain_error_of(kind("x"))
        assert isinstance(same, kind)
        assert isinstance(same, core.ModelError)


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for _, kind in inspect.getmembers(lc, inspect.isclass)
        if issubclass(kind, client.CerebrasError) and kind.__module__ == lc.__name__
    ],
)
@pytest.mark.parametrize("module", [pickle, cloudpickle], ids=lambda module: module.__name__)
def test_error_pickles_and_copies_as_itself(kind: type[Any], module: Any) -> None:
    """Reliability contract 5.5: type, text and fields survive."""
    error = kind("what happened")
    error.request_id = "req-1"
    error.status = 500
    for copied in (module.loads(module.dumps(error)), copy.deepcopy(error)):
        assert type(copied) is kind
        assert (str(copied), copied.request_id, copied.status) == ("what happened", "req-1", 500)


def test_error_keeps_what_the_client_knew() -> None:
    """LC-74: translation loses nothing."""
    model, _ = chat(
        status_reply(
            429, message="slow down", code="token_quota_exceeded", headers={"retry-after": "7"}
        )
    )
    error: Any = raised("invoke", model)
    assert error.retry_after_s == 7
    assert error.detail == "slow down"
    assert "gpt-oss-120b" in str(error)


@pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream"])
def test_traceback_shows_the_error_once(path: str) -> None:
    """LC-74: translated, not wrapped: the client's error is not shown beside LangChain's."""
    error = raised(path, chat(status_reply(400, message="no such thing"))[0])
    text = "".join(traceback.format_exception(error))
    assert text.count("status 400") == 1
    assert text.rstrip().splitlines()[-1].startswith("langchain_cerebras_ext.errors.BadRequest")


def test_trace_of_a_failure_shows_status_and_id_only() -> None:
    """LC-76: what core reads off an error into the trace is a small, redacted reply."""
    ends: list[Any] = []

    class Tracer(BaseTracer):
        def _persist_run(self, run: Any) -> None:
            ends.append(run.outputs)

    model, _ = chat(status_reply(400, message="bad", code="wrong_api_format"))
    with pytest.raises(lc.BadRequest):
        model.invoke("Hi", {"callbacks": [Tracer()]})
    metadata = ends[0]["generations"][0][0]["message"]["kwargs"]["response_metadata"]
    assert metadata == {
        "body": {"message": "bad", "type": None, "param": None, "code": "wrong_api_format"},
        "headers": {"x-request-id": "req-err"},
        "status_code": 400,
        "request_id": "req-err",
    }


def test_failure_without_a_reply_offers_none() -> None:
    """LC-76: `response` exists where there was one."""
    assert not hasattr(lc.ConnectionFailed("x"), "response")


@pytest.mark.parametrize("kind", STATUSES)
def test_retry_middleware_retries_what_can_pass(kind: str) -> None:
    """LC-68: LangChain's middleware asks `is_retryable` and leaves the rest alone."""
    status, code, *_, is_retryable = STATUSES[kind]
    model, service = chat(status_reply(status, message="no", code=code))
    middleware = ModelRetryMiddleware(max_retries=1, initial_delay=0, on_failure="error")
    with pytest.raises(core.ModelError):
        middleware.wrap_model_call(None, lambda _request: model.invoke("Hi"))  # type: ignore[arg-type]
    assert len(service.requests) == (2 if is_retryable else 1)


@pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream", "events", "aevents"])
def test_retries_are_the_clients(
    path: str, make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LC-77: one layer retries, before anything was handed over, for streams too."""
    cerebras_emulator.script(
        {"status": 503, "headers": {"retry-after-ms": "1"}}, {"content": "There you are."}
    )
    assert PATHS[path](make_chat(max_retries=1), "Hi").text == "There you are."


@pytest.mark.parametrize("path", STREAMS)
def test_no_retry_after_the_first_chunk(
    path: str, make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LC-77: a stream that broke after its beginning is not asked for again."""
    cerebras_emulator.script({"content": "Hello there, dear reader.", "fault": "cut:3"})
    error = raised(path, make_chat(max_retries=2))
    assert isinstance(error, core.ModelConnectionError)
    assert len(cerebras_emulator.requests) == 1


@pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream"])
def test_paced_call_without_room_is_not_sent(
    path: str, make_chat: Callable[..., ChatCerebras], cerebras_emulator: RunningEmulator
) -> None:
    """Reliability contract §8.4: the second call's turn is a minute off, its deadline a second."""
    limits = {"limit": "1", "remaining": "0"}
    headers = {f"x-ratelimit-{name}-requests-minute": value for name, value in limits.items()}
    cerebras_emulator.script({"content": "Hi", "headers": headers})
    model = make_chat(paces_requests=True, timeout=1, api_key=f"csk-test-{path}")  # own client
    assert PATHS[path](model, "Hi").text == "Hi"
    error = raised(path, model)
    assert isinstance(error, lc.TimedOut)
    assert error.was_sent is False
    assert len(cerebras_emulator.requests) == 1
