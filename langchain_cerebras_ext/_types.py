"""Types in public signatures and fields, kept apart because they are needed at run time.

LangChain reads the signatures: `with_fallbacks([…]).bind_tools(…)` looks at what `bind_tools`
returns, and fails where a name in its annotations cannot be resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
else:  # the import costs more than the name is worth at run time
    BaseTool = Any

__all__ = ["Method", "SchemaLike", "TokenBiases", "ToolLike"]

Method = Literal["json_schema", "function_calling", "json_mode"]
SchemaLike: TypeAlias = type[Any] | dict[str, Any]
ToolLike: TypeAlias = Mapping[str, Any] | type | Callable[..., Any] | BaseTool


def _by_text(biases: dict[str, float] | dict[int, float]) -> dict[str, float]:
    return {str(token): bias for token, bias in biases.items()}


TokenBiases: TypeAlias = Annotated[
    dict[str, float] | dict[int, float],
    AfterValidator(_by_text),  # as JSON has them, so that equal models are equal
]
