"""What a model's rate limits leave room for, learned from the headers of its replies.

Pure: the clock is an argument. The service counts in token buckets that refill continuously; a
request is admitted when one request, its prompt and the longest answer it may get fit into all of
them, and the unused part of the answer comes back at its end. A `Quota` keeps the same book, so
that requests wait here in place of being refused there.

What no header shows is not known here either: the bucket that counts cached tokens too, and limits
finer than a minute. Refusals for their sake are retried like any other. When the order of arrival
or the moment of a reply leaves doubt, the lower level is believed.

Source: API specification sections 1.3 (headers), 13.1 (buckets) and 13.2 (reservation).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING
from weakref import WeakSet

from cerebras_ext._locks import new_lock
from cerebras_ext.limits import Period, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cerebras_ext.limits import RateLimits, RateLimitWindow

__all__ = ["MAX_RESERVED_ANSWER_TOKENS", "Demand", "Quota", "Turn", "Wait"]

MAX_RESERVED_ANSWER_TOKENS = 16_384
"""What the service reserves for an answer at most, and when the request does not limit it."""

_BYTES_PER_TOKEN = 4  # of JSON; only a first guess, replies tell what was really reserved
_ROUNDING_S = 1e-6

_Key = tuple[Resource, Period]


@dataclass(frozen=True, slots=True)
class Demand:
    """What one request takes from its model's quota until it is answered.

    Attributes:
        model: The id it is sent to.
        prompt_tokens: An estimate.
        answer_tokens: What is reserved for the answer.
    """

    model: str
    prompt_tokens: int
    answer_tokens: int

    @classmethod
    def of(cls, model: str, n_body_bytes: int, max_tokens: object) -> Demand:
        """The demand of a request.

        Args:
            model: The id it is sent to.
            n_body_bytes: Length of its body as JSON; an image's bytes count like text.
            max_tokens: The request's limit of the answer; anything but 0 or more is none.
        """
        answer_tokens = MAX_RESERVED_ANSWER_TOKENS
        if isinstance(max_tokens, int) and max_tokens >= 0:
            answer_tokens = min(max_tokens, answer_tokens)
        return cls(model, n_body_bytes // _BYTES_PER_TOKEN, answer_tokens)

    def of_resource(self, resource: Resource) -> int:
        """How much of a resource."""
        return 1 if resource == "requests" else self.prompt_tokens + self.answer_tokens


@dataclass(eq=False, slots=True, weakref_slot=True)
class Turn:
    """One attempt's place in the line, then its reservation.

    Attributes:
        number: Those with lower ones stand before it; after the reservation, came before it.
        books: What each bucket held by our own book just before the reservation; None until then.
        reserved_at_s: When that was.
        is_answered: Whether a reply has come.
    """

    number: int
    demand: Demand
    books: Mapping[_Key, float] | None = None
    reserved_at_s: float = 0.0
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """How long until a request fits.

    Attributes:
        seconds: If nothing is given back and everyone before it goes first.
        at_least_s: If all who are on their way give everything back.
    """

    seconds: float
    at_least_s: float


@dataclass(slots=True)
class _Bucket:
    """One limit.

    Attributes:
        level: What is left.
        correction: The part of it that replies told and our own book does not explain: what others
            use, and wrong estimates.
    """

    limit: int
    refill_per_s: float
    level: float
    filled_at_s: float
    correction: float = 0.0

    @property
    def book(self) -> float:
        return self.level - self.correction

    def fill(self, now_s: float) -> None:
        elapsed_s = max(now_s - self.filled_at_s, 0.0)  # threads may come late with their time
        self.add(elapsed_s * self.refill_per_s)
        self.filled_at_s += elapsed_s

    def add(self, amount: float) -> None:
        self.level = min(self.level + amount, self.limit)

    def correct(self, remaining: int, book: float | None, uncertain: float) -> None:
        """Takes over what a reply said was left.

        Args:
            remaining: What it said.
            book: What our own book had for that moment; None when there was no book yet.
            uncertain: How much of the difference may be due to the moment, which is not quite
                known; no more is believed to be left because of that.
        """
        if book is None:
            self.level = min(self.level, remaining)
            return
        change = remaining - book - self.correction
        if change > 0:
            change = max(change - uncertain, 0.0)
        self.correction += change
        self.add(change)

    def wait_s(self, amount: float, ahead: float = 0) -> float:
        """Seconds until an amount fits after what is ahead of it.

        A full bucket turns nobody away: the estimate may be too high, and who is ahead may have
        left without a word.
        """
        if self.level >= self.limit:
            return 0.0
        return max(ahead + min(amount, self.limit) - self.level, 0.0) / self.refill_per_s


class Quota:
    """What one model's buckets hold; empty of buckets, and open to all, until the first reply.

    Threads may share it. A turn that nobody holds any more counts as forgotten.
    """

    def __init__(self) -> None:
        self._buckets: dict[_Key, _Bucket] = {}
        self._turns: WeakSet[Turn] = WeakSet()  # waiting, or reserved and not settled yet
        self._numbers = count()
        self._lock = new_lock()

    def queue(self, demand: Demand) -> Turn:
        """A place at the end of the line."""
        with self._lock:
            turn = Turn(next(self._numbers), demand)
            self._turns.add(turn)
            return turn

    def reserve(self, turn: Turn, now_s: float) -> Wait | None:
        """Reserves what a turn demands; if it does not fit yet, how long to wait instead."""
        with self._lock:
            self._fill(now_s)
            wait = self._wait(turn)
            if wait.seconds > _ROUNDING_S:
                return wait
            turn.books = {key: bucket.book for key, bucket in self._buckets.items()}
            turn.number, turn.reserved_at_s = next(self._numbers), now_s
            self._add(turn.demand, -1)
            return None

    def learn(self, turn: Turn, limits: RateLimits, now_s: float) -> None:
        """Notes what the reply to an admitted request said."""
        with self._lock:
            self._fill(now_s)
            self._learn(turn, limits, now_s, was_admitted=True)

    def cancel(self, turn: Turn, limits: RateLimits, now_s: float) -> None:
        """Gives everything back: the request was refused, or not even sent.

        Args:
            turn: Whose reservation.
            limits: What the refusal said.
            now_s: The time.
        """
        with self._lock:
            self._fill(now_s)
            if turn in self._turns:
                self._turns.discard(turn)
                self._add(turn.demand, 1)
            self._learn(turn, limits, now_s, was_admitted=False)

    def settle(self, turn: Turn, *, answer_tokens: int, cached_tokens: int, now_s: float) -> None:
        """Gives back what a finished request did not use.

        Its prompt is counted already: by the reply's headers, else as estimated.

        Args:
            turn: Whose reservation; a second time does nothing.
            answer_tokens: Tokens of the answer.
            cached_tokens: Tokens of the prompt that came from the cache, which are not counted.
            now_s: The time.
        """
        with self._lock:
            self._fill(now_s)
            if turn not in self._turns:
                return
            self._turns.discard(turn)
            for (resource, _), bucket in self._buckets.items():
                if resource == "tokens":
                    bucket.add(turn.demand.answer_tokens - answer_tokens + cached_tokens)

    def forget(self, turn: Turn) -> None:
        """Takes a turn out of the line, or off the way; what it reserved stays charged."""
        with self._lock:
            self._turns.discard(turn)

    def _fill(self, now_s: float) -> None:
        for bucket in self._buckets.values():
            bucket.fill(now_s)

    def _add(self, demand: Demand, sign: int) -> None:
        for (resource, _), bucket in self._buckets.items():
            bucket.add(sign * demand.of_resource(resource))

    def _wait(self, turn: Turn) -> Wait:
        ahead = [other.demand for other in self._turns if _is_before(other, turn)]
        on_their_way = [other.demand for other in self._turns if other.books is not None]
        wait_s = at_least_s = 0.0
        for (resource, _), bucket in self._buckets.items():
            amount = turn.demand.of_resource(resource)
            n_ahead = _sum(ahead, resource)
            # requests are never given back, so those of the others will be gone for certain
            at_best = n_ahead if resource == "requests" else -_sum(on_their_way, resource)
            wait_s = max(wait_s, bucket.wait_s(amount, n_ahead))
            at_least_s = max(at_least_s, bucket.wait_s(amount, at_best))
        return Wait(wait_s, at_least_s)

    def _learn(self, turn: Turn, limits: RateLimits, now_s: float, *, was_admitted: bool) -> None:
        turn.is_answered = True
        # requests may arrive in another order than they were sent
        unheard_of = [other.demand for other in self._turns if _may_come_after(other, turn)]
        for window in limits:
            bucket = self._bucket_of(window, now_s)
            if bucket is None or window.remaining is None:
                continue
            book = (turn.books or {}).get((window.resource, window.period))
            if book is not None and was_admitted:
                book -= turn.demand.of_resource(window.resource)
            refilled = (now_s - turn.reserved_at_s) * bucket.refill_per_s
            uncertain = refilled + _sum(unheard_of, window.resource)
            bucket.correct(window.remaining, book, uncertain)

    def _bucket_of(self, window: RateLimitWindow, now_s: float) -> _Bucket | None:
        """The bucket of a window, with its newest limit; None when it has no limit."""
        if not window.limit or window.refill_per_s is None:
            return None
        key = (window.resource, window.period)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = _Bucket(window.limit, window.refill_per_s, window.limit, now_s)
            self._buckets[key] = bucket
        bucket.limit, bucket.refill_per_s = window.limit, window.refill_per_s
        return bucket


def _is_before(other: Turn, turn: Turn) -> bool:
    return other.books is None and other.number < turn.number


def _may_come_after(other: Turn, turn: Turn) -> bool:
    return other.books is not None and not other.is_answered and other.number < turn.number


def _sum(demands: Iterable[Demand], resource: Resource) -> int:
    return sum(demand.of_resource(resource) for demand in demands)
