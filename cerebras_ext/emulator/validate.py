"""Which requests the service accepts, and what it says to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cerebras_ext.emulator.accepted import ChatRequest, CompletionRequest

if TYPE_CHECKING:
    from cerebras_ext.emulator.service import Service

__all__ = ["ChatRequest", "CompletionRequest", "validate_chat", "validate_completion"]


def validate_chat(body: object, service: Service) -> ChatRequest:
    """The chat completion that `body` asks for.

    Args:
        body: The decoded request body, as from `parse_body`.
        service: Which models are served, and for which tier.

    Raises:
        ApiProblem: The answer the service gives instead.
    """
    raise NotImplementedError


def validate_completion(body: object, service: Service) -> CompletionRequest:
    """The text completion that `body` asks for.

    Args:
        body: The decoded request body, as from `parse_body`.
        service: Which models are served, and for which tier.

    Raises:
        ApiProblem: The answer the service gives instead.
    """
    raise NotImplementedError
