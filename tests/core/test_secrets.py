"""The API key: sources, checks, and messages that do not show it (contract §1)."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from cerebras_ext.errors import ConfigError
from cerebras_ext.secrets import check_key, find_key, missing_key

KEY = "csk-test-1"
LONG_KEY = "csk-test-" + "0" * 7 + "tail"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CEREBRAS_API_KEY", raising=False)


@pytest.mark.parametrize("given_key", [KEY, SecretStr(KEY)])
def test_key_is_taken_as_text_or_secret(given_key: str | SecretStr) -> None:
    """A key is kept as a secret, whatever it was given as (§1.1)."""
    found = find_key(given_key)
    assert found == SecretStr(KEY)
    assert KEY not in repr(found)


def test_key_comes_from_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """`CEREBRAS_API_KEY` and no other (§1.1)."""
    assert find_key(None) is None
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert find_key(None) is None
    monkeypatch.setenv("CEREBRAS_API_KEY", KEY)
    assert find_key(None) == SecretStr(KEY)
    assert find_key("csk-test-2") == SecretStr("csk-test-2")


def test_missing_key_names_both_remedies() -> None:
    """Variable and argument are in the message (§1.1)."""
    assert "CEREBRAS_API_KEY" in missing_key().message
    assert "api_key=" in missing_key().message


@pytest.mark.parametrize("text", [f" {KEY}", f"{KEY}\n", f"\t{KEY}\r\n"])
def test_white_space_around_a_key_is_dropped_with_a_warning(text: str) -> None:
    """Keys from files and shells end in newlines (§1.2)."""
    with pytest.warns(UserWarning, match=r"^api_key has white space around it") as caught:
        assert find_key(text) == SecretStr(KEY)
    assert len(caught) == 1
    assert KEY not in str(caught[0].message)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        (f"Bearer {LONG_KEY}", "starts with 'Bearer'; give the key alone (it ends in 'tail')"),
        (f"bearer {LONG_KEY}", "starts with 'Bearer'"),
        (f"{LONG_KEY[:9]} {LONG_KEY[9:]}", "holds characters that no key has"),
        (f"{LONG_KEY[:9]}\n{LONG_KEY[9:]}", "holds characters that no key has"),
        (f"{LONG_KEY}é", "holds characters that no key has (white space, control or non-ASCII);"),
        (f"{LONG_KEY}\x00tail", "holds characters that no key has"),
        (f"{LONG_KEY}%0A é tail", "holds characters that no key has"),
        (5, "is of type int; a key is a string"),
        (b"csk", "is of type bytes; a key is a string"),
    ],
)
def test_text_that_is_no_key_is_refused(text: Any, problem: str) -> None:
    """Found before anything is sent; at most the last four characters are shown (§1.2)."""
    with pytest.raises(ConfigError) as caught:
        check_key(text, "api_key")
    assert caught.value.message.startswith(f"api_key {problem}")
    assert "csk-test" not in caught.value.message


def test_short_keys_are_not_shown_at_all() -> None:
    """Four characters of a short key would be too much of it."""
    with pytest.raises(ConfigError) as caught:
        check_key("Bearer short", "api_key")
    assert "short" not in caught.value.message


def test_bad_key_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says where the key came from."""
    monkeypatch.setenv("CEREBRAS_API_KEY", "")
    with pytest.raises(ConfigError, match=r"^the environment variable CEREBRAS_API_KEY is empty"):
        find_key(None)


@given(st.text())
def test_any_text_is_a_sendable_key_or_refused(text: str) -> None:
    """What is accepted fits in a header (§1.2, §1.3)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            key = check_key(text, "api_key")
        except ConfigError:
            return
    assert key == text.strip()
    assert all("!" <= char <= "~" for char in key)
