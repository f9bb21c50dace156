"""A conversation as a question and the context it may be answered from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cerebras_ext.emulator.responder.relevance import sentences_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cerebras_ext.emulator.accepted import Message

__all__ = ["Reading", "reading_of", "without_instructions"]

_LABEL = (
    r"(?:Query|Question|User Question|Follow Up Input|Task|Search Query|"
    r"The original query is as follows)"
)
_QUESTION = re.compile(
    rf"(?:^|\n)[ \t]*{_LABEL}[ \t]*:[ \t]*(.+?)"
    r"(?=\n[ \t]*\n|\n[ \t]*[\w ]{2,40}:|\n-{5,}|\nWe have|\Z)",
    re.DOTALL,
)
_TAGGED_QUESTION = re.compile(
    r"<(?:User Question|Follow Up Message|question)>\s*(.+?)\s*(?=<|\Z)", re.S
)
_QUOTED_QUESTION = re.compile(r"relevant to (?:the|this) question: '(.+)'")
_RULED = re.compile(r"-{5,}[ \t]*\n(.*?)\n?-{5,}", re.DOTALL)
_TAGGED = re.compile(r"<(context|documents?|sources?)>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_HEADED = re.compile(
    r"(?:^|\n)[^\n]*\b(?:context|documents?|sources|passages?|article)[^\n:]{0,40}:\s*\n?(.+)",
    re.DOTALL | re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"^(?:you are|you will|you have|you may|you must|answer|use|using|given|please|if you|do not|"
    r"don't|instruction|always|never|respond|reply|return|provide|here (?:is|are)|below|"
    r"the following|be concise|be brief|context information|try to|keep|write|let's|try|query|"
    r"question|make sure|only|output|the output|as an example|rules?|some rules|act as|helpful|"
    r"summary|passage)\b",
    re.IGNORECASE,
)
_MAX_QUESTION_CHARS = 400


@dataclass(frozen=True, slots=True)
class Reading:
    """What is asked, where to look, and everything that was said.

    Attributes:
        question: The last request, without the context around it.
        context: Texts that may answer it; empty if there are none.
        is_grounded: Whether the prompt marks a part of itself as the context.
        prompt: The last request with everything around it.
        everything: All messages, one after another.
    """

    question: str
    context: str
    is_grounded: bool
    prompt: str
    everything: str


def reading_of(messages: Sequence[Message]) -> Reading:
    """The question and the context of a conversation."""
    asked_at = max((n for n, m in enumerate(messages) if _asks(m)), default=0)
    prompt = messages[asked_at].text
    others = "\n\n".join(m.text for n, m in enumerate(messages) if n < asked_at and m.text)
    question = _question_in(prompt)
    marked = _marked_context(prompt) or _marked_context(others)
    context = marked or _unmarked_context(prompt.replace(question, "\n"), others)
    everything = "\n\n".join(m.text for m in messages if m.text)
    return Reading(question, context, bool(marked), prompt, everything)


def _asks(message: Message) -> bool:
    # Text agents hand back what their tools said in the name of the user.
    return message.role == "user" and not message.text.startswith("Observation:")


def _question_in(prompt: str) -> str:
    for pattern in (_QUESTION, _TAGGED_QUESTION, _QUOTED_QUESTION):
        found = pattern.findall(prompt)
        if found:
            return str(found[-1]).strip()
    request = prompt.strip()
    sentences = sentences_of(request)
    is_one_paragraph = "\n\n" not in request and len(request) <= _MAX_QUESTION_CHARS
    if is_one_paragraph or not sentences:
        return request
    asking = [one for one in sentences if one.endswith("?")]
    return asking[-1] if asking else sentences[0]


def _marked_context(text: str) -> str:
    """The parts that rulers, tags or a heading set off as context."""
    tagged = [inner for _, inner in _TAGGED.findall(text)]
    ruled: list[str] = _RULED.findall(text)
    if tagged or ruled:
        return "\n".join(tagged or ruled).strip()
    headed = _HEADED.search(text)
    return without_instructions(headed[1]) if headed else ""


def _unmarked_context(prompt: str, others: str) -> str:
    """Everything that is neither question nor instruction."""
    return without_instructions(f"{others}\n\n{prompt}")


def without_instructions(text: str) -> str:
    """The sentences that neither ask nor tell the model how to answer."""
    kept = [one for one in sentences_of(text) if not _INSTRUCTION.match(one)]
    return "\n".join(one for one in kept if not one.endswith("?"))
