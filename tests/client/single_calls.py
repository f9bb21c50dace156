"""One question to a server of a test, sync or async, while the test's event loop runs on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext import AsyncCerebrasClient, CerebrasClient, RetryPolicy
from tests.client.asking import QUESTION, config

if TYPE_CHECKING:
    from cerebras_ext import ChatCompletion, ClientConfig

__all__ = ["WAYS", "asked", "config_for", "streamed"]

WAYS = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


def config_for(base_url: str, **changes: Any) -> ClientConfig:
    """Settings for a server of a test, without retries."""
    return config(base_url, **{"retry": RetryPolicy(max_retries=0)} | changes)


async def asked(settings: ClientConfig, *, is_async: bool) -> ChatCompletion:
    """A reply; in a thread for the sync client, so that both can be waited for."""

    def ask() -> ChatCompletion:
        with CerebrasClient(settings) as client:
            return client.chat(**QUESTION)

    if not is_async:
        return await asyncio.to_thread(ask)
    async with AsyncCerebrasClient(settings) as client:
        return await client.chat(**QUESTION)


async def streamed(settings: ClientConfig, *, is_async: bool) -> str:
    """The text of a stream."""

    def stream() -> str:
        with CerebrasClient(settings) as client, client.stream_chat(**QUESTION) as deltas:
            return "".join(getattr(delta, "text", "") for delta in deltas)

    if not is_async:
        return await asyncio.to_thread(stream)
    async with (
        AsyncCerebrasClient(settings) as client,
        await client.stream_chat(**QUESTION) as deltas,
    ):
        return "".join([getattr(delta, "text", "") async for delta in deltas])
