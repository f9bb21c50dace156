"""The fault matrix of reliability contract §4: each fault, and what comes of it.

`python -m tests.faults.table` prints it as `docs/reliability.md` shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cerebras_ext.config import Timeouts
from tests.faults.callers import PATIENT
from tests.faults.scenes import (
    ANSWER,
    ANSWER_PIECES,
    LONG_AGO,
    Play,
    below_http,
    emulated,
    exhausted,
    not_accepted,
    refused,
    unresolved,
    untrusted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HASTY = Timeouts(connect_s=0.3, read_s=0.3, write_s=10.0, pool_s=0.2, total_s=30.0)
BOUND = Timeouts(connect_s=10.0, read_s=10.0, write_s=10.0, pool_s=10.0, total_s=0.8)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call comes to.

    Attributes:
        error: The class of the error; None when the call succeeds all the same.
        says: Words of its message, the remedy among them.
        facts: Attributes of the error.
        partial: The text on the error's `.partial`; None when there is none. "…" stands for what
            was heard, where chance decides how much that is.
    """

    error: str | None
    says: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    partial: str | None = None

    def shown(self) -> str:
        """The outcome as users read it."""
        if self.error is None:
            return "the answer"
        shown = [str(self.facts[name]) for name in ("phase", "status") if name in self.facts]
        return (
            f"`{self.error}`"
            + (f" ({', '.join(shown)})" if shown else "")
            + (" with `.partial`" if self.partial else "")
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """One row.

    Attributes:
        id: Its number in the contract.
        name: What happens.
        play: Makes it happen.
        whole: What becomes of a whole reply; None where the fault cannot meet one.
        stream: What becomes of a stream; None where the fault cannot meet one.
        n_tries: How often the client tries, when it may three times.
        advice: What users can do.
        timeouts: Time limits to call with.
    """

    id: str
    name: str
    play: Play
    whole: Outcome | None
    stream: Outcome | None
    n_tries: int
    advice: str = ""
    timeouts: Timeouts = PATIENT

    def outcome(self, *, is_stream: bool) -> Outcome | None:
        """What becomes of a call."""
        return self.stream if is_stream else self.whole


WORKS = Outcome(None)
AGAIN = "try again"
LOOK = "check the address and what is in between"
NETWORK = "check the address and the network"
CLOCK = "check the address and this machine's clock; `ssl_context` takes other authorities"
REQUEST = "change the request"
KEPT = "use `.partial`, or ask again"
MIB = 1 << 20


def _both(
    id: str,
    name: str,
    play: Play,
    outcome: Outcome,
    n_tries: int,
    advice: str = "",
    timeouts: Timeouts = PATIENT,
) -> Fault:
    """A fault that strikes before anything tells a stream from a whole reply."""
    return Fault(id, name, play, outcome, outcome, n_tries, advice, timeouts)


def _streamed(
    id: str,
    name: str,
    play: Play,
    outcome: Outcome,
    n_tries: int = 1,
    advice: str = KEPT,
    timeouts: Timeouts = PATIENT,
) -> Fault:
    """A fault that only streams know."""
    return Fault(id, name, play, None, outcome, n_tries, advice, timeouts)


def _unreached(*says: str) -> Outcome:
    return Outcome("ConnectionFailed", ("could not connect", *says), {"was_sent": False})


def _late(phase: str, *says: str, was_sent: bool) -> Outcome:
    facts = {"phase": phase, "was_sent": was_sent}
    return Outcome("TimedOut", (*says, f"raise {phase}_s"), facts)


def _lost(says: str) -> Outcome:
    return Outcome("ConnectionFailed", (says, AGAIN), {"was_sent": True})


def _unread(where: str, says: str, partial: str | None = None) -> Outcome:
    return Outcome("ProtocolError", (says,), {"where": where}, partial)


def _status(
    id: str, name: str, argument: str, error: str, *says: str, n_tries: int = 1, **facts: Any
) -> Fault:
    status = int(argument[:3])
    outcome = Outcome(error, (f"status {status}", *says), {"status": status, **facts})
    return _both(id, name, emulated(f"status:{argument}"), outcome, n_tries, says[-1])


def _broken_off(status: int, *says: str) -> Outcome:
    told = ("the service broke the stream off", f"status {status}", *says)
    return Outcome("StreamFailed", told, {"status": status}, ANSWER_PIECES[0])


_DRIPPED = "".join(f'data: {{"choices":[{{"delta":{{"content":"{n}"}}}}]}}\n\n' for n in range(99))
_REFUSED = [
    _both("F01", "connection refused", refused, _unreached(NETWORK), 3, NETWORK),
    _both("F02", "name not resolved", unresolved, _unreached("not known", NETWORK), 3, NETWORK),
    _both(
        "F03",
        "nobody accepts the connection",
        not_accepted,
        _late("connect", "could not connect in time", "check the network", was_sent=False),
        3,
        "check the network",
        HASTY,
    ),
    _both(
        "F04",
        "certificate of another host",
        untrusted("elsewhere.test"),
        _unreached("certificate", "clock"),
        3,
        CLOCK,
    ),
    _both(
        "F05",
        "expired certificate",
        untrusted("localhost", not_before=LONG_AGO.replace(year=2019), not_after=LONG_AGO),
        _unreached("expired", "clock"),
        3,
        CLOCK,
    ),
    _both(
        "F06",
        "all connections taken",
        exhausted,
        _late("pool", "no connection became free", "raise max_connections", was_sent=False),
        1,
        "raise `max_connections`",
        HASTY,
    ),
]
_UNANSWERED = [
    _both("F07", "reset after the request", below_http("reset"), _lost("broke"), 3, AGAIN),
    _both(
        "F08",
        "silence instead of a reply",
        below_http("silence"),
        _late("read", "no data came", AGAIN, was_sent=True),
        2,
        "try again, or raise `read_s`",
        HASTY,
    ),
    _both("F09", "half a header", below_http("half-head"), _lost("closed"), 3, AGAIN),
    _both("F10", "garbage", below_http("garbage"), _unread("HTTP framing", LOOK), 3, LOOK),
    _both("F11", "`100 Continue` first", below_http("continue"), WORKS, 1),
]
_STATUSES = [
    _status("F12", "400", "400", "BadRequest", REQUEST, code="wrong_api_format"),
    _status("F13", "401", "401", "Unauthorized", "check the key", code="wrong_api_key"),
    _status("F14", "402", "402", "PaymentRequired", "add credit"),
    _status("F15", "403", "403", "Forbidden", "the key may not do this"),
    _status("F16", "404, no such model", "404", "NotFound", "check the id", code="model_not_found"),
    _status("F17", "413", "413", "TooLarge", "shorten the messages"),
    _status("F18", "422", "422", "Unprocessable", REQUEST),
    _status(
        "F19",
        "429, minute's quota",
        "429",
        "RateLimited",
        "send fewer requests",
        n_tries=3,
        code="request_quota_exceeded",
    ),
    _status(
        "F20",
        "429, day's quota",
        "429-day;x-ratelimit-remaining-requests-day=0;x-ratelimit-reset-requests-day=33011.5",
        "RateLimited",
        "send fewer requests",
        retry_after_s=33011.5,
    ),
    _status("F21", "500", "500", "ServerError", AGAIN, n_tries=3),
    _status("F22", "502, an HTML page", "502", "ServerError", "502 Bad Gateway", AGAIN, n_tries=3),
    _status(
        "F23",
        "503 with advice",
        "503;retry-after=0.01",
        "ServerError",
        AGAIN,
        n_tries=3,
        retry_after_s=0.01,
    ),
    _status("F24", "529", "529", "ServerError", AGAIN, n_tries=3),
    _both(
        "F25",
        "307 to another host",
        emulated("redirect:https://elsewhere.test/v1?key=csk-test"),
        Outcome("StatusError", ("redirected to elsewhere.test;", "base_url"), {"status": 307}),
        1,
        "check `base_url`; redirects are never followed",
    ),
]
_BODIES = [
    Fault("F26", "cut by length", emulated("cut-length"), _lost("closed"), None, 3, AGAIN),
    Fault(
        "F27", "JSON with another content type", emulated("content-type:text/html"), WORKS, None, 1
    ),
    _streamed(
        "F27",
        "stream with another content type",
        emulated("content-type:text/html"),
        _unread("body", LOOK),
        advice=LOOK,
    ),
    _both(
        "F28",
        "bad gzip",
        emulated("bad-gzip"),
        _unread("content-encoding", "not valid gzip"),
        1,
        LOOK,
    ),
    Fault(
        "F29",
        "64 MiB packed small",
        emulated("gzip-bomb"),
        _unread("body", f"longer than {32 * MIB} bytes"),
        _unread("event stream line", f"longer than {MIB} bytes"),
        1,
        LOOK,
    ),
    Fault("F30", "invalid JSON", emulated("bad-json"), _unread("body", "not JSON"), None, 1, LOOK),
    Fault(
        "F31",
        "40 MiB",
        emulated("oversize:40", deltas=("x" * (MIB // 2),) * 3),
        _unread("body", f"longer than {32 * MIB} bytes"),
        _unread("event stream", f"longer than {32 * MIB} bytes", "…"),
        1,
        "ask for less",
    ),
    _both(
        "F39",
        "status 200 with an error in the body",
        emulated("error-body:500"),
        Outcome("ServerError", ("status 500", AGAIN), {"status": 500}),
        3,
        AGAIN,
    ),
]
_STREAMS = [
    _streamed("F32", "cut before the first event", emulated("cut:0"), _lost("closed"), 3, AGAIN),
    _streamed(
        "F32",
        "cut after an event",
        emulated("cut:2"),
        Outcome("StreamInterrupted", ("closed", AGAIN), {"was_sent": True}, ANSWER_PIECES[0]),
    ),
    _streamed("F32", "cut after the last event", emulated("cut:last"), WORKS, advice=""),
    _streamed(
        "F33",
        "clean end without a finish",
        emulated("no-finish"),
        Outcome("StreamIncomplete", ("without a finish reason", ".partial"), {}, ANSWER),
    ),
    _streamed("F34", "error frame", emulated("error-frame:2"), _broken_off(500, AGAIN)),
    _streamed("F34", "event named error", emulated("error-event:2"), _broken_off(429, AGAIN)),
    _streamed(
        "F35",
        "malformed frame",
        emulated("bad-frame:2"),
        _unread("event stream chunk", "not JSON", ANSWER_PIECES[0]),
    ),
    _streamed(
        "F36",
        "stall",
        emulated("stall:2"),
        Outcome(
            "StreamTimedOut",
            ("no data came", "raise read_s", ".partial"),
            {"phase": "read"},
            ANSWER_PIECES[0],
        ),
        timeouts=HASTY,
    ),
    Fault(
        "F37",
        "a byte at a time, past the deadline",
        emulated("drip:1", raw=_DRIPPED),
        _late("total", "took longer", was_sent=True),
        Outcome("StreamTimedOut", ("took longer", "raise total_s"), {"phase": "total"}, "…"),
        1,
        "raise `total_s`, or ask for less",
        BOUND,
    ),
    _streamed(
        "F38",
        "giant line",
        emulated("giant-line:2"),
        _unread("event stream line", f"longer than {MIB} bytes"),
        advice=LOOK,
    ),
]

FAULTS = sorted(
    [*_REFUSED, *_UNANSWERED, *_STATUSES, *_BODIES, *_STREAMS], key=lambda fault: fault.id
)


def markdown() -> Iterator[str]:
    """The table, line by line."""
    yield "| | what happens | whole reply | stream | tries | what you can do |"
    yield "|---|---|---|---|---|---|"
    for fault in FAULTS:
        whole, stream = (each.shown() if each else "—" for each in (fault.whole, fault.stream))
        if whole == stream:
            stream = "the same"
        yield (
            f"| {fault.id} | {fault.name} | {whole} | {stream} | {fault.n_tries} "
            f"| {fault.advice or 'nothing'} |"
        )


if __name__ == "__main__":
    print(*markdown(), sep="\n")  # noqa: T201 - that is what it is for
