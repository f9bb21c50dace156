"""What every contender is asked."""

from __future__ import annotations

from typing import Any

__all__ = ["KEY", "MODEL", "PROMPT", "request"]

KEY = "csk-test-bench"
MODEL = "gpt-oss-120b"
PROMPT = "Tell me about foxes."


def request(is_stream: bool) -> dict[str, Any]:
    """The body of a request, for contenders who write it themselves."""
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": PROMPT}],
        "stream": is_stream,
    }
