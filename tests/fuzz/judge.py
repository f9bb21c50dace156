"""A service that judges each request as the emulator does, and answers all of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cerebras_ext._http import http_library
from cerebras_ext.emulator.problems import ApiProblem
from cerebras_ext.emulator.service import Service
from cerebras_ext.emulator.validate import validate_chat

if TYPE_CHECKING:
    from cerebras_ext.catalog import ModelFacts

SERVICE = Service.of()
MODELS: list[ModelFacts] = list(SERVICE.models.values())


class Judge:
    """Judges the requests of its HTTP clients.

    Attributes:
        n_accepted: How many requests the service would have taken.
        refusals: What it would have said to the others, with what they were.
    """

    def __init__(self) -> None:
        self.n_accepted = 0
        self.refusals: list[tuple[ApiProblem, Any]] = []
        http = http_library()
        self.sync = http.Client(transport=http.MockTransport(self._answer))
        self.asynchronous = http.AsyncClient(transport=http.MockTransport(self._aanswer))

    def _answer(self, request: Any) -> Any:
        http = http_library()
        body = json.loads(request.content)
        try:
            validate_chat(body, SERVICE)
            self.n_accepted += 1
        except ApiProblem as problem:
            self.refusals.append((problem, body))
        said = {"role": "assistant", "content": "Hi"}
        choice = {"index": 0, "finish_reason": "stop"}
        if not body.get("stream"):
            return http.Response(200, json={"choices": [{**choice, "message": said}]})
        event = f"data: {json.dumps({'choices': [{**choice, 'delta': said}]})}\n\n"
        kind = {"content-type": "text/event-stream"}
        return http.Response(200, headers=kind, content=event.encode())

    async def _aanswer(self, request: Any) -> Any:
        await request.aread()
        return self._answer(request)
