"""What the GET routes answer: functions from a visit to an `Outgoing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cerebras_ext.emulator.models import model_json, models_json
from cerebras_ext.emulator.replies import json_reply

if TYPE_CHECKING:
    from cerebras_ext.emulator.outgoing import Outgoing
    from cerebras_ext.emulator.state import EmulatorState
    from cerebras_ext.emulator.visit import Visit

__all__ = ["model", "models", "public_model", "public_models", "tcp_warming"]


def models(state: EmulatorState, visit: Visit) -> Outgoing:
    """`GET /v1/models`."""
    return _models(state, visit, is_public=False)


def public_models(state: EmulatorState, visit: Visit) -> Outgoing:
    """`GET /public/v1/models`."""
    return _models(state, visit, is_public=True)


def model(state: EmulatorState, visit: Visit) -> Outgoing:
    """`GET /v1/models/{id}`."""
    return _model(state, visit, is_public=False)


def public_model(state: EmulatorState, visit: Visit) -> Outgoing:
    """`GET /public/v1/models/{id}`."""
    return _model(state, visit, is_public=True)


def tcp_warming(state: EmulatorState, visit: Visit) -> Outgoing:
    """`GET /v1/tcp_warming`: a body that nobody has documented."""
    return json_reply({"status": "ok"}, seed=visit.seed)


def _models(state: EmulatorState, visit: Visit, *, is_public: bool) -> Outgoing:
    body = models_json(state.service.models.values(), _format(visit), is_public=is_public)
    return json_reply(body, seed=visit.seed)


def _model(state: EmulatorState, visit: Visit, *, is_public: bool) -> Outgoing:
    _, _, id = visit.arrival.path.partition("/models/")
    facts = state.service.facts(id)
    body = model_json(facts, _format(visit), is_public=is_public)
    return json_reply(body, seed=visit.seed)


def _format(visit: Visit) -> str:
    return visit.arrival.query.get("format", "default")
