"""A schema, its value, and replies that give it, for the tests of structured output."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from tests.langchain.support import Reply

METHODS = ["json_schema", "function_calling", "json_mode"]
VALUE = {"name": "Ann", "age": 7}


class Person(BaseModel):
    """A person."""

    name: str
    age: int = Field(default=0, description="In years.")


def reply_with(text: str, method: str, *, name: str = "Person", **facts: Any) -> Reply:
    """A reply that gives this JSON the way a method asks for it."""
    if method == "function_calling":
        return Reply(calls=(("c1", name, text),), **{"finish_reason": "tool_calls", **facts})
    return Reply(content=text, **facts)
