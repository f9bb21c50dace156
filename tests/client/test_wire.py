"""What a client sends and understands, over real connections and given HTTP clients."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from cerebras_ext import (
    AsyncCerebrasClient,
    CallOptions,
    CerebrasClient,
    ClientConfig,
    ContentDelta,
    IgnoredEvent,
    ProtocolError,
    ServerError,
    StreamIncomplete,
    StreamStart,
    TextDelta,
    TextFinish,
    Timeouts,
)
from tests.client.asking import ANSWER, KEY, LIBRARIES, MODEL, QUESTION, Asker, Way, config
from tests.client.canned import CHAT_BODY, CHAT_STREAM, Canned
from tests.core.streams import DONE, delta, finish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from cerebras_ext.emulator import RunningEmulator


def test_key_is_sent_to_the_service(server: Canned, way: Way) -> None:
    """As a bearer token, and nowhere else."""
    with Asker(way, config(server.base_url)) as asker:
        assert asker.ask().choices[0].message.content == ANSWER
    (request,) = server.received
    assert request.target == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    others = {name: value for name, value in request.headers.items() if name != "authorization"}
    assert KEY not in str(others)
    assert KEY.encode() not in request.body


def test_public_catalogue_is_asked_without_the_key(server: Canned, way: Way) -> None:
    """What needs no key gets none (API §6.2)."""
    server.body = json.dumps({"id": "m", "data": [{"id": "m"}]}).encode()
    with Asker(way, config(server.base_url)) as asker:
        assert asker.run(asker.client.public_models).data[0].id == "m"
        assert asker.run(lambda: asker.client.public_model("m")).id == "m"
    assert [request.target for request in server.received] == [
        "/public/v1/models",
        "/public/v1/models/m",
    ]
    assert all("authorization" not in request.headers for request in server.received)


def test_path_of_a_gateway_is_kept(server: Canned, way: Way) -> None:
    """A base URL may have a path, and `/v1` at its end (API §1.1)."""
    with Asker(way, config(f"{server.base_url}/cerebras/v1/")) as asker:
        asker.ask()
    assert server.received[0].target == "/cerebras/v1/chat/completions"


def test_large_requests_are_compressed(server: Canned, way: Way) -> None:
    """On demand, above a size (API §1.4)."""
    with Asker(way, config(server.base_url, gzip_above_bytes=10)) as asker:
        asker.ask()
    (request,) = server.received
    assert request.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(request.body))["model"] == MODEL


def test_compressed_reply_is_read(server: Canned, way: Way) -> None:
    """Gzip is what is asked for, and it is undone (§7)."""
    server.is_compressed = True
    with Asker(way, config(server.base_url)) as asker:
        assert asker.ask().choices[0].message.content == ANSWER
    assert server.received[0].headers["accept-encoding"] == "gzip"


def test_error_body_too_long_is_left_unread(server: Canned, way: Way) -> None:
    """64 KiB of it are enough; the next call gets another connection (§7)."""
    server.status, server.body = 500, b"x" * 1_000_000
    with Asker(way, config(server.base_url)) as asker:
        error = asker.error(CallOptions(max_retries=0))
        assert isinstance(error, ServerError)
        assert len(error.detail) == 500
        server.status, server.body = 200, None
        assert asker.ask().choices[0].message.content == ANSWER


def test_reply_has_the_facts_of_the_exchange(server: Canned, way: Way) -> None:
    """Ids, limits and headers come with the reply; cookies do not (§8.1)."""
    server.headers = {
        "X-Request-Id": "r-1",
        "Set-Cookie": "__cf_bm=secret",
        "X-RateLimit-Remaining-Tokens-Minute": "5",
    }
    with Asker(way, config(server.base_url)) as asker:
        meta = asker.ask().meta
    assert (meta.status, meta.request_id) == (200, "r-1")
    assert meta.rate_limits.to_dict() == {"remaining_tokens_minute": 5}
    assert "secret" not in str(meta.headers)


def test_cookies_are_not_sent_back(server: Canned, way: Way) -> None:
    """Nor kept: what one caller was given is nothing that another should show (§8.1)."""
    server.headers = {"Set-Cookie": "__cf_bm=secret; path=/"}
    with Asker(way, config(server.base_url)) as asker:
        asker.ask()
        asker.ask()
    assert [request.headers.get("cookie") for request in server.received] == [None, None]


def test_headers_of_the_user_replace_the_clients_own(server: Canned, way: Way) -> None:
    """Each is sent once (§1.7)."""
    chosen = {"Accept": "application/json", "Connection": "close", "User-Agent": "mine"}
    with Asker(way, config(server.base_url)) as asker:
        asker.ask(CallOptions(extra_headers=chosen))
    sent = server.received[0].headers
    assert {name: sent[name.lower()] for name in chosen} == chosen


@pytest.mark.parametrize("name", ["proxy", "HTTP_PROXY"])
def test_requests_go_through_a_proxy(
    server: Canned, way: Way, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one of the settings, or of the environment."""
    settings = {"proxy": server.base_url} if name == "proxy" else {}
    if name != "proxy":
        monkeypatch.setenv(name, server.base_url)
    away = config("http://service.invalid", allow_insecure_http=True, **settings)
    with Asker(way, away) as asker:
        assert asker.ask().choices[0].message.content == ANSWER
    assert server.received[0].target == "http://service.invalid/v1/chat/completions"


def test_text_is_completed(emulator: RunningEmulator, way: Way) -> None:
    """The text endpoint, whole and streamed."""
    request = {"model": MODEL, "prompt": "Once upon"}
    with Asker(way, config(emulator.base_url)) as asker:
        if way.is_async:
            text = asker.run_coroutine(_completed(asker.client, way, request))
        elif way.is_stream:
            *deltas, last = asker.client.stream_complete(**request)
            assert isinstance(last, TextFinish)
            text = "".join(one.text for one in deltas if isinstance(one, TextDelta))
            assert last.reply.choices[0].text == text
        else:
            text = asker.client.complete(**request).choices[0].text
    assert text
    assert emulator.requests[0].path == "/v1/completions"


async def _completed(client: AsyncCerebrasClient, way: Way, request: Any) -> str | None:
    if not way.is_stream:
        return (await client.complete(**request)).choices[0].text
    deltas = [delta async for delta in await client.stream_complete(**request)]
    return "".join(one.text for one in deltas if isinstance(one, TextDelta))


def test_models_are_listed(emulator: RunningEmulator, way: Way) -> None:
    """The list, one of it, and the catalogue, in each format (API §6)."""
    with Asker(way, config(emulator.base_url)) as asker:
        listed = asker.run(asker.client.models)
        assert MODEL in [model.id for model in listed.data]
        assert asker.run(lambda: asker.client.model(MODEL)).id == MODEL
        routed = asker.run(lambda: asker.client.models("openrouter"))
        assert f"cerebras/{MODEL}" in [model.id for model in routed.data]
        public = asker.run(lambda: asker.client.public_model(MODEL, "huggingface"))
        assert public.to_wire()["context_length"] > 0
        assert asker.run(asker.client.warm_up) is None


def test_stream_tells_how_it_stands(emulator: RunningEmulator) -> None:
    """Facts, partial and whole reply are there while it is read."""
    with CerebrasClient(config(emulator.base_url)) as client:
        stream = client.stream_chat(**QUESTION, options=CallOptions(merge_deltas=False))
        assert stream.meta.status == 200
        start = next(stream)
        assert isinstance(start, StreamStart)
        assert stream.reply is None
        heard = ""
        for delta in stream:
            if isinstance(delta, ContentDelta):
                heard += delta.text
                partial: Any = stream.partial()
                assert partial.choices[0].message.content.startswith(heard)
        assert stream.reply is not None
        assert heard == ANSWER == stream.reply.to_wire()["choices"][0]["message"]["content"]
        assert stream.n_ignored == 0


async def test_async_stream_tells_how_it_stands(emulator: RunningEmulator) -> None:
    """The same, awaited."""
    async with AsyncCerebrasClient(config(emulator.base_url)) as client:
        stream = await client.stream_chat(**QUESTION)
        assert isinstance(await anext(stream), StreamStart)
        assert stream.partial() is not None
        assert [delta async for delta in stream]
        assert stream.reply is not None


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_events_that_are_passed_over_are_shown(is_async: bool, emulator: RunningEmulator) -> None:
    """`on_ignored` sees what a gateway slips in; the stream takes no harm (§3.5)."""
    events = b"event: ping\ndata: 1\n\n" + delta(content="Hi") + finish() + DONE
    kind = {"content-type": "text/event-stream"}
    emulator.script({"raw": events.decode(), "headers": kind})
    seen: list[IgnoredEvent] = []
    with Asker(Way(is_async, is_stream=True), config(emulator.base_url)) as asker:
        reply = asker.ask(CallOptions(on_ignored=seen.append))
    assert reply.choices[0].message.content == "Hi"
    assert seen == [IgnoredEvent("ping", "1")]


def given_client(library: Any, way: Way, handle: Any) -> Any:
    """A client of either library, on a transport that a function plays."""
    transport = library.MockTransport(handle)
    make = library.AsyncClient if way.is_async else library.Client
    return make(transport=transport, timeout=99, headers={"x-mine": "1"})


def asked_through(library: Any, way: Way, handle: Any) -> Any:
    """The reply of a client that was given an HTTP client."""
    settings = ClientConfig(SecretStr(KEY), "http://127.0.0.1:1", timeout=Timeouts(1, 2, 3, 4, 50))
    given = given_client(library, way, handle)
    with Asker(way, settings, given) as asker:
        try:
            return asker.ask()
        finally:
            asker.run(given.aclose if way.is_async else given.close)


def body_for(request: Any) -> tuple[bytes, dict[str, str]]:
    """The canned reply to a request, streamed where a stream is asked for."""
    if b'"stream":true' in request.content:
        return CHAT_STREAM, {"content-type": "text/event-stream"}
    return CHAT_BODY, {"content-type": "application/json"}


@LIBRARIES
def test_given_client_is_told_everything(library: Any, way: Way) -> None:
    """Our headers and time limits go with the request, beside what the client adds."""
    seen: list[Any] = []

    def handle(request: Any) -> Any:
        seen.append(request)
        body, headers = body_for(request)
        return library.Response(200, content=body, headers=headers)

    reply = asked_through(library, way, handle)
    assert reply.choices[0].message.content == ANSWER
    (request,) = seen
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-mine"] == "1"
    limits = request.extensions["timeout"]
    assert (limits["connect"], limits["read"]) == (1, 2)
    assert (limits["write"], limits["pool"]) == (3, 4)


@LIBRARIES
@pytest.mark.parametrize("is_decoded", [True, False], ids=["whole", "streamed"])
def test_compressed_reply_of_a_given_client_is_read(
    library: Any, way: Way, is_decoded: bool
) -> None:
    """Mocks and cassettes hand bodies over decoded already, transports as they came."""

    def handle(request: Any) -> Any:
        body, headers = body_for(request)
        packed = gzip.compress(body, mtime=0)
        headers["content-encoding"] = "gzip"
        if is_decoded:
            return library.Response(200, content=packed, headers=headers)
        stream = _async_pieces(packed) if way.is_async else iter([packed[:9], packed[9:]])
        return library.Response(200, content=stream, headers=headers)

    reply = asked_through(library, way, handle)
    assert reply.choices[0].message.content == ANSWER


async def _async_pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body[:9]
    yield body[9:]


def streamed(library: Any, is_async: bool, *events: bytes) -> Any:
    """What comes of a stream whose events arrive one by one."""

    async def aevents() -> AsyncIterator[bytes]:
        for event in events:
            yield event

    def handle(request: Any) -> Any:
        content = aevents() if is_async else iter(events)
        return library.Response(200, content=content, headers={"content-type": "text/event-stream"})

    return asked_through(library, Way(is_async, is_stream=True), handle)


@LIBRARIES
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_text_after_the_finish_is_part_of_the_reply(library: Any, is_async: bool) -> None:
    """A server that says more than it said it would is heard out (§3.4)."""
    reply = streamed(library, is_async, delta(content="a"), finish(), delta(content="b"), DONE)
    assert reply.choices[0].message.content == "ab"


@LIBRARIES
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_stream_that_ends_without_a_finish_is_incomplete(library: Any, is_async: bool) -> None:
    """Its end is clean, and proves nothing (§3.2)."""
    with pytest.raises(StreamIncomplete) as caught:
        streamed(library, is_async, delta(content="a"), delta(content="b"))
    assert caught.value.partial is not None
    assert caught.value.partial.to_wire()["choices"][0]["message"]["content"] == "ab"


@LIBRARIES
def test_redirects_of_a_given_client_are_not_followed(library: Any, way: Way) -> None:
    """Even one that follows them by itself does not for us (§1.5)."""
    seen: list[str] = []

    def handle(request: Any) -> Any:
        seen.append(str(request.url))
        return library.Response(307, headers={"location": "http://elsewhere.example/"})

    transport = library.MockTransport(handle)
    make = library.AsyncClient if way.is_async else library.Client
    given = make(transport=transport, follow_redirects=True)
    with Asker(way, config("http://127.0.0.1:1"), given) as asker:
        assert "elsewhere.example" in asker.error().message
        asker.run(given.aclose if way.is_async else given.close)
    assert len(seen) == 1


@LIBRARIES
def test_exceptions_that_are_not_about_http_go_on(library: Any, way: Way) -> None:
    """A bug in a user's transport is not dressed up as a lost connection."""

    def handle(request: Any) -> Any:
        raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        asked_through(library, way, handle)


@LIBRARIES
def test_exception_in_a_body_goes_on(library: Any, way: Way) -> None:
    """The same once the body is being read."""

    def pieces() -> Iterator[bytes]:
        yield b"{"
        raise LookupError("a bug")

    async def apieces() -> AsyncIterator[bytes]:
        yield b"{"
        raise LookupError("a bug")

    def handle(request: Any) -> Any:
        _, headers = body_for(request)
        content = apieces() if way.is_async else pieces()
        return library.Response(200, content=content, headers=headers)

    with pytest.raises(LookupError, match="a bug"):
        asked_through(library, way, handle)


def test_reply_in_an_encoding_not_asked_for_is_named(server: Canned, way: Way) -> None:
    """The one that came is in the message (§7)."""
    server.headers = {"content-encoding": "br"}
    with Asker(way, config(server.base_url)) as asker:
        error = asker.error()
    assert isinstance(error, ProtocolError)
    assert "'br', which was not asked for" in error.message


def test_warnings_of_retired_models_name_the_users_line(server: Canned, way: Way) -> None:
    """Whichever method is called: the line to change is not in this package."""
    with (
        Asker(way, config(server.base_url)) as asker,
        pytest.warns(UserWarning, match="was retired") as caught,
    ):
        asker.ask(model="llama3.1-8b")
    assert [Path(each.filename).name for each in caught] == ["asking.py"]
