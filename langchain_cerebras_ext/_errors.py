"""Client errors in, LangChain errors out: the one place where errors change their class."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from langchain_core.exceptions import ModelError

from cerebras_ext import errors as client
from langchain_cerebras_ext import errors

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["langchain_error_of", "translated"]

_CLASS_OF: dict[type[client.CerebrasError], type[client.CerebrasError]] = {
    client.ConfigError: errors.ConfigError,
    client.ConnectionFailed: errors.ConnectionFailed,
    client.TimedOut: errors.TimedOut,
    client.StatusError: errors.StatusError,
    client.BadRequest: errors.BadRequest,
    client.ContextOverflow: errors.ContextOverflow,
    client.Unauthorized: errors.Unauthorized,
    client.PaymentRequired: errors.PaymentRequired,
    client.Forbidden: errors.Forbidden,
    client.NotFound: errors.NotFound,
    client.TooLarge: errors.TooLarge,
    client.Unprocessable: errors.Unprocessable,
    client.RateLimited: errors.RateLimited,
    client.ServerError: errors.ServerError,
    client.StreamInterrupted: errors.StreamInterrupted,
    client.StreamTimedOut: errors.StreamTimedOut,
    client.StreamIncomplete: errors.StreamIncomplete,
    client.StreamFailed: errors.StreamFailed,
    client.ProtocolError: errors.ProtocolError,
}
_CLASS_OF_STATUS: dict[int, type[client.CerebrasError]] = {
    408: errors.RequestTimedOut,
    409: errors.Conflict,
}
_CLIENT_FAULTS = range(400, 500)
_PASSING_STATUSES = frozenset({408, 409, 429})


@contextmanager
def translated() -> Generator[None]:
    """Lets client errors leave the block as LangChain errors; everything else passes untouched."""
    try:
        yield
    except client.CerebrasError as error:
        raise langchain_error_of(error).with_traceback(error.__traceback__) from error.__cause__


def langchain_error_of(error: client.CerebrasError) -> client.CerebrasError:
    """The same error in the class that LangChain knows as well."""
    if isinstance(error, ModelError):
        return error
    kind = _class_of(error)
    same = kind.__new__(kind)
    same.args = error.args
    same.__dict__.update(error.__dict__)
    advice = _retry_advice(error)
    if advice is not None:
        cast("ModelError", same).is_retryable = advice
    return same


def _class_of(error: client.CerebrasError) -> type[client.CerebrasError]:
    if isinstance(error, client.StreamFailed) and error.code == "context_length_exceeded":
        return errors.StreamOverflow
    if type(error) is client.StatusError:
        return _CLASS_OF_STATUS.get(error.status, errors.StatusError)
    return next(_CLASS_OF[kind] for kind in type(error).__mro__ if kind in _CLASS_OF)


def _retry_advice(error: client.CerebrasError) -> bool | None:
    """Whether trying again can help, where that is known better than from the class."""
    if not isinstance(error, client.StatusError):
        return None
    if error.should_retry is not None:
        return error.should_retry
    if isinstance(error, client.StreamFailed) and error.status in _CLIENT_FAULTS:
        return error.status in _PASSING_STATUSES
    return None
