"""How a scene shows what happens: plain lines here; `python -m examples` draws panels instead."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent / "data"
"""The documents that the scenes ask about."""


def document(name: str) -> str:
    """The text of one of the documents."""
    return (DATA / name).read_text(encoding="utf-8")


class Show:
    """Prints what a scene does."""

    def __init__(self) -> None:
        self._running = ""  # what kind of text the current line holds, while it grows

    def asked(self, question: str) -> None:
        """Shows what the user asks."""
        self._line(f"? {question}")

    def thought(self, text: str) -> None:
        """Shows reasoning as it arrives."""
        self._piece(text, "thought")

    def token(self, text: str) -> None:
        """Shows a piece of an answer as it arrives."""
        self._piece(text, "answer")

    def answer(self, text: str) -> None:
        """Shows a whole answer."""
        self._line(text)

    def step(self, text: str) -> None:
        """Shows something that happened on the way to the answer."""
        self._line(f"> {text}")

    def note(self, text: str) -> None:
        """Shows a fact about the call."""
        self._line(f"  {text}")

    def _piece(self, text: str, kind: str) -> None:
        if text:
            if self._running not in ("", kind):
                print()
            self._running = kind
            print(text, end="", flush=True)

    def _line(self, text: str) -> None:
        if self._running:
            print()
        self._running = ""
        print(text)
