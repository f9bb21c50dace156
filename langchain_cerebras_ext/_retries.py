"""The client's retries as events of LangChain's run, in the form core's handlers know."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

    from cerebras_ext.config import RetryEvent

__all__ = ["RunManager", "retry_reporter"]

RunManager: TypeAlias = CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun


def retry_reporter(run_manager: RunManager | None) -> Callable[[RetryEvent], None] | None:
    """What tells a run of each retry, before its wait; None when nobody listens."""
    if run_manager is None or not run_manager.handlers:
        return None
    if isinstance(run_manager, CallbackManagerForLLMRun):
        manager = run_manager
        return lambda event: manager.on_retry(_state_of(event))
    awaited = run_manager
    tasks: set[asyncio.Task[None]] = set()  # a loop keeps no hold of its tasks

    def report(event: RetryEvent) -> None:
        tasks.add(asyncio.get_running_loop().create_task(awaited.on_retry(_state_of(event))))

    return report


def _state_of(event: RetryEvent) -> RetryCallState:
    """A retry as tenacity describes it, which is what handlers expect."""
    from tenacity import RetryCallState, Retrying

    state = RetryCallState(Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = event.attempt
    state.idle_for = event.delay_s
    error = event.error
    state.set_exception((type(error), error, error.__traceback__))
    return state
