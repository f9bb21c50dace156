"""Reliability contract §2.6, §10: many callers and a service that refuses them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest

from cerebras_ext import AsyncCerebrasClient, CerebrasClient, CerebrasError, RateLimited
from langchain_cerebras_ext import ChatCerebras
from llama_index_cerebras_ext import Cerebras
from tests.faults.callers import KEY, MESSAGES, MODEL, PROMPT

N_WORKERS = 50
N_CALLS_EACH = 5
N_CALLS = N_WORKERS * N_CALLS_EACH
N_RETRIES_AT_FIRST = 100 // 5  # the budget, and what a retry after 429 takes from it
ADVICE_S = 0.02
STORM_S = 5.0
REPLY = {
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}}],
}


@dataclass
class Refusals:
    """What a service saw.

    Attributes:
        refuses: Whether to refuse the n-th request.
        sent_at: When requests came, by the id they share with their retries.
    """

    base_url: str = ""
    refuses: Callable[[int], bool] = lambda _: True
    sent_at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def n_sent(self) -> int:
        """How many requests came."""
        return sum(map(len, self.sent_at.values()))

    def note(self, request_id: str) -> bool:
        """Whether the request that just came is refused."""
        with self.lock:
            self.sent_at[request_id].append(time.monotonic())
            return self.refuses(self.n_sent)


@pytest.fixture
def service() -> Iterator[Refusals]:
    """A service that refuses, and says when to come back."""
    seen = Refusals()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            is_refused = seen.note(self.headers["x-client-request-id"])
            body = b"{}" if is_refused else json.dumps(REPLY).encode()
            self.send_response(429 if is_refused else 200)
            self.send_header("retry-after", str(ADVICE_S))
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 256
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        seen.base_url = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield seen
        server.shutdown()
        serving.join()


Storm = Callable[[str], list[Any]]


def _outcome(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except CerebrasError as error:
        return error


def _in_threads(ask: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(N_WORKERS) as pool:
        return list(pool.map(lambda _: _outcome(ask), range(N_CALLS)))


def client(base_url: str) -> list[Any]:
    client = CerebrasClient(base_url=base_url, api_key=KEY)
    return _in_threads(lambda: client.chat(model=MODEL, messages=MESSAGES))


def langchain(base_url: str) -> list[Any]:
    chat = ChatCerebras(model=MODEL, base_url=base_url, api_key=KEY)
    return _in_threads(lambda: chat.invoke(PROMPT))


def llama_index(base_url: str) -> list[Any]:
    llm = Cerebras(model=MODEL, base_url=base_url, api_key=KEY)
    return _in_threads(lambda: llm.complete(PROMPT))


def async_client(base_url: str) -> list[Any]:
    async def main() -> list[Any]:
        async with AsyncCerebrasClient(base_url=base_url, api_key=KEY) as client:

            async def work() -> list[Any]:
                asking = (client.chat(model=MODEL, messages=MESSAGES) for _ in range(N_CALLS_EACH))
                return [await asyncio.gather(each, return_exceptions=True) for each in asking]

            done = await asyncio.gather(*(work() for _ in range(N_WORKERS)))
        return [outcome for outcomes in done for (outcome,) in outcomes]

    return asyncio.run(main())


STORMS = [client, async_client, langchain, llama_index]


@pytest.mark.parametrize("storm", STORMS)
def test_refused_callers_do_not_press(service: Refusals, storm: Storm) -> None:
    """§2.6: when everything is refused, the budget ends retrying; the refusals come out."""
    outcomes = storm(service.base_url)
    assert {type(each) for each in outcomes} <= set(RateLimited.__subclasses__()) | {RateLimited}
    assert {each.retry_after_s for each in outcomes} == {ADVICE_S}
    assert len(service.sent_at) == N_CALLS
    assert service.n_sent <= 1.2 * N_CALLS + N_RETRIES_AT_FIRST


@pytest.mark.parametrize("storm", STORMS)
def test_nothing_is_sent_before_the_advised_time(service: Refusals, storm: Storm) -> None:
    """§2.3, §10: every retry comes at least as long after its refusal as the service asked."""
    service.refuses = lambda number: number % 3 == 0
    storm(service.base_url)
    times = service.sent_at.values()
    gaps = [late - soon for each in times for soon, late in pairwise(each)]
    assert gaps
    assert min(gaps) >= ADVICE_S


@pytest.mark.parametrize("storm", STORMS)
def test_successes_pay_for_retries(service: Refusals, storm: Storm) -> None:
    """§10: with half the requests refused, sends stay below 1.2 times the calls, and the budget."""
    service.refuses = lambda number: number % 2 == 0
    outcomes = storm(service.base_url)
    n_answers = sum(not isinstance(each, CerebrasError) for each in outcomes)
    assert n_answers > N_CALLS / 2
    assert N_CALLS < service.n_sent <= 1.2 * N_CALLS + N_RETRIES_AT_FIRST


@pytest.mark.long
def test_storm_of_five_seconds_does_not_grow(service: Refusals) -> None:
    """§10: 50 workers that ask again and again while everything is refused."""
    client = CerebrasClient(base_url=service.base_url, api_key=KEY)
    until_s = time.monotonic() + STORM_S

    def work(_: int) -> int:
        n_calls = 0
        while time.monotonic() < until_s:
            error = _outcome(lambda: client.chat(model=MODEL, messages=MESSAGES))
            assert isinstance(error, RateLimited)
            n_calls += 1
        return n_calls

    with client, ThreadPoolExecutor(N_WORKERS) as pool:
        n_calls = sum(pool.map(work, range(N_WORKERS)))
    assert n_calls == len(service.sent_at) > N_WORKERS
    assert service.n_sent <= n_calls + N_RETRIES_AT_FIRST
    gaps = [late - soon for each in service.sent_at.values() for soon, late in pairwise(each)]
    assert min(gaps) >= ADVICE_S


def test_layers_of_retries_multiply(service: Refusals) -> None:
    """§2.8: LangChain's `with_retry` asks anew for each try of ours; both counts are the user's."""
    chat = ChatCerebras(model=MODEL, base_url=service.base_url, api_key=KEY, max_retries=2)
    patient = chat.with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    assert isinstance(_outcome(lambda: patient.invoke(PROMPT)), RateLimited)
    assert [len(times) for times in service.sent_at.values()] == [3, 3]
