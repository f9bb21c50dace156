"""Prompts that show examples and leave the last one open, answered like the nearest example."""

from __future__ import annotations

import re

from cerebras_ext.emulator.responder.mentions import names_in, numbers_in
from cerebras_ext.emulator.responder.relevance import rank

__all__ = ["by_example"]

_OPEN_LABEL = re.compile(r"(?:^|\n)[ \t]*([A-Z][\w ]{0,30}):[ \t]*\Z")
_LEAST_EXAMPLES = 2


def by_example(prompt: str) -> str | None:
    """What stands behind the last label, going by the examples before; None without examples.

    Where the examples pick their answers out of their own text, the last one does so too.
    """
    label = _OPEN_LABEL.search(prompt)
    if label is None:
        return None
    answered = re.compile(rf"^[ \t]*{re.escape(label[1])}:[ \t]*(\S[^\n]*)$", re.MULTILINE)
    *cases, open_case = answered.split(prompt[: label.start()])
    texts, answers = cases[0::2], cases[1::2]
    if len(answers) < _LEAST_EXAMPLES:
        return None
    if all(answer in text for text, answer in zip(texts, answers, strict=True)):
        picked = numbers_in(open_case) if answers[0].isdigit() else names_in(open_case)
        if picked:
            return picked[-1]
    return answers[rank(open_case, texts)[0].position]
