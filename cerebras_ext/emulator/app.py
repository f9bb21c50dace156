"""The emulator as an ASGI application: routes, keys, and the one place that sends."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from cerebras_ext.emulator import endpoints, generation
from cerebras_ext.emulator.arrival import Arrival, arrival_of
from cerebras_ext.emulator.faults import FAULT_HEADER, Fault, FaultError, read_fault
from cerebras_ext.emulator.outgoing import Drop, Outgoing
from cerebras_ext.emulator.problems import (
    METHOD_NOT_ALLOWED,
    QUEUE_EXCEEDED,
    ROUTE_NOT_FOUND,
    WRONG_API_KEY,
    ApiProblem,
    KnownError,
    invalid_request,
)
from cerebras_ext.emulator.replies import problem_reply
from cerebras_ext.emulator.visit import Visit
from cerebras_ext.emulator.writer import play

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from cerebras_ext.emulator.state import EmulatorState

__all__ = ["create_app"]

_Endpoint: TypeAlias = Callable[["EmulatorState", Visit], Outgoing]
_Handler: TypeAlias = Callable[["Request"], Awaitable[Response]]
_ExceptionHandler: TypeAlias = Callable[["Request", Exception], Awaitable[Response]]

_NOBODY_LISTENS = Outgoing(400, (), (Drop(),))


def create_app(state: EmulatorState) -> Starlette:
    """The application that answers from `state`."""

    def route(
        path: str, endpoint: _Endpoint, *, method: str = "GET", needs_key: bool = True
    ) -> Route:
        return Route(path, _handler(state, endpoint, needs_key=needs_key), methods=[method])

    return Starlette(
        routes=[
            route("/v1/chat/completions", generation.chat, method="POST"),
            route("/v1/completions", generation.completions, method="POST"),
            route("/v1/models", endpoints.models),
            route("/v1/models/{id:path}", endpoints.model),
            route("/v1/tcp_warming", endpoints.tcp_warming),
            route("/public/v1/models", endpoints.public_models, needs_key=False),
            route("/public/v1/models/{id:path}", endpoints.public_model, needs_key=False),
        ],
        exception_handlers={
            404: _refusal(ROUTE_NOT_FOUND, state),
            405: _refusal(METHOD_NOT_ALLOWED, state),
        },
    )


class _Playing(Response):
    """A Starlette response that sends an `Outgoing`, then does what is left to do."""

    def __init__(
        self, outgoing: Outgoing, state: EmulatorState, visit: Visit | None = None
    ) -> None:
        self._outgoing = outgoing
        self._state = state
        self._visit = visit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await play(self._outgoing, scope, receive, send, self._state.open_replies)
        finally:
            for step in self._visit.afterwards if self._visit else ():
                step()
            self._state.touch()


def _handler(state: EmulatorState, endpoint: _Endpoint, *, needs_key: bool) -> _Handler:
    async def handle(request: Request) -> Response:
        state.touch()
        try:
            arrival = await arrival_of(request, state.recorder, state.options.max_body_bytes)
        except ClientDisconnect:
            return _Playing(_NOBODY_LISTENS, state)
        visit = Visit(arrival, state.seeds.seed_of(arrival.raw), state.options.clock())
        try:
            if needs_key:
                _check_key(arrival, state.options.api_key)
            outgoing = _outgoing(state, endpoint, visit)
        except ApiProblem as problem:
            outgoing = problem_reply(problem, seed=visit.seed)
        return _Playing(outgoing, state, visit)

    return handle


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


def _refusal(error: KnownError, state: EmulatorState) -> _ExceptionHandler:
    async def refuse(request: Request, _: Exception) -> Response:
        problem = error.problem(method=request.method, path=request.url.path)
        return _Playing(problem_reply(problem, seed=b""), state)

    return refuse


def _check_key(arrival: Arrival, expected: str | None) -> None:
    scheme, _, key = arrival.headers.get("authorization", "").partition(" ")
    given = key.strip().encode()
    is_right = bool(given) if expected is None else hmac.compare_digest(given, expected.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise WRONG_API_KEY.problem()
