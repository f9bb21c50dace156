"""An answer is cut, counted and stamped as the service would."""

from __future__ import annotations

from typing import Any

import pytest

from cerebras_ext.emulator.answer import Answer, CalledTool
from cerebras_ext.emulator.completion import Completion, Moment, chat_completion
from cerebras_ext.emulator.tokens import pieces_of
from tests.emulator.requests import accepted, chat_body

REASONING = "Let me think about it."
TEXT = "One two three four five."


def completed(answer: Answer, moment: Moment | None = None, **fields: Any) -> Completion:
    """The completion of a small request that the model answers so."""
    return chat_completion(accepted(chat_body(**fields)), answer, moment or Moment(b"seed", 1.5))


def text_of(completion: Completion) -> str | None:
    """The text shown, None where it is absent."""
    content = completion.choice.content
    return None if content is None else "".join(content)


def test_completion_keeps_an_answer_within_its_limit():
    """Nothing is cut that fits: stop is the finish reason."""
    done = completed(Answer(content=TEXT, reasoning=REASONING))
    assert text_of(done) == TEXT
    assert "".join(done.choice.reasoning) == REASONING
    assert done.choice.finish_reason == "stop"


def test_completion_limit_cuts_the_text_last():
    """API specification §10.6: reasoning is generated first, so the text is what is cut."""
    limit = len(pieces_of(REASONING)) + 2
    done = completed(Answer(content=TEXT, reasoning=REASONING), max_completion_tokens=limit)
    assert "".join(done.choice.reasoning) == REASONING
    assert text_of(done) == "One two"
    assert done.choice.finish_reason == "length"
    assert done.usage.completion_tokens == limit


def test_completion_limit_within_the_reasoning_leaves_no_text():
    """API specification §3: content is absent, not empty, when thinking took everything."""
    done = completed(Answer(content=TEXT, reasoning=REASONING), max_completion_tokens=2)
    assert text_of(done) is None
    assert done.choice.finish_reason == "length"


def test_completion_limit_cuts_arguments_in_the_middle():
    """A tool call that does not fit goes out unfinished."""
    call = CalledTool("f", '{"city": "Oslo"}')
    done = completed(Answer(tool_calls=(call, call)), max_completion_tokens=3)
    assert [one.arguments for one in done.choice.tool_calls] == [
        "".join(pieces_of(call.arguments)[:3])
    ]
    assert done.choice.finish_reason == "length"


@pytest.mark.parametrize(
    ("stop", "left"),
    [("three", "One two "), (["five", "two"], "One "), (["nowhere"], TEXT), ("One", "")],
)
def test_completion_ends_before_the_first_stop_sequence(stop: Any, left: str):
    """API specification §2.1: the matched text is not returned."""
    done = completed(Answer(content=TEXT), stop=stop)
    assert text_of(done) == left
    assert done.choice.finish_reason == "stop"


def test_completion_stopped_in_the_text_calls_no_tool():
    """What would have followed a stop sequence never happens."""
    done = completed(Answer(content=TEXT, tool_calls=(CalledTool("f"),)), stop="two")
    assert done.choice.tool_calls == ()
    assert done.choice.finish_reason == "stop"


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("gpt-oss-120b", REASONING + TEXT),
        ("zai-glm-4.7", f"<think>{REASONING}</think>{TEXT}"),
        ("qwen-3.8-27b", TEXT),
    ],
)
def test_completion_raw_format_depends_on_the_family(model: str, shown: str):
    """API specification §10.2: joined, in tags, or without effect."""
    answer = Answer(content=TEXT, reasoning=REASONING)
    assert text_of(completed(answer, model=model, reasoning_format="raw")) == shown


def test_completion_hidden_reasoning_is_counted():
    """API specification §10.2: hidden reasoning is still generated and billed."""
    done = completed(Answer(content=TEXT, reasoning=REASONING), reasoning_format="hidden")
    assert done.choice.reasoning == ()
    assert done.usage.reasoning_tokens == len(pieces_of(REASONING))
    assert done.usage.completion_tokens == len(pieces_of(REASONING + " " + TEXT))


def test_completion_bills_rejected_prediction_tokens():
    """API specification §13.6: rejected prediction tokens count as completion tokens."""
    done = completed(
        Answer(content="One two four"), prediction={"type": "content", "content": "One two three"}
    )
    assert done.usage.accepted_prediction_tokens == 2
    assert done.usage.rejected_prediction_tokens == 1
    assert done.usage.completion_tokens == 3 + 1


@pytest.mark.parametrize(("tier", "used"), [("auto", "default"), ("default", None), (None, None)])
def test_completion_names_the_tier_used_only_for_auto(tier: str | None, used: str | None):
    """API specification §3: `service_tier_used` is there when the request said auto."""
    moment = Moment(b"seed", 1.5, has_service_tiers=True)
    done = completed(Answer(content="ok"), moment, service_tier=tier)
    assert (done.service_tier, done.service_tier_used) == (tier, used)


def test_completion_of_an_account_outside_the_preview_names_no_tier():
    """Recorded for gemma: an account without the preview gets no word about tiers."""
    assert completed(Answer(content="ok"), service_tier="auto").service_tier is None


def test_completion_takes_ids_and_time_from_the_moment():
    """The same moment gives the same ids, another seed others."""
    one, same, other = (
        completed(Answer(tool_calls=(CalledTool("f"),)), Moment(seed, 1780000000.5))
        for seed in (b"a", b"a", b"b")
    )
    assert one == same
    assert one.stamp.id != other.stamp.id
    assert one.choice.tool_calls[0].id != other.choice.tool_calls[0].id
    assert (one.stamp.created, one.timing.created) == (1780000000, 1780000000.5)


def test_completion_keeps_what_a_script_decides():
    """A script's finish reason and call ids are not replaced."""
    call = CalledTool("f", "{}", id="call-1")
    done = completed(Answer(tool_calls=(call,), finish_reason="content_filter"))
    assert done.choice.tool_calls[0].id == "call-1"
    assert done.choice.finish_reason == "content_filter"
