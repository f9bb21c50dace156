"""Reliability contract §5.4, §5.5: forks and pools of processes."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import pytest

from langchain_cerebras_ext import ChatCerebras
from langchain_cerebras_ext import errors as langchain_errors
from llama_index_cerebras_ext import Cerebras
from tests.faults.callers import KEY, MODEL, PROMPT
from tests.faults.scenes import ANSWER, SOUND_STEP
from tests.faults.workers import complete, fork_and_ask, set_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.emulator.server import RunningEmulator

pytestmark = pytest.mark.timeout(60)  # a new process imports both frameworks


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """One process, begun anew."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=set_key) as pool:
        yield pool


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_forked_process_opens_connections_of_its_own(
    emulator: RunningEmulator, pool: ProcessPoolExecutor
) -> None:
    """§5.4: the child leaves the parent's connections alone, and the parent goes on using them."""
    pool.submit(fork_and_ask, emulator.base_url).result()


def test_models_work_in_other_processes(
    emulator: RunningEmulator, pool: ProcessPoolExecutor
) -> None:
    """§5.5: models find their key where they are sent, and their answers come back."""
    chat = ChatCerebras(model=MODEL, base_url=emulator.base_url, api_key=KEY)
    llm = Cerebras(model=MODEL, base_url=emulator.base_url, api_key=KEY)
    assert pool.submit(chat.invoke, PROMPT).result().text == ANSWER
    assert pool.submit(complete, llm, PROMPT).result() == ANSWER


def test_errors_come_back_from_other_processes(
    emulator: RunningEmulator, pool: ProcessPoolExecutor
) -> None:
    """§5.5: so do errors, as what they are."""
    emulator.script({"status": 400}, SOUND_STEP)
    chat = ChatCerebras(model=MODEL, base_url=emulator.base_url, api_key=KEY)
    with pytest.raises(langchain_errors.BadRequest, match="status 400") as caught:
        pool.submit(chat.invoke, PROMPT).result()
    assert caught.value.status == 400
