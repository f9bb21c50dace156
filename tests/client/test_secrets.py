"""The key is a canary: it must not turn up anywhere but in the header that carries it (§6)."""

from __future__ import annotations

import asyncio
import copy
import logging
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
from pydantic import SecretStr

from cerebras_ext import (
    AsyncCerebrasClient,
    CallOptions,
    CerebrasClient,
    CerebrasError,
    ClientConfig,
    ConfigError,
    RetryEvent,
    RetryPolicy,
)
from cerebras_ext.emulator.rawserver import raw_server
from tests.client.asking import QUESTION, Asker, Way, config

if TYPE_CHECKING:
    from cerebras_ext.emulator import RunningEmulator

CANARY = "csk-test-canary"
PROMPT = "the secret prompt"
ASKED: dict[str, Any] = {**QUESTION, "messages": [{"role": "user", "content": PROMPT}]}
SPELLINGS = {
    "plain": CANARY,
    "newline": f"{CANARY}\n",
    "CRLF": f"{CANARY}\r\n",
    "spaces": f"  {CANARY}  ",
    "tab": f"\t{CANARY}",
    "non-ASCII": f"{CANARY}é",
    "Bearer": f"Bearer {CANARY}",
    "percent": f"{CANARY}%0A",
    "long": CANARY + "x" * 10_000,
}
FAULTS = ["status:401", "status:429", "status:500", "bad-json", "cut:0", "cut:2", "error-frame:2"]


def everything_told(error: BaseException) -> str:
    """What a log of an error shows, with its whole chain, and all that hangs on it."""
    shown = "".join(traceback.format_exception(error))
    for each in (error, error.__cause__, error.__context__):
        shown += f"{each} {each!r} {vars(each) if each is not None else ''}"
    return shown


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_client_does_not_show_its_key(spelling: str) -> None:
    """Whatever was given: not in repr, settings, warnings, errors or their chains (§6)."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        shown = shown_by(CerebrasClient, spelling) + shown_by(AsyncCerebrasClient, spelling)
    assert CANARY not in shown + str([str(one.message) for one in told])


def shown_by(make: Any, key: str) -> str:
    """What a client shows of itself, or of why it cannot be made."""
    try:
        client = make(api_key=key, base_url="http://127.0.0.1:1")
    except ConfigError as error:
        return everything_told(error)
    return f"{client!r} {client} {client.config!r} {copy.deepcopy(client.config)}"


@pytest.mark.parametrize("fault", FAULTS)
def test_failed_call_shows_neither_key_nor_prompt(
    emulator: RunningEmulator, way: Way, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the error, its chain, its fields, a retry's event, or any log at DEBUG (§6)."""
    told: list[RetryEvent] = []
    settings = ClientConfig(
        SecretStr(CANARY), emulator.base_url, retry=RetryPolicy(1, backoff_s=0.0)
    )
    options = CallOptions(extra_headers={"x-emulator-fault": fault}, on_retry=told.append)
    with caplog.at_level(logging.DEBUG), Asker(way, settings) as asker:
        with pytest.raises(CerebrasError) as caught:
            asker.ask(options, **ASKED)
        shown = everything_told(caught.value) + "".join(f"{event}" for event in told)
    shown += "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert CANARY not in shown
    assert PROMPT not in shown


def test_answered_call_logs_neither_key_nor_prompt(
    emulator: RunningEmulator, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    """No logger of any package involved shows them at DEBUG (§6)."""
    with caplog.at_level(logging.DEBUG):
        with Asker(way, ClientConfig(SecretStr(CANARY), emulator.base_url)) as asker:
            reply = asker.ask(**ASKED)
        shown = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert caplog.records
    assert CANARY not in shown + repr(reply) + repr(reply.meta)
    assert PROMPT not in shown


@pytest.mark.parametrize("fault", ["reset", "hang-up", "half-head", "garbage"])
def test_broken_connection_shows_neither_key_nor_prompt(way: Way, fault: str) -> None:
    """The HTTP library's own errors are not in the chain that is shown (§1.3, §6)."""
    with raw_server(fault) as server:
        settings = ClientConfig(SecretStr(CANARY), server.base_url, retry=RetryPolicy(0))
        with Asker(way, settings) as asker, pytest.raises(CerebrasError) as caught:
            asker.ask(**ASKED)
    shown = everything_told(caught.value)
    assert CANARY not in shown
    assert PROMPT not in shown


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_headers_in_an_exception_are_not_told(library: Any, way: Way) -> None:
    """A library that quotes a header it refuses is not quoted (§1.3)."""

    def refuse(request: Any) -> Any:
        raise library.LocalProtocolError(f"Illegal header value {request.headers!r} {CANARY}")

    transport = library.MockTransport(refuse)
    given = (library.AsyncClient if way.is_async else library.Client)(transport=transport)
    settings = ClientConfig(SecretStr(CANARY), "http://127.0.0.1:1", retry=RetryPolicy(0))
    with Asker(way, settings, given) as asker, pytest.raises(CerebrasError) as caught:
        asker.ask()
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is None
    asyncio.run(given.aclose()) if way.is_async else given.close()


def test_running_stream_does_not_show_the_key(emulator: RunningEmulator) -> None:
    """Nor do the things a debugger or a crash report finds on it."""
    with CerebrasClient(config(emulator.base_url, default_headers=(("x-a", CANARY),))) as client:
        stream = client.stream_chat(**ASKED)
        assert CANARY not in f"{stream!r} {vars(stream)} {stream.meta}"
        stream.close()
