"""The emulator as an ASGI application: routes, keys, and the one place that sends.

What becomes of a request, module by module:

    arrival       read within bounds, unpacked, recorded
    validate      accepted as plain values, or refused in the service's words
    generation    answered by a script or by the responder
    completion    cut, counted and stamped
    render        JSON: one body, or the chunks of a stream
    outgoing      steps on the wire: paced, or damaged by one of the `faults`
    writer        sent
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from cerebras_ext.emulator import endpoints, generation
from cerebras_ext.emulator.arrival import Arrival, arrival_of
from cerebras_ext.emulator.asgi import ClientLeft
from cerebras_ext.emulator.faults import FAULT_HEADER, Fault, FaultError, read_fault
from cerebras_ext.emulator.outgoing import Drop, Outgoing
from cerebras_ext.emulator.problems import (
    METHOD_NOT_ALLOWED,
    QUEUE_EXCEEDED,
    ROUTE_NOT_FOUND,
    WRONG_API_KEY,
    ApiProblem,
    invalid_request,
)
from cerebras_ext.emulator.replies import problem_reply
from cerebras_ext.emulator.visit import Visit
from cerebras_ext.emulator.writer import play

if TYPE_CHECKING:
    from cerebras_ext.emulator.asgi import Receive, Scope, Send
    from cerebras_ext.emulator.state import EmulatorState

__all__ = ["Application"]

_Endpoint: TypeAlias = Callable[["EmulatorState", Visit], Outgoing]


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    endpoint: _Endpoint
    needs_key: bool = True


# A path that ends in a slash has the id of a model behind it.
_ROUTES: Mapping[str, _Route] = {
    "/v1/chat/completions": _Route("POST", generation.chat),
    "/v1/completions": _Route("POST", generation.completions),
    "/v1/models": _Route("GET", endpoints.models),
    "/v1/models/": _Route("GET", endpoints.model),
    "/v1/tcp_warming": _Route("GET", endpoints.tcp_warming),
    "/public/v1/models": _Route("GET", endpoints.public_models, needs_key=False),
    "/public/v1/models/": _Route("GET", endpoints.public_model, needs_key=False),
}

_NOBODY_LISTENS = Outgoing(400, (), (Drop(),))


class Application:
    """Answers requests from what an emulator remembers."""

    def __init__(self, state: EmulatorState) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        state = self._state
        state.touch()
        visit: Visit | None = None
        try:
            arrival = await arrival_of(scope, receive, state.recorder, state.options.max_body_bytes)
            visit = Visit(arrival, state.seeds.seed_of(arrival.raw), state.options.clock())
            outgoing = _answer(state, visit)
        except ClientLeft:
            outgoing = _NOBODY_LISTENS
        try:
            await play(outgoing, scope, receive, send, state.open_replies)
        finally:
            for step in visit.afterwards if visit else ():
                step()
            state.touch()


def _answer(state: EmulatorState, visit: Visit) -> Outgoing:
    try:
        route = _route_of(visit.arrival)
        if route.needs_key:
            _check_key(visit.arrival, state.options.api_key)
        return _outgoing(state, route.endpoint, visit)
    except ApiProblem as problem:
        return problem_reply(problem, seed=visit.seed)


def _route_of(arrival: Arrival) -> _Route:
    method, path = arrival.method, arrival.path
    route = _ROUTES.get(path) or next(
        (_ROUTES[start] for start in _ROUTES if start[-1] == "/" and path.startswith(start)), None
    )
    if route is None:
        raise ROUTE_NOT_FOUND.problem(method=method, path=path)
    if method != route.method and (method, route.method) != ("HEAD", "GET"):
        allowed = {"allow": route.method}
        raise METHOD_NOT_ALLOWED.problem(headers=allowed, method=method, path=path)
    return route


def _outgoing(state: EmulatorState, endpoint: _Endpoint, visit: Visit) -> Outgoing:
    """The reply to a request with the right key: its fault's, or the endpoint's with its fault."""
    fault = _fault_of(visit.arrival)
    if fault is not None and fault.answers:
        return fault.answer()
    if len(state.open_replies) >= state.options.max_concurrent_requests:
        raise QUEUE_EXCEEDED.problem()
    if visit.arrival.problem is not None:
        raise visit.arrival.problem
    outgoing = endpoint(state, visit)
    return outgoing if fault is None else fault.damaged(outgoing)


def _fault_of(arrival: Arrival) -> Fault | None:
    text = arrival.headers.get(FAULT_HEADER)
    if text is None:
        return None
    try:
        return read_fault(text)
    except FaultError as error:
        raise invalid_request(f"{FAULT_HEADER}: {error}", param=FAULT_HEADER) from None


def _check_key(arrival: Arrival, expected: str | None) -> None:
    scheme, _, key = arrival.headers.get("authorization", "").partition(" ")
    given = key.strip().encode()
    is_right = bool(given) if expected is None else hmac.compare_digest(given, expected.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise WRONG_API_KEY.problem()
