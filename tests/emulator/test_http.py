"""What travels over the loopback: keys, bodies and headers."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import httpx
import msgpack
import pytest

from cerebras_ext.emulator import EmulatorOptions, running_emulator
from tests.emulator.clients import CHAT, client_of
from tests.emulator.requests import chat_body, user
from tests.emulator.streams import events_of

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator


# Keys.


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic abc"])
@pytest.mark.parametrize("path", ["/models", "/models/gpt-oss-120b", "/tcp_warming"])
def test_request_without_a_key_is_refused(
    cerebras_emulator: RunningEmulator, path: str, authorization: str | None
):
    """Capture 046: 401 with the recorded body."""
    headers = {} if authorization is None else {"authorization": authorization}
    reply = httpx.get(f"{cerebras_emulator.base_url}{path}", headers=headers)
    assert reply.status_code == 401
    assert reply.json() == {
        "message": "Wrong API Key",
        "type": "invalid_request_error",
        "param": "api_key",
        "code": "wrong_api_key",
    }


def test_only_the_chosen_key_is_accepted():
    """The option `api_key` leaves one key."""
    with running_emulator(EmulatorOptions(api_key="csk-test")) as emulator:
        replies = [
            httpx.get(f"{emulator.base_url}/models", headers={"authorization": b"Bearer " + key})
            for key in (b"csk-test", b"csk-other", b"csk-t\xe9st")
        ]
    assert [reply.status_code for reply in replies] == [200, 401, 401]


def test_public_catalogue_needs_no_key(cerebras_emulator: RunningEmulator):
    """API specification §6.2: no authentication, and no `/v1` in front."""
    reply = httpx.get(f"{cerebras_emulator.root_url}/public/v1/models")
    assert reply.status_code == 200


# Bodies of requests.


@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("content_type", "dump"),
    [
        ("application/json", lambda body: json.dumps(body).encode()),
        ("application/json; charset=utf-8", lambda body: json.dumps(body).encode()),
        ("application/vnd.msgpack", msgpack.packb),
        ("application/msgpack", msgpack.packb),
        ("application/x-msgpack", msgpack.packb),
    ],
)
def test_body_may_be_packed(http: httpx.Client, content_type: str, dump: Any, pack: Any):
    """API specification §1.4: JSON or msgpack, either of them gzipped."""
    headers = {"content-type": content_type}
    if pack is gzip.compress:
        headers["content-encoding"] = "gzip"
    body = chat_body(messages=[user("What is 1 + 1?")])
    reply = http.post(CHAT, content=pack(dump(body)), headers=headers)
    assert reply.json()["choices"][0]["message"]["content"] == "1 + 1 = 2."


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"no gzip", "gzip", "The gzip body cannot be read"),
        (gzip.compress(b"{}" * 900, mtime=0)[:-12], "gzip", "The gzip body ends early."),
        (b"{}", "br", "Content-Encoding 'br' is not supported: use gzip."),
    ],
)
def test_unreadable_encoding_is_refused(
    http: httpx.Client, content: bytes, encoding: str, message: str
):
    """API specification §1.2: gzip only."""
    reply = http.post(CHAT, content=content, headers={"content-encoding": encoding})
    assert (reply.status_code, reply.json()["code"]) == (400, "wrong_api_format")
    assert message in reply.json()["message"]


@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress], ids=["plain", "gzip"])
def test_body_beyond_the_limit_is_refused(pack: Any):
    """Reliability contract §9.2: the body size is bounded, packed or not."""
    headers = {"content-encoding": "gzip"} if pack is gzip.compress else {}
    raw = json.dumps(chat_body(user="x" * 5000)).encode()
    with (
        running_emulator(EmulatorOptions(max_body_bytes=4000)) as emulator,
        client_of(emulator) as http,
    ):
        reply = http.post(CHAT, content=pack(raw), headers=headers)
        after = http.post(CHAT, json=chat_body())
    assert (reply.status_code, reply.json()["code"]) == (413, "payload_too_large")
    assert after.status_code == 200


def test_refused_body_has_the_flat_shape(http: httpx.Client):
    """API specification §11.1: four fields, no `error` around them."""
    reply = http.post(CHAT, json=chat_body(store=True))
    assert reply.status_code == 400
    assert list(reply.json()) == ["message", "type", "param", "code"]


def test_stream_that_is_refused_is_an_ordinary_error(http: httpx.Client):
    """API specification §4.6: before the first event, a status and a flat body."""
    reply = http.post(CHAT, json=chat_body(stream=True, model="nope"))
    assert (reply.status_code, reply.headers["content-type"]) == (404, "application/json")
    assert reply.json()["code"] == "model_not_found"


# Headers of replies.


def test_reply_has_the_recorded_headers(http: httpx.Client):
    """API specification §1.3: ids that agree, and a server that says what it is."""
    reply = http.post(CHAT, json=chat_body())
    assert reply.headers["inference-id"] == reply.json()["id"]
    assert reply.headers["x-request-id"] == reply.headers["cf-ray"]
    assert reply.headers["server"] == "cerebras-ext-emulator"
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["transfer-encoding"] == "chunked"
    assert "date" in reply.headers


def test_stream_has_the_recorded_content_type(http: httpx.Client):
    """API specification §4.1."""
    reply = http.post(CHAT, json=chat_body(stream=True))
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["inference-id"] == events_of(reply.text)[0]["id"]


def test_error_has_fewer_headers(http: httpx.Client):
    """API specification §1.3: neither inference id nor limits on a 400."""
    headers = http.post(CHAT, json=chat_body(store=True)).headers
    assert "inference-id" not in headers
    assert not [name for name in headers if name.startswith("x-ratelimit")]
    assert "x-request-id" in headers
