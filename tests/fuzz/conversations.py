"""Made-up conversations, tools and options, as no framework's objects yet.

They are what agents and users send when nothing is wrong: calls have results, names are names.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import enum
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Optional

from pydantic import BaseModel, Field, create_model

from tests.fuzz.judge import MODELS, SERVICE

if TYPE_CHECKING:
    from random import Random

    from cerebras_ext.catalog import ModelFacts

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
TEXTS = (
    "",
    " ",
    "Hello",
    "wörld 🌍",
    "a\nb\r\n\tc",
    "\ud83d",
    "\x00\x1b[0m",
    "x" * 3_000,
    "<think>",
)
TOOL_NAMES = ("add", "files.read", "a b", "größe", "x" * 70, "mcp__server__tool", "a-b_c", "1")
Role = Literal["system", "user", "assistant", "tool"]


class Colour(enum.Enum):
    """A closed set."""

    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    """A nested model."""

    x: int = Field(ge=-5, le=5)
    y: float | None = None


class Tree(BaseModel):
    """A recursive model."""

    name: str
    children: list["Tree"] = []


TYPES: tuple[Any, ...] = (
    str,
    int,
    float,
    bool,
    Any,
    Point,
    Tree,
    Colour,
    dt.date,
    dt.datetime,
    uuid.UUID,
    decimal.Decimal,
    list[str],
    list[Point],
    dict[str, int],
    dict[str, Any],
    tuple[int, str],
    set[int],
    bytes,
    Literal["a", 1, None],
    int | str,
    Optional[Point],  # noqa: UP045 - as users write it
    list[list[Colour]],
)


@dataclass(frozen=True, slots=True)
class Said:
    """One message.

    Attributes:
        calls: Id, tool and arguments of each call.
        call_id: For a tool's result, the call.
        images: Pictures beside the text.
    """

    role: Role
    text: str
    reasoning: str = ""
    calls: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    call_id: str = ""
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """What one request is made of.

    Attributes:
        tools: Argument models by tool name.
        options: Request fields.
        schema: A model that the answer is to be an instance of; None for a free answer.
    """

    facts: ModelFacts
    messages: list[Said]
    tools: dict[str, type[BaseModel]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    tool_choice: str | None = None
    is_strict: bool = False
    is_parallel: bool = True
    schema: type[BaseModel] | None = None
    is_stream: bool = False


def made_up_talk(rng: Random) -> Talk:
    """A conversation that the service takes, if it is translated well."""
    facts = rng.choice(MODELS)
    tools = {name: made_up_model(rng, "Arguments") for name in rng.sample(TOOL_NAMES, 3)}
    if not facts.supports_tools or rng.random() < 0.4:
        tools = {}
    wants_object = not tools and facts.supports_json_schema and rng.random() < 0.4
    choices = [None, "auto", "any", "none", *tools] if facts.supports_tool_choice else [None]
    return Talk(
        facts,
        list(_messages(rng, facts, list(tools))),
        tools=tools,
        options=_options(rng, facts),
        tool_choice=rng.choice(choices) if tools else None,
        is_strict=facts.supports_strict_tools and rng.random() < 0.5,
        is_parallel=rng.random() < 0.7,
        schema=made_up_model(rng, "Answer") if wants_object else None,
        is_stream=rng.random() < 0.5,
    )


def made_up_model(rng: Random, name: str) -> type[BaseModel]:
    """A pydantic class."""
    fields: dict[str, Any] = {}
    for number in range(rng.randrange(4)):
        default = ... if rng.random() < 0.6 else None
        description = rng.choice((None, "What it is.", "größer 🌍", "x" * 300))
        fields[rng.choice(("a", "b_c", f"n{number}"))] = (
            rng.choice(TYPES),
            Field(default, description=description),
        )
    return create_model(name, __doc__=rng.choice((None, "Does it.")), **fields)


def _messages(rng: Random, facts: ModelFacts, names: list[str]) -> list[Said]:
    said = [Said("system", _text(rng))] if rng.random() < 0.5 else []
    n_images_left = SERVICE.max_images(facts) if facts.takes_images else 0
    for turn in range(rng.randrange(1, 4)):
        n_images = rng.randrange(min(2, n_images_left) + 1)
        n_images_left -= n_images
        said.append(Said("user", _text(rng), images=(PNG,) * n_images))
        is_called = bool(names) and rng.random() < 0.6
        if is_called:
            said += _calls(rng, names, turn)
        if turn < 2 and rng.random() < 0.7:
            said.append(Said("assistant", _text(rng), reasoning=rng.choice(("", "Hm."))))
    if said[-1].role == "assistant":
        said.append(Said("user", "And?"))
    return said


def _calls(rng: Random, names: list[str], turn: int) -> list[Said]:
    calls = tuple(
        (f"call{turn}{number}", rng.choice(names), _arguments(rng))
        for number in range(rng.randrange(1, 4))
    )
    asking = Said("assistant", rng.choice(("", "Let me see.")), rng.choice(("", "Hm.")), calls)
    results = [Said("tool", _text(rng), call_id=call_id) for call_id, _, _ in calls]
    return [asking, *rng.sample(results, len(results))]


def _arguments(rng: Random) -> dict[str, Any]:
    values = (1, 2.5, None, True, "wörld", [1, {"a": None}], {}, "\ud83d")
    return {name: rng.choice(values) for name in rng.sample(("a", "b", "größe", ""), 2)}


def _text(rng: Random) -> str:
    return rng.choice(TEXTS)


def _options(rng: Random, facts: ModelFacts) -> dict[str, Any]:
    known = {
        "temperature": rng.choice((0, 0.5, 2)),
        "top_p": rng.choice((0.1, 1)),
        "max_tokens": rng.choice((1, 500)),
        "stop": rng.choice((["a"], ["a", "b", "c", "d"])),
        "seed": rng.choice((0, -1, 2**31)),
        "user": "someone",
    }
    if facts.reasoning_efforts:
        known["reasoning_effort"] = rng.choice(facts.reasoning_efforts)
    return {name: value for name, value in known.items() if rng.random() < 0.3}
