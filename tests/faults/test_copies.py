"""Reliability contract §5.5: models, what is made of them, and errors go wherever objects go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.prompts import ChatPromptTemplate
from llama_index.core.llms import ChatMessage
from pydantic import BaseModel

from langchain_cerebras_ext import CerebrasLLM, ChatCerebras
from llama_index_cerebras_ext import Cerebras
from tests.faults.callers import KEY, MODEL, PROMPT
from tests.faults.copies import COPIES
from tests.faults.scenes import ANSWER

if TYPE_CHECKING:
    from cerebras_ext.emulator.server import RunningEmulator


class Greeting(BaseModel):
    """A greeting."""

    words: str


GREETING = {"content": '{"words": "Hello"}', "times": 20}


def _chat(base_url: str) -> ChatCerebras:
    return ChatCerebras(model=MODEL, base_url=base_url)


def _llm(base_url: str) -> Cerebras:
    return Cerebras(model=MODEL, base_url=base_url)


TOOL = {"name": "greet", "parameters": {"type": "object", "properties": {}}}
Ask = Callable[[Any], Any]
THINGS: dict[str, tuple[Callable[[str], Any], Ask, Any]] = {
    "ChatCerebras": (_chat, lambda it: it.invoke(PROMPT).text, ANSWER),
    "bound": (lambda url: _chat(url).bind_tools([TOOL]), lambda it: it.invoke(PROMPT).text, ANSWER),
    "configured": (
        lambda url: _chat(url).with_retry().with_config(tags=["x"]),
        lambda it: it.invoke(PROMPT).text,
        ANSWER,
    ),
    "chain": (
        lambda url: ChatPromptTemplate.from_messages([("user", "{x}")]) | _chat(url),
        lambda it: it.invoke({"x": PROMPT}).text,
        ANSWER,
    ),
    "structured": (
        lambda url: _chat(url).with_structured_output(Greeting),
        lambda it: it.invoke(PROMPT).words,
        "Hello",
    ),
    "CerebrasLLM": (
        lambda url: CerebrasLLM(model=MODEL, base_url=url),
        lambda it: it.invoke(PROMPT),
        ANSWER,
    ),
    "Cerebras": (_llm, lambda it: it.complete(PROMPT).text, ANSWER),
    "as_structured_llm": (
        lambda url: _llm(url).as_structured_llm(Greeting),
        lambda it: it.chat([ChatMessage(role="user", content=PROMPT)]).raw.words,
        "Hello",
    ),
}


@pytest.mark.parametrize("is_used", [False, True], ids=["fresh", "used"])
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES.keys())
@pytest.mark.parametrize(("make", "ask", "answer"), THINGS.values(), ids=THINGS.keys())
def test_copy_works(
    make: Callable[[str], Any],
    ask: Ask,
    answer: Any,
    copied: Callable[[Any], Any],
    is_used: bool,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """§5.5: before and after the first call; clients and locks stay behind, and so does the key."""
    monkeypatch.setenv("CEREBRAS_API_KEY", KEY)
    if answer != ANSWER:
        emulator.script(GREETING)
    original = make(emulator.base_url)
    if is_used:
        assert ask(original) == answer
    assert ask(copied(original)) == answer
    assert ask(original) == answer
