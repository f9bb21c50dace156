"""Requests for validation tests: minimal bodies, and what the service says to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext.emulator.problems import ApiProblem
from cerebras_ext.emulator.service import Service, Tier
from cerebras_ext.emulator.validate import validate_chat, validate_completion

if TYPE_CHECKING:
    from cerebras_ext.emulator.accepted import ChatRequest, CompletionRequest

__all__ = [
    "accepted",
    "accepted_completion",
    "chat_body",
    "completion_body",
    "named_tool",
    "refused",
    "refused_completion",
    "user",
]


def user(content: Any = "Hello") -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": content}


def chat_body(**fields: Any) -> dict[str, Any]:
    """The smallest chat completion, with fields added or replaced."""
    return {"model": "gpt-oss-120b", "messages": [user()], **fields}


def completion_body(**fields: Any) -> dict[str, Any]:
    """The smallest text completion, with fields added or replaced."""
    return {"model": "gpt-oss-120b", "prompt": "Hello", **fields}


def named_tool(name: str = "look_up", **function: Any) -> dict[str, Any]:
    """A tool without arguments, with fields of its function added."""
    return {"type": "function", "function": {"name": name, **function}}


def _service(body: dict[str, Any], tier: Tier) -> Service:
    return Service.of([body["model"]] if isinstance(body.get("model"), str) else None, tier=tier)


def accepted(body: dict[str, Any], *, tier: Tier = "free") -> ChatRequest:
    """The chat completion, by a service that has the model it names."""
    return validate_chat(body, _service(body, tier))


def accepted_completion(body: dict[str, Any]) -> CompletionRequest:
    """The text completion, by a service that has the model it names."""
    return validate_completion(body, _service(body, "free"))


def refused(body: dict[str, Any], *, tier: Tier = "free") -> ApiProblem:
    """What a service that has the model says to a chat completion it does not take."""
    with pytest.raises(ApiProblem) as caught:
        accepted(body, tier=tier)
    return caught.value


def refused_completion(body: dict[str, Any]) -> ApiProblem:
    """What a service that has the model says to a text completion it does not take."""
    with pytest.raises(ApiProblem) as caught:
        accepted_completion(body)
    return caught.value
