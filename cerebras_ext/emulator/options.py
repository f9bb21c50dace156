"""What a user can choose about an emulator, checked when it is built."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from time import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cerebras_ext.emulator.buckets import Plan
    from cerebras_ext.emulator.script import StepLike
    from cerebras_ext.emulator.service import Tier

__all__ = ["EmulatorOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorOptions:
    """Options of one emulator; all have defaults that suit tests.

    Attributes:
        host: Address to listen on; only loopback addresses unless `allow_remote`.
        port: 0 takes a free one.
        allow_remote: Lets `host` be reachable from other machines.
        api_key: The one key that is accepted; `None` accepts any.
        models: Ids that exist; `None` for those of the shared service, according to the catalogue.
        tokens_per_s: Speed of the answers; `None` is as fast as possible.
        ttft_ms: Milliseconds before the first byte of an answer.
        tokens_per_delta: How many tokens one chunk of a stream carries.
        send_done: Whether streams end with `data: [DONE]`, as they have since March 2026.
        tier: Whose context windows, output maxima and image counts hold.
        rate_limits: Whose rate limits apply.
        sends_retry_after: Whether 429 answers say when to come back, which the service was not seen
            to do.
        legacy_headers: Rate-limit headers of 2025, with `reset` values, instead of today's.
        max_body_bytes: Larger request bodies are refused with 413.
        max_concurrent_requests: More at a time are refused with 429, as when the queue is full.
        idle_timeout_s: The server stops by itself after this time without a request.
        has_service_tiers: Whether the account takes part in the preview of service tiers.
        script: The first answers; see `cerebras_ext.emulator.script`.
        on_script_end: What answers when a script is used up.
        clock: Seconds since the epoch; a test can stop it.
    """

    host: str = "127.0.0.1"
    port: int = 0
    allow_remote: bool = False
    api_key: str | None = field(default=None, repr=False)
    models: Sequence[str] | None = None
    tokens_per_s: float | None = None
    ttft_ms: float = 0.0
    tokens_per_delta: int = 4
    send_done: bool = True
    tier: Tier = "free"
    rate_limits: Plan = "unlimited"
    sends_retry_after: bool = False
    legacy_headers: bool = False
    max_body_bytes: int = 16 * 1024 * 1024
    max_concurrent_requests: int = 1024
    idle_timeout_s: float | None = None
    has_service_tiers: bool = False
    script: Sequence[StepLike] = ()
    on_script_end: Literal["respond", "error"] = "respond"
    clock: Callable[[], float] = time

    def __post_init__(self) -> None:
        if not self.allow_remote and not _is_loopback(self.host):
            raise ValueError(
                f"host={self.host!r} can be reached from other machines and the emulator accepts "
                "anyone: use 127.0.0.1, or allow_remote=True (--allow-remote) if you mean it"
            )
        for name in ("tokens_per_s", "idle_timeout_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name}={value!r} must be greater than 0, or None")
        if not self.ttft_ms >= 0:
            raise ValueError(f"ttft_ms={self.ttft_ms!r} must not be negative")
        for name in ("tokens_per_delta", "max_body_bytes", "max_concurrent_requests"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r} must be at least 1")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
