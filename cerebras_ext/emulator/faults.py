"""Faults on the level of HTTP, chosen for one request by name.

A request carries `x-emulator-fault: <name>[:<argument>][;<header>=<value>…]`, or a step of a script
has that text under `fault`. `FAULTS` lists them; faults below HTTP are in `rawserver`.

Some faults answer in place of the endpoint (`status:503;retry-after=2`), the others damage its
answer (`cut:3`). "After n events" means that n events of a stream are sent whole first; a whole
reply counts as one event. In place of n, `last` means all up to the one with the finish reason.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, TypeAlias

from pydantic_core import to_json

from cerebras_ext.emulator.fault_answers import error_body, error_json, redirect, status_answer
from cerebras_ext.emulator.outgoing import Drop, Frame, Outgoing, Stall, Step, Wait, read_header
from cerebras_ext.emulator.problems import INTERNAL_ERROR, QUEUE_EXCEEDED
from cerebras_ext.emulator.render import DONE_EVENT, sse_event

__all__ = ["FAULTS", "FAULT_HEADER", "Fault", "FaultError", "FaultKind", "read_fault"]

FAULT_HEADER = "x-emulator-fault"

_MIB = 1024 * 1024
_MOST_MIB = 1024
_Answer: TypeAlias = Callable[[str], Outgoing]
_Damage: TypeAlias = Callable[[Outgoing, str], Outgoing]


class FaultError(ValueError):
    """A fault that does not exist, or an argument it does not take."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One row of the list: either an answer of its own or a damage to another's.

    `default` is the argument when none is given.
    """

    name: str
    summary: str
    default: str = ""
    answer: _Answer | None = None
    damage: _Damage | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault with its argument, and headers added to the reply that it strikes."""

    kind: FaultKind
    argument: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def answers(self) -> bool:
        """Whether it answers in place of the endpoint."""
        return self.kind.answer is not None

    def answer(self) -> Outgoing:
        """The reply in place of the endpoint's."""
        assert self.kind.answer is not None
        return self.kind.answer(self.argument).with_headers(self.headers)

    def damaged(self, outgoing: Outgoing) -> Outgoing:
        """The endpoint's reply with the fault in it."""
        assert self.kind.damage is not None
        return self.kind.damage(outgoing.whole(), self.argument).with_headers(self.headers)


def read_fault(text: str) -> Fault:
    """The fault that a header or a script names.

    Raises:
        FaultError: No such fault, or an argument it cannot use.
    """
    head, *pairs = text.split(";")
    name, _, argument = (part.strip() for part in head.partition(":"))
    kind = FAULTS.get(name)
    if kind is None:
        near = get_close_matches(name, FAULTS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else "the list is cerebras_ext.emulator.FAULTS"
        raise FaultError(f"there is no fault {name!r}: {hint}")
    fault = Fault(kind, argument or kind.default, dict(_header(pair) for pair in pairs))
    _try(fault)
    return fault


def _header(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals:
        raise FaultError(f"{pair!r} must be <header>=<value>")
    try:
        return read_header(name, value)
    except ValueError as error:
        raise FaultError(str(error)) from None


def _try(fault: Fault) -> None:
    """Uses the argument once, so that a bad one is found before a test depends on it."""
    try:
        if fault.answers:
            fault.answer()
        else:
            fault.damaged(Outgoing(200, (), (Frame(b"{}"),)))
    except FaultError:
        raise
    except ValueError as error:
        raise FaultError(f"fault {fault.kind.name!r}: {error}") from None


def _cut_by_length(outgoing: Outgoing, argument: str) -> Outgoing:
    body = outgoing.data
    kept = _number(argument, "bytes") if argument else len(body) // 2
    whole = outgoing.with_headers({"content-length": str(max(len(body), kept + 1))})
    return replace(whole, steps=(Frame(body[:kept]), Drop()))


def _other_content_type(outgoing: Outgoing, argument: str) -> Outgoing:
    return outgoing.with_headers({"content-type": argument})


def _bad_gzip(outgoing: Outgoing, argument: str) -> Outgoing:
    packed = outgoing.with_headers({"content-encoding": "gzip"})
    return replace(packed, steps=(Frame(b"\x1f\x8b\x08\x00" + outgoing.data),))


def _gzip_bomb(outgoing: Outgoing, argument: str) -> Outgoing:
    packed = outgoing.with_headers({"content-encoding": "gzip"})
    return replace(packed, steps=(Frame(_bomb(_mebibytes(argument))),))


@lru_cache(maxsize=4)
def _bomb(n_mib: int) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    blanks = b" " * _MIB
    return b"".join(packer.compress(blanks) for _ in range(n_mib)) + packer.flush()


def _bad_json(outgoing: Outgoing, argument: str) -> Outgoing:
    if outgoing.is_stream:
        return _bad_frame(outgoing, argument)
    body = outgoing.data
    return replace(outgoing, steps=(Frame(body[: max(1, len(body) // 2)]),))


def _oversize(outgoing: Outgoing, argument: str) -> Outgoing:
    """A reply that never seems to end: one event over and over, or one enormous JSON string."""
    n_bytes = _mebibytes(argument) * _MIB
    if outgoing.is_stream:
        frames = outgoing.frames
        filler = frames[len(frames) // 2]
        repeated = (filler,) * (n_bytes // len(filler.data) + 1)
        return replace(outgoing, steps=(frames[0], *repeated, *frames[1:]))
    padding = (Frame(b" " * _MIB),) * (n_bytes // _MIB)
    return replace(outgoing, steps=(Frame(b'{"padding":"'), *padding, Frame(b'"}')))


def _cut(outgoing: Outgoing, argument: str) -> Outgoing:
    return replace(outgoing, steps=(*_first_events(outgoing, argument), Drop()))


def _no_finish(outgoing: Outgoing, argument: str) -> Outgoing:
    if outgoing.is_stream:
        if argument:
            return replace(outgoing, steps=_first_events(outgoing, argument))
        unfinished = _first_events(outgoing, "last")[:-1]
        return replace(outgoing, steps=unfinished)
    body = json.loads(outgoing.data)
    for choice in body.get("choices", ()):
        choice.pop("finish_reason", None)
    return replace(outgoing, steps=(Frame(json.dumps(body).encode()),))


def _error_frame(outgoing: Outgoing, argument: str) -> Outgoing:
    return _failing(outgoing, argument, b"", error_json(INTERNAL_ERROR.problem()))


def _error_event(outgoing: Outgoing, argument: str) -> Outgoing:
    return _failing(outgoing, argument, b"event: error\n", error_json(QUEUE_EXCEEDED.problem()))


def _failing(outgoing: Outgoing, argument: str, name: bytes, error: dict[str, Any]) -> Outgoing:
    """The beginning of a stream, then an error event; a whole body is the error alone."""
    before = _first_events(outgoing, argument)
    if not outgoing.is_stream:
        return replace(outgoing, steps=(Frame(to_json(error)),))
    return replace(outgoing, steps=(*before, Frame(name + sse_event(error))))


def _bad_frame(outgoing: Outgoing, argument: str) -> Outgoing:
    if not outgoing.is_stream:
        return _bad_json(outgoing, argument)
    before = _first_events(outgoing, argument)
    broken = Frame(b'data: {"id":"chatcmpl-broken","choices":[{"delta":{"content":"a\n\n')
    return replace(outgoing, steps=(*before, broken, *tuple(outgoing.steps)[len(before) :]))


def _stall(outgoing: Outgoing, argument: str) -> Outgoing:
    return replace(outgoing, steps=(*_first_events(outgoing, argument), Stall()))


def _drip(outgoing: Outgoing, argument: str) -> Outgoing:
    wait = Wait(_number(argument, "milliseconds") / 1000)
    steps = tuple(step for byte in outgoing.data for step in (Frame(bytes((byte,))), wait))
    return replace(outgoing, steps=steps)


def _giant_line(outgoing: Outgoing, argument: str) -> Outgoing:
    """A very long line in place of the rest."""
    if not outgoing.is_stream:
        return _oversize(outgoing, argument)
    before = _first_events(outgoing, "1")
    line = (Frame(b'data: {"padding":"'),) + (Frame(b"x" * _MIB),) * _mebibytes(argument)
    return replace(outgoing, steps=(*before, *line, Frame(b'"}\n\n')))


def _first_events(outgoing: Outgoing, argument: str) -> tuple[Step, ...]:
    """The steps up to the n-th frame."""
    frames = outgoing.frames
    if argument == "last":
        wanted = len(frames) - (frames[-1:] == (Frame(DONE_EVENT),))
    else:
        wanted = _number(argument, "events")
    taken: list[Step] = []
    for step in outgoing.steps:
        if wanted == 0:
            break
        taken.append(step)
        wanted -= isinstance(step, Frame)
    return tuple(taken)


def _mebibytes(argument: str) -> int:
    n_mib = _number(argument, "MiB")
    if n_mib > _MOST_MIB:
        raise FaultError(f"{argument!r} must be {_MOST_MIB} MiB at most")
    return n_mib


def _number(argument: str, unit: str) -> int:
    # int() would take signs, underscores and digits of other scripts.
    if not (argument.isascii() and argument.isdigit()) or len(argument) > 9:
        raise FaultError(f"{argument!r} must be a number of {unit}")
    return int(argument)


_ANSWERS = (
    FaultKind("status", "an error status; argument: 503, 429-day, …", "500", answer=status_answer),
    FaultKind("redirect", "307; argument: where to", "https://elsewhere.invalid/", answer=redirect),
    FaultKind("error-body", "status 200, an error in the body", "500", answer=error_body),
)
_DAMAGES = (
    FaultKind("cut-length", "fewer bytes than content-length says", damage=_cut_by_length),
    FaultKind("content-type", "another content type", "text/html", damage=_other_content_type),
    FaultKind("bad-gzip", "says gzip, is none", damage=_bad_gzip),
    FaultKind("gzip-bomb", "small packed, n MiB unpacked", "64", damage=_gzip_bomb),
    FaultKind("bad-json", "half a body, or a broken event after n", "1", damage=_bad_json),
    FaultKind("oversize", "a body of n MiB", "40", damage=_oversize),
    FaultKind("cut", "connection closed after n events", "1", damage=_cut),
    FaultKind("no-finish", "ends cleanly after n events, no finish reason", damage=_no_finish),
    FaultKind("error-frame", "an unnamed error event after n events", "1", damage=_error_frame),
    FaultKind("error-event", "an event named error after n events", "1", damage=_error_event),
    FaultKind("bad-frame", "an event that is no JSON after n events", "1", damage=_bad_frame),
    FaultKind("stall", "silence after n events", "1", damage=_stall),
    FaultKind("drip", "one byte every n milliseconds", "10", damage=_drip),
    FaultKind("giant-line", "a line of n MiB after the first event", "2", damage=_giant_line),
)

FAULTS: Mapping[str, FaultKind] = {kind.name: kind for kind in (*_ANSWERS, *_DAMAGES)}
"""Every fault by name."""
