"""Keywords of the constructor in, fields out: old names, and None where it means the default."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

from cerebras_ext.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

__all__ = ["fields_given"]

_INCUMBENT_NAMES = {"api_base": "base_url"}
"""Field names of `llama-index-llms-cerebras`, so that moving over is a change of the import."""

_INCUMBENT_ONLY = {
    "api_version": "the service's address has no version",
    "async_openai_client": "no OpenAI client is used; async_http_client takes an httpx client",
    "audio_config": "the service gives text only",
    "modalities": "the service gives text only",
    "openai_client": "no OpenAI client is used; http_client takes an httpx client",
    "reuse_client": "clients are always shared",
    "should_use_structured_outputs": "the catalogue knows; pydantic_program_mode decides otherwise",
    "tokenizer": "LlamaIndex counts with Settings.tokenizer",
}
"""Its keywords without a field here, each with the reason."""


def fields_given(
    keywords: Mapping[str, Any], fields: Mapping[str, FieldInfo], *, owner: str
) -> dict[str, Any]:
    """The fields that the keywords set.

    None means the default wherever it is no value of its own, as in the incumbent.

    Raises:
        TypeError: A keyword is no field; says what to do.
        ConfigError: A field is given different values under two names.
    """
    given: dict[str, Any] = {}
    for keyword, value in keywords.items():
        name = _INCUMBENT_NAMES.get(keyword, keyword)
        if name == "class_name":  # the type tag of a dump
            continue
        if name not in fields:
            raise TypeError(f"{owner} has no field {name!r}; {_hint(name, fields)}")
        if value is None and not _takes_none(fields[name]):
            continue
        if name in given and None not in (value, given[name]) and value != given[name]:
            raise ConfigError(f"{name} is given two values, under two names; give it once")
        if given.get(name) is None:
            given[name] = value
    return given


def _takes_none(field: FieldInfo) -> bool:
    return field.annotation is Any or NoneType in get_args(field.annotation)


def _hint(name: str, fields: Mapping[str, FieldInfo]) -> str:
    if name in _INCUMBENT_ONLY:
        return f"leave it out: {_INCUMBENT_ONLY[name]}"
    from difflib import get_close_matches  # only on the way to an error

    near = get_close_matches(name, fields, 1)
    return f"did you mean {near[0]!r}?" if near else "request fields go to additional_kwargs"
