"""What one emulator remembers between requests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from cerebras_ext.emulator.identifiers import RequestSeeds
from cerebras_ext.emulator.prompt_cache import PromptCache
from cerebras_ext.emulator.recording import Recorder
from cerebras_ext.emulator.service import Service
from cerebras_ext.emulator.writer import OpenReplies

if TYPE_CHECKING:
    from cerebras_ext.emulator.options import EmulatorOptions

__all__ = ["EmulatorState"]


class EmulatorState:
    """Requests received, prompts cached, script position and the rest; `reset` forgets it all.

    The server's loop writes, tests in other threads read and reset.
    """

    def __init__(self, options: EmulatorOptions) -> None:
        self.options = options
        self.service = Service.of(options.models, tier=options.tier)
        self.open_replies = OpenReplies()
        self.recorder = Recorder()
        self.seeds = RequestSeeds()
        self.prompt_cache = PromptCache()

    def reset(self) -> None:
        """As if just started; replies that are being written go on."""
        self.recorder.clear()
        self.seeds = RequestSeeds()
        self.prompt_cache = PromptCache()

    def play_script(self, steps: Any) -> None:
        raise NotImplementedError

    def is_idle(self) -> bool:
        return False
