"""The closed schemas of both request bodies: API specification §2.1, §2.3, §5.1, §8 and §9.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cerebras_ext.emulator.shapes import (
    Shape,
    anything,
    boolean,
    by_type,
    closed,
    constant,
    integer,
    is_list,
    items,
    mapping,
    nullable,
    number,
    one_of,
    optional,
    required,
    tagged,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CHAT", "COMPLETION"]

_TEXT_PART: Final = closed({"type": required(constant("text")), "text": required(text())})
_ANY_PART: Final = tagged(
    "type",
    {
        "text": _TEXT_PART,
        "image_url": closed(
            {
                "type": required(constant("image_url")),
                "image_url": required(
                    closed({"url": required(text()), "detail": optional(nullable(text()))})
                ),
            }
        ),
        "image": closed({"type": required(constant("image")), "image": required(text())}),
    },
)


def _text_or(part: Shape) -> Shape:
    return by_type({str: text(), list: items(part)}, "a valid string or list")


_NAME: Final = optional(nullable(text()))
_PLAIN_CALL: Final = closed({"name": required(text()), "arguments": required(text())})
_TOOL_CALL: Final = closed(
    {
        "id": required(text()),
        "type": required(constant("function")),
        "function": required(_PLAIN_CALL),
        "index": optional(nullable(integer())),
    }
)


def _instruction(role: str) -> Shape:
    return closed(
        {
            "role": required(constant(role)),
            "content": required(_text_or(_ANY_PART)),
            "name": _NAME,
        }
    )


_MESSAGE: Final = tagged(
    "role",
    {
        "system": _instruction("system"),
        "developer": _instruction("developer"),
        "user": _instruction("user"),
        "assistant": closed(
            {
                "role": required(constant("assistant")),
                "content": optional(nullable(_text_or(_TEXT_PART))),
                "reasoning": optional(nullable(_text_or(_TEXT_PART))),
                "tool_calls": optional(nullable(items(_TOOL_CALL))),
                "name": _NAME,
            }
        ),
        "tool": closed(
            {
                "role": required(constant("tool")),
                "content": required(_text_or(_TEXT_PART)),
                "tool_call_id": required(text()),
                "name": _NAME,
            }
        ),
    },
)

_TOOL: Final = closed(
    {
        "type": required(constant("function")),
        "function": required(
            closed(
                {
                    "name": required(text(at_most=64)),
                    "description": optional(nullable(text())),
                    "parameters": optional(nullable(mapping(anything))),
                    "strict": optional(boolean),  # null is refused: §9.1
                }
            )
        ),
    }
)
_TOOL_CHOICE: Final = by_type(
    {
        str: one_of("none", "auto", "required"),
        dict: closed(
            {
                "type": required(constant("function")),
                "function": required(closed({"name": required(text())})),
            }
        ),
    },
    "'none', 'auto', 'required' or a valid dictionary",
)

_RESPONSE_FORMAT: Final = tagged(
    "type",
    {
        "text": closed({"type": required(constant("text"))}),
        "json_object": closed({"type": required(constant("json_object"))}),
        "json_schema": closed(
            {
                "type": required(constant("json_schema")),
                "json_schema": required(
                    closed(
                        {
                            # The service complains about the first of its three forms: capture 041.
                            "name": required(text(), missing="type: Input should be 'text'"),
                            "description": optional(nullable(text())),
                            "schema": optional(nullable(mapping(anything))),
                            "strict": optional(nullable(boolean)),
                        }
                    )
                ),
            }
        ),
    },
)

_PREDICTION: Final = closed(
    {"type": required(constant("content")), "content": required(_text_or(_TEXT_PART))}
)
_REASONING_FORMAT: Final = one_of("none", "parsed", "text_parsed", "raw", "hidden")
_MAX_TOKENS: Final = optional(nullable(integer(-1)))
_PENALTY: Final = optional(nullable(number(-2, 2)))

_SAMPLING: Final = {
    "frequency_penalty": _PENALTY,
    "logit_bias": optional(nullable(mapping(number(-100, 100)))),
    "max_tokens": _MAX_TOKENS,
    "min_tokens": _MAX_TOKENS,
    "n": optional(nullable(integer(1))),
    "presence_penalty": _PENALTY,
    "prompt_cache_key": optional(nullable(text(at_most=1024))),
    "seed": optional(nullable(integer())),
    "stop": optional(
        nullable(by_type({str: text(), list: items(text(), at_most=4)}, "a valid string or list"))
    ),
    "stream": optional(nullable(boolean)),
    "stream_options": optional(nullable(closed({"include_usage": optional(nullable(boolean))}))),
    "temperature": optional(nullable(number(0, 2))),
    "top_p": optional(nullable(number(0, 1))),
    "user": optional(nullable(text())),
}
"""What chat and text completions share."""

CHAT: Final[Shape] = closed(
    {
        "model": required(text()),
        "messages": required(items(_MESSAGE, at_least=1)),
        **_SAMPLING,
        "clear_thinking": optional(nullable(boolean)),
        "disable_reasoning": optional(nullable(boolean)),
        "logprobs": optional(nullable(boolean)),
        "max_completion_tokens": _MAX_TOKENS,
        "min_completion_tokens": _MAX_TOKENS,
        "model_parameters": optional(nullable(mapping(anything))),
        "parallel_tool_calls": optional(nullable(boolean)),
        "prediction": optional(nullable(_PREDICTION)),
        "reasoning_effort": optional(nullable(one_of("none", "low", "medium", "high"))),
        "reasoning_format": optional(_REASONING_FORMAT),  # null is refused: §2.1
        "response_format": optional(nullable(_RESPONSE_FORMAT)),
        "service_tier": optional(nullable(one_of("auto", "default", "flex", "priority"))),
        "tool_choice": optional(nullable(_TOOL_CHOICE)),
        "tools": optional(nullable(items(_TOOL))),
        "top_logprobs": optional(nullable(integer(0, 20))),
    }
)


_TOKENS: Final = items(integer(0))
_PROMPT_ELEMENTS: Final[dict[type, Shape]] = {list: _TOKENS, int: integer(0), float: integer(0)}


def _prompts(value: object, path: str) -> Iterator[str]:
    """Strings, token ids, or lists of token ids: the first element decides."""
    first: object = value[0] if is_list(value) and value else ""
    return items(_PROMPT_ELEMENTS.get(type(first), text()))(value, path)


COMPLETION: Final[Shape] = closed(
    {
        "model": required(text()),
        "prompt": required(by_type({str: text(), list: _prompts}, "a valid string or list")),
        **_SAMPLING,
        "best_of": optional(nullable(integer(0, 20))),
        "echo": optional(nullable(boolean)),
        "grammar_root": optional(nullable(text())),
        "logprobs": optional(nullable(integer(0, 20))),
        "reasoning_format": optional(nullable(_REASONING_FORMAT)),
        "return_raw_tokens": optional(nullable(boolean)),
        "suffix": optional(nullable(text())),
    }
)
