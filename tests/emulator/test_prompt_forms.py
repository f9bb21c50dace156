"""Prompts of retrieval frameworks and text agents get their answer in the form they ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cerebras_ext.emulator.responder import answer_chat, continue_text
from tests.emulator.requests import accepted, chat_body, user

ESSAY = "I wrote short stories. My stories were awful. I worked on writing and programming."


def said(*messages: dict[str, Any]) -> str:
    """The text that the responder says to a conversation."""
    return answer_chat(accepted(chat_body(messages=list(messages)))).content or ""


def system(content: str) -> dict[str, Any]:
    """A system message."""
    return {"role": "system", "content": content}


RULE = "\n---------------------\n"
CHOICES = f"Some choices are below.{RULE}(1) About cats.\n\n(2) About wolves and dogs.{RULE}"
WOLVES = "What do wolves eat?"
FORMS = {
    "yes": ("Information: The author wrote short stories.\nContext: {essay}\n"
            "You need to answer with either YES or NO.\nAnswer: ", "YES"),
    "no": ("Information: Elephants fly to Mars.\nContext: {essay}\n"
           "You need to answer with either YES or NO.\nAnswer: ", "NO"),
    "select": (f"{CHOICES}return the choice that is most relevant to the question: '{WOLVES}'\n"
               "Provide choice in the following format: 'ANSWER: <number>'",
               "ANSWER: 2\nThis choice has most in common with the question."),
    "select json": (f"{CHOICES}return the choice most relevant to the question: '{WOLVES}' "
                    'ONLY JSON: [{{choice: 1, reason: "..."}}]',
                    '[{"choice": 2, "reason": "It has most in common with the question."}]'),
    "rerank": ("Example format: \nDocument 1:\n<summary>\n\nDoc: 9, Relevance: 7\n\n"
               "Let's try this now: \n\nDocument 1:\nCats\n\nDocument 2:\nWolves eat meat\n"
               "Question: What do wolves eat?\nAnswer:\n", "Doc: 2, Relevance: 9"),
    "rank": ("[1] Cats\n[2] Wolves eat meat\nSearch Query: What do wolves eat?\n"
             "The output format should be [] > [], e.g., [1] > [2].", "[2] > [1]"),
    "keywords": ("Extract up to 2 keywords.\n---------------------\nwolves hunt deer, wolves hunt\n"
                 "---------------------\nProvide keywords in the following comma-separated format: "
                 "'KEYWORDS: <keywords>'\n", "KEYWORDS: wolves, hunt"),
    "condense": ("Given a conversation, rephrase.\nChat History:\nuser: hi\n"
                 "Follow Up Input: And he?\nStandalone question:", "And he?"),
    "triplets": ("knowledge triplets in the form of (subject, predicate, object).\n"
                 "Text: Ann is a doctor. It rains.\nTriplets:\n", "(Ann, is, a doctor)"),
    "sql": ("Only use tables listed below.\nTable 'city_stats' has columns: "
            "city_name (VARCHAR(16)), population (INTEGER), area (INTEGER).\n\n"
            "Question: Which city has the highest population?\nSQLQuery: ",
            "SELECT city_name, population FROM city_stats"),
    "queries": ("Generate 2 search queries, one on each line, related to the following:\n"
                f"Query: {WOLVES}\nQueries:\n", f"{WOLVES}\nWhat do wolves eat"),
    "passage": (f"Please write a passage to answer the question\n\n\n{WOLVES}\n\n\n"
                'Passage:"""\n', WOLVES),
    "examples": ("Text: I love it, wonderful\nMood: good\n\nText: I hate it, terrible\n"
                 "Mood: bad\n\nText: what a terrible film\nMood:", "bad"),
    "extraction": ("In: I am Ann.\nOut: Ann\n\nIn: I am Bo.\nOut: Bo\n\nIn: I am Cy.\nOut:", "Cy"),
}  # fmt: skip


@pytest.mark.parametrize(("prompt", "answer"), FORMS.values(), ids=FORMS)
def test_prompt_gets_the_form_it_asks_for(prompt: str, answer: str):
    """Design §5: retrieval frameworks can parse the answers to their own prompts."""
    assert said(user(prompt.format(essay=ESSAY))) == answer


REACT = """You have access to the following tools:
> Tool Name: multiply
Tool Description: multiply(a: int, b: int) - Multiply two numbers
Tool Args: {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}

> Tool Name: search
Tool Description: Search the essays
Tool Args: {"properties": {"query": {"type": "string"}}, "required": ["query"]}

Thought: I need to use a tool.
Action: tool name (one of multiply, search)
Action Input: the input, in JSON

Observation: tool response

Thought: I can answer without using any more tools.
Answer: [your answer]
"""


def test_react_prompt_gets_an_action():
    """Text agents: Thought, Action and Action Input lines."""
    asked = user("What is 12 times 7? Multiply them.")
    assert said(system(REACT), asked) == (
        'Thought: I need the tool multiply.\nAction: multiply\nAction Input: {"a": 12, "b": 7}'
    )


def test_react_observation_gets_the_answer():
    """Text agents: the observation is what is answered."""
    step = {"role": "assistant", "content": "Thought: x\nAction: multiply\nAction Input: {}"}
    asked = user("What is 12 times 7? Multiply them.")
    answer = said(system(REACT), asked, step, user("Observation: 84"))
    assert answer == (
        "Thought: I can answer without using any more tools.\nAnswer: The result of multiply is 84."
    )


def test_react_question_for_no_tool_is_answered():
    """Text agents: Thought and Answer lines without any action."""
    answer = said(system(REACT), user("Hello!"))
    assert answer.startswith("Thought: I can answer without using any tools.\nAnswer: Hello!")


def test_react_prompt_in_one_text_is_understood():
    """Completion agents: one text with a scratchpad and `Final Answer`."""
    prompt = (
        "search: A search engine\n\nUse the following format:\n\nQuestion: the input question\n"
        "Thought: think\nAction: should be one of [search]\nAction Input: the input\n"
        "Final Answer: the final answer\n\nBegin!\n\nQuestion: search who won the cup\nThought:"
    )
    assert continue_text(prompt).content == (
        " Thought: I need the tool search.\nAction: search\nAction Input: search who won the cup"
    )
    seen = (
        f"{prompt} x\nAction: search\nAction Input: y\nObservation: Brazil won the cup.\nThought:"
    )
    assert (continue_text(seen).content or "").endswith("Final Answer: Brazil won the cup.")


def test_choices_without_any_item_get_a_choice():
    """A prompt that asks for a choice and offers none is no error."""
    assert said(user("Choose: 'ANSWER: <number>'")).startswith("ANSWER: 1")


def test_sub_questions_come_as_json_in_markdown():
    """Sub-question engines: one question for each of the tools listed last."""
    prompt = (
        "output a list of relevant sub-questions in json markdown\n\n<Tools>\n```json\n"
        '{"a_tool": "About a", "b_tool": "About b"}\n```\n\n<User Question>\nCompare a and b\n\n'
        "<Output>\n"
    )
    answer = said(user(prompt)).removeprefix("```json\n").removesuffix("\n```")
    items = json.loads(answer)["items"]
    assert [item["tool_name"] for item in items] == ["a_tool", "b_tool"]
    assert {item["sub_question"] for item in items} == {"Compare a and b"}


def test_summary_is_made_of_the_sentences_that_say_most():
    """Summary prompts: sentences of the text, in its order."""
    prompt = f'Write a summary of the following.\n\n\n{ESSAY}\n\n\nSUMMARY:"""\n'
    sentences = said(user(prompt)).removesuffix(".").split(". ")
    assert sentences == [one for one in ESSAY.removesuffix(".").split(". ") if one in sentences]


def test_score_is_a_number_in_its_own_line():
    """Evaluators: the score first, the reason below."""
    prompt = (
        "## User Query\nq\n\n## Reference Answer\nIt is cold.\n\n## Generated Answer\nIt is cold."
    )
    assert said(user(prompt)).splitlines()[0] == "5.0"


def test_questions_are_about_what_the_text_names():
    """Question generators: as many lines as asked for, numbered."""
    prompt = (
        "Here is the context:\nAnn Lee lives in Oslo. Bo Day sings.\n\nGiven the contextual "
        "information, generate 2 questions this context can provide specific answers to."
    )
    lines = said(user(prompt)).splitlines()
    assert lines == [
        "1. What does the text say about Ann Lee?",
        "2. What does the text say about Bo Day?",
    ]
