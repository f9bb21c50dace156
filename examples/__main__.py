"""Runs every scene and shows them as one report; fails if one fails.

The live service is used when `CEREBRAS_API_KEY` is set, else a local emulator.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from examples.show import Show

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = {
    "langchain_stream": "LangChain: a chain, streamed to a callback handler",
    "langchain_agent": "LangChain: an agent with two tools, then structured extraction",
    "langgraph_messages": "LangGraph: the agent's messages, streamed",
    "llama_index_query": "LlamaIndex: a query engine and a chat engine over documents",
    "llama_index_agent": "LlamaIndex: a FunctionAgent that streams its events",
    "reasoning_turns": "Reasoning: apart from the answer, and sent back in the next turn",
}

EMULATOR_TOKENS_PER_S = 1_500
EMULATOR_TTFT_MS = 40


class Pace:
    """How fast an answer arrives, from the question on."""

    def __init__(self) -> None:
        self._asked_s = time.perf_counter()
        self._first_s: float | None = None
        self._last_s = 0.0
        self._n_chars = 0

    def note(self, text: str) -> None:
        """Notes a piece of text that has arrived."""
        self._last_s = time.perf_counter()
        if self._first_s is None:
            self._first_s = self._last_s
        self._n_chars += len(text)

    def __str__(self) -> str:
        if self._first_s is None:
            return ""
        shown = f"first token after {(self._first_s - self._asked_s) * 1_000:.0f} ms"
        elapsed_s = self._last_s - self._first_s
        n_tokens = self._n_chars / 4  # the usual rough size of a token in English text
        if elapsed_s > 0.005:
            shown += f", about {n_tokens / elapsed_s:,.0f} tokens/s"
        return shown


class PanelShow(Show):
    """Draws a scene as a panel that grows while things arrive."""

    def __init__(self, title: str, live: Live) -> None:
        super().__init__()
        self._title = title
        self._live = live
        self._text = Text()
        self._pace = Pace()

    def asked(self, question: str) -> None:
        """Shows what the user asks, and starts the clock."""
        self._styled_line(f"? {question}", "bold")
        self._pace = Pace()

    def thought(self, text: str) -> None:
        """Shows reasoning, dimmed."""
        self._piece(text, "dim italic")

    def token(self, text: str) -> None:
        """Shows a piece of an answer."""
        self._piece(text, "green")

    def answer(self, text: str) -> None:
        """Shows a whole answer."""
        self._styled_line(text, "green")

    def step(self, text: str) -> None:
        """Shows something that happened on the way."""
        self._styled_line(f"> {text}", "cyan")

    def note(self, text: str) -> None:
        """Shows a fact about the call."""
        self._styled_line(text, "dim")

    def _piece(self, text: str, kind: str) -> None:
        if text:
            if self._running not in ("", kind):
                self._text.append("\n")
            self._running = kind
            self._pace.note(text)
            self._text.append(text, kind)
            self._draw()

    def _styled_line(self, text: str, style: str) -> None:
        if self._running:
            self._text.append("\n")
        self._running = ""
        self._text.append(f"{text}\n", style)
        self._draw()

    def _draw(self) -> None:
        body = Group(self._text, Text(str(self._pace), "yellow"))
        self._live.update(Panel(body, title=self._title, title_align="left"))


class PlainShow(Show):
    """Prints a scene line by line, with its pace after each answer."""

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace()

    def asked(self, question: str) -> None:
        """Shows what the user asks, and starts the clock."""
        self.finish()
        super().asked(question)

    def finish(self) -> None:
        """Shows the pace of the last answer."""
        if str(self._pace):
            self.note(f"({self._pace})")
        self._pace = Pace()

    def _piece(self, text: str, kind: str) -> None:
        self._pace.note(text)
        super()._piece(text, kind)


def run_scene(console: Console, name: str) -> bool:
    """Runs one scene; False when it failed, after showing how."""
    scene, title = import_module(f"examples.{name}"), SCENES[name]
    try:
        if console.is_terminal:
            with Live(console=console, refresh_per_second=20) as live:
                scene.main(PanelShow(f"{title} (examples/{name}.py)", live))
        else:
            print(f"\n== {title} (examples/{name}.py)")
            show = PlainShow()
            scene.main(show)
            show.finish()
    except Exception:  # noqa: BLE001 - every scene is run, and the report fails in the end
        traceback.print_exc()
        return False
    return True


@contextmanager
def service() -> Iterator[str]:
    """The service to talk to, set in the environment; gives its description."""
    if os.environ.get("CEREBRAS_API_KEY"):
        yield f"the service at {os.environ.get('CEREBRAS_BASE_URL', 'https://api.cerebras.ai')}"
        return
    from cerebras_ext.emulator import EmulatorOptions, running_emulator

    options = EmulatorOptions(tokens_per_s=EMULATOR_TOKENS_PER_S, ttft_ms=EMULATOR_TTFT_MS)
    with running_emulator(options) as emulator:
        os.environ["CEREBRAS_API_KEY"] = "csk-emulator"
        os.environ["CEREBRAS_BASE_URL"] = emulator.base_url
        yield (
            f"the local emulator at {emulator.base_url}, because CEREBRAS_API_KEY is not set: "
            "its texts are quotations, not a model's"
        )


def main() -> int:
    """Runs the scenes; the exit status is the number of those that failed."""
    console = Console()
    with service() as description:
        console.print(f"Talking to {description}.", highlight=False, soft_wrap=True)
        failed = [name for name in SCENES if not run_scene(console, name)]
    verdict = f"failed: {', '.join(failed)}" if failed else f"all {len(SCENES)} scenes succeeded"
    console.print(f"\n{verdict}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
