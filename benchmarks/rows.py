"""What is measured, of whom: the rows of the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["ROWS", "Row"]

WIRE = ("raw socket", "httpx", "httpx2")
CLIENT = ("client", "client, apart")
LANGCHAIN = (
    "langchain-core",
    "langchain-core, new chunks",
    *("langchain", "langchain, apart", "langchain-cerebras"),
)
LLAMA_INDEX = ("llama-index-core", "llama-index", "llama-index, apart", "llama-index-llms-cerebras")
CHATS = ("langchain", "langchain-cerebras", "llama-index", "llama-index-llms-cerebras")
INCUMBENTS = ("langchain-cerebras", "llama-index-llms-cerebras")
EVERYONE = (*WIRE, *CLIENT, *LANGCHAIN, *LLAMA_INDEX)


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement of several contenders.

    Attributes:
        section: The table it belongs to.
        title: The column, or columns, it makes there.
        measure: Name of the measure.
        figures: Which of its figures are shown, with their units.
        contenders: Of whom.
        arguments: For the measure.
        n_most_rounds: How often, where a round takes long and repeats itself well.
    """

    section: str
    title: str
    measure: str
    figures: dict[str, str]
    contenders: tuple[str, ...]
    arguments: dict[str, Any] = field(default_factory=dict)
    n_most_rounds: int = 99


def _stream_rows() -> list[Row]:
    return [
        Row(
            f"Streams of text, HTTP chunks of {size}",
            "async" if is_async else "sync",
            "stream_cost",
            {"us_per_token": "µs a token", "n_items": "items"},
            EVERYONE,
            {"framing": framing, "n_tokens": 5_000, "is_async": is_async},
        )
        for framing, size in (("event", "one event"), ("16k", "16 KiB"))
        for is_async in (False, True)
    ]


def _kind_rows() -> list[Row]:
    return [
        Row(
            "Streams of 1,000 deltas of each kind",
            f"{kind} {'async' if is_async else 'sync'}",
            "stream_cost",
            {"us_per_token": "µs"},
            EVERYONE,
            {"kind": kind, "n_tokens": 1_000, "is_async": is_async},
        )
        for kind in ("text", "reasoning", "tools")
        for is_async in (False, True)
    ]


def _growth_rows() -> list[Row]:
    langchain = ("langchain", "langchain, apart", "langchain-cerebras")
    llama_index = ("llama-index", "llama-index, apart", "llama-index-llms-cerebras")
    ways = {
        "stream": ("stream", False, langchain + llama_index),
        "+=": ("summed", False, langchain),
        "invoke": ("invoked", False, langchain),
        "astream_events": ("events", True, langchain),
    }
    return [
        Row(
            f"Growth: {name}",
            f"{n_tokens:,}",
            "stream_cost",
            {"us_per_token": "µs a token"},
            # the bar is a ratio to one's own short stream; others' long ones take minutes
            tuple(who for who in contenders if n_tokens < 80_000 or who not in INCUMBENTS),
            {"n_tokens": n_tokens, "way": way, "is_async": is_async},
            n_most_rounds=3,
        )
        for name, (way, is_async, contenders) in ways.items()
        for n_tokens in (1_000, 20_000, 80_000)
    ]


_LATENESS = {"late_ms": "ms late", "us_per_token": "µs a token", "n_items": "items"}
_CORE_OF_LANGCHAIN = (
    "import langchain_core.messages; from langchain_core.language_models import BaseChatModel"
)
_CORE_OF_LLAMA_INDEX = "import llama_index.core"
_IMPORTS = {
    "langchain": (_CORE_OF_LANGCHAIN, "from langchain_cerebras_ext import ChatCerebras"),
    "langchain-cerebras": (_CORE_OF_LANGCHAIN, "from langchain_cerebras import ChatCerebras"),
    "llama-index": (_CORE_OF_LLAMA_INDEX, "from llama_index_cerebras_ext import Cerebras"),
    "llama-index-llms-cerebras": (
        _CORE_OF_LLAMA_INDEX,
        "from llama_index.llms.cerebras import Cerebras",
    ),
}
"""What a framework's own import is, and what a user of a package writes."""


ROWS: tuple[Row, ...] = (
    *_stream_rows(),
    *_kind_rows(),
    Row(
        "Tool arguments added up by +=",
        "sync",
        "stream_cost",
        {"us_per_token": "µs a token"},
        ("langchain", "langchain-cerebras"),
        {"kind": "tools", "n_tokens": 1_000, "way": "summed"},
    ),
    *_growth_rows(),
    *[
        Row(
            "Memory of a stream whose items are all kept",
            f"{n_tokens:,}",
            "kept_memory",
            {"kib_per_token": "KiB a token"},
            # others' items of a long stream take a gigabyte
            CHATS if n_tokens < 20_000 else ("langchain", "llama-index"),
            {"n_tokens": n_tokens},
            n_most_rounds=3,
        )
        for n_tokens in (1_000, 5_000, 20_000)
    ],
    *[
        Row(
            f"One stream at {rate:,} tokens/s",
            "async" if is_async else "sync",
            "paced",
            _LATENESS,
            ("raw socket", "httpx", *CHATS),
            {"tokens_per_s": rate, "is_async": is_async},
        )
        for rate in (2_000, 5_000, 10_000)
        for is_async in (False, True)
    ],
    Row(
        "16 streams at 1,000 tokens/s",
        "async",
        "paced",
        _LATENESS,
        ("raw socket", "httpx", *CHATS),
        {"tokens_per_s": 1_000, "is_async": True, "n_streams": 16},
    ),
    *[
        Row(
            "New connections in 20 streams",
            "async" if is_async else "sync",
            "connections",
            {"n_new": "connections"},
            CHATS,
            {"is_async": is_async},
        )
        for is_async in (False, True)
    ],
    *[
        Row(
            "First delta, warm",
            "async" if is_async else "sync",
            "first_delta",
            {"wall_ms": "ms", "cpu_ms": "ms CPU"},
            ("raw socket", "httpx", "client", *CHATS),
            {"is_async": is_async},
        )
        for is_async in (False, True)
    ],
    *[
        Row(
            f"Whole request of {n_tokens:,} tokens",
            "async" if is_async else "sync",
            "request_cost",
            {"cpu_ms": "ms CPU"},
            (*WIRE, "client", "langchain-core", *CHATS[:2], "llama-index-core", *CHATS[2:]),
            {"n_tokens": n_tokens, "is_async": is_async},
        )
        for n_tokens in (20, 8_000)
        for is_async in (False, True)
    ],
    *[
        Row(
            "Requests in flight, 50 ± 25 ms server",
            f"{n:,}",
            "in_flight",
            {"per_s": "requests/s", "cpu_ms": "ms CPU", "n_failed": "failed"},
            (*WIRE[1:], "httpx-aiohttp", "client", *CHATS),
            {"n_at_once": n},
            n_most_rounds=3,
        )
        for n in (128, 1_000)
    ],
    *[
        Row(
            "Import, beyond the framework's own",
            "",
            "imports",
            {"cpu_ms": "ms CPU", "n_modules": "modules"},
            (name,),
            {"floor": floor, "package": package},
            n_most_rounds=1,  # each has several runs already
        )
        for name, (floor, package) in _IMPORTS.items()
    ],
    Row(
        "Making a model", "", "construction", {"first_ms": "ms first", "next_ms": "ms next"}, CHATS
    ),
    Row(
        "Memory left behind by 10,000 requests",
        "",
        "memory",
        {"mib": "MiB"},
        CHATS,
        {"n_requests": 10_000},
        n_most_rounds=1,
    ),
)
"""In the order they are measured in."""
