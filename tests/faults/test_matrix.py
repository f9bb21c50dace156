"""Reliability contract §4: every fault, met on every way to ask a model."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from langchain_core.exceptions import ModelError

from cerebras_ext import errors as client_errors
from langchain_cerebras_ext import errors as langchain_errors
from tests.faults.callers import KEY, MODEL, PROMPT, WAYS, Caller, Target, Way, calling
from tests.faults.copies import COPIES
from tests.faults.scenes import ANSWER, Scene, Stage
from tests.faults.sockets import client_sockets
from tests.faults.table import FAULTS, Fault, Outcome
from tests.waiting import soon

MEETINGS = [
    pytest.param(fault, way, id=f"{fault.id}-{fault.name.replace(' ', '_')}-{way}")
    for fault in FAULTS
    for way in WAYS
    if fault.outcome(is_stream=way.is_stream)
]


def test_matrix_is_whole() -> None:
    """§4 lists 39 faults; none is left out."""
    assert {fault.id for fault in FAULTS} == {f"F{number:02}" for number in range(1, 40)}


@pytest.mark.parametrize(("fault", "way"), MEETINGS)
def test_fault(fault: Fault, way: Way, stage: Stage) -> None:
    """§4: right error, partial kept, useful message, nothing left open, and the next call works."""
    outcome = fault.outcome(is_stream=way.is_stream)
    assert outcome is not None
    with fault.play(stage, 1) as scene:
        before = client_sockets(scene.port)
        with calling(way, _target(scene)) as caller:
            with scene.meanwhile(caller):
                error = caller.error(fault.timeouts)
            _check(error, outcome, caller, way)
            assert caller.soon(lambda: not caller.n_tasks())
            scene.heal()
            assert caller.ask() == ANSWER
            assert caller.soon(lambda: len(client_sockets(scene.port) - before) <= 1)
        if way.library == "client":  # models of the frameworks share theirs
            assert soon(lambda: not client_sockets(scene.port) - before)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.id}-{fault.name}")
def test_tries(fault: Fault, stage: Stage) -> None:
    """§2.1, §2.2: what is sent again before anything was handed over, and how often."""
    way = Way("client", is_async=False, is_stream=fault.stream is not None)
    with fault.play(stage, 3) as scene, calling(way, _target(scene, max_retries=2)) as caller:
        with scene.meanwhile(caller):
            error = caller.error(fault.timeouts)
        assert getattr(error, "retries_taken", 0) == fault.n_tries - 1
        if scene.base_url == stage.emulator.base_url:
            assert len(stage.emulator.requests) == fault.n_tries


def _target(scene: Scene, max_retries: int = 0) -> Target:
    return Target(
        scene.base_url,
        max_retries=max_retries,
        max_connections=scene.max_connections,
        ssl_context=scene.ssl_context,
    )


def _check(error: Exception | None, outcome: Outcome, caller: Caller, way: Way) -> None:
    heard = "".join(caller.heard)
    if outcome.error is None:
        assert error is None
        assert heard == ANSWER
        return
    assert isinstance(error, client_errors.CerebrasError)
    if way.library == "langchain":
        assert isinstance(error, ModelError)
        assert type(error) is getattr(langchain_errors, outcome.error)
    else:
        assert type(error) is getattr(client_errors, outcome.error)
    assert {name: getattr(error, name) for name in outcome.facts} == outcome.facts
    for words in (f"chat completion with model {MODEL!r} at http", *outcome.says):
        assert words in error.message
    assert _partial_of(error) == (heard if outcome.partial == "…" else outcome.partial)
    assert heard == (_partial_of(error) or "")
    if len(heard) < 1_000:
        _check_what_it_carries(error)


def _check_what_it_carries(error: Any) -> None:
    """§5.5, §6: an error goes wherever objects go, and holds neither prompt nor key."""
    shown = "".join(traceback.format_exception(error)) + repr(vars(error))
    assert PROMPT not in shown
    assert KEY not in shown
    for copied in COPIES.values():
        twin = copied(error)
        assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))


def _partial_of(error: Exception) -> str | None:
    partial = getattr(error, "partial", None)
    return partial and partial.choices[0].message.content
