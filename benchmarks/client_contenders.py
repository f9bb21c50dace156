"""This package's client as a contender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.question import KEY, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from benchmarks.contenders import Contender

__all__ = ["CLIENTS"]


class Client:
    """This package's client."""

    merges = True

    def __init__(self, base_url: str) -> None:
        from pydantic import SecretStr

        from cerebras_ext import AsyncCerebrasClient, CerebrasClient, ClientConfig

        config = ClientConfig(
            api_key=SecretStr(KEY),
            base_url=base_url,
            merge_deltas=self.merges,
            max_connections=None,
        )
        self._client = CerebrasClient(config)
        self._async_client = AsyncCerebrasClient(config)
        self._request: Any = {k: v for k, v in request(False).items() if k != "stream"}

    def stream(self) -> Iterator[Any]:
        return self._client.stream_chat(**self._request)

    async def astream(self) -> AsyncIterator[Any]:
        async with await self._async_client.stream_chat(**self._request) as stream:
            async for delta in stream:
                yield delta

    def reply(self) -> Any:
        return self._client.chat(**self._request)

    async def areply(self) -> Any:
        return await self._async_client.chat(**self._request)


class ClientApart(Client):
    """This package's client, every delta handed over apart."""

    merges = False


CLIENTS: dict[str, type[Contender]] = {
    "client": Client,
    "client, apart": ClientApart,
}
"""By the name they have in the tables."""
