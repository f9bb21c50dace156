"""A conversation as a question and the context it may be answered from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cerebras_ext.emulator.responder.sentences import asks, read_sentences, without

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cerebras_ext.emulator.accepted import Message
    from cerebras_ext.emulator.responder.sentences import Sentence

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
    r"<(?:User Question|Follow Up Message|question)>([^<]+)", re.IGNORECASE
)
_QUOTED_QUESTION = re.compile(r"relevant to (?:the|this) question: '(.+)'")
_RULED = re.compile(r"(?<!-)-{5,}[ \t]*\n(.*?)\n?-{5,}", re.DOTALL)
_TAGGED = re.compile(
    r"<(context|documents?|sources?)>((?:(?!<\1>).)*?)</\1>", re.DOTALL | re.IGNORECASE
)
_HEADED = re.compile(
    r"(?:^|\n)[^\n]*\b(?:context|documents?|sources|passages?|article)[^\n:]{0,40}:\s*\n?(.+)",
    re.DOTALL | re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"(?:you are|you will|you have|you may|you must|answer|use|using|given|please|if you|do not|"
    r"don't|instruction|always|never|respond|reply|return|provide|here (?:is|are)|below|"
    r"the following|be concise|be brief|context information|try to|keep|write|let's|try|query|"
    r"question|make sure|only|output|the output|as an example|rules?|some rules|act as|helpful|"
    # What the responder itself says when it has no answer is no context for the next one.
    r"summary|passage|i don't know|this is the local emulator)\b",
    re.IGNORECASE,
)
# How requests begin that end without a question mark.
_REQUEST = re.compile(
    r"(?:please |now )?(?:what|who|whom|whose|when|where|which|why|how|compare|describe|explain|"
    r"find|give me|list|look up|name|show me|summari[sz]e|tell me)\b",
    re.IGNORECASE,
)
_FOLLOW_UP = re.compile(
    r"(?:and|but|so|what about|how about)\b|.*\b(?:it|its|that|this|they|them|their|those|these|he|"
    r"him|his|she|her|there)\b",
    re.IGNORECASE | re.DOTALL,
)
_SHORT_CHARS = 400


@dataclass(frozen=True, slots=True)
class Reading:
    """What is asked, where to look, and everything that was said.

    Attributes:
        request: What the last user message wants, without the context around it.
        question: The sentences of the request that ask something; all of it if none does.
        context: Texts that may answer it; empty if there are none.
        earlier: What the messages before it state.
        background: What was said just before, if the question refers to it.
        is_grounded: Whether the prompt marks a part of itself as the context.
        prompt: The last request with everything around it.
        everything: All messages, one after another.
    """

    request: str
    question: str
    context: str
    earlier: str
    background: str
    is_grounded: bool
    prompt: str
    everything: str

    @property
    def values_text(self) -> str:
        """The request with its question first, which is where values are looked for first."""
        return f"{self.question}\n{self.request.replace(self.question, ' ').strip()}".strip()


def reading_of(messages: Sequence[Message]) -> Reading:
    """The question and the context of a conversation."""
    asked_at = max((n for n, m in enumerate(messages) if _is_asked(m)), default=0)
    prompt = messages[asked_at].text
    earlier = messages[:asked_at]
    told = [m.text for m in earlier if m.role in ("user", "assistant")]
    request = _request_in(prompt)
    asking = _asking_sentences(request)
    question = " ".join(one.text for one in asking) or request
    marked_here = _marked_context(prompt)
    marked = marked_here or _marked_context(_joined(m.text for m in earlier))
    said = told if marked else [m.text for m in earlier]
    own = prompt.replace(request, without(request, asking) if asking else "")
    around = [*said, "" if marked_here else own]
    return Reading(
        request=request,
        question=question,
        context=_joined([marked, *map(without_instructions, around)]),
        earlier=_joined(without_instructions(m.text) for m in earlier),
        background=_joined(told[-2:]) if _FOLLOW_UP.match(question) else "",
        is_grounded=bool(marked),
        prompt=prompt,
        everything=_joined(m.text for m in messages),
    )


def without_instructions(text: str) -> str:
    """A text without the sentences that ask, or tell the model how to answer."""
    return without(
        text, [s for s in read_sentences(text) if asks(s.text) or _INSTRUCTION.match(s.text)]
    ).strip()


def _is_asked(message: Message) -> bool:
    # Text agents hand back what their tools said in the name of the user.
    return message.role == "user" and not message.text.startswith("Observation:")


def _request_in(prompt: str) -> str:
    for pattern in (_QUESTION, _TAGGED_QUESTION, _QUOTED_QUESTION):
        found = pattern.findall(prompt)
        if found:
            return str(found[-1]).strip()
    return _TAGGED.sub("\n", _RULED.sub("\n", prompt)).strip()


def _asking_sentences(request: str) -> list[Sentence]:
    """Those with a question mark, else those that begin like a request; of a long text one."""
    sentences = read_sentences(request)
    asking = [one for one in sentences if asks(one.text)]
    asking = asking or [one for one in sentences if _REQUEST.match(one.text)]
    if "\n\n" not in request and len(request) <= _SHORT_CHARS:
        return asking
    return asking[-1:] or sentences[:1]


def _marked_context(text: str) -> str:
    """The parts that rulers, tags or a heading set off as context."""
    tagged = [inner for _, inner in _TAGGED.findall(text)]
    ruled: list[str] = _RULED.findall(text)
    if tagged or ruled:
        return "\n".join(tagged or ruled).strip()
    headed = _HEADED.search(text)
    return without_instructions(headed[1]) if headed else ""


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(text for text in texts if text)
