"""A call's flow within another that has its attempts wait for room in the model's quota."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from cerebras_ext.errors import ConnectionFailed, TimedOut
from cerebras_ext.flow import Answer, CallFlow, Clock, OpenedStream, Outcome, Send, Sleep
from cerebras_ext.limits import NO_RATE_LIMITS, read_rate_limits

if TYPE_CHECKING:
    from cerebras_ext.pacing import Demand, Quota, Turn
    from cerebras_ext.reply import ChatCompletion, TextCompletion, Usage

__all__ = ["paced_flow"]

RECHECK_S = 1.0
"""How long a wait goes on before it is worked out anew: other calls may have given back."""

Result = TypeVar("Result")


def paced_flow(
    flow: CallFlow[Result], demand: Demand, quota: Quota, clock: Clock
) -> CallFlow[Result]:
    """The flow, with every attempt kept back until the quota has room for it.

    Raises:
        TimedOut: There will be no room before the deadline; the attempt was not sent.
        CerebrasError: As the flow raises.
    """
    outcome: Outcome = None
    turn = quota.queue(demand)
    n_sent = 0
    while True:
        try:
            step = flow.send(outcome)
        except StopIteration as done:
            result: Result = _settled(done.value, turn, quota, clock)
            return result
        if isinstance(step, Sleep):
            outcome = yield step
            turn = quota.queue(demand)  # a retry comes next
            continue
        while (wait := quota.reserve(turn, clock.now_s())) is not None:
            left_s = math.inf if step.deadline_s is None else step.deadline_s - clock.now_s()
            if wait.at_least_s >= left_s:
                quota.forget(turn)
                raise _no_room(step, wait.at_least_s, left_s, n_sent)
            yield Sleep(min(wait.seconds, left_s, RECHECK_S))
        outcome = yield replace(step, timeouts=step.timeouts.until(step.deadline_s, clock.now_s()))
        n_sent += 1
        _note(outcome, turn, quota, clock.now_s())


def _no_room(step: Send, wait_s: float, left_s: float, n_sent: int) -> TimedOut:
    error = TimedOut(
        f"{step.call.doing}: not sent{' again' if n_sent else ''}: by the rate limits of earlier "
        f"replies it has to wait {wait_s:.1f} s at least, and {max(left_s, 0.0):.1f} s are left of "
        "the call; raise total_s, lower max_completion_tokens, or turn paces_requests off",
        phase="total",
        was_sent=n_sent > 0,
    )
    error.retries_taken = max(n_sent - 1, 0)
    return error


def _note(outcome: Outcome, turn: Turn, quota: Quota, now_s: float) -> None:
    """Tells the quota what came of an attempt."""
    if isinstance(outcome, Answer):
        limits = read_rate_limits(outcome.head.headers)
        if outcome.head.status < 300:
            quota.learn(turn, limits, now_s)
        else:
            quota.cancel(turn, limits, now_s)
    elif isinstance(outcome, ConnectionFailed) and outcome.was_sent is False:
        quota.cancel(turn, NO_RATE_LIMITS, now_s)
    else:  # it may have arrived, and then it was answered to nobody
        quota.forget(turn)


def _settled(
    result: OpenedStream[Any] | ChatCompletion | TextCompletion,
    turn: Turn,
    quota: Quota,
    clock: Clock,
) -> Any:
    """The result of a call, its reservation settled; a stream settles it at its end."""
    settle = partial(_settle, turn, quota, clock)
    if isinstance(result, OpenedStream):
        return replace(result, on_usage=settle)
    settle(result.usage)
    return result


def _settle(turn: Turn, quota: Quota, clock: Clock, usage: Usage | None) -> None:
    if usage is None or usage.completion_tokens is None:
        return
    details = usage.prompt_tokens_details
    quota.settle(
        turn,
        answer_tokens=usage.completion_tokens,
        cached_tokens=(details and details.cached_tokens) or 0,
        now_s=clock.now_s(),
    )
