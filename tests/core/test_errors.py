"""Errors: the tree, and that each pickles and copies as itself (contract §5.5)."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import cloudpickle
import pytest

from cerebras_ext import errors
from cerebras_ext.errors import (
    BadRequest,
    CerebrasError,
    ConfigError,
    ConnectionFailed,
    ContextOverflow,
    ProtocolError,
    RateLimited,
    StatusError,
    StreamError,
    StreamFailed,
    StreamInterrupted,
    StreamTimedOut,
    TimedOut,
)
from cerebras_ext.limits import read_rate_limits
from cerebras_ext.reply import ChatCompletion, ResponseMeta, read_reply

CLASSES = [getattr(errors, name) for name in errors.__all__]
PARTIAL = read_reply(
    ChatCompletion,
    {"id": "a", "choices": [{"index": 0, "message": {"role": "assistant", "content": "He"}}]},
    ResponseMeta(request_id="r", headers={"x": "1"}),
)
FACTS: dict[str, Any] = {
    "request_id": "r",
    "retries_taken": 2,
    "was_sent": True,
    "status": 429,
    "code": "token_quota_exceeded",
    "type": "too_many_requests_error",
    "param": "quota",
    "detail": "Tokens per minute",
    "retry_after_s": 7.5,
    "should_retry": True,
    "rate_limits": read_rate_limits({"x-ratelimit-remaining-tokens-minute": "0"}),
    "current_tokens": 20,
    "limit_tokens": 13,
    "partial": PARTIAL,
    "where": "choices.0",
    "phase": "total",
}


def filled(kind: type[CerebrasError]) -> CerebrasError:
    """An error of the class with every field it has set to something."""
    error = kind("It failed; do this.")
    for name, value in FACTS.items():
        if hasattr(kind, name):
            setattr(error, name, value)
    return error


def facts_of(error: CerebrasError) -> dict[str, Any]:
    """Every field of an error."""
    return {name: getattr(error, name) for name in FACTS if hasattr(error, name)}


COPIES = {
    **{
        f"pickle {protocol}": lambda error, protocol=protocol: pickle.loads(
            pickle.dumps(error, protocol)
        )
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
    "cloudpickle": lambda error: pickle.loads(cloudpickle.dumps(error)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_error_copies_as_itself(kind: type[CerebrasError], copied: Any) -> None:
    """Type, text and fields survive every protocol (§5.5)."""
    error = filled(kind)
    other = copied(error)
    assert type(other) is kind
    assert str(other) == str(error) == "It failed; do this."
    assert other.args == error.args
    assert facts_of(other) == facts_of(error)


@pytest.mark.parametrize("kind", CLASSES)
def test_error_has_defaults(kind: type[CerebrasError]) -> None:
    """A message is enough to make any error; nothing else is made up."""
    error = kind("It failed.")
    assert error.message == "It failed."
    assert (error.request_id, error.retries_taken) == (None, 0)


def test_error_without_a_message_has_an_empty_one() -> None:
    """`message` is always text."""
    assert CerebrasError().message == ""


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_ours(kind: type[CerebrasError]) -> None:
    """One base for all; frameworks swallow ValueError, TypeError and RuntimeError."""
    assert issubclass(kind, CerebrasError)
    assert not issubclass(kind, ValueError | TypeError | RuntimeError | OSError)


@pytest.mark.parametrize(
    ("kind", "bases"),
    [
        (TimedOut, (ConnectionFailed,)),
        (ContextOverflow, (BadRequest, StatusError)),
        (RateLimited, (StatusError,)),
        (StreamInterrupted, (StreamError, ConnectionFailed)),
        (StreamTimedOut, (StreamError, TimedOut, ConnectionFailed)),
        (StreamFailed, (StreamError, StatusError)),
    ],
)
def test_errors_may_be_caught_by_what_they_are(
    kind: type[CerebrasError], bases: tuple[type[CerebrasError], ...]
) -> None:
    """A broken stream is also the failure that broke it (style guide §7)."""
    assert all(issubclass(kind, base) for base in bases)


def test_fields_are_set_at_construction() -> None:
    """What an error is about is given when it is made."""
    assert ConnectionFailed("x", was_sent=False).was_sent is False
    timed_out = TimedOut("x", phase="pool", was_sent=False)
    assert (timed_out.phase, timed_out.was_sent) == ("pool", False)
    assert ProtocolError("x", where="body").where == "body"
    interrupted = StreamTimedOut("x", phase="total")
    assert (interrupted.phase, interrupted.was_sent) == ("total", True)


def test_repr_is_the_message() -> None:
    """Logs of an error show its class and message, and no partial reply."""
    error = filled(StreamFailed)
    assert repr(error) == "StreamFailed('It failed; do this.')"


def test_docstring_shows_the_whole_tree() -> None:
    """Every public error is in the module's overview (style guide §7)."""
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in errors.__all__)
    assert issubclass(ConfigError, CerebrasError)
