"""What an emulator remembers of earlier requests: limits, cached prompts, ids, and themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cerebras_ext.emulator import EmulatorOptions, running_emulator
from tests.emulator.clients import CHAT, client_of
from tests.emulator.requests import chat_body, user

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from cerebras_ext.emulator import RunningEmulator


# Rate limits.


@pytest.fixture
def limited() -> Iterator[httpx.Client]:
    """A client with the limits of the free tier, in a world where time stands still."""
    options = EmulatorOptions(rate_limits="free", clock=lambda: 1780000000.0)
    with running_emulator(options) as emulator, client_of(emulator) as http:
        yield http


def test_remaining_tokens_are_reduced_by_the_reservation(limited: httpx.Client):
    """Capture 006: the reply's own reservation is already taken off."""
    headers = limited.post(CHAT, json=chat_body(max_tokens=2000)).headers
    limit, left = (
        int(headers[f"x-ratelimit-{what}-tokens-minute"]) for what in ("limit", "remaining")
    )
    assert limit == 30_000
    assert 2000 < limit - left < 2100
    assert headers["x-ratelimit-remaining-requests-minute"] == "4"
    assert "x-ratelimit-reset-tokens-minute" not in headers


def test_reservation_is_given_back_after_the_reply(limited: httpx.Client):
    """API specification §13.2: corrected to actual use after completion."""
    left = [
        int(limited.post(CHAT, json=chat_body()).headers["x-ratelimit-remaining-tokens-minute"])
        for _ in range(2)
    ]
    assert left[0] - left[1] < 500


def test_request_beyond_the_limit_is_a_429(limited: httpx.Client):
    """API specification §13.1: five requests a minute for the free tier."""
    replies = [limited.post(CHAT, json=chat_body(max_tokens=10)) for _ in range(6)]
    assert [reply.status_code for reply in replies] == [200] * 5 + [429]
    assert replies[-1].json()["code"] == "request_quota_exceeded"


def test_legacy_headers_have_reset_values():
    """API specification §1.3: the generation of 2025."""
    options = EmulatorOptions(rate_limits="free", legacy_headers=True)
    with running_emulator(options) as emulator, client_of(emulator) as http:
        headers = http.post(CHAT, json=chat_body()).headers
    assert 0 < float(headers["x-ratelimit-reset-tokens-minute"]) <= 60
    assert "x-ratelimit-limit-requests-minute" not in headers


# Prompt cache, ids.


def test_repeated_prompt_is_cached_in_blocks(http: httpx.Client):
    """API specification §13.5: exact prefixes, 128 tokens at a time."""
    body = chat_body(messages=[user("word " * 400)])
    usages = [http.post(CHAT, json=body).json()["usage"] for _ in range(2)]
    cached = [usage["prompt_tokens_details"]["cached_tokens"] for usage in usages]
    assert cached == [0, usages[1]["prompt_tokens"] // 128 * 128]


def test_longer_conversation_finds_its_beginning_cached(http: httpx.Client):
    """API specification §13.5: the prefix that both share."""
    first = [user("word " * 400)]
    http.post(CHAT, json=chat_body(messages=first))
    then = [*first, {"role": "assistant", "content": "ok"}, user("other " * 400)]
    usage = http.post(CHAT, json=chat_body(messages=then)).json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 384


def test_cache_belongs_to_one_model(http: httpx.Client):
    """API specification §13.5: nothing is shared between models."""
    messages = [user("word " * 400)]
    http.post(CHAT, json=chat_body(messages=messages))
    usage = http.post(CHAT, json=chat_body(messages=messages, model="qwen-3.8-27b")).json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0


def test_ids_are_the_same_in_each_run_and_new_for_each_request(
    cerebras_emulator: RunningEmulator, http: httpx.Client
):
    """Design §5: deterministic, whatever other requests there are."""
    first = [http.post(CHAT, json=chat_body()).json()["id"] for _ in range(2)]
    cerebras_emulator.reset()
    http.post(CHAT, json=chat_body(messages=[user("something else")]))
    again = [http.post(CHAT, json=chat_body()).json()["id"] for _ in range(2)]
    assert first == again
    assert len(set(first)) == 2


# Recorded requests.


def test_requests_are_recorded_without_their_key(
    cerebras_emulator: RunningEmulator, http: httpx.Client
):
    """Reliability contract §6: the key is in nothing that is kept."""
    http.get("/models?format=default")
    http.post(CHAT, json=chat_body(), headers={"x-mine": "1"})
    listed, posted = cerebras_emulator.requests
    assert (listed.method, listed.path, listed.body) == ("GET", "/v1/models?format=default", None)
    assert (posted.path, posted.body) == ("/v1/chat/completions", chat_body())
    assert posted.headers["x-mine"] == "1"
    assert json.loads(posted.raw) == chat_body()
    assert "csk-test" not in repr(cerebras_emulator.requests)


def test_unreadable_request_is_recorded_too(cerebras_emulator: RunningEmulator, http: httpx.Client):
    """A test can look at what was refused."""
    http.post(CHAT, content=b"{", headers={"content-type": "application/json"})
    (request,) = cerebras_emulator.requests
    assert (request.raw, request.body) == (b"{", None)
