"""Answers without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cerebras_ext.emulator.answer import Answer

if TYPE_CHECKING:
    from cerebras_ext.emulator.accepted import ChatRequest

__all__ = ["answer_chat", "continue_text"]


def answer_chat(request: ChatRequest) -> Answer:
    """What the model says to a chat request."""
    last = request.messages[-1].text
    reasoning = (
        None if request.reasoning_effort == "none" else "The user says something. I echo it."
    )
    return Answer(content=f"You said: {last}", reasoning=reasoning)


def continue_text(prompt: str) -> Answer:
    """What the model adds to a prompt."""
    return Answer(content=f" and so on after {prompt[-20:]}.")
