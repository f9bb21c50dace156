"""Requests as tests make them, with a model and a prompt unless they give their own."""

from __future__ import annotations

import json
from typing import Any

from cerebras_ext.errors import ConfigError
from cerebras_ext.request import CHAT, TEXT, ApiCall, Endpoint, build_call

MESSAGES = [{"role": "user", "content": "Hi"}]
SECRET = "the secret prompt"


def chat(*, is_stream: bool = False, **fields: Any) -> ApiCall:
    """A chat request with a model and messages unless given."""
    return build_call(CHAT, {"model": "m", "messages": MESSAGES, **fields}, is_stream=is_stream)


def text(**fields: Any) -> ApiCall:
    """A text request with a model and a prompt unless given."""
    return build_call(TEXT, {"model": "m", "prompt": "Hi", **fields}, is_stream=False)


def body_of(call: ApiCall) -> Any:
    """The parsed JSON body."""
    return json.loads(call.body or b"")


def outcome(endpoint: Endpoint, fields: dict[str, Any]) -> tuple[bool, str]:
    """Whether a request with these fields can be sent; its body, or the message of our error."""
    given: dict[str, Any] = {"model": "m", "messages": MESSAGES, "prompt": "Hi"}
    required = {name: given[name] for name in endpoint.required}
    try:
        call = build_call(endpoint, required | fields, is_stream=False)
    except (ConfigError, TypeError) as error:
        return False, str(error)
    return True, (call.body or b"").decode()
