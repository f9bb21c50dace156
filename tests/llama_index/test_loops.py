"""Event loops, threads and processes: LI-60, LI-61, LI-63, LI-67."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.async_utils import asyncio_run, run_async_tasks
from llama_index.core.llms import ChatMessage

from cerebras_ext import CerebrasError
from llama_index_cerebras_ext import Cerebras
from tests.llama_index.support import KEY, MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cerebras_ext.emulator.server import RunningEmulator

QUESTION = [ChatMessage(role="user", content="Say hello.")]


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """What a test leaves behind is found in that test."""
    yield
    gc.collect()


@pytest.fixture
def llm(cerebras_emulator: RunningEmulator) -> Cerebras:
    """A model that would have to get it right at the first attempt."""
    return Cerebras(model=MODEL, api_key=KEY, base_url=cerebras_emulator.base_url, max_retries=0)


def test_one_model_serves_loop_after_loop(llm: Cerebras) -> None:
    """LI-60: three loops in a row, the first two dead, without a retry."""
    for _ in range(3):
        assert asyncio.run(llm.achat(QUESTION)).message.content


def test_streams_work_in_loop_after_loop(llm: Cerebras) -> None:
    """LI-60: the same for streams."""

    async def text() -> str:
        return "".join([item.delta or "" async for item in await llm.astream_chat(QUESTION)])

    assert len({asyncio.run(text()) for _ in range(3)}) == 1


async def test_core_runs_calls_from_inside_a_running_loop(llm: Cerebras) -> None:
    """LI-60: in a helper thread, in a loop that it closes hard."""
    await llm.achat(QUESTION)
    for _ in range(2):
        assert asyncio_run(llm.achat(QUESTION)).message.content
    assert (await llm.achat(QUESTION)).message.content
    await llm.aclose()


def test_core_runs_many_calls_from_sync_code(llm: Cerebras) -> None:
    """LI-60: tree summarize and extractors do."""
    responses = run_async_tasks([llm.acomplete(f"Say {n}.") for n in range(5)])
    assert len({response.text for response in responses}) == 5


def test_errors_come_through_cores_runner_as_themselves(
    llm: Cerebras, cerebras_emulator: RunningEmulator
) -> None:
    """LI-64: a RuntimeError would be reported as nested loops."""
    cerebras_emulator.script({"status": 503})
    with pytest.raises(CerebrasError) as caught:
        asyncio_run(llm.achat(QUESTION))
    assert not isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize("n_threads", [8])
def test_threads_share_a_model(llm: Cerebras, n_threads: int) -> None:
    """LI-61: one client, made once, used by all."""
    barrier = threading.Barrier(n_threads)

    def call(number: int) -> str:
        barrier.wait()
        return llm.complete(f"Say {number}.").text

    with ThreadPoolExecutor(n_threads) as pool:
        texts = list(pool.map(call, range(n_threads)))
    assert len(set(texts)) == n_threads
    llm.close()


def test_loops_in_several_threads_share_a_model(llm: Cerebras) -> None:
    """LI-60: each loop has connections of its own."""

    def call(number: int) -> str:
        return asyncio.run(llm.acomplete(f"Say {number}.")).text

    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(call, range(8)))
    assert len(set(texts)) == 8


async def test_sync_calls_work_inside_a_running_loop(llm: Cerebras) -> None:
    """LI-63: as in a notebook."""
    assert llm.chat(QUESTION).message.content
    assert [item.delta for item in llm.stream_chat(QUESTION)]
    llm.close()


async def test_async_calls_do_not_block_the_loop(
    make_llm: Callable[..., Cerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LI-63: while one call waits for the service, others go on."""
    llm = make_llm(max_retries=0)
    cerebras_emulator.script({"contains": "slow", "fault": "stall:1"})
    slow = asyncio.create_task(llm.achat([ChatMessage(content="slow")]))
    assert (await llm.achat(QUESTION)).message.content
    assert not slow.done()
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow


async def test_cancellation_during_a_wait_comes_through(
    make_llm: Callable[..., Cerebras], cerebras_emulator: RunningEmulator
) -> None:
    """LI-67: the wait before a retry ends at once."""
    llm = make_llm(max_retries=3)
    step: dict[str, Any] = {"status": 503, "headers": {"retry-after": "30"}, "times": 3}
    cerebras_emulator.script(step)
    call = asyncio.create_task(llm.achat(QUESTION))
    await asyncio.to_thread(_wait_for_request, cerebras_emulator)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


def _wait_for_request(emulator: RunningEmulator) -> None:
    while not emulator.requests:
        pass
