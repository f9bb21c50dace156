"""`python -m tests.load.memory <library> <url>`: bytes that 2,000 calls add to a process."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

N_WARM_UP = 200
N_CALLS = 2_000
SETTINGS: dict[str, Any] = {"api_key": "csk-test-1"}
MODEL = "gpt-oss-120b"
PROMPT = "Hello"


def main(kind: str, base_url: str) -> None:
    """Prints how much the process has grown."""
    call = _calls(kind, base_url)
    for _ in range(N_WARM_UP // 2):
        call()
    gc.collect()
    before = _resident_bytes()
    for _ in range(N_CALLS // 2):
        call()
    gc.collect()
    sys.stdout.write(str(_resident_bytes() - before))


def _calls(kind: str, base_url: str) -> Callable[[], object]:
    """Two calls, a whole and a streamed one. Only the library that is measured is imported."""
    if kind == "client":
        from cerebras_ext import CerebrasClient

        client = CerebrasClient(base_url=base_url, **SETTINGS)
        request: Any = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}
        return lambda: (client.chat(**request), list(client.stream_chat(**request)))
    if kind == "langchain":
        from langchain_cerebras_ext import ChatCerebras

        def ask() -> None:  # with a model for each request, as applications make them
            model = ChatCerebras(model=MODEL, base_url=base_url, **SETTINGS)
            model.invoke(PROMPT)
            list(model.stream(PROMPT))

        return ask
    from llama_index_cerebras_ext import Cerebras

    llm = Cerebras(model=MODEL, base_url=base_url, **SETTINGS)
    return lambda: (llm.complete(PROMPT), list(llm.stream_complete(PROMPT)))


def _resident_bytes() -> int:
    statm = Path("/proc/self/statm").read_text(encoding="ascii")
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(*sys.argv[1:])
