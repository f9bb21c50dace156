"""What each route answers: functions from a request that arrived to an `Outgoing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cerebras_ext.emulator.completion import Moment, chat_completion
from cerebras_ext.emulator.models import model_json, models_json
from cerebras_ext.emulator.outgoing import Pace, paced
from cerebras_ext.emulator.problems import WRONG_API_KEY, ApiProblem
from cerebras_ext.emulator.render import chat_body, chat_chunks
from cerebras_ext.emulator.replies import json_reply, problem_reply, stream_reply
from cerebras_ext.emulator.responder import answer_chat
from cerebras_ext.emulator.validate import validate_chat

if TYPE_CHECKING:
    from cerebras_ext.emulator.arrival import Arrival
    from cerebras_ext.emulator.outgoing import Outgoing
    from cerebras_ext.emulator.state import EmulatorState

__all__ = ["chat", "model", "models", "public_model", "public_models", "tcp_warming"]


def chat(state: EmulatorState, arrival: Arrival, seed: bytes) -> Outgoing:
    """`POST /v1/chat/completions`."""
    options = state.options
    request = validate_chat(arrival.body, state.service)
    moment = Moment(seed, options.clock(), tokens_per_s=options.tokens_per_s)
    completion = chat_completion(request, answer_chat(request), moment)
    headers = {"inference-id": completion.stamp.id}
    if request.stream:
        chunks = chat_chunks(completion, options.tokens_per_delta)
        reply = stream_reply(chunks, seed=seed, headers=headers, has_done=options.send_done)
    else:
        n_tokens = completion.usage.completion_tokens
        reply = json_reply(chat_body(completion), seed=seed, headers=headers, n_tokens=n_tokens)
    return paced(reply, Pace(options.tokens_per_s, options.ttft_ms / 1000))


def models(state: EmulatorState, arrival: Arrival, seed: bytes) -> Outgoing:
    """`GET /v1/models`."""
    return _models(state, arrival, seed, is_public=False)


def public_models(state: EmulatorState, arrival: Arrival, seed: bytes) -> Outgoing:
    """`GET /public/v1/models`."""
    return _models(state, arrival, seed, is_public=True)


def model(state: EmulatorState, arrival: Arrival, seed: bytes) -> Outgoing:
    """`GET /v1/models/{id}`."""
    return _model(state, arrival, seed, is_public=False)


def public_model(state: EmulatorState, arrival: Arrival, seed: bytes) -> Outgoing:
    """`GET /public/v1/models/{id}`."""
    return _model(state, arrival, seed, is_public=True)


def tcp_warming(state: EmulatorState, arrival: Arrival, seed: bytes) -> Outgoing:
    """`GET /v1/tcp_warming`: a body that nobody has documented."""
    return json_reply({"status": "ok"}, seed=seed)


def _models(state: EmulatorState, arrival: Arrival, seed: bytes, *, is_public: bool) -> Outgoing:
    facts = state.service.models.values()
    body = models_json(facts, arrival.query.get("format", "default"), is_public=is_public)
    return json_reply(body, seed=seed)


def _model(state: EmulatorState, arrival: Arrival, seed: bytes, *, is_public: bool) -> Outgoing:
    facts = state.service.facts(arrival.path_params["id"])
    body = model_json(facts, arrival.query.get("format", "default"), is_public=is_public)
    return json_reply(body, seed=seed)
