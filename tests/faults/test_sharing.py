"""Reliability contract §5.2, §5.3: threads, event loops, and clients that are the user's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext import AsyncCerebrasClient, CerebrasClient, ConfigError
from cerebras_ext._http import http_library
from langchain_cerebras_ext import ChatCerebras
from llama_index_cerebras_ext import Cerebras
from tests.faults.callers import KEY, MESSAGES, MODEL, PROMPT
from tests.faults.scenes import ANSWER
from tests.faults.sockets import client_sockets
from tests.waiting import soon

if TYPE_CHECKING:
    from cerebras_ext.emulator.server import RunningEmulator

N_THREADS = 32
Ask = Callable[[], str]


def _settings(emulator: RunningEmulator) -> dict[str, Any]:
    return {"base_url": emulator.base_url, "api_key": KEY}


def _ask_client(settings: dict[str, Any]) -> Ask:
    client = CerebrasClient(**settings)
    return lambda: client.chat(model=MODEL, messages=MESSAGES).choices[0].message.content or ""


def _ask_langchain(settings: dict[str, Any]) -> Ask:
    model = ChatCerebras(model=MODEL, **settings)
    return lambda: "".join(chunk.text for chunk in model.stream(PROMPT))


def _ask_llama_index(settings: dict[str, Any]) -> Ask:
    llm = Cerebras(model=MODEL, **settings)
    return lambda: "".join(each.delta or "" for each in llm.stream_complete(PROMPT))


@pytest.mark.parametrize("asking", [_ask_client, _ask_langchain, _ask_llama_index])
def test_32_threads_share_a_model(
    asking: Callable[[dict[str, Any]], Ask], emulator: RunningEmulator
) -> None:
    """§5.3: no answer is lost or mixed up, and no more connections than threads are opened."""
    emulator.script({"deltas": ("Hello, ", "wonderful ", "world!"), "times": 1_000})
    ask, port = asking(_settings(emulator)), int(emulator.root_url.rpartition(":")[2])
    before = client_sockets(port)
    with ThreadPoolExecutor(N_THREADS) as pool:
        answers = list(pool.map(lambda _: ask(), range(5 * N_THREADS)))
    assert answers == [ANSWER] * len(answers)
    assert len(client_sockets(port) - before) <= N_THREADS


async def _aask(client: AsyncCerebrasClient) -> str:
    reply = await client.chat(model=MODEL, messages=MESSAGES)
    stream = await client.stream_chat(model=MODEL, messages=MESSAGES)
    async with stream:
        async for _ in stream:
            pass
    return reply.choices[0].message.content or ""


def test_loops_in_a_row_have_connections_of_their_own(emulator: RunningEmulator) -> None:
    """§5.3: each event loop gets its own, and takes them with it; no loop is needed before."""
    client = AsyncCerebrasClient(**_settings(emulator), max_retries=0)
    port = int(emulator.root_url.rpartition(":")[2])
    before = client_sockets(port)
    for _ in range(3):
        assert asyncio.run(_aask(client)) == ANSWER
        assert soon(lambda: not client_sockets(port) - before)


def test_loops_in_threads_have_connections_of_their_own(emulator: RunningEmulator) -> None:
    """§5.3: at the same time, too."""
    client = AsyncCerebrasClient(**_settings(emulator), max_retries=0)
    port = int(emulator.root_url.rpartition(":")[2])
    before = client_sockets(port)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: asyncio.run(_aask(client)), range(8)))
    assert answers == [ANSWER] * 8
    assert soon(lambda: not client_sockets(port) - before)


def test_given_client_stays_open(emulator: RunningEmulator) -> None:
    """§5.2: what the user made, the user closes; closing twice is fine."""
    with http_library().Client() as http:
        client = CerebrasClient(**_settings(emulator), http_client=http)
        with client:
            client.chat(model=MODEL, messages=MESSAGES)
        client.close()
        assert not http.is_closed
        with pytest.raises(ConfigError, match="closed"):
            client.chat(model=MODEL, messages=MESSAGES)


async def test_given_async_client_stays_open(emulator: RunningEmulator) -> None:
    """§5.2: the same for async clients."""
    async with http_library().AsyncClient() as http:
        client = AsyncCerebrasClient(**_settings(emulator), http_client=http)
        async with client:
            await client.chat(model=MODEL, messages=MESSAGES)
        await client.aclose()
        assert not http.is_closed
        with pytest.raises(ConfigError, match="closed"):
            await client.chat(model=MODEL, messages=MESSAGES)


async def test_models_never_close_given_clients(emulator: RunningEmulator) -> None:
    """§5.2: nor do models, closed or forgotten."""
    http = http_library()
    with http.Client() as sync_http:
        async with http.AsyncClient() as async_http:
            chat = ChatCerebras(
                model=MODEL,
                **_settings(emulator),
                http_client=sync_http,
                http_async_client=async_http,
            )
            assert chat.invoke(PROMPT).text == (await chat.ainvoke(PROMPT)).text == ANSWER
            with Cerebras(
                model=MODEL,
                **_settings(emulator),
                http_client=sync_http,
                async_http_client=async_http,
            ) as llm:
                assert llm.complete(PROMPT).text == (await llm.acomplete(PROMPT)).text == ANSWER
            await llm.aclose()
            del chat, llm
            assert not sync_http.is_closed
            assert not async_http.is_closed
