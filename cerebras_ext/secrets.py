"""The API key: where it comes from, what is wrong with it, and how it is kept out of sight.

Source: reliability contract section 1.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from typing import TypeAlias

from pydantic import SecretStr

from cerebras_ext.errors import ConfigError

__all__ = ["API_KEY_VARIABLE", "ApiKey", "check_key", "find_key"]

API_KEY_VARIABLE = "CEREBRAS_API_KEY"

ApiKey: TypeAlias = str | SecretStr | Callable[[], str]
"""A key, or a function that gives the current one at each call."""

_VISIBLE = re.compile(r"[\x21-\x7e]+")


def find_key(given: str | SecretStr | None) -> SecretStr | None:
    """The key given, else the one in `CEREBRAS_API_KEY`, checked; None when there is neither."""
    text = given.get_secret_value() if isinstance(given, SecretStr) else given
    if text is None:
        text = os.environ.get(API_KEY_VARIABLE)
        source = f"the environment variable {API_KEY_VARIABLE}"
    else:
        source = "api_key"
    return None if text is None else SecretStr(check_key(text, source))


def missing_key() -> ConfigError:
    """The error for a key that is nowhere to be found."""
    return ConfigError(
        f"no API key: set the environment variable {API_KEY_VARIABLE} or pass api_key=..."
    )


def check_key(text: object, source: str) -> str:
    """The key without surrounding white space.

    Args:
        text: What was given.
        source: Where, for the message.

    Raises:
        ConfigError: It cannot be a key; the message shows at most its last four characters.
    """
    if not isinstance(text, str):
        raise ConfigError(f"{source} is of type {type(text).__name__}; a key is a string")
    key = text.strip()
    if key != text and key:
        warnings.warn(f"{source} has white space around it, which is left out", stacklevel=3)
    problem = None
    if not key:
        problem = "is empty"
    elif key.lower().startswith("bearer"):
        problem = "starts with 'Bearer'; give the key alone"
    elif not _VISIBLE.fullmatch(key):
        problem = (
            "holds characters that no key has (white space, control or non-ASCII); copy it again"
        )
    if problem:
        raise ConfigError(f"{source} {problem}{_tail(key)}")
    return key


def _tail(key: str) -> str:
    """A recognisable end of a long key, for messages."""
    shown = key[-4:]
    return f" (it ends in {shown!r})" if len(key) >= 16 and _VISIBLE.fullmatch(shown) else ""
