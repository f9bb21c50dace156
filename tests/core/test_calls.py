"""What a client makes of a call before anything is sent: requests, headers, plans."""

from __future__ import annotations

import json
import re
import warnings
from contextlib import suppress
from typing import Any

import pytest
from pydantic import SecretStr

from cerebras_ext import __version__
from cerebras_ext._calls import Calls, config_of
from cerebras_ext.config import CallOptions, ClientConfig, Timeouts
from cerebras_ext.deltas import ContentDelta
from cerebras_ext.errors import ConfigError, ServerError
from cerebras_ext.flow import Answer, Clock, Head, Send, Sleep
from cerebras_ext.retry import RetryPolicy
from tests.core.streams import delta, finish

KEY = "csk-test-1"
MODEL = "gpt-oss-120b"
QUESTION: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}


def calls(**settings: Any) -> Calls:
    """A client's calls under settings."""
    return Calls(ClientConfig(SecretStr(KEY), base_url="http://127.0.0.1:1", **settings))


def first_send(flow: Any) -> Send:
    """The first step of a flow, which sends."""
    step = next(flow)
    assert isinstance(step, Send)
    return step


def headers_of(made: Calls, options: CallOptions | None = None) -> dict[str, str]:
    """The headers of a chat request; each only once."""
    send = first_send(made.chat(QUESTION, options))
    assert len(dict(send.headers)) == len(send.headers)
    return dict(send.headers)


def test_request_says_who_asks() -> None:
    """Key, client, integration, encodings, attempt and an id of the call (API §1.2)."""
    headers = headers_of(calls())
    assert headers["authorization"] == f"Bearer {KEY}"
    assert re.fullmatch(r"cerebras-ext/\S+ python/3\.\S+", headers["user-agent"])
    assert __version__ in headers["user-agent"]
    assert headers["x-cerebras-3rd-party-integration"] == "cerebras-ext"
    assert headers["accept-encoding"] == "gzip"
    assert headers["content-type"] == "application/json"
    assert headers["x-client-retry-count"] == "0"
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-client-request-id"])


def test_every_call_has_its_own_id() -> None:
    """The id tells calls apart, and is the same on each attempt of one (§2.7)."""
    made = calls()
    flow = made.chat(QUESTION, None)
    first = first_send(flow)
    assert isinstance(flow.send(failed_with_503()), Sleep)
    again = flow.send(None)
    assert isinstance(again, Send)
    assert dict(again.headers)["x-client-request-id"] == dict(first.headers)["x-client-request-id"]
    assert headers_of(made)["x-client-request-id"] != dict(first.headers)["x-client-request-id"]


def failed_with_503() -> ServerError:
    """What a driver might hand back."""
    error = ServerError("busy")
    error.status = 503
    return error


def test_headers_of_users_go_over_the_clients_own() -> None:
    """Defaults, the client's, the call's: the last one counts, each is sent once (§1.7)."""
    made = calls(default_headers=(("User-Agent", "app/1"), ("X-A", "client")))
    headers = headers_of(made, CallOptions(extra_headers={"x-a": "call", "X-B": "call"}))
    assert headers["user-agent"] == "app/1"
    assert (headers["x-a"], headers["x-b"]) == ("call", "call")


@pytest.mark.parametrize("where", ["client", "call"])
def test_users_may_name_their_calls(where: str) -> None:
    """A request id of the user's is sent in place of ours, and is in the reply's facts."""
    mine = {"X-Client-Request-Id": "mine-1"}
    made = calls(default_headers=tuple(mine.items()) if where == "client" else ())
    flow = made.stream_chat(QUESTION, CallOptions(extra_headers=mine) if where == "call" else None)
    send = first_send(flow)
    assert [value for name, value in send.headers if name == "x-client-request-id"] == ["mine-1"]
    opened = finished(flow, answered(send, delta(content="a")))
    assert opened.meta.client_request_id == "mine-1"


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"Authorization": "Bearer x"}, "'Authorization' is set by the client"),
        ({"x-a": "a\r\nb"}, "the value of header 'x-a' must be printable"),
    ],
)
def test_headers_of_a_call_are_checked(headers: dict[str, str], problem: str) -> None:
    """As the client's are (§1.7)."""
    with pytest.raises(ConfigError, match=problem):
        calls().chat(QUESTION, CallOptions(extra_headers=headers))


def test_key_comes_from_its_function_at_each_call() -> None:
    """A key that changes is asked for anew (§1.1)."""
    keys = iter(["csk-test-1", "csk-test-2"])
    made = Calls(ClientConfig(lambda: next(keys)))
    assert headers_of(made)["authorization"] == "Bearer csk-test-1"
    assert headers_of(made)["authorization"] == "Bearer csk-test-2"


def answered(send: Send, *pieces: bytes) -> Answer:
    """A streamed answer to a request."""
    head = Head(200, {"content-type": "text/event-stream"})
    sink = send.open_sink(head)
    for piece in pieces:
        sink.feed(piece)
    return Answer(head, sink)


def finished(flow: Any, answer: Answer) -> Any:
    """The result of a flow whose request was answered."""
    with pytest.raises(StopIteration) as done:
        flow.send(answer)
    return done.value.value


def deltas_of(made: Calls, options: CallOptions | None) -> list[Any]:
    """The deltas of two chunks that came in one piece."""
    flow = made.stream_chat(QUESTION, options)
    opened = finished(flow, answered(first_send(flow), delta(content="a") + delta(content="b")))
    return [one.text for one in opened.deltas if isinstance(one, ContentDelta)]


@pytest.mark.parametrize(
    ("of_client", "of_call", "texts"),
    [
        (True, None, ["ab"]),
        (False, None, ["a", "b"]),
        (True, False, ["a", "b"]),
        (False, True, ["ab"]),
    ],
)
def test_merging_is_a_setting_of_client_and_call(
    of_client: bool, of_call: bool | None, texts: list[str]
) -> None:
    """The call's choice goes over the client's."""
    assert deltas_of(calls(merge_deltas=of_client), CallOptions(merge_deltas=of_call)) == texts


@pytest.mark.parametrize(
    ("of_client", "of_call", "n_sends"), [(2, None, 3), (2, 0, 1), (0, 1, 2), (1, 3, 4)]
)
def test_retries_are_a_setting_of_client_and_call(
    of_client: int, of_call: int | None, n_sends: int
) -> None:
    """The call's number goes over the client's, everything else of the policy stays."""
    made = calls(retry=RetryPolicy(of_client, backoff_s=0))
    flow = made.chat(QUESTION, CallOptions(max_retries=of_call))
    assert sends_until_it_gives_up(flow) == n_sends


def sends_until_it_gives_up(flow: Any) -> int:
    """How often a flow sends when every attempt fails."""
    n_sends, outcome = 0, None
    with suppress(ServerError):
        while True:
            step = flow.send(outcome)
            n_sends += isinstance(step, Send)
            outcome = failed_with_503() if isinstance(step, Send) else None
    return n_sends


def test_bad_number_of_retries_is_refused() -> None:
    """Also for one call."""
    with pytest.raises(ConfigError, match="max_retries is -1; give a whole number, 0 or more"):
        calls().chat(QUESTION, CallOptions(max_retries=-1))


@pytest.mark.parametrize(
    ("timeout", "total_s"), [(None, 7.0), (3, 3.0), (Timeouts(total_s=2), 2.0)]
)
def test_time_limits_are_a_setting_of_client_and_call(timeout: Any, total_s: float) -> None:
    """The call's limits go over the client's."""
    made = calls(timeout=Timeouts(total_s=7))
    made.clock = Clock(lambda: 0.0, lambda: 0.0)
    send = first_send(made.chat(QUESTION, CallOptions(timeout=timeout)))
    assert send.timeouts.total_s == total_s


def test_extra_body_and_encoding_are_used() -> None:
    """The escape hatch of a call, and gzip of the client."""
    send = first_send(calls().chat(QUESTION, CallOptions(extra_body={"new": 1})))
    assert json.loads(send.call.body or b"")["new"] == 1
    send = first_send(calls(gzip_above_bytes=0).chat(QUESTION, None))
    assert dict(send.headers)["content-encoding"] == "gzip"


def test_text_stream_is_read_as_text() -> None:
    """Each endpoint has its own assembler."""
    flow = calls().stream_complete({"model": MODEL, "prompt": ["a", "b"]}, None)
    opened = finished(flow, answered(first_send(flow), b'data: {"choices":[{"text":"x"}]}\n\n'))
    assert opened.deltas[1].text == "x"
    list(opened.reader.feed(b'data: {"choices":[{"text":"","finish_reason":"stop"}]}\n\n'))
    assert not opened.reader.is_finished  # two prompts were asked about


def test_chat_stream_of_several_choices_waits_for_all() -> None:
    """One of two choices is no finished reply (§3.2)."""
    flow = calls().stream_chat({**QUESTION, "n": 2}, None)
    opened = finished(flow, answered(first_send(flow), delta(content="a") + finish()))
    assert not opened.reader.is_finished


@pytest.mark.parametrize(
    ("make", "path", "has_key"),
    [
        (lambda c: c.models("default", None, is_public=False), "/v1/models", True),
        (
            lambda c: c.models("openrouter", None, is_public=False),
            "/v1/models?format=openrouter",
            True,
        ),
        (lambda c: c.models("default", None, is_public=True), "/public/v1/models", False),
        (lambda c: c.model("m", "default", None, is_public=False), "/v1/models/m", True),
        (
            lambda c: c.model("a/b?c d", "huggingface", None, is_public=True),
            "/public/v1/models/a%2Fb%3Fc%20d?format=huggingface",
            False,
        ),
        (lambda c: c.warm_up(None), "/v1/tcp_warming", True),
    ],
)
def test_other_endpoints_are_asked_with_get(make: Any, path: str, has_key: bool) -> None:
    """Models, the public catalogue (never with the key), warm-up (API §6, §1.5)."""
    send = first_send(make(calls()))
    assert (send.call.method, send.call.path, send.call.body) == ("GET", path, None)
    assert ("authorization" in dict(send.headers)) is has_key


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda c: c.models("html", None, is_public=False),
            "format: 'html' is not known; give one",
        ),
        (lambda c: c.model("", "default", None, is_public=False), "model_id: is empty"),
        (lambda c: c.model("..", "default", None, is_public=False), "model_id: is empty"),
    ],
)
def test_other_endpoints_check_what_they_are_asked(make: Any, message: str) -> None:
    """Also before anything is sent."""
    with pytest.raises(ConfigError, match=message):
        make(calls())


def test_retired_model_is_told_once() -> None:
    """One warning a model and client, with what to use instead (§4 of the design)."""
    made = calls()
    retired = {**QUESTION, "model": "zai-glm-4.7"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for make in (made.chat, made.chat, made.stream_chat):
            make(retired, None)
    (told,) = caught
    assert "zai-glm-4.7" in str(told.message)


def test_current_and_unknown_models_are_not_warned_about() -> None:
    """The client keeps no list of what may be asked for (API §14.16)."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model in (MODEL, "my-own-model"):
            calls().chat({**QUESTION, "model": model}, None)


def test_most_used_settings_go_over_the_others() -> None:
    """Arguments of a client's constructor change just that of its settings."""
    config = ClientConfig(SecretStr("csk-test-0"), retry=RetryPolicy(1, backoff_s=3))
    changed = config_of(config, KEY, "http://127.0.0.1:1", 5, 4)
    assert changed.api_key == SecretStr(KEY)
    assert changed.base_url == "http://127.0.0.1:1"
    assert changed.timeout == Timeouts(total_s=5)
    assert changed.retry == RetryPolicy(4, backoff_s=3)
    assert config_of(config, None, None, None, None) is config
    assert config_of(None, None, None, None, None) == ClientConfig()


def test_key_may_be_given_in_any_form() -> None:
    """Text, secret or function."""

    def current() -> str:
        return KEY

    assert config_of(None, SecretStr(KEY), None, None, None).api_key == SecretStr(KEY)
    assert config_of(None, current, None, None, None).api_key is current
