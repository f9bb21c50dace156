"""Prompts that want their answer in a form, told by the words they use.

The rows are prompts of retrieval frameworks: summaries, keywords, verdicts, rewritten questions.
A prompt that no row knows is answered plainly.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cerebras_ext.emulator.responder import choices
from cerebras_ext.emulator.responder.by_example import by_example
from cerebras_ext.emulator.responder.embedded_json import objects_in, schema_in
from cerebras_ext.emulator.responder.instances import instance_of
from cerebras_ext.emulator.responder.mentions import names_in
from cerebras_ext.emulator.responder.react import is_react, react_step
from cerebras_ext.emulator.responder.relevance import content_words, share_said
from cerebras_ext.emulator.responder.sentences import sentences_of
from cerebras_ext.emulator.responder.talk import NOT_IN_CONTEXT, answer_from, summary_of, talk

if TYPE_CHECKING:
    from collections.abc import Callable

    from cerebras_ext.emulator.responder.reading import Reading

__all__ = ["formed_answer"]

_CLAIM = re.compile(
    r"(?:Information|Query and Response|present in the context information|"
    r"in line with the context information)\s*:\s*(.+?)"
    r"(?=\n[ \t]*Context:|\nWe have provided|\Z)",
    re.DOTALL,
)
_EVIDENCE = re.compile(r"\n[ \t]*Context:(.+?)(?=\n[ \t]*Answer:|\Z)", re.DOTALL)
_EXISTING = re.compile(
    r"existing (?:YES/NO )?answer:(.+?)\n(?:We have|[ \t]*Instruction)", re.I | re.S
)
_COUNT = re.compile(r"\b(?:generate|up to|write|give|list)\s+(\d+)\b", re.IGNORECASE)
_COLUMNS = re.compile(r"Table '?(\w+)'?[^\n]*?columns?:\s*([^\n]+)")
_COLUMN = re.compile(r"(\w+) \([A-Z]+")


def formed_answer(reading: Reading) -> str:
    """The answer in the form that the prompt asks for."""
    if is_react(reading):
        return react_step(reading)
    prompt = reading.prompt.lower()
    for form in _FORMS:
        if all(mark in prompt for mark in form.marks):
            return form.write(reading)
    return (not reading.is_grounded and by_example(reading.prompt)) or talk(reading)


@dataclass(frozen=True, slots=True)
class _Form:
    """Texts that a prompt has all of, in lower case, and what writes the answer then."""

    marks: tuple[str, ...]
    write: Callable[[Reading], str]


def _keywords(reading: Reading) -> str:
    words = re.findall(r"[^\W\d_]{4,}", reading.context or reading.request)
    meant = Counter(word.lower() for word in words if content_words(word))
    chosen = [word for word, _ in meant.most_common(_wanted(reading, 5))]
    return f"KEYWORDS: {', '.join(chosen)}"


def _verdict(reading: Reading) -> str:
    """YES or NO: whether most words of a claim are in one sentence of the context."""
    existing = _EXISTING.search(reading.prompt)
    if existing and existing[1].strip().upper().startswith("YES"):
        return "YES"
    claims: list[str] = _CLAIM.findall(reading.prompt)
    evidence: list[str] = _EVIDENCE.findall(reading.prompt)
    context = evidence[-1] if evidence else reading.context
    claim = claims[-1] if claims else reading.request
    is_supported = any(share_said(one, context) >= 0.5 for one in sentences_of(claim))
    verdict = "Yes" if is_supported else "No"
    return verdict.upper() if "YES" in reading.prompt else verdict


def _score(reading: Reading) -> str:
    answers = re.findall(
        r"## (?:Reference|Generated) Answer\s*\n(.+?)(?=\n##|\Z)", reading.prompt, re.S
    )
    share = share_said(answers[0], answers[-1]) if answers else 0.0
    return f"{1 + 4 * share:.1f}\nThis is how much of the reference answer the generated one says."


def _refined(reading: Reading) -> str:
    """The old answer, and what the new context adds to it."""
    found = _EXISTING.search(reading.prompt) or re.search(
        r"Existing Answer:(.+?)\n[ \t]*\n", reading.everything, re.DOTALL
    )
    existing = found[1].strip() if found else ""
    added = answer_from(reading.question, reading.context)
    if not existing or existing == NOT_IN_CONTEXT:
        return added or existing or NOT_IN_CONTEXT
    says_more = share_said(reading.question, added) > share_said(reading.question, existing)
    return f"{existing} {added}" if says_more else existing


def _question(reading: Reading) -> str:
    return reading.request


def _queries(reading: Reading) -> str:
    """The query itself, then the same in fewer words."""
    words = " ".join(re.findall(r"[^\W_]+", reading.request))
    names = names_in(reading.request)
    forms = [reading.request, words, f"background of {words}", *names, f"{words} details"]
    return "\n".join([*dict.fromkeys(forms)][: _wanted(reading, 3)])


def _questions(reading: Reading) -> str:
    """Questions that sentences of the context answer."""
    sentences = sentences_of(reading.context or reading.prompt)
    about = dict.fromkeys((names_in(one) or [one[:60]])[0] for one in sentences)
    asked = [f"What does the text say about {subject}?" for subject in about]
    return "\n".join(f"{n}. {one}" for n, one in enumerate(asked[: _wanted(reading, 3)], 1))


def _triplets(reading: Reading) -> str:
    """`(subject, verb, object)` of the sentences that have one of the plainest verbs."""
    text = reading.prompt.rpartition("Text:")[2].partition("Triplets:")[0]
    verb = r"(is|are|was|were|has|have|had|wrote|founded|built|makes|made|uses|contains)"
    found = (re.match(rf"(.+?) {verb} (.+?)[.!?]?$", one) for one in sentences_of(text))
    return "\n".join(f"({one[1]}, {one[2]}, {one[3]})" for one in found if one)


def _sql(reading: Reading) -> str:
    """A query for the columns that the question speaks of."""
    tables: list[tuple[str, str]] = _COLUMNS.findall(reading.prompt)
    if not tables:
        return "SELECT 1"
    asked = set(content_words(reading.question))

    def fitting(columns: str) -> list[str]:
        return [name for name in _COLUMN.findall(columns) if asked & set(content_words(name))]

    table, columns = max(tables, key=lambda one: len(fitting(one[1])))
    chosen = [*dict.fromkeys([*_COLUMN.findall(columns)[:1], *fitting(columns)])]
    return f"SELECT {', '.join(chosen) or '*'} FROM {table}"  # noqa: S608 - text, never executed here


def _sub_questions(reading: Reading) -> str:
    """One question for each of the tools listed last, in the markdown that is asked for."""
    listed = [value for value, _ in objects_in(reading.prompt) if "items" not in value]
    tools = listed[-1] if listed else {}
    items = [{"sub_question": reading.request, "tool_name": name} for name in tools]
    return f"```json\n{json.dumps({'items': items}, indent=4)}\n```"


def _instance(reading: Reading) -> str:
    """An instance of the schema in the prompt."""
    found = schema_in(reading.everything)
    if found is None:
        return talk(reading)
    schema, text = found
    return json.dumps(instance_of(schema, text), ensure_ascii=False)


def _passage(reading: Reading) -> str:
    """The question again: its words are all that is known of the passage."""
    asked = [one for one in sentences_of(reading.prompt) if one.endswith("?")]
    return asked[-1] if asked else reading.request


def _summary(reading: Reading) -> str:
    return summary_of(reading.context) or talk(reading)


def _wanted(reading: Reading, usual: int) -> int:
    found = _COUNT.search(reading.prompt)
    return int(found[1]) if found else usual


# The first row that fits counts, so the particular ones come before the general ones.
_FORMS = (
    _Form(("keywords: <keywords>",), _keywords),
    _Form(("'answer: <number",), choices.as_number),
    _Form(("choice: 1", "reason:"), choices.as_json),
    _Form(("doc: 9, relevance: 7",), choices.as_relevance),
    _Form(("[1] > [2]",), choices.as_ranking),
    _Form(("yes", "no", "existing yes/no answer"), _verdict),
    _Form(("either yes",), _verdict),
    _Form(("yes or no",), _verdict),
    _Form(("standalone question",), _question),
    _Form(("search queries, one on each line",), _queries),
    _Form(("(subject, predicate, object)",), _triplets),
    _Form(("sqlquery:",), _sql),
    _Form(("sub-questions", "json"), _sub_questions),
    _Form(("json", "schema"), _instance),
    _Form(("refine", "existing answer"), _refined),
    _Form(("## generated answer",), _score),
    _Form(("generate", "questions this context can"), _questions),
    _Form(("generate only questions",), _questions),
    _Form(("write a passage to answer",), _passage),
    _Form(("write a summary",), _summary),
    _Form(('summary:"""',), _summary),
)
