"""Every endpoint over the loopback: replies and streams, the models, and what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from cerebras_ext.emulator import EmulatorOptions, running_emulator
from tests.emulator.clients import CHAT, KEY, client_of
from tests.emulator.requests import chat_body, user
from tests.emulator.streams import choices_of, deltas_of, events_of, said_in

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator


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
