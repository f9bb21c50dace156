"""Reliability contract §6: what users ask, and what models answer, is not logged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext import AsyncCerebrasClient, CerebrasClient
from langchain_cerebras_ext import ChatCerebras
from llama_index_cerebras_ext import Cerebras
from tests.security.listeners import listening_to_logs, listening_to_warnings

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.server import RunningEmulator

MODEL = "gpt-oss-120b"
PROMPT = "PROMPT7Q"
ANSWER = "ANSWER7Q"
SETTINGS = {"api_key": "csk-test-1", "max_retries": 0}


def _client(url: str) -> None:
    with CerebrasClient(base_url=url, **SETTINGS) as client:
        request: Any = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}
        client.chat(**request)
        list(client.stream_chat(**request))


def _async_client(url: str) -> None:
    async def ask() -> None:
        async with AsyncCerebrasClient(base_url=url, **SETTINGS) as client:
            request: Any = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}
            await client.chat(**request)
            async for _ in await client.stream_chat(**request):
                pass

    asyncio.run(ask())


def _langchain(url: str) -> None:
    chat = ChatCerebras(model=MODEL, base_url=url, **SETTINGS)
    chat.invoke(PROMPT)
    list(chat.stream(PROMPT))
    asyncio.run(chat.ainvoke(PROMPT))


def _llama_index(url: str) -> None:
    llm = Cerebras(model=MODEL, base_url=url, **SETTINGS)
    llm.complete(PROMPT)
    list(llm.stream_complete(PROMPT))
    asyncio.run(llm.acomplete(PROMPT))


@pytest.mark.parametrize("step", [{}, {"fault": "status:400"}, {"fault": "error-frame:2"}])
@pytest.mark.parametrize("ask", [_client, _async_client, _langchain, _llama_index])
def test_prompts_and_answers_are_not_logged(
    ask: Callable[[str], None], step: dict[str, str], emulator: RunningEmulator
) -> None:
    """§6: at no level, by no logger; nor are they in a warning."""
    emulator.script({"content": ANSWER, "times": 9, **step})
    with listening_to_logs() as logged, listening_to_warnings() as warned:
        try:
            ask(emulator.base_url)
        except Exception:  # noqa: BLE001 - what is raised, the fault matrix looks at
            assert step
    told = "".join(logged + warned)
    assert logged
    assert PROMPT not in told
    assert ANSWER not in told
