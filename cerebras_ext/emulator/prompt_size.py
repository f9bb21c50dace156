"""How many tokens a conversation takes once the model's template is around it.

The figures are what recorded requests cost beyond their own text: `usage` in the captures minus
`count_tokens`. One user message to gpt-oss is met exactly, the rest within some percent; families
without recordings of their own are given the figures of another.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cerebras_ext.emulator.images import image_tokens
from cerebras_ext.emulator.tokens import count_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cerebras_ext.catalog import Family, ModelFacts
    from cerebras_ext.emulator.accepted import Message, ResponseFormat, Tool

__all__ = ["PromptSize", "prompt_size"]


@dataclass(frozen=True, slots=True)
class PromptSize:
    """Tokens of a prompt: `content` is what the caller wrote, images included, `total` all."""

    content: int
    images: int
    total: int


@dataclass(frozen=True, slots=True)
class _Template:
    """Tokens a family's template adds to a conversation, to each message, and when there are tools.

    `schema_share` is the size of a tool or schema in the prompt relative to its JSON text.
    `keeps_reasoning` says whether reasoning from before the last user message stays in the prompt.
    """

    conversation: int
    message: int
    tools: int = 150
    schema_share: float = 1.1
    keeps_reasoning: bool = False


_QWEN: Final = _Template(conversation=3, message=5, tools=85, schema_share=1.6)
_TEMPLATES: Final[Mapping[Family, _Template]] = {
    "gemma-4": _Template(conversation=8, message=5),
    "glm-4": _Template(conversation=3, message=2),
    "gpt-oss": _Template(conversation=62, message=5, tools=24, schema_share=0.6),
    "llama": _Template(conversation=30, message=5),
    "qwen-3": _QWEN,
    "qwen-3.8": _Template(
        conversation=3, message=5, tools=85, schema_share=1.6, keeps_reasoning=True
    ),
}
_CALL_TOKENS: Final = 8


def prompt_size(
    messages: Sequence[Message],
    facts: ModelFacts,
    *,
    tools: Sequence[Tool] = (),
    response_format: ResponseFormat | None = None,
    clear_thinking: bool | None = None,
) -> PromptSize:
    """Tokens of a conversation as the model reads it.

    Args:
        messages: The conversation.
        facts: Of the model, for its template and image grid.
        tools: Offered tools; their schemas are part of the prompt.
        response_format: A JSON schema in it is part of the prompt, too.
        clear_thinking: Whether earlier reasoning is left out; None for the family's habit.
    """
    template = _TEMPLATES.get(facts.family, _QWEN)
    keeps_reasoning = template.keeps_reasoning if clear_thinking is None else not clear_thinking
    images = sum(image_tokens(image, facts) for message in messages for image in message.images)
    texts = sum(map(count_tokens, _texts(messages, keeps_reasoning=keeps_reasoning)))
    calls = sum(_CALL_TOKENS for message in messages for _ in message.tool_calls)
    schemas = sum(map(count_tokens, _schema_texts(tools, response_format)))
    content = images + texts + calls + round(schemas * template.schema_share)
    around = template.conversation + template.message * len(messages)
    return PromptSize(content, images, content + around + (template.tools if tools else 0))


def _texts(messages: Sequence[Message], *, keeps_reasoning: bool) -> Iterator[str]:
    roles = [message.role for message in messages]
    last_user = max((at for at, role in enumerate(roles) if role == "user"), default=-1)
    for at, message in enumerate(messages):
        yield message.text
        if keeps_reasoning or at > last_user:
            yield message.reasoning
        for call in message.tool_calls:
            yield call.name
            yield call.arguments


def _schema_texts(tools: Sequence[Tool], response_format: ResponseFormat | None) -> Iterator[str]:
    for tool in tools:
        yield _compact(
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        )
    if response_format is not None and response_format.schema is not None:
        yield _compact(response_format.schema)


def _compact(value: Mapping[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
