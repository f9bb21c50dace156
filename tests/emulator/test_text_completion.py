"""Text completions are cut, counted and rendered as documented."""

from __future__ import annotations

from typing import Any

import pytest

from cerebras_ext.emulator.answer import Answer
from cerebras_ext.emulator.completion import Moment
from cerebras_ext.emulator.text_completion import (
    TextCompletion,
    text_body,
    text_chunks,
    text_completion,
)
from cerebras_ext.emulator.tokens import decode
from tests.emulator.requests import accepted_completion, completion_body


def completed(text: str = " one two three", **fields: Any) -> TextCompletion:
    """The completion of a small request, each prompt continued with the same text."""
    request = accepted_completion(completion_body(**fields))
    answers = [Answer(content=text) for _ in request.prompts]
    return text_completion(request, answers, Moment(b"seed", 1780000000.5))


def choice_of(completion: TextCompletion) -> dict[str, Any]:
    """The first choice of the body."""
    return text_body(completion)["choices"][0]


def test_body_has_the_documented_keys():
    """API specification §5.2: `text_completion` with usage and timing."""
    body = text_body(completed())
    assert body["object"] == "text_completion"
    assert body["choices"] == [{"finish_reason": "stop", "index": 0, "text": " one two three"}]
    assert body["usage"]["completion_tokens"] == 3
    assert body["id"].startswith("chatcmpl-")
    assert "time_info" in body


def test_limit_cuts_and_says_so():
    """API specification §5.1: `max_tokens` is the limit here."""
    choice = choice_of(completed(max_tokens=2))
    assert (choice["text"], choice["finish_reason"]) == (" one two", "length")


def test_stop_sequence_is_not_returned():
    """API specification §5.1: `stop` as in chat."""
    choice = choice_of(completed(stop=[" two"]))
    assert (choice["text"], choice["finish_reason"]) == (" one", "stop")


def test_echo_puts_the_prompt_in_front_and_counts_it_once():
    """API specification §5.1: the prompt is echoed before the completion."""
    done = completed(prompt="Say it:", echo=True)
    assert choice_of(done)["text"] == "Say it: one two three"
    assert done.usage.completion_tokens == 3


def test_prompts_are_answered_in_order():
    """API specification §5.3: one choice for each prompt, numbered."""
    body = text_body(completed(prompt=["A", "B"]))
    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    assert body["usage"]["completion_tokens"] == 6


def test_logprobs_are_parallel_lists_that_start_behind_the_prompt():
    """API specification §5.2: offsets begin at the prompt's length; one alternative more."""
    found = choice_of(completed(prompt="Hello", logprobs=2))["logprobs"]
    assert found["tokens"] == [" one", " two", " three"]
    assert found["text_offset"] == [5, 9, 13]
    assert [len(found[key]) for key in ("token_logprobs", "top_logprobs")] == [3, 3]
    assert all(len(one) == 3 for one in found["top_logprobs"])


def test_raw_tokens_come_in_place_of_the_text():
    """API specification §5.1: `return_raw_tokens` gives ids in `tokens`."""
    choice = choice_of(completed(return_raw_tokens=True))
    assert "text" not in choice
    assert decode(choice["tokens"]) == " one two three"


@pytest.mark.parametrize("prompt", ["A", ["A", "B"]])
def test_stream_says_the_same_as_the_body(prompt: Any):
    """API specification §5.3: partial texts, the finish reason of each choice, usage at the end."""
    done = completed(prompt=prompt)
    chunks = [chunk.body for chunk in text_chunks(done, 2)]
    for choice in text_body(done)["choices"]:
        own = [c for chunk in chunks for c in chunk["choices"] if c["index"] == choice["index"]]
        assert "".join(one["text"] for one in own) == choice["text"]
        assert [one.get("finish_reason") for one in own] == [*[None] * (len(own) - 1), "stop"]
    assert ["usage" in chunk for chunk in chunks] == [*[False] * (len(chunks) - 1), True]
