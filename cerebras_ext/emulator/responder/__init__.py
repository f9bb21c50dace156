"""Answers without a model: deterministic, out of the prompt, good enough to build against.

The responder reads the prompt as a question with a context (`reading`), then calls a tool that the
question speaks of (`tool_use`), fills in a schema (`instances`), keeps to a form that the prompt
explains (`forms`), or says the sentences that fit best (`talk`). It never makes up facts.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from cerebras_ext.emulator.accepted import Message, NamedTool, ResponseFormat
from cerebras_ext.emulator.answer import Answer, CalledTool
from cerebras_ext.emulator.quirks import quirks_of
from cerebras_ext.emulator.responder.embedded_json import schema_in
from cerebras_ext.emulator.responder.forms import formed_answer
from cerebras_ext.emulator.responder.instances import instance_of
from cerebras_ext.emulator.responder.reading import Reading, reading_of
from cerebras_ext.emulator.responder.talk import gist
from cerebras_ext.emulator.responder.thinking import thoughts
from cerebras_ext.emulator.responder.tool_use import (
    OfferedTool,
    Wanted,
    answer_from_results,
    calls_of,
    suggested_calls,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cerebras_ext.emulator.accepted import ChatRequest

__all__ = ["answer_chat", "continue_text"]


def answer_chat(request: ChatRequest) -> Answer:
    """What the emulated model says to a chat request; the same request, the same answer."""
    reading = reading_of(request.messages)
    calls = _calls(request, reading)
    if calls:
        has_spaces = quirks_of(request.facts.family).has_spaced_arguments
        said = [CalledTool(call.name, _json(call.arguments, has_spaces)) for call in calls]
        plan = f"I should call {' and '.join(dict.fromkeys(call.name for call in calls))}."
        return Answer(reasoning=_thoughts(request, reading, plan), tool_calls=tuple(said))
    content, plan = _content(request, reading)
    return Answer(content=content, reasoning=_thoughts(request, reading, plan))


def continue_text(prompt: str) -> Answer:
    """What the emulated model adds to a prompt of the text endpoint."""
    return Answer(content=f" {formed_answer(reading_of((Message('user', prompt),)))}")


def _calls(request: ChatRequest, reading: Reading) -> list[Wanted]:
    """The calls to make: none once tools have answered, unless one is required."""
    tools = [OfferedTool(t.name, t.description, t.parameters) for t in request.tools]
    results = _results(request)
    if not tools or request.tool_choice == "none" or (request.tool_choice == "auto" and results):
        return []
    told = "\n".join((reading.values_text, *(text for _, text in results)))
    reply = answer_from_results(reading.question, results) or gist(reading)
    takes_several = request.parallel_tool_calls
    if isinstance(request.tool_choice, NamedTool):
        tools = [tool for tool in tools if tool.name == request.tool_choice.name]
    else:
        done = {name for name, _ in results}
        tools = [tool for tool in tools if tool.name not in done] or tools
        calls = suggested_calls(tools, told, takes_several=takes_several, reply=reply)
        if calls or request.tool_choice == "auto":
            return calls
    return calls_of(tools[0], told, takes_several=takes_several, reply=reply)


def _content(request: ChatRequest, reading: Reading) -> tuple[str, str]:
    """The text to say, and the plan behind it."""
    results = _results(request)
    if request.response_format.is_json:
        return _json_text(request.response_format, reading, results), "I should answer with JSON."
    if request.prediction is not None:
        return request.prediction, "The predicted text will do as it is."
    if results:
        return answer_from_results(reading.question, results), "The tools have answered."
    if pictures := _pictures(request):
        return f"{pictures} {formed_answer(reading)}", "I cannot look at pictures."
    return formed_answer(reading), "I should answer from what the prompt says."


def _json_text(wanted: ResponseFormat, reading: Reading, results: Sequence[tuple[str, str]]) -> str:
    told = "\n".join((reading.prompt, *(text for _, text in results), reading.earlier))
    reply = answer_from_results(reading.question, results) or gist(reading)
    if wanted.schema is not None:
        return _json(instance_of(wanted.schema, told, reply=reply))
    if found := schema_in(reading.everything):
        return _json(instance_of(*found, reply=reply))
    named = re.findall(r"[`'\"](\w+)[`'\"]", reading.everything) if "key" in told else []
    if not named:
        return _json({"answer": formed_answer(reading)})
    properties = {name: {"type": "string"} for name in named}
    return _json(instance_of({"type": "object", "properties": properties}, told, reply=reply))


def _results(request: ChatRequest) -> list[tuple[str, str]]:
    """Results of the tools called since the last user message, each with its tool's name."""
    names: dict[str, str] = {}
    results: list[tuple[str, str]] = []
    for message in request.messages:
        if message.role == "user":
            results = []
        names |= {call.id: call.name for call in message.tool_calls}
        if message.role == "tool":
            results.append((names.get(message.tool_call_id or "", "the tool"), message.text))
    return results


def _pictures(request: ChatRequest) -> str:
    images = [image for message in request.messages for image in message.images]
    if not images:
        return ""
    sizes = ", ".join(f"{image.width}\u00d7{image.height}" for image in images)
    noun = "picture" if len(images) == 1 else "pictures"
    return f"I was shown {len(images)} {noun} ({sizes} pixels) and cannot see what is in them."


def _thoughts(request: ChatRequest, reading: Reading, plan: str) -> str | None:
    tools = [tool.name for tool in request.tools]
    return thoughts(reading, request.reasoning_effort, plan=plan, tools=tools)


def _json(value: object, has_spaces: bool = True) -> str:
    separators = (", ", ": ") if has_spaces else (",", ":")
    return json.dumps(value, ensure_ascii=False, separators=separators)
