"""Text prompts that ask for Thought, Action and Action Input lines, answered in that form."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from cerebras_ext.emulator.responder.embedded_json import objects_in
from cerebras_ext.emulator.responder.talk import talk
from cerebras_ext.emulator.responder.tool_use import (
    OfferedTool,
    answer_from_results,
    suggested_calls,
)

if TYPE_CHECKING:
    from cerebras_ext.emulator.responder.reading import Reading

__all__ = ["is_react", "react_step"]

# Tools as agents describe them: blocks with the schema of the arguments, or names in a list.
_BLOCK = re.compile(r"> Tool Name:[ ]*(\S+)\s*\nTool Description:(.*?)\nTool Args:(.*)", re.DOTALL)
_ONE_OF = re.compile(r"\bone of \[([\w, -]+)\]")
_OBSERVATION = re.compile(r"Observation:(.+?)(?=\nThought:|\nAction:|\Z)", re.DOTALL)
_ACTION = re.compile(r"^Action:\s*(\S+)", re.MULTILINE)
_ONE_INPUT = {"properties": {"input": {"type": "string"}}, "required": ["input"]}


def is_react(reading: Reading) -> bool:
    """Whether a prompt explains the form."""
    return "Action Input:" in reading.everything and "Thought:" in reading.everything


def react_step(reading: Reading) -> str:
    """The next step: an action, or the answer once an observation gives it."""
    since_question = reading.everything.rpartition(reading.request)[2]
    label = "Final Answer" if "Final Answer:" in reading.everything else "Answer"
    if observed := _OBSERVATION.findall(since_question):
        acted = _ACTION.findall(since_question) or ["the tool"]
        answer = answer_from_results(reading.question, [(acted[-1], observed[-1].strip())])
        return f"Thought: I can answer without using any more tools.\n{label}: {answer}"
    tools = _blocks_in(reading.everything) or _listed_in(reading.everything)
    calls = suggested_calls(tools, reading.request, takes_several=False)
    if not calls:
        return f"Thought: I can answer without using any tools.\n{label}: {_talk(reading)}"
    call = calls[0]
    is_plain = tools[0].parameters is _ONE_INPUT
    said = call.arguments["input"] if is_plain else json.dumps(call.arguments, ensure_ascii=False)
    return f"Thought: I need the tool {call.name}.\nAction: {call.name}\nAction Input: {said}"


def _talk(reading: Reading) -> str:
    # The explanation of the form is no context to answer from.
    return talk(replace(reading, context=""))


def _blocks_in(text: str) -> list[OfferedTool]:
    found: list[OfferedTool] = []
    for block in text.split("\n> Tool Name:")[1:]:
        if described := _BLOCK.match(f"> Tool Name:{block}"):
            name, description, arguments = described.groups()
            schemas = [value for value, _ in objects_in(arguments)]
            found.append(OfferedTool(name, description.strip(), schemas[0] if schemas else {}))
    return found


def _listed_in(text: str) -> list[OfferedTool]:
    """Tools of one text input, described by the lines that begin with their names."""
    listed = _ONE_OF.search(text)
    names = [name.strip() for name in listed[1].split(",")] if listed else []
    return [OfferedTool(name, _line_about(name, text), _ONE_INPUT) for name in names if name]


def _line_about(name: str, text: str) -> str:
    found = re.search(rf"^[> -]*{re.escape(name)}\b[^\n]*", text, re.MULTILINE)
    return found[0] if found else ""
