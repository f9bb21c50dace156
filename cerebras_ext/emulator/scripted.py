"""Steps of a script as replies: what a step says verbatim, and what it does to a reply."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cerebras_ext.emulator.fault_answers import status_answer
from cerebras_ext.emulator.render import Chunk
from cerebras_ext.emulator.replies import EVENT_STREAM, JSON, json_reply, stream_reply, text_reply

if TYPE_CHECKING:
    from cerebras_ext.emulator.outgoing import Outgoing
    from cerebras_ext.emulator.script import ScriptStep

__all__ = ["as_scripted", "verbatim_reply"]


def verbatim_reply(
    step: ScriptStep, *, seed: bytes, is_stream: bool, has_done: bool
) -> Outgoing | None:
    """The reply that a step spells out, or None where it leaves that to a model."""
    fault = step.parsed_fault
    if fault is not None and fault.answers:
        return fault.answer()
    status = step.status or 200
    if step.raw is not None:
        content_type = EVENT_STREAM if is_stream and status == 200 else JSON
        return text_reply(step.raw, status=status, content_type=content_type, seed=seed)
    if step.body is not None:
        return json_reply(step.body, status=status, seed=seed)
    if step.chunks:
        return stream_reply(map(Chunk, step.chunks), seed=seed, has_done=has_done)
    if step.status is not None and step.status >= 300:
        return status_answer(str(step.status))
    return None


def as_scripted(outgoing: Outgoing, step: ScriptStep) -> Outgoing:
    """A reply with the fault, status and headers of a step."""
    fault = step.parsed_fault
    if fault is not None and not fault.answers:
        outgoing = fault.damaged(outgoing)
    if step.status is not None:
        outgoing = replace(outgoing, status=step.status)
    return outgoing.with_headers(step.headers)
