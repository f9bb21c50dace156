"""From bytes to a decoded body: API specification §1.4."""

from __future__ import annotations

import sys

import msgpack
import pytest

from cerebras_ext.emulator.bodies import parse_body
from cerebras_ext.emulator.problems import ApiProblem


def refused(raw: bytes, content_type: str = "application/json") -> ApiProblem:
    """What the service says to a body it cannot read."""
    with pytest.raises(ApiProblem) as caught:
        parse_body(raw, content_type)
    return caught.value


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", ""]
)
def test_json_body_is_read(content_type):
    """§1.2: JSON is the default, whatever the header's case and parameters."""
    assert parse_body(b'{"a": [1, "\xc3\xa9"]}', content_type) == {"a": [1, "é"]}


def test_lone_surrogate_escape_is_refused_with_the_recorded_text():
    """§1.4: an unpaired surrogate escape is a 400 that says so."""
    problem = refused(rb'{"a": "\udc00 "}')

    assert problem.message.startswith(": Invalid JSON: lone leading surrogate in hex escape")
    assert (problem.status, problem.param, problem.code) == (
        400,
        "validation_error",
        "wrong_api_format",
    )


def test_surrogate_pair_is_one_character():
    """§1.4: only unpaired escapes are refused."""
    assert parse_body(rb'"\ud83d\ude00"') == "😀"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"not json",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'"\xff"',
        rb'{"a": "\ud800"}',
        b"[" * 300 + b"]" * 300,
    ],
)
def test_what_is_not_json_is_refused(raw):
    """§1.4: anything outside JSON is a 400, NaN and deep nesting included."""
    assert refused(raw).message.startswith(": Invalid JSON: ")


@pytest.mark.parametrize(
    "content_type", ["application/vnd.msgpack", "application/msgpack", "application/x-msgpack"]
)
def test_msgpack_body_is_read_like_json(content_type):
    """§1.4: the documented MessagePack type and the two of the server's specification."""
    body = {"model": "m", "n": 1, "t": 0.5, "x": [None, True, "é😀"]}

    assert parse_body(msgpack.packb(body), content_type) == body


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc1",
        b"\xa1\xff",
        msgpack.packb({}) + b"x",
        msgpack.packb({"a": b"bytes"}),
        msgpack.packb({b"a": 1}),
        msgpack.packb({"a": float("nan")}),
        msgpack.packb(msgpack.ExtType(5, b"x")),
        b"\x91" * 900 + b"\xc0",
        b"\x91" * 5000 + b"\xc0",
    ],
)
def test_msgpack_outside_json_is_refused(raw):
    """§1.4: bytes, extension types, NaN and deep nesting have no place in a request."""
    assert refused(raw, "application/vnd.msgpack").message.startswith(": Invalid ")


def test_missing_msgpack_library_is_named(monkeypatch):
    """An emulator without the extra says which one to install."""
    monkeypatch.setitem(sys.modules, "msgpack", None)

    problem = refused(b"\x80", "application/vnd.msgpack")

    assert problem.status == 415
    assert "cerebras-ext[msgpack]" in problem.message


def test_other_media_type_is_refused_by_name():
    """§1.2: JSON and MessagePack are the only encodings."""
    problem = refused(b"a=1", "application/x-www-form-urlencoded")

    assert problem.status == 415
    assert "application/x-www-form-urlencoded" in problem.message
