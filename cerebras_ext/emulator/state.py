"""What one emulator remembers between requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cerebras_ext.emulator.buckets import Buckets, rate_limits
from cerebras_ext.emulator.identifiers import RequestSeeds
from cerebras_ext.emulator.problems import ApiProblem
from cerebras_ext.emulator.prompt_cache import PromptCache
from cerebras_ext.emulator.recording import Recorder
from cerebras_ext.emulator.script import Script, ScriptStep, steps_of
from cerebras_ext.emulator.service import Service
from cerebras_ext.emulator.writer import OpenReplies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cerebras_ext.emulator.options import EmulatorOptions

__all__ = ["EmulatorState"]


class EmulatorState:
    """Requests received, prompts cached, steps left and the rest; `reset` forgets it all.

    The server's loop changes it; tests in other threads read, script and reset it.
    """

    def __init__(self, options: EmulatorOptions) -> None:
        self.options = options
        self.service = Service.of(options.models, tier=options.tier)
        self.open_replies = OpenReplies()
        self.recorder = Recorder()
        self.reset()

    def reset(self) -> None:
        """As if just started; replies that are being written go on."""
        self.recorder.clear()
        self.seeds = RequestSeeds()
        self.prompt_cache = PromptCache()
        self._buckets: dict[str, Buckets] = {}
        self.play(steps_of(self.options.script))
        self.touch()

    def play(self, steps: Sequence[ScriptStep]) -> None:
        """Answers the next requests from `steps`, in place of an earlier script."""
        self._script = Script(steps)
        self._has_script = bool(steps)

    def next_step(self, request: Mapping[str, Any]) -> ScriptStep | None:
        """The step that answers an accepted request body; None for the responder.

        Raises:
            ApiProblem: No step does, and the options ask for an error then.
        """
        step = self._script.take(request)
        if step is None and self._has_script and self.options.on_script_end == "error":
            raise ApiProblem(
                500,
                "The emulator's script has no step left for this request.",
                type="emulator_error",
                param="script",
                code="script_exhausted",
                headers={"x-should-retry": "false"},
            )
        return step

    def buckets_of(self, model: str) -> Buckets:
        """The rate-limit buckets of one model, full at its first request."""
        if model not in self._buckets:
            self._buckets[model] = Buckets(
                rate_limits(self.options.rate_limits, model),
                now=self.options.clock(),
                generation="2025" if self.options.legacy_headers else "2026",
                sends_retry_after=self.options.sends_retry_after,
            )
        return self._buckets[model]

    def touch(self) -> None:
        """Notes that there is something to do."""
        self._last_busy_at = time.monotonic()

    def is_idle(self) -> bool:
        """Whether nobody has asked for anything for longer than the options allow."""
        limit_s = self.options.idle_timeout_s
        if limit_s is None or self.open_replies:
            return False
        return time.monotonic() - self._last_busy_at > limit_s
