"""Reliability contract §7, §8.1: replies that want to do harm."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.load import dumpd, dumps, load, loads

from cerebras_ext import CerebrasError, ProtocolError
from langchain_cerebras_ext import ChatCerebras
from tests.faults.callers import KEY, MODEL, PROMPT, WAYS, Target, Way, calling
from tests.security.replies import Answerer, copied, stream_chunks, whole_reply

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS = "https://api.cerebras.ai"
MIB = 1 << 20
each_way = pytest.mark.parametrize("way", WAYS, ids=str)


def _answered(change: Callable[[dict[str, Any]], None]) -> Answerer:
    """Answers with a reply, and the chunk that says the most, changed in the same way."""
    answerer = Answerer()
    answerer.whole, answerer.chunks = _changed(change)
    return answerer


def _changed(change: Callable[[dict[str, Any]], None]) -> tuple[Any, list[Any]]:
    whole, chunks = whole_reply(), stream_chunks()
    for body in (whole, *chunks):
        change(body)
    return whole, chunks


def _said(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """A change of the message, or of every delta that is one."""

    def changed(body: dict[str, Any]) -> None:
        for choice in body["choices"]:
            change(choice.get("message") or choice.get("delta"))

    return changed


def _arguments(text: str) -> Callable[[dict[str, Any]], None]:
    def change(said: dict[str, Any]) -> None:
        for call in said.get("tool_calls", ()):
            call["function"]["arguments"] = text

    return _said(change)


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BEYOND: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "arguments of 10 MiB": (_arguments(json.dumps({"x": "y" * 10 * MIB})), str(MIB)),
    "reply nested 199 levels and more": (lambda body: body.update(x=_deep(250)), "JSON"),
}


@each_way
@pytest.mark.parametrize(("change", "says"), BEYOND.values(), ids=BEYOND.keys())
def test_reply_beyond_a_limit_is_refused(
    change: Callable[[dict[str, Any]], None], says: str, way: Way
) -> None:
    """§7: `ProtocolError`, which names the limit."""
    with calling(way, Target(ADDRESS, https=_answered(change).https)) as caller:
        error = caller.error()
    assert isinstance(error, ProtocolError)
    assert says in error.message


ODD_ARGUMENTS = {
    "nested 100,000 levels": "[" * 100_000,
    "an object nested 100,000 levels": '{"a":' * 100_000,
    "closed again": "[" * 10_000 + "]" * 10_000,
    "no JSON": "rm -rf /",
    "a number too large for a float": '{"x": 1e999}',
    "a number of 5,000 digits": '{"x": ' + "9" * 5_000 + "}",
    "NaN": '{"x": NaN}',
    "half a surrogate pair": '{"x": "\\ud800"}',
    "a key twice": '{"x": 1, "x": 2}',
    "the name of a method": '{"__class__": {"__init__": 1}}',
}


@each_way
@pytest.mark.parametrize("text", ODD_ARGUMENTS.values(), ids=ODD_ARGUMENTS.keys())
def test_odd_arguments_are_never_an_exception(text: str, way: Way) -> None:
    """§3.6: what a model writes as arguments is data; at worst an invalid tool call."""
    with calling(way, Target(ADDRESS, https=_answered(_arguments(text)).https)) as caller:
        assert caller.error() is None
        assert "".join(caller.heard) == "Hi"


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        inner = body
        for step in steps:
            if step not in inner:
                return
            inner = inner[step]
        if last in inner:
            inner[last] = value

    return change


NUMBERS = [
    _set(path, value)
    for path in (
        "created",
        "usage.prompt_tokens",
        "usage.total_tokens",
        "usage.prompt_tokens_details.cached_tokens",
        "usage.completion_tokens_details.reasoning_tokens",
        "time_info.total_time",
    )
    for value in (-1, 2**63, 10**400, -0.5, 1e308, float("inf"), float("nan"), "5", True, None)
]


@each_way
def test_odd_numbers_are_answers_or_our_errors(way: Way) -> None:
    """§7: counts and times out of range break neither frameworks nor sums."""
    answerer = Answerer()
    with calling(way, Target(ADDRESS, https=answerer.https)) as caller:
        for change in NUMBERS:
            answerer.whole, answerer.chunks = _changed(change)
            error = caller.error()
            assert error is None or isinstance(error, CerebrasError)


ODD_CHUNKS: dict[str, tuple[int, Callable[[dict[str, Any]], None]]] = {
    "usage": (4, lambda chunk: chunk.update(usage={"total_tokens": "many"})),
    "log probabilities": (2, lambda chunk: chunk["choices"][0].update(logprobs={"content": [5]})),
}


@pytest.mark.parametrize("way", [way for way in WAYS if way.is_stream], ids=str)
@pytest.mark.parametrize(("number", "change"), ODD_CHUNKS.values(), ids=ODD_CHUNKS.keys())
def test_odd_chunk_costs_no_text(
    number: int, change: Callable[[dict[str, Any]], None], way: Way
) -> None:
    """§3.2: what is odd beside the text is an error at the end, with the text on it."""
    answerer = _answered(lambda _: None)
    change(answerer.chunks[number])
    with calling(way, Target(ADDRESS, https=answerer.https)) as caller:
        error: Any = caller.error()
    assert isinstance(error, ProtocolError)
    assert error.partial.choices[0].message.content == "".join(caller.heard) == "Hi"


@each_way
def test_choices_nobody_asked_for_are_ignored(way: Way) -> None:
    """§3.2: a second choice's text and calls are not taken for the first one's."""

    def add_a_choice(body: dict[str, Any]) -> None:
        body["choices"].append({**copied(body["choices"][0]), "index": 1})

    with calling(way, Target(ADDRESS, https=_answered(add_a_choice).https)) as caller:
        said = caller.ask()
    is_all = way.library == "client" and way.is_stream  # whose deltas name their choice
    assert said == ("HiHi" if is_all else "Hi")


# ---- objects that LangChain would revive

SECRET = {"lc": 1, "type": "secret", "id": ["CANARY_7Q"]}
CONSTRUCTOR = {
    "lc": 1,
    "type": "constructor",
    "id": ["langchain_core", "messages", "ai", "AIMessage"],
    "kwargs": {"content": "revived"},
}
NOT_IMPLEMENTED = {"lc": 1, "type": "not_implemented", "id": ["os", "system"], "repr": "x"}


def _with_foreign_objects(body: dict[str, Any]) -> None:
    for foreign in (SECRET, CONSTRUCTOR, NOT_IMPLEMENTED):
        name = foreign["type"]
        body[name] = foreign
        for part in ("usage", "time_info"):
            if part in body:
                body[part][name] = foreign
        for choice in body["choices"]:
            choice[name] = foreign
            for part in ("message", "delta"):
                if part in choice:
                    choice[part][name] = foreign
            for entry in (choice.get("logprobs") or {}).get("content", ()):
                entry[name] = foreign
    _arguments(json.dumps({"a": SECRET, "b": CONSTRUCTOR, "c": [NOT_IMPLEMENTED]}))(body)


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_foreign_objects_are_plain_data(is_stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """§8.1: a reply full of them comes out of dumps and loads as it went in; nothing is read."""
    monkeypatch.setenv("CANARY_7Q", "leaked")
    sync, asynchronous = _answered(_with_foreign_objects).https
    chat = ChatCerebras(
        model=MODEL,
        api_key=KEY,
        base_url=ADDRESS,
        http_client=sync,
        http_async_client=asynchronous,
        logprobs=True,
    )
    message: Any = chat.invoke(PROMPT)
    if is_stream:
        first, *others = chat.stream(PROMPT)
        message = first + others
    options: Any = {"allowed_objects": "messages", "secrets_from_env": True}
    for revived in (loads(dumps(message), **options), load(dumpd(message), **options)):
        assert revived == message
        assert "leaked" not in repr(revived)
        assert revived.tool_calls[0]["args"] == {
            "a": SECRET,
            "b": CONSTRUCTOR,
            "c": [NOT_IMPLEMENTED],
        }
