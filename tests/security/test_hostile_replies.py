"""Reliability contract §7, §8.1: replies that want to do harm."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.load import dumpd, dumps, load, loads

from cerebras_ext import ProtocolError
from langchain_cerebras_ext import ChatCerebras
from tests.faults.callers import KEY, MODEL, PROMPT, WAYS, Target, Way, calling
from tests.security.hostile import HOSTILE, Fate, Hostile, arguments
from tests.security.replies import Answerer, stream_chunks, whole_reply

if TYPE_CHECKING:
    from tests.security.hostile import Change

ADDRESS = "https://api.cerebras.ai"
MEETINGS = [
    pytest.param(row, way, id=f"{row.name}-{way}")
    for row in HOSTILE
    for way in WAYS
    if row.only_chunk is None or way.is_stream
]


def _answered(change: Change, only_chunk: int | None = None) -> Answerer:
    """Answers with a reply, and the chunks that say the same, changed in the same way."""
    answerer = Answerer()
    answerer.whole, answerer.chunks = whole, chunks = whole_reply(), stream_chunks()
    for body in (whole, *chunks) if only_chunk is None else (chunks[only_chunk],):
        change(body)
    return answerer


@pytest.mark.parametrize(("row", "way"), MEETINGS)
def test_hostile_reply(row: Hostile, way: Way) -> None:
    """§3.2, §3.6, §7: an answer or our error, as the table says, and never another's exception."""
    for change in row.changes:
        answerer = _answered(change, row.only_chunk)
        with calling(way, Target(ADDRESS, https=answerer.https)) as caller:
            error: Any = caller.error()
        heard = "".join(caller.heard)
        match row.fate:
            case Fate.ANSWER | Fate.INVALID_CALL:
                assert error is None
                # a bare stream's deltas name their choice, so whoever reads it sees every one
                is_all = row.fate is Fate.ANSWER and way.library == "client" and way.is_stream
                assert heard == ("HiHi" if is_all else "Hi")
            case Fate.REFUSED:
                assert isinstance(error, ProtocolError)
                assert row.says in error.message
            case Fate.EITHER:
                assert error is None or isinstance(error, ProtocolError)
            case Fate.LATE:
                assert isinstance(error, ProtocolError)
                assert error.partial.choices[0].message.content == heard == "Hi"


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
    arguments(json.dumps({"a": SECRET, "b": CONSTRUCTOR, "c": [NOT_IMPLEMENTED]}))(body)


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
