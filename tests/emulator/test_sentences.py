"""Texts are read sentence by sentence, and the fitting ones are found."""

from __future__ import annotations

import pytest

from cerebras_ext.emulator.responder.relevance import best_sentences
from cerebras_ext.emulator.responder.sentences import read_sentences, sentences_of, without

WRAPPED = """\
The wait before a retry follows the server's advice when there is
any, and is at most 60 seconds. Without advice it is random."""

GUIDE = """\
# The emulator

It answers from a script, which is a list of replies, or from a responder. Tests can use it through
the fixture `cerebras_emulator`.

# Limits

The free tier allows:

- 5 requests per minute
- 16,384 tokens in one answer

| model | price |
|---|---|
| gpt-oss-120b | 0.35 |
"""


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It rains. It pours! Does it?", ["It rains.", "It pours!", "Does it?"]),
        ("it rains. it pours", ["it rains.", "it pours"]),
        (WRAPPED, ["The wait before a retry follows the server's advice when there is any, and is "
                   "at most 60 seconds.", "Without advice it is random."]),
        ("Dr. Lee, e.g. at 9 a.m. in St. Paul, said 3.5.",
         ["Dr. Lee, e.g. at 9 a.m. in St. Paul, said 3.5."]),
        ("Run `a. B` now. Stop.", ["Run `a. B` now.", "Stop."]),
        ("He said \"Yes.\" She left.", ['He said "Yes."', "She left."]),
        ("1. Install it\n2. Run it", ["Install it", "Run it"]),
        ("Roses are red\nViolets are blue", ["Roses are red", "Violets are blue"]),
        ("**Oslo** is big.", ["Oslo is big."]),
        ("page_label: 3\nurl: x\n-----\nText.", ["Text."]),
        ("```sh\npython -m x. y\n```", ["python -m x. y"]),
        ("\u96e8\u3002\u6674\u3002", ["\u96e8\u3002", "\u6674\u3002"]),
        ("# Only a title", ["Only a title"]),
        ("", []),
    ],
)  # fmt: skip
def test_text_is_read_by_sentences(text: str, sentences: list[str]):
    """Design §5: what is quoted is a sentence, whole and without marks around it."""
    assert sentences_of(text) == sentences


def test_headings_and_lead_ins_are_topics():
    """A heading says what the sentences below it are about, and is none itself."""
    topics = {one.text: one.topic for one in read_sentences(GUIDE) if not one.is_topic}
    assert topics["5 requests per minute"] == "Limits The free tier allows:"
    assert topics["gpt-oss-120b | 0.35"] == "Limits The free tier allows:"
    assert "Limits" not in topics


def test_topic_ends_with_its_list():
    """A lead-in is about the list or the paragraph that follows it, not about the next one."""
    text = "You need:\n- bread\n- salt\n\nStir.\n\nThen:\n\nServe hot.\n\nEat."
    topics = [one.topic for one in read_sentences(text)]
    assert topics == ["", "You need:", "You need:", "", "", "Then:", ""]


def test_sentences_can_be_cut_out():
    """What is left of a text keeps its form."""
    kept = "# Title\n\nIt rains. \n- one"
    text = "# Title\n\nIt rains. Why?\n- one"
    assert without(text, [one for one in read_sentences(text) if one.text == "Why?"]) == kept


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What does the emulator answer from?",
         ["It answers from a script, which is a list of replies, or from a responder."]),
        ("How many requests does the free tier allow?", ["5 requests per minute"]),
        ("What does gpt-oss-120b cost?", ["gpt-oss-120b | 0.35"]),
        ("Which fixture do tests use, and how many tokens may an answer have?",
         ["Tests can use it through the fixture `cerebras_emulator`.",
          "16,384 tokens in one answer"]),
        ("Who rules Bolivia?", []),
    ],
)  # fmt: skip
def test_best_sentences_are_those_that_say_what_is_asked(question: str, answer: list[str]):
    """A second sentence is only quoted for what the first one leaves open."""
    assert best_sentences(question, GUIDE) == answer


def test_background_decides_between_equals():
    """A follow-up is about what was spoken of before."""
    text = "The cat sleeps on the sofa. The dog sleeps on the floor."
    asked = "And where does it sleep?"
    assert best_sentences(asked, text, background="Tell me of the dog.", most=1) == [
        "The dog sleeps on the floor."
    ]
