"""Reliability contract §10: many streams at once, large batches, and memory over many calls."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.llms import ChatMessage

from cerebras_ext import AsyncCerebrasClient, ContentDelta
from cerebras_ext._http import http_library
from langchain_cerebras_ext import ChatCerebras
from llama_index_cerebras_ext import Cerebras
from tests.faults.sockets import client_sockets
from tests.load.conftest import N_EVENTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

KEY = "csk-test-1"
MODEL = "gpt-oss-120b"
PROMPT = "Hello"
REQUEST: Any = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}
ANSWER = "word " * N_EVENTS
N_AT_ONCE = 200
N_STREAMS = 2_000
N_BATCH = 1_000
LIBRARIES = ("client", "langchain", "llama_index")


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each HTTP library in turn."""
    monkeypatch.setenv("CEREBRAS_EXT_HTTP", request.param)
    http_library.cache_clear()
    yield request.param
    http_library.cache_clear()


def _streams(kind: str, base_url: str) -> Callable[[], Awaitable[str]]:
    if kind == "client":
        client = AsyncCerebrasClient(base_url=base_url, api_key=KEY)

        async def ask_client() -> str:
            async with await client.stream_chat(**REQUEST) as deltas:
                return "".join(
                    [each.text async for each in deltas if isinstance(each, ContentDelta)]
                )

        return ask_client
    if kind == "langchain":
        model = ChatCerebras(model=MODEL, base_url=base_url, api_key=KEY)

        async def ask_langchain() -> str:
            return "".join([chunk.text async for chunk in model.astream(PROMPT)])

        return ask_langchain
    llm = Cerebras(model=MODEL, base_url=base_url, api_key=KEY)

    async def ask_llama_index() -> str:
        stream = await llm.astream_chat([ChatMessage(role="user", content=PROMPT)])
        return "".join([each.delta or "" async for each in stream])

    return ask_llama_index


@pytest.mark.parametrize("kind", LIBRARIES)
async def test_200_streams_at_once(
    kind: str, library: str, service_url: str, note: Callable[[str], None]
) -> None:
    """§10: 2,000 streams, 200 at a time: no error, no text lost, 200 connections at most."""
    ask, port = _streams(kind, service_url), _port(service_url)
    before, most = client_sockets(port), 0
    places = asyncio.Semaphore(N_AT_ONCE)

    async def stream() -> bool:
        async with places:
            return await ask() == ANSWER

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, len(client_sockets(port) - before))
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    begun_s = time.perf_counter()
    outcomes = await asyncio.gather(*(stream() for _ in range(N_STREAMS)))
    took_s = time.perf_counter() - begun_s
    watching.cancel()
    note(f"{took_s:.1f} s, {N_STREAMS * N_EVENTS / took_s:,.0f} events/s, {most} connections")
    assert all(outcomes)
    assert most <= N_AT_ONCE


async def test_abatch_of_1000(library: str, service_url: str, note: Callable[[str], None]) -> None:
    """§10: a batch without a limit of its own waits for no connection."""
    model = ChatCerebras(model=MODEL, base_url=service_url, api_key=KEY, max_retries=0)
    begun_s = time.perf_counter()
    answers = await model.abatch([PROMPT] * N_BATCH)
    note(f"{time.perf_counter() - begun_s:.1f} s for {N_BATCH} calls")
    assert [answer.text for answer in answers] == [ANSWER] * N_BATCH


async def test_1000_llama_index_calls_at_once(
    library: str, service_url: str, note: Callable[[str], None]
) -> None:
    """§10: the same for LlamaIndex, with the same defaults."""
    llm = Cerebras(model=MODEL, base_url=service_url, api_key=KEY, max_retries=0)
    begun_s = time.perf_counter()
    answers = await asyncio.gather(*(llm.acomplete(PROMPT) for _ in range(N_BATCH)))
    note(f"{time.perf_counter() - begun_s:.1f} s for {N_BATCH} calls")
    assert [answer.text for answer in answers] == [ANSWER] * N_BATCH
    await llm.aclose()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
@pytest.mark.parametrize("kind", LIBRARIES)
def test_memory_does_not_grow(kind: str, service_url: str, note: Callable[[str], None]) -> None:
    """§10: 2,000 calls after a warm-up of 200 add less than 4 MiB to a process."""
    command = [sys.executable, "-m", "tests.load.memory", kind, service_url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    grown = int(done.stdout)
    note(f"{grown / (1 << 20):.2f} MiB more after 2,000 calls")
    assert grown < 4 << 20


def _port(base_url: str) -> int:
    return int(base_url.split(":")[2].split("/")[0])
