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
        self._is_mid_line = False

    def asked(self, question: str) -> None:
        """Shows what the user asks."""
        self._line(f"? {question}")

    def thought(self, text: str) -> None:
        """Shows reasoning as it arrives."""
        self._piece(text)

    def token(self, text: str) -> None:
        """Shows a piece of an answer as it arrives."""
        self._piece(text)

    def answer(self, text: str) -> None:
        """Shows a whole answer."""
        self._line(text)

    def step(self, text: str) -> None:
        """Shows something that happened on the way to the answer."""
        self._line(f"> {text}")

    def note(self, text: str) -> None:
        """Shows a fact about the call."""
        self._line(f"  {text}")

    def _piece(self, text: str) -> None:
        if text:
            print(text, end="", flush=True)
            self._is_mid_line = True

    def _line(self, text: str) -> None:
        if self._is_mid_line:
            print()
        self._is_mid_line = False
        print(text)
