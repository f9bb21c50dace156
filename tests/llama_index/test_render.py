"""Replies and deltas to LlamaIndex responses: LI-22 to LI-25, LI-39, LI-40, LI-43, LI-71."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatResponse,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from cerebras_ext.tool_names import ToolNames
from llama_index_cerebras_ext._render import (
    ChatRenderer,
)
from tests.llama_index.rendering import (
    NO_NAMES,
    TWO_CALLS,
    TWO_CALLS_REPLY,
    chat_deltas,
    items,
    whole,
)
from tests.llama_index.support import (
    HELLO,
    HELLO_REPLY,
    TIME_INFO,
    USAGE,
    call_delta,
    chunk,
    last_chunk,
    reply,
)

pytestmark = pytest.mark.once


def calls_of(response: ChatResponse) -> list[tuple[str | None, str, Any]]:
    """Id, name and arguments of each call in the blocks."""
    return [
        (block.tool_call_id, block.tool_name, block.tool_kwargs)
        for block in response.message.blocks
        if isinstance(block, ToolCallBlock)
    ]


def test_blocks_are_thinking_then_one_text_then_calls() -> None:
    """LI-23: core joins several text blocks with line ends, so there is one."""
    body = reply({**TWO_CALLS_REPLY["choices"][0]["message"], "reasoning": "hm"}, "tool_calls")
    kinds = [type(block) for block in whole(body).message.blocks]
    assert kinds == [ThinkingBlock, TextBlock, ToolCallBlock, ToolCallBlock]


def test_calls_without_text_have_no_text_block() -> None:
    """LI-23: content is None beside calls without text."""
    body = json.loads(json.dumps(TWO_CALLS_REPLY))
    del body["choices"][0]["message"]["content"]
    assert whole(body).message.content is None


@pytest.mark.parametrize("message", [{}, {"content": None}, {"content": ""}, {"reasoning": "hm"}])
def test_a_reply_without_text_and_calls_has_empty_content(message: dict[str, Any]) -> None:
    """LI-23, LI-56: absent content is "", so that nobody trips over None."""
    assert whole(reply(message, "length")).message.content == ""


def test_thinking_carries_its_tokens() -> None:
    """LI-23: `num_tokens` is what the service reported."""
    thinking = whole(HELLO_REPLY).message.blocks[0]
    assert isinstance(thinking, ThinkingBlock)
    assert (thinking.content, thinking.num_tokens) == ("They greet.", 3)


def test_deltas_add_up_to_the_text() -> None:
    """LI-22 table: chat engines rebuild the answer from deltas."""
    shown = items(*HELLO)
    assert "".join(item.delta or "" for item in shown) == shown[-1].message.content == "Hello"


def test_each_item_holds_all_so_far() -> None:
    """LI-22 table: messages are cumulative."""
    texts = [item.message.content for item in items(*HELLO)]
    assert texts == ["", "", "Hel", "Hello", "Hello"]


def test_delta_is_visible_text_only() -> None:
    """LI-22 table: reasoning and arguments have an empty delta, never None."""
    assert [item.delta for item in items(*HELLO)] == ["", "", "Hel", "lo", ""]
    assert {item.delta for item in items(*TWO_CALLS)} == {"Both.", ""}


def test_reasoning_deltas_are_on_the_response() -> None:
    """LI-24: agents read `thinking_delta` there; only items with new reasoning have it."""
    shown = items(*HELLO)
    deltas = [item.additional_kwargs.get("thinking_delta") for item in shown]
    assert deltas == ["They ", "greet.", None, None, None]
    assert all("thinking_delta" not in item.message.additional_kwargs for item in shown)


def test_whole_replies_have_no_reasoning_delta() -> None:
    """LI-24: `thinking_delta` is for streams."""
    assert "thinking_delta" not in whole(HELLO_REPLY).additional_kwargs


def test_items_given_out_do_not_change() -> None:
    """LI-23: a consumer may keep items; later ones leave them as they were."""
    renderer = ChatRenderer(NO_NAMES)
    rendered = (renderer.feed(delta) for delta in chat_deltas(*TWO_CALLS))
    kept = [(item, item.model_dump_json()) for item in rendered if item is not None]
    assert len(kept) > 3
    assert all(item.model_dump_json() == before for item, before in kept)


@pytest.mark.parametrize(
    ("chunks", "body"), [(HELLO, HELLO_REPLY), (TWO_CALLS, TWO_CALLS_REPLY)], ids=["text", "calls"]
)
def test_stream_ends_as_the_whole_reply_would(chunks: Any, body: dict[str, Any]) -> None:
    """LI-71: the last item's message and facts are those of the unstreamed reply."""
    last, unstreamed = items(*chunks)[-1], whole(body)
    assert last.message == unstreamed.message
    assert last.additional_kwargs == unstreamed.additional_kwargs


def test_facts_of_the_reply() -> None:
    """LI-24: flat JSON values under documented names, and none that the service did not give."""
    assert whole(HELLO_REPLY).additional_kwargs == {
        "finish_reason": "stop",
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
        "cached_tokens": 4,
        "reasoning_tokens": 3,
        "time_info": TIME_INFO,
        "id": "chatcmpl-1",
        "model": "gpt-oss-120b",
        "system_fingerprint": "fp_1",
        "request_id": "req-1",
        "rate_limits": {"remaining_tokens_minute": 900},
    }


def test_usage_is_never_made_up() -> None:
    """LI-24: missing stays missing."""
    body = {key: value for key, value in HELLO_REPLY.items() if key not in ("usage", "time_info")}
    facts = whole(body).additional_kwargs
    assert not {"prompt_tokens", "completion_tokens", "total_tokens", "time_info"} & facts.keys()


def test_service_tier_is_the_one_used() -> None:
    """LI-24: where the service chose a tier, that is the one to know."""
    body = {**HELLO_REPLY, "service_tier": "auto", "service_tier_used": "flex"}
    assert whole(body).additional_kwargs["service_tier"] == "flex"


def test_raw_is_the_reply_as_it_came() -> None:
    """LI-22 table: `raw` is a dict, unknown keys included."""
    body = {**HELLO_REPLY, "brand_new": {"a": 1}}
    assert whole(body).raw == body


def test_items_carry_their_own_chunk_and_the_last_one_usage() -> None:
    """LI-24: `raw` has usage, timings and finish reason in one dict at the end."""
    shown = items(*HELLO)
    assert [item.raw for item in shown[:-1]] == HELLO[1:-1]
    raw = shown[-1].raw
    assert (raw["usage"], raw["time_info"]) == (USAGE, TIME_INFO)
    assert raw["choices"][0]["finish_reason"] == "stop"


def test_usage_of_an_earlier_chunk_reaches_the_last_item() -> None:
    """LI-24: wherever the service put usage, the last item's `raw` has it."""
    early = chunk({"content": "x"}, usage=USAGE)
    raw = items(chunk({"role": "assistant"}), early, chunk(finish_reason="stop"))[-1].raw
    assert raw["usage"] == USAGE
    assert raw["choices"][0]["finish_reason"] == "stop"


def test_a_trailing_usage_chunk_is_merged_with_the_finish() -> None:
    """LI-24: one dict carries the choice and the usage that came after it."""
    trailing = {**last_chunk(), "choices": []}
    raw = items(*HELLO[:-1], chunk(finish_reason="stop"), trailing)[-1].raw
    assert raw["usage"] == USAGE
    assert raw["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(("keeps", "kwargs"), [(False, {}), (True, {"reasoning": "They greet."})])
def test_reasoning_is_in_kwargs_only_if_asked_for(keeps: bool, kwargs: dict[str, str]) -> None:
    """LI-25, LI-30: memories count the tokens of kwargs; of a stream, the last item has them."""
    *earlier, last = items(*HELLO, keeps_reasoning=keeps)
    assert last.message.additional_kwargs == kwargs
    assert whole(HELLO_REPLY, keeps_reasoning=keeps).message.additional_kwargs == kwargs
    assert all(item.message.additional_kwargs == {} for item in earlier)


def test_calls_are_kept_as_plain_dicts_too() -> None:
    """LI-25: parts of core look only there; the dicts say what the blocks say."""
    for item in [*items(*TWO_CALLS), whole(TWO_CALLS_REPLY)]:
        kept = item.message.additional_kwargs.get("tool_calls", [])
        assert json.loads(json.dumps(kept)) == kept
        told = [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in kept]
        assert told == calls_of(item)


def test_parallel_calls_are_all_seen() -> None:
    """LI-39: fragments join by index."""
    assert calls_of(items(*TWO_CALLS)[-1]) == [("a", "f", '{"x": 1}'), ("b", "g", "{}")]


def test_calls_that_start_in_one_chunk_are_all_seen() -> None:
    """LI-39: a chunk may hold pieces of several calls."""
    both = {
        "tool_calls": [
            *call_delta('{"x": 1}', 0, "a", "f")["tool_calls"],
            *call_delta("{}", 1, "b", "g")["tool_calls"],
        ]
    }
    shown = items(chunk({"role": "assistant"}), chunk(both), last_chunk("tool_calls"))
    assert calls_of(shown[-1]) == [("a", "f", '{"x": 1}'), ("b", "g", "{}")]


def test_a_call_is_shown_once_its_name_is_known() -> None:
    """LI-39: a block needs a name."""
    shown = items(
        chunk({"role": "assistant"}),
        chunk(call_delta('{"x"', 0, "a")),
        chunk(call_delta(": 1}", 0, name="f")),
        last_chunk("tool_calls"),
    )
    assert [calls_of(item) for item in shown[:2]] == [[], [("a", "f", '{"x": 1}')]]


def test_arguments_stay_the_text_that_the_model_sent() -> None:
    """LI-40: white space and all, while streaming and after."""
    arguments = '{\n  "x" : 1\n}'
    shown = items(
        chunk({"role": "assistant"}),
        chunk(call_delta(arguments[:6], 0, "a", "f")),
        chunk(call_delta(arguments[6:], 0)),
        last_chunk("tool_calls"),
    )
    assert [calls_of(item)[0][2] for item in shown] == [arguments[:6], arguments, arguments]


def test_only_the_first_call_where_one_is_allowed() -> None:
    """LI-43: in blocks and kwargs, streamed or not."""
    for item in [
        items(*TWO_CALLS, first_call_only=True)[-1],
        whole(TWO_CALLS_REPLY, first_call_only=True),
    ]:
        assert calls_of(item) == [("a", "f", '{"x": 1}')]
        assert [kept["id"] for kept in item.message.additional_kwargs["tool_calls"]] == ["a"]


def test_names_are_translated_back() -> None:
    """LI-36: core looks a tool up under its own name."""
    names = ToolNames.of(["Box[int]"])
    shown = items(
        chunk({"role": "assistant"}),
        chunk(call_delta("{}", 0, "a", "Box_int")),
        last_chunk("tool_calls"),
        names=names,
    )
    assert {calls_of(item)[0][1] for item in shown} == {"Box[int]"}


def test_other_choices_are_left_out() -> None:
    """A response holds one answer: the first choice."""
    other = chunk({"content": "other"})
    other["choices"][0]["index"] = 1
    end = chunk(finish_reason="stop")
    end["choices"][0]["index"] = 1
    shown = items(*HELLO[:3], other, *HELLO[3:5], end, last_chunk())
    assert shown[-1].message.content == "".join(i.delta or "" for i in shown) == "Hello"
