"""What travels over the loopback: keys, bodies, headers, limits, and every endpoint."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import httpx
import msgpack
import pytest

from cerebras_ext.emulator import EmulatorOptions, running_emulator
from tests.emulator.requests import chat_body, user
from tests.emulator.streams import choices_of, deltas_of, events_of, said_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.emulator import RunningEmulator

CHAT = "/chat/completions"
KEY = {"authorization": "Bearer csk-test"}


def client_of(emulator: RunningEmulator) -> httpx.Client:
    """A plain client of another emulator than the session's."""
    return httpx.Client(base_url=emulator.base_url, headers=KEY, timeout=10)


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


# Rate limits.


@pytest.fixture
def limited() -> Iterator[httpx.Client]:
    """A client with the limits of the free tier, in a world where time stands still."""
    options = EmulatorOptions(rate_limits="free", clock=lambda: 1780000000.0)
    with running_emulator(options) as emulator, client_of(emulator) as http:
        yield http


def test_remaining_tokens_are_reduced_by_the_reservation(limited: httpx.Client):
    """Capture 006: the reply's own reservation is already taken off."""
    headers = limited.post(CHAT, json=chat_body(max_tokens=2000)).headers
    limit, left = (
        int(headers[f"x-ratelimit-{what}-tokens-minute"]) for what in ("limit", "remaining")
    )
    assert limit == 30_000
    assert 2000 < limit - left < 2100
    assert headers["x-ratelimit-remaining-requests-minute"] == "4"
    assert "x-ratelimit-reset-tokens-minute" not in headers


def test_reservation_is_given_back_after_the_reply(limited: httpx.Client):
    """API specification §13.2: corrected to actual use after completion."""
    left = [
        int(limited.post(CHAT, json=chat_body()).headers["x-ratelimit-remaining-tokens-minute"])
        for _ in range(2)
    ]
    assert left[0] - left[1] < 500


def test_request_beyond_the_limit_is_a_429(limited: httpx.Client):
    """API specification §13.1: five requests a minute for the free tier."""
    replies = [limited.post(CHAT, json=chat_body(max_tokens=10)) for _ in range(6)]
    assert [reply.status_code for reply in replies] == [200] * 5 + [429]
    assert replies[-1].json()["code"] == "request_quota_exceeded"


def test_legacy_headers_have_reset_values():
    """API specification §1.3: the generation of 2025."""
    options = EmulatorOptions(rate_limits="free", legacy_headers=True)
    with running_emulator(options) as emulator, client_of(emulator) as http:
        headers = http.post(CHAT, json=chat_body()).headers
    assert 0 < float(headers["x-ratelimit-reset-tokens-minute"]) <= 60
    assert "x-ratelimit-limit-requests-minute" not in headers


# Prompt cache, ids.


def test_repeated_prompt_is_cached_in_blocks(http: httpx.Client):
    """API specification §13.5: exact prefixes, 128 tokens at a time."""
    body = chat_body(messages=[user("word " * 400)])
    usages = [http.post(CHAT, json=body).json()["usage"] for _ in range(2)]
    cached = [usage["prompt_tokens_details"]["cached_tokens"] for usage in usages]
    assert cached == [0, usages[1]["prompt_tokens"] // 128 * 128]


def test_longer_conversation_finds_its_beginning_cached(http: httpx.Client):
    """API specification §13.5: the prefix that both share."""
    first = [user("word " * 400)]
    http.post(CHAT, json=chat_body(messages=first))
    then = [*first, {"role": "assistant", "content": "ok"}, user("other " * 400)]
    usage = http.post(CHAT, json=chat_body(messages=then)).json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 384


def test_cache_belongs_to_one_model(http: httpx.Client):
    """API specification §13.5: nothing is shared between models."""
    messages = [user("word " * 400)]
    http.post(CHAT, json=chat_body(messages=messages))
    usage = http.post(CHAT, json=chat_body(messages=messages, model="qwen-3.8-27b")).json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0


def test_ids_are_the_same_in_each_run_and_new_for_each_request(
    cerebras_emulator: RunningEmulator, http: httpx.Client
):
    """Design §5: deterministic, whatever other requests there are."""
    first = [http.post(CHAT, json=chat_body()).json()["id"] for _ in range(2)]
    cerebras_emulator.reset()
    http.post(CHAT, json=chat_body(messages=[user("something else")]))
    again = [http.post(CHAT, json=chat_body()).json()["id"] for _ in range(2)]
    assert first == again
    assert len(set(first)) == 2


# Endpoints.


def test_stream_and_body_say_the_same(cerebras_emulator: RunningEmulator, http: httpx.Client):
    """Reliability contract §3.7: equal messages for the same request."""
    body = chat_body(messages=[user("What is 12 * 7?")])
    message = http.post(CHAT, json=body).json()["choices"][0]["message"]
    streamed = http.post(CHAT, json=body | {"stream": True}).text
    assert said_in(streamed) == message["content"]
    assert said_in(streamed, "reasoning") == message["reasoning"]


def test_stream_ends_with_done(http: httpx.Client):
    """API specification §4.1: always the last event since March 2026."""
    assert events_of(http.post(CHAT, json=chat_body(stream=True)).text)[-1] == "[DONE]"


def test_done_can_be_left_out():
    """API specification §4.1: streams of 2025 had none."""
    with (
        running_emulator(EmulatorOptions(send_done=False)) as emulator,
        client_of(emulator) as http,
    ):
        events = events_of(http.post(CHAT, json=chat_body(stream=True)).text)
    assert events[-1]["choices"][0]["finish_reason"] == "stop"


def test_delta_size_is_an_option():
    """A stream can be cut as finely as one token a chunk."""
    options = EmulatorOptions(tokens_per_delta=1)
    with running_emulator(options) as emulator, client_of(emulator) as http:
        body = chat_body(messages=[user("Count from 1 to 9")], stream=True)
        contents = [
            d["content"] for d in deltas_of(http.post(CHAT, json=body).text) if "content" in d
        ]
    assert max(map(len, contents)) <= 2


def test_text_completion_is_whole_or_a_stream(http: httpx.Client):
    """API specification §5: both forms of the text endpoint."""
    body = {"model": "gpt-oss-120b", "prompt": "Question: What is 2 + 3?\nAnswer:"}
    whole = http.post("/completions", json=body).json()
    streamed = http.post("/completions", json=body | {"stream": True}).text
    assert whole["choices"][0]["text"] == " 2 + 3 = 5."
    events = events_of(streamed)
    assert "".join(choice["text"] for choice in choices_of(events)) == " 2 + 3 = 5."
    assert events[-1] == "[DONE]"


def test_warming_answers(http: httpx.Client):
    """API specification §1.5: 200 with some JSON."""
    reply = http.get("/tcp_warming")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")


def test_model_list_is_the_recorded_one(http: httpx.Client):
    """Capture 037: list shape, and created always 0."""
    body = http.get("/models").json()
    assert list(body) == ["object", "data"]
    assert {model["id"] for model in body["data"]} == {"gpt-oss-120b", "qwen-3.8-27b"}
    assert all(list(model) == ["id", "object", "created", "owned_by"] for model in body["data"])


def test_single_model_is_the_bare_object(http: httpx.Client):
    """API specification §6.1."""
    assert http.get("/models/gpt-oss-120b").json() == {
        "id": "gpt-oss-120b",
        "object": "model",
        "created": 0,
        "owned_by": "Cerebras",
    }


@pytest.mark.parametrize(
    ("model", "code"), [("nope", "model_not_found"), ("llama3.1-8b", "model_archived")]
)
def test_missing_model_is_a_404(http: httpx.Client, model: str, code: str):
    """API specification §11.3: unknown and retired ids."""
    reply = http.get(f"/models/{model}")
    assert (reply.status_code, reply.json()["code"]) == (404, code)


FORMATS = {
    ("/v1", "openrouter"): {
        *("id", "name", "created", "context_length", "max_output_length", "pricing", "description"),
        *("hugging_face_id", "input_modalities", "output_modalities", "quantization", "openrouter"),
        *("supported_features", "supported_sampling_parameters", "datacenters"),
    },
    ("/v1", "huggingface"): {
        *("id", "object", "created", "owned_by", "context_length", "pricing", "capabilities"),
        "hugging_face_id",
    },
    ("/public/v1", "default"): {
        *("id", "object", "created", "owned_by", "name", "description", "hugging_face_id"),
        *("pricing", "capabilities", "supported_parameters", "architecture", "limits"),
        *("datacenter_locations", "deprecated", "preview", "quantization"),
    },
}


@pytest.mark.parametrize(("where", "keys"), FORMATS.items(), ids=map(str, FORMATS))
def test_model_has_the_keys_of_each_format(
    cerebras_emulator: RunningEmulator, where: tuple[str, str], keys: set[str]
):
    """API specification §6.1, §6.2: in lists and alone."""
    prefix, format = where
    url = f"{cerebras_emulator.root_url}{prefix}/models"
    one = httpx.get(f"{url}/gpt-oss-120b?format={format}", headers=KEY).json()
    listed = httpx.get(f"{url}?format={format}", headers=KEY).json()["data"]
    assert set(one) == keys
    assert one in listed


def test_prices_are_decimal_strings_per_token(cerebras_emulator: RunningEmulator):
    """API specification §6.2: USD per token; 0.35 and 0.75 per million."""
    one = httpx.get(f"{cerebras_emulator.root_url}/public/v1/models/gpt-oss-120b").json()
    assert one["pricing"] == {"prompt": "0.00000035", "completion": "0.00000075"}


def test_unknown_format_is_refused(http: httpx.Client):
    """API specification §6.1: three formats."""
    reply = http.get("/models?format=xml")
    assert (reply.status_code, reply.json()["param"]) == (400, "format")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", CHAT, 405), ("DELETE", "/models", 405), ("POST", "/embeddings", 404)],
)
def test_other_routes_have_errors_of_the_same_shape(
    http: httpx.Client, method: str, path: str, status: int
):
    """API specification §1.1: no such endpoint."""
    reply = http.request(method, path)
    assert reply.status_code == status
    assert list(reply.json()) == ["message", "type", "param", "code"]


def test_models_can_be_chosen():
    """An emulator can serve retired and unheard-of models."""
    options = EmulatorOptions(models=["llama3.1-8b", "my-own"])
    with running_emulator(options) as emulator, client_of(emulator) as http:
        ids = {model["id"] for model in http.get("/models").json()["data"]}
        statuses = [http.post(CHAT, json=chat_body(model=model)).status_code
                    for model in ("llama3.1-8b", "my-own", "gpt-oss-120b")]  # fmt: skip
    assert ids == {"llama3.1-8b", "my-own"}
    assert statuses == [200, 200, 404]


# Recorded requests.


def test_requests_are_recorded_without_their_key(
    cerebras_emulator: RunningEmulator, http: httpx.Client
):
    """Reliability contract §6: the key is in nothing that is kept."""
    http.get("/models?format=default")
    http.post(CHAT, json=chat_body(), headers={"x-mine": "1"})
    listed, posted = cerebras_emulator.requests
    assert (listed.method, listed.path, listed.body) == ("GET", "/v1/models?format=default", None)
    assert (posted.path, posted.body) == ("/v1/chat/completions", chat_body())
    assert posted.headers["x-mine"] == "1"
    assert json.loads(posted.raw) == chat_body()
    assert "csk-test" not in repr(cerebras_emulator.requests)


def test_unreadable_request_is_recorded_too(cerebras_emulator: RunningEmulator, http: httpx.Client):
    """A test can look at what was refused."""
    http.post(CHAT, content=b"{", headers={"content-type": "application/json"})
    (request,) = cerebras_emulator.requests
    assert (request.raw, request.body) == (b"{", None)


# Faults over the wire.


def fault(text: str) -> dict[str, str]:
    """The header that asks for a fault."""
    return {"x-emulator-fault": text}


@pytest.mark.parametrize("text", ["cut:0", "cut:1", "cut:last", "cut-length"])
@pytest.mark.parametrize("is_stream", [True, False])
def test_cut_reply_is_a_protocol_error(http: httpx.Client, text: str, is_stream: bool):
    """Reliability contract F26, F32: the connection goes before the body is complete."""
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        http.post(CHAT, json=chat_body(stream=is_stream), headers=fault(text))
    assert http.post(CHAT, json=chat_body()).status_code == 200


def test_cut_stream_has_delivered_what_came_before(http: httpx.Client):
    """Reliability contract F32: n events arrive, then the end."""
    received = bytearray()

    def read(reply: httpx.Response) -> None:
        for piece in reply.iter_raw():
            received.extend(piece)

    request = {"json": chat_body(stream=True), "headers": fault("cut:2")}
    with http.stream("POST", CHAT, **request) as reply, pytest.raises(httpx.RemoteProtocolError):
        read(reply)
    assert len(events_of(received.decode())) == 2


def test_stalled_stream_times_out(http: httpx.Client):
    """Reliability contract F36: silence after n events."""
    request = {"json": chat_body(stream=True), "headers": fault("stall:2")}
    with http.stream("POST", CHAT, timeout=0.2, **request) as reply:
        assert reply.status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            reply.read()


def test_fault_that_answers_looks_at_nothing(http: httpx.Client):
    """A status can be asked for whatever the request is."""
    reply = http.post(CHAT, content=b"{", headers=fault("status:503;retry-after=7"))
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "7")


def test_unknown_fault_is_refused_with_its_name(http: httpx.Client):
    """A test with a typing error must not pass for the wrong reason."""
    reply = http.post(CHAT, json=chat_body(), headers=fault("cutt"))
    assert reply.status_code == 400
    assert "did you mean 'cut'?" in reply.json()["message"]


def test_fault_needs_the_right_key(cerebras_emulator: RunningEmulator):
    """Faults come after the key, as everything does."""
    url = f"{cerebras_emulator.base_url}{CHAT}"
    assert httpx.post(url, json=chat_body(), headers=fault("status:503")).status_code == 401


def test_requests_beyond_the_bound_are_refused():
    """Reliability contract §9.2: concurrent requests are bounded."""
    options = EmulatorOptions(max_concurrent_requests=1)
    with running_emulator(options) as emulator, client_of(emulator) as http:
        request = {"json": chat_body(stream=True), "headers": fault("stall:1")}
        with http.stream("POST", CHAT, **request) as reply:
            pieces = reply.iter_raw()  # a generator that is dropped closes its reply
            next(pieces)
            busy = http.post(CHAT, json=chat_body())
    assert (busy.status_code, busy.json()["code"]) == (429, "queue_exceeded")
    assert busy.headers["x-should-retry"] == "false"
