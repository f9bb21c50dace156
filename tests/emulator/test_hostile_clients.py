"""Whatever a client does, it gets an answer or loses its connection; others notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cerebras_ext.emulator import EmulatorOptions, running_emulator
from cerebras_ext.emulator.server import EmulatorServer, listening_socket, url_of
from cerebras_ext.emulator.state import EmulatorState
from tests.emulator.requests import chat_body, user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.emulator import RunningEmulator

CHAT = "/chat/completions"
KEY = "authorization: Bearer csk-test\r\n"
LIST_MODELS = f"GET /v1/models HTTP/1.1\r\nhost: x\r\n{KEY}\r\n".encode()


def post_of(body: Any) -> bytes:
    """A chat completion as it travels."""
    raw = json.dumps(body).encode()
    head = f"POST /v1{CHAT} HTTP/1.1\r\nhost: x\r\n{KEY}content-length: {len(raw)}\r\n\r\n"
    return head.encode() + raw


@pytest.fixture
def connection(cerebras_emulator: RunningEmulator) -> Iterator[socket.socket]:
    """A bare connection to the emulator."""
    address = httpx.URL(cerebras_emulator.root_url)
    with socket.create_connection((address.host, address.port or 80)) as connected:
        connected.settimeout(10)
        yield connected


@pytest.fixture(autouse=True)
def _others_are_served(http: httpx.Client) -> Iterator[None]:
    """Whatever a test does, the emulator answers afterwards."""
    yield
    assert http.get("/models").status_code == 200


def received(connection: socket.socket) -> bytes:
    """Everything until the other side is done."""
    pieces: list[bytes] = []
    # A server that has not read everything may end with a reset.
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces)


# What is no request, or too much of one.


def test_pipelined_requests_are_answered_in_order(connection: socket.socket):
    """HTTP/1.1 lets a client send before it has read."""
    connection.sendall(post_of(chat_body(stream=True)) * 3 + LIST_MODELS)
    connection.shutdown(socket.SHUT_WR)
    answers = received(connection)
    assert answers.count(b"HTTP/1.1 200 OK") == 4
    assert answers.count(b"data: [DONE]") == 3
    assert answers.index(b'"object":"list"') > answers.rindex(b"[DONE]")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /v1/models HTTP/1.1\r\nhost: x\r\na: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 100_000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    ],
    ids=["huge header", "many headers", "TLS", "no host", "negative length"],
)
def test_what_is_no_request_is_refused(connection: socket.socket, request_bytes: bytes):
    """The connection is closed, after a word about it."""
    with contextlib.suppress(ConnectionError):  # it may be refused before all of it was sent
        connection.sendall(request_bytes)
    assert received(connection)[:13] in (b"HTTP/1.1 400 ", b"")


def test_sender_of_too_large_a_body_reads_the_answer():
    """The rest of the body is read, so that the refusal is not lost in a reset."""
    options = EmulatorOptions(max_body_bytes=1000)
    with running_emulator(options) as emulator:
        url = f"{emulator.base_url}{CHAT}"
        reply = httpx.post(url, content=b" " * 3_000_000, headers={"authorization": "Bearer k"})
    assert (reply.status_code, reply.json()["code"]) == (413, "payload_too_large")


# Methods and paths.


@pytest.mark.parametrize("path", ["/models", "/models/gpt-oss-120b"])
def test_head_is_get_without_the_body(http: httpx.Client, path: str):
    """The method HEAD of HTTP."""
    head, get = http.head(path), http.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "FOO"])
def test_other_methods_are_refused(http: httpx.Client, method: str):
    """405, and the header that says what is allowed."""
    reply = http.request(method, CHAT)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/completions/", "/v1/completions/x", "/v1/modelsx", "/v1//models"]
)
def test_unknown_paths_are_not_found(cerebras_emulator: RunningEmulator, path: str):
    """404 in the flat shape, with or without a key."""
    reply = httpx.get(f"{cerebras_emulator.root_url}{path}")
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


# Bodies that are small to send and large to handle.


DEEP = "[" * 100_000
BOMB = gzip.compress(b" " * (100 * 1024 * 1024))


@pytest.mark.parametrize(
    ("content", "encoding", "status"),
    [
        (DEEP.encode(), "identity", 400),
        ((DEEP + "]" * 100_000).encode(), "identity", 400),
        (BOMB, "gzip", 413),
        (gzip.compress(BOMB), "gzip", 400),
    ],
    ids=["deep", "deep and closed", "gzip bomb", "gzip in gzip"],
)
def test_small_body_cannot_fill_the_memory(
    http: httpx.Client, content: bytes, encoding: str, status: int
):
    """Depth and unpacked size are bounded."""
    reply = http.post(CHAT, content=content, headers={"content-encoding": encoding})
    assert reply.status_code == status


@pytest.mark.parametrize(
    "field",
    [{"messages": [1] * 200_000}, {f"field_{n}": 1 for n in range(200_000)}],
    ids=["bad messages", "unknown fields"],
)
def test_answer_to_a_body_full_of_problems_is_short(http: httpx.Client, field: dict[str, Any]):
    """All problems are named, as by the service, but not a million of them."""
    reply = http.post(CHAT, json=chat_body(**field))
    assert reply.status_code == 400
    assert len(reply.content) < 20_000


def test_largest_body_is_answered(http: httpx.Client):
    """16 MiB are read and counted."""
    reply = http.post(CHAT, json=chat_body(messages=[user("a" * (15 * 1024 * 1024))]))
    assert (reply.status_code, reply.json()["code"]) == (400, "context_length_exceeded")


@pytest.mark.parametrize(
    "parameters",
    [
        {"properties": {"a": {"type": "array", "minItems": 10**9}}, "required": ["a"]},
        {"properties": {"a": {"type": "string", "minLength": 10**9}}, "required": ["a"]},
        {"minProperties": 10**9},
        {"$ref": "#"},
        {"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]},
        {"properties": 1, "required": {"a": 2}, "type": [3], "anyOf": 4, "$ref": 5, "items": 6},
    ],
)
def test_schema_of_a_tool_is_not_trusted(http: httpx.Client, parameters: dict[str, Any]):
    """What is not strict is not checked; it is filled as far as it makes sense."""
    function = {"name": "f", "parameters": parameters}
    tools = [{"type": "function", "function": function}]
    reply = http.post(CHAT, json=chat_body(tools=tools, tool_choice="required"))
    assert reply.json()["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "f"


# Clients that come in numbers, or leave.


async def test_clients_that_leave_in_mid_stream_leave_nothing_behind():
    """200 connections are dropped at their first bytes: no reply stays open, no task waits."""
    state = EmulatorState(EmulatorOptions(tokens_per_s=20))
    with listening_socket(state.options) as listener:
        address = httpx.URL(url_of(listener))
        server = EmulatorServer(state)
        serving = asyncio.create_task(server.serve([listener]))
        await asyncio.to_thread(server.wait_until_ready)
        before = asyncio.all_tasks()

        async def leave_early() -> None:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(post_of(chat_body(stream=True)))
            assert await reader.read(1)
            writer.transport.abort()

        await asyncio.gather(*(leave_early() for _ in range(200)))
        if left := asyncio.all_tasks() - before:
            await asyncio.wait(left)
        assert (len(state.open_replies), asyncio.all_tasks()) == (0, before)
        server.should_exit = True
        await serving
    assert len(state.recorder.requests) == 200
