"""The first of a host's addresses that answers; nothing is left open of the others.

RFC 8305: the next address is tried after a quarter of a second, or as soon as one fails. asyncio
can do this, but leaves a socket open when it is cancelled just as an address has answered; other
loops, uvloop among them, cannot.
"""

from __future__ import annotations

import asyncio
import socket
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

__all__ = ["addresses_of", "first_connected"]

NEXT_ADDRESS_AFTER_S = 0.25

ConnectionT = TypeVar("ConnectionT")


async def addresses_of(host: str, port: int) -> list[str]:
    """The host's addresses, best first, the families in turn.

    Raises:
        OSError: The name is not known.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    by_family: dict[int, list[str]] = {}
    for family, _, _, _, address in found:
        by_family.setdefault(family, []).append(str(address[0]))
    in_turn = zip_longest(*by_family.values())
    return list(dict.fromkeys(address for turn in in_turn for address in turn if address))


async def first_connected(
    addresses: Iterable[str],
    connect: Callable[[str], Coroutine[Any, Any, ConnectionT]],
    abort: Callable[[ConnectionT], object],
) -> ConnectionT:
    """The connection to the address that answers first.

    Args:
        addresses: In the order they are tried.
        connect: Connects to one.
        abort: Ends a connection that is not wanted.

    Raises:
        OSError: None of them answers.
    """
    waiting = list(addresses)
    if len(waiting) == 1:
        return await connect(waiting[0])
    running: set[asyncio.Task[ConnectionT]] = set()
    failures: list[str] = []

    def let_go(task: asyncio.Task[ConnectionT]) -> None:
        if not task.cancelled() and task.exception() is None:
            abort(task.result())

    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(connect(waiting.pop(0))))
            done, _ = await asyncio.wait(
                running,
                timeout=NEXT_ADDRESS_AFTER_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                running.discard(task)
                failure = task.exception()
                if failure is None:
                    return task.result()
                if not isinstance(failure, OSError):
                    raise failure
                failures.append(str(failure))
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(let_go)
    raise OSError("; ".join(failures))
