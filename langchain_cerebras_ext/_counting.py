"""How many tokens a history takes, before it is sent; the service's count stands on its reply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages.utils import count_tokens_approximately, get_buffer_string

from langchain_cerebras_ext._tools import bound_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import BaseMessage

__all__ = ["count_tokens"]


def count_tokens(
    messages: Sequence[BaseMessage],
    tools: Sequence[Any] | None,
    encode: Callable[[str], list[int]] | None,
) -> int:
    """About how many tokens messages and tools take.

    Args:
        messages: The history.
        tools: What is offered beside it, in any form that `bind_tools` takes.
        encode: The user's tokenizer; None estimates from the length of the text.
    """
    bound = bound_tools(tools or ())
    if encode is None:
        return count_tokens_approximately(messages, tools=cast("Any", bound) or None)
    texts = [get_buffer_string([message]) for message in messages]
    return sum(len(encode(text)) for text in [*texts, *map(json.dumps, bound)])
