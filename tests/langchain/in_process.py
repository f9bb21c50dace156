"""The emulator's application behind an HTTP client's `MockTransport`: no server and no socket."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cerebras_ext._http import http_library
from cerebras_ext.emulator.app import Application
from cerebras_ext.emulator.script import steps_of
from cerebras_ext.emulator.state import EmulatorState

if TYPE_CHECKING:
    from cerebras_ext.emulator import EmulatorOptions
    from cerebras_ext.emulator.script import StepLike

__all__ = ["InProcessEmulator"]


class InProcessEmulator:
    """An emulator that HTTP clients reach by a function call; a stream arrives as one body."""

    def __init__(self, options: EmulatorOptions) -> None:
        self._state = EmulatorState(options)
        self._application = Application(self._state)

    def script(self, *steps: StepLike) -> None:
        """Answers the next requests from these steps."""
        self._state.play(steps_of(steps))

    def clients(self) -> dict[str, Any]:
        """HTTP clients that talk to it, as a model takes them."""
        httpx = http_library()
        return {
            "http_client": httpx.Client(transport=httpx.MockTransport(self._answer)),
            "http_async_client": httpx.AsyncClient(
                transport=httpx.MockTransport(self._answer_async)
            ),
        }

    def _answer(self, request: Any) -> Any:
        request.read()
        with ThreadPoolExecutor(1) as pool:  # this thread may be running a loop already
            return pool.submit(asyncio.run, self._respond(request)).result()

    async def _answer_async(self, request: Any) -> Any:
        await request.aread()
        return await self._respond(request)

    async def _respond(self, request: Any) -> Any:
        scope = {
            "type": "http",
            "method": request.method,
            "path": request.url.path,
            "query_string": request.url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
        }
        asked = [{"type": "http.request", "body": request.content}]
        said: list[Any] = []

        async def receive() -> Any:
            if not asked:
                await asyncio.Event().wait()  # the client stays until the reply has ended
            return asked.pop()

        async def send(message: Any) -> None:
            said.append(message)

        await self._application(scope, receive, send)
        head, *body = said
        return http_library().Response(
            head["status"],
            headers=head["headers"],
            content=b"".join(message.get("body", b"") for message in body),
        )
