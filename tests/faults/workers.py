"""What tests run in other processes."""

from __future__ import annotations

import asyncio
import gc
import os
from typing import TYPE_CHECKING, Any

from cerebras_ext import AsyncCerebrasClient, CerebrasClient
from langchain_cerebras_ext import ChatCerebras
from llama_index_cerebras_ext import Cerebras
from tests.faults.callers import KEY, MESSAGES, MODEL, PROMPT, Target, Way, calling
from tests.faults.sockets import client_sockets

if TYPE_CHECKING:
    from collections.abc import Callable

_WATCHED = ("cerebras_ext", "httpx", "langchain_cerebras_ext", "llama_index_cerebras_ext")


def set_key() -> None:
    """What whoever runs workers does: gives them the key."""
    os.environ["CEREBRAS_API_KEY"] = KEY


def complete(llm: Cerebras, prompt: str) -> str:
    """A completion's text. (LlamaIndex's own methods do not pickle.)."""
    return llm.complete(prompt).text


def garbage_of(base_url: str, way: Way) -> list[str]:
    """The kinds of objects that a few calls leave in cycles, of ours and of the HTTP library."""
    with calling(way, Target(base_url)) as caller:
        caller.ask()  # the first one makes what stays
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        for _ in range(3):
            caller.ask()
        gc.collect()
        kinds = {type(each) for each in gc.garbage}
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    return [kind.__qualname__ for kind in kinds if kind.__module__.startswith(_WATCHED)]


def fork_and_ask(base_url: str) -> None:
    """Asks with every kind of model, then forks, and asks in child and parent.

    Raises:
        AssertionError: The child did not open connections of its own, or the parent had to.
    """
    asks, aask = _asks(base_url)
    port = int(base_url.split(":")[2].split("/")[0])
    others = client_sockets(port)  # of models that were used here before
    for ask in asks:
        ask()
    asyncio.run(aask())
    kept = client_sockets(port)
    assert len(kept - others) == len(asks)
    child = os.fork()
    if child == 0:
        os._exit(_status_of_child(asks, aask, port, kept))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 0, f"child: {status}"
    for ask in asks:
        ask()
    assert client_sockets(port) == kept


def _asks(base_url: str) -> tuple[list[Callable[[], Any]], Callable[[], Any]]:
    # Different time limits, so that no two of them share a client.
    client = CerebrasClient(base_url=base_url)
    aclient = AsyncCerebrasClient(base_url=base_url)
    chat = ChatCerebras(model=MODEL, base_url=base_url, timeout=60)
    llm = Cerebras(model=MODEL, base_url=base_url, timeout=61)
    asks: list[Callable[[], Any]] = [
        lambda: client.chat(model=MODEL, messages=MESSAGES),
        lambda: chat.invoke(PROMPT),
        lambda: llm.complete(PROMPT),
    ]
    return asks, lambda: aclient.chat(model=MODEL, messages=MESSAGES)


def _status_of_child(
    asks: list[Callable[[], Any]], aask: Callable[[], Any], port: int, kept: set[int]
) -> int:
    """0 if each model opened one connection; else what went wrong, as a number."""
    try:
        for number, ask in enumerate(asks, 1):
            ask()
            if len(client_sockets(port) - kept) != number:
                return number
        asyncio.run(aask())
    except BaseException:  # noqa: BLE001 - a forked child must end here, whatever happens
        return 100
    return 0
