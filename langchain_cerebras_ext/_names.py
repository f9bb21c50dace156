"""Spellings that more than one module has to agree on."""

from __future__ import annotations

from typing import Final

__all__ = ["PROVIDER", "UNSEALED_ARGUMENTS"]

PROVIDER: Final = "cerebras"
"""`model_provider` of messages, `ls_provider` of traces, and the block translator's key: equal by
contract.
"""

UNSEALED_ARGUMENTS: Final = "invalid_tool_arguments"
"""Key in `response_metadata`: call id to the argument text as the model wrote it, for calls that
are invalid.
"""
