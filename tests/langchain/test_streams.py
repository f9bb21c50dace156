"""Chunks and events of a stream, one by one (contract sections 6 to 8)."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.messages.block_translators import get_translator
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

from langchain_cerebras_ext import _blocks
from langchain_cerebras_ext import errors as lc
from langchain_cerebras_ext._names import UNSEALED_ARGUMENTS
from tests.langchain.paths import PATHS
from tests.langchain.replies import ADD, REPLIES, SEND
from tests.langchain.support import MODEL, QUIET_BETA, Reply, chat, sse

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk

pytestmark = QUIET_BETA

FULL = REPLIES["all"]
ARGUMENTS = '{"path": "a\\u00e9b", "n": [1, {"k": null}], "s": "x\\"y", "t": -1.5e3}'


def chunks_of(reply: Any, **settings: Any) -> list[AIMessageChunk]:
    model, _ = chat(reply, merge_deltas=False, **settings)
    return list(model.stream("Hi"))


def test_first_chunk_comes_before_any_content() -> None:
    """LC-34: who measures the time to the first token sees the start of the stream."""
    first = chunks_of(FULL)[0]
    assert first.content == ""
    assert first.response_metadata == {"model_provider": "cerebras"}


def test_each_wire_event_that_carries_something_is_one_chunk() -> None:
    """LC-34: nothing is split or joined without merging."""
    reply = Reply(content="abcdef")
    assert [chunk.content for chunk in chunks_of(reply)] == ["", "abc", "def", ""]


def test_every_chunk_names_the_provider_and_only_the_last_says_more() -> None:
    """LC-23, LC-31: metadata that is merged by adding stands once."""
    *others, last = chunks_of(FULL)
    assert all(chunk.response_metadata == {"model_provider": "cerebras"} for chunk in others)
    assert {"model_name", "finish_reason", "time_info", "created"} < last.response_metadata.keys()


def test_usage_stands_on_the_last_chunk_alone() -> None:
    """LC-31, LC-72: token counts come by default, and once."""
    *others, last = chunks_of(FULL)
    assert last.usage_metadata is not None
    assert all(chunk.usage_metadata is None for chunk in others)


def test_usage_can_be_left_out_of_streams() -> None:
    """LC-72: `stream_usage=False` gives no token counts while streaming."""
    assert all(chunk.usage_metadata is None for chunk in chunks_of(FULL, stream_usage=False))


def test_last_chunk_says_so_once() -> None:
    """LC-30: `chunk_position` is ours to set, exactly once."""
    positions = [chunk.chunk_position for chunk in chunks_of(FULL)]
    assert positions == [None] * (len(positions) - 1) + ["last"]


def test_all_chunks_carry_the_reply_id() -> None:
    """Section 5: the provider's id is known from the first chunk on."""
    assert {chunk.id for chunk in chunks_of(FULL)} == {"chatcmpl-1"}


def test_fragments_name_the_call_once() -> None:
    """LC-32: id and name in the first fragment, the wire's index in each, text in all."""
    chunks = chunks_of(REPLIES["interleaved calls"])
    fragments = [call for chunk in chunks for call in chunk.tool_call_chunks]
    for index, (id_, name, arguments) in enumerate((ADD, SEND)):
        own = [fragment for fragment in fragments if fragment["index"] == index]
        assert (own[0]["id"], own[0]["name"]) == (id_, name)
        assert {(fragment["id"], fragment["name"]) for fragment in own[1:]} == {(None, None)}
        assert "".join(fragment["args"] or "" for fragment in own) == arguments
        assert all(isinstance(fragment["args"], str) for fragment in own)


def test_blocks_of_a_v1_stream_do_not_fuse() -> None:
    """LC-38: text, reasoning and interleaved calls keep apart when v1 chunks are merged."""
    reply = Reply(
        content="Hi",
        reasoning="Hm",
        calls=(ADD, SEND),
        finish_reason="tool_calls",
        interleaved=True,
    )
    chunks = chunks_of(reply, output_version="v1")
    total = chunks[0] + chunks[1:]
    kinds = [block["type"] for block in total.content_blocks]
    assert kinds == ["reasoning", "text", "tool_call", "tool_call"]


def test_chunk_blocks_have_indices_core_can_merge() -> None:
    """LC-38: string indices that begin with `lc_`."""
    blocks = [block for chunk in chunks_of(FULL) for block in chunk.content_blocks]
    assert {block["index"] for block in blocks} == {"lc_rsn_0", "lc_txt_0", "lc_tc_0", "lc_tc_1"}


def test_call_that_stands_in_the_content_is_shown_once() -> None:
    """LC-37: messages whose content was copied from blocks have their calls there as well."""
    call = {"type": "tool_call", "id": "c1", "name": "add", "args": {"a": 1}}
    message = AIMessage(
        [{"type": "text", "text": "Hm."}, call],
        tool_calls=[call],
        response_metadata={"model_provider": "cerebras"},
    )
    assert [block["type"] for block in message.content_blocks] == ["text", "tool_call"]


def test_translator_is_ours() -> None:
    """LC-36: a core that brings a translator for this provider would show here."""
    assert find_spec("langchain_core.messages.block_translators.cerebras") is None
    assert get_translator("cerebras") == {
        "translate_content": _blocks.blocks_of_message,
        "translate_content_chunk": _blocks.blocks_of_chunk,
    }


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("path", ["stream", "astream", "invoke_under_chunk_listener", "events"])
@pytest.mark.parametrize("n_chars", range(1, len(ARGUMENTS)))
def test_no_cut_of_arguments_becomes_a_call(n_chars: int, path: str, output_version: str) -> None:
    """LC-33: arguments cut anywhere are an invalid call, never a repaired one."""
    reply = Reply(calls=(("c1", "rm", ARGUMENTS[:n_chars]),), finish_reason="length")
    model, _ = chat(reply, output_version=output_version)
    message = PATHS[path](model, "Hi")
    assert message.tool_calls == []
    assert [bad["name"] for bad in message.invalid_tool_calls] == ["rm"]


def test_whole_arguments_stay_a_call() -> None:
    """LC-33: the mark of invalid calls touches no valid one."""
    reply = Reply(calls=(("c1", "rm", ARGUMENTS),), finish_reason="tool_calls")
    total = PATHS["stream"](chat(reply)[0], "Hi")
    assert total.tool_calls[0]["args"] == json.loads(ARGUMENTS)


def test_seal_comes_in_a_chunk_of_its_own_before_the_last() -> None:
    """LC-33: the translator treats the last chunk as finished, so the mark must not ride on it."""
    *_, before_last, last = chunks_of(REPLIES["truncated call"])
    assert before_last.tool_call_chunks[0]["args"] == '"]'
    assert last.tool_call_chunks == []


def test_invalid_arguments_are_kept_as_the_model_wrote_them() -> None:
    """LC-33: the last chunk has the untouched text."""
    total = PATHS["stream"](chat(REPLIES["truncated call"])[0], "Hi")
    assert total.response_metadata[UNSEALED_ARGUMENTS] == {"c1": '{"path": "data/tmp'}


@pytest.mark.parametrize("kind", REPLIES)
def test_events_follow_the_protocol(kind: str) -> None:
    """LC-43: order, indices and payloads of content-block events."""
    events = list(chat(REPLIES[kind])[0].stream_events("Hi", version="v3"))
    assert_valid_event_stream(events)
    assert [event["event"] for event in events][-1] == "message-finish"


@pytest.mark.parametrize("kind", REPLIES)
def test_concatenated_event_deltas_equal_the_finished_block(kind: str) -> None:
    """LC-43: whoever adds the deltas up has what the finish says."""
    texts: dict[int, str] = {}
    for event in chat(REPLIES[kind], merge_deltas=False)[0].stream_events("Hi", version="v3"):
        if event["event"] == "content-block-delta":
            delta = event["delta"]
            text = delta.get("text") or delta.get("reasoning") or delta.get("args")
            texts[event["index"]] = texts.get(event["index"], "") + str(text)
        elif event["event"] == "content-block-finish":
            block, text = event["content"], texts.get(event["index"], "")
            expected = {
                "text": block.get("text"),
                "reasoning": block.get("reasoning"),
                "invalid_tool_call": block.get("args"),
                "refusal": "",  # comes whole, without deltas
                "non_standard": "",
            }
            if block["type"] == "tool_call":
                assert json.loads(text or "{}") == block["args"]
            else:
                assert text == expected[block["type"]]


def test_last_event_leaves_out_what_the_first_said() -> None:
    """LC-46: core merges the two, so provider and model are said once."""
    first, *_, last = chat(FULL)[0].stream_events("Hi", version="v3")
    assert first["metadata"] == {"provider": "cerebras", "model": MODEL}
    assert not {"model_provider", "model_name"} & last["metadata"].keys()
    assert {"finish_reason", "time_info", "id"} <= last["metadata"].keys()


SEALED = {
    "truncated call",
    "truncated after a whole call",
    "array arguments",
    "number arguments",
    "number beyond floats",
    "words for arguments",
}
"""Kinds whose chunks carry a mark that makes calls invalid; events show the untouched text."""


@pytest.mark.parametrize("kind", [kind for kind in REPLIES if kind not in SEALED])
def test_events_agree_with_cores_bridge(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """LC-48, LC-64: core's own bridge from chunks gives the same events, refusals included."""
    model, _ = chat(REPLIES[kind])
    native = list(model.stream_events("Hi", version="v3"))
    monkeypatch.delattr(type(model), "_stream_chat_model_events")
    bridged = list(model.stream_events("Hi", version="v3"))

    def comparable(events: list[Any]) -> list[Any]:
        out = []
        for event in events:
            content = {
                key: value
                for key, value in event.get("content", {}).items()
                if key not in ("index", "extras")
            }
            metadata = {
                key: value
                for key, value in event.get("metadata", {}).items()
                if key not in ("model", "model_provider", "model_name")
            }
            out.append({**event, "content": content, "metadata": metadata, "id": None})
        return out

    assert comparable(native) == comparable(bridged)


def test_events_of_a_bound_model_are_typed_streams() -> None:
    """LC-42, LC-49: the object that `bind_tools` gives streams events too."""
    model, _ = chat(REPLIES["one call"])

    def add(a: int) -> int:
        """Adds."""
        return a

    running = model.bind_tools([add]).stream_events("Hi", version="v3")
    assert [call["name"] for call in running.tool_calls.get()] == ["add"]


@pytest.mark.parametrize("path", ["stream", "astream", "events", "aevents"])
def test_stream_without_a_finish_raises(path: str) -> None:
    """LC-30: a stream that ends early is never marked as complete."""
    cut = sse(Reply(content="Hello there").chunks()[:-1], done=False)
    with pytest.raises(lc.StreamIncomplete) as caught:
        PATHS[path](chat(cut)[0], "Hi")
    assert caught.value.partial is not None
    assert caught.value.partial.choices[0].message.content == "Hello there"


@pytest.mark.parametrize("path", ["stream", "astream", "events", "aevents"])
def test_stream_that_ends_after_the_finish_reason_is_complete(path: str) -> None:
    """Wire rule: `[DONE]` may be missing when a finish reason came."""
    cut = sse(Reply(content="Hello").chunks(), done=False)
    assert PATHS[path](chat(cut)[0], "Hi").text == "Hello"


@pytest.mark.parametrize(
    ("field", "parts"),
    [
        ("logprobs", {"content": "abcd"}),
        ("logprobs", {"reasoning": "ab", "content": "cd"}),
        ("reasoning_logprobs", {"reasoning": "ab", "content": "cd"}),
    ],
)
def test_logprobs_of_chunks_add_up(field: str, parts: dict[str, str]) -> None:
    """LC-31: log probabilities may be spread over chunks, and stand on the message once."""
    entries = [
        {"token": text, "logprob": -0.5, "bytes": [97], "top_logprobs": []} for text in ("ab", "cd")
    ]
    chunks, body = Reply(**parts).chunks(piece=2), Reply(**parts).body()
    expected: dict[str, dict[str, Any]] = {}
    for chunk, entry, where in zip(chunks[1:3], entries, (field, "logprobs"), strict=True):
        chunk["choices"][0][where] = {"content": [entry]}
        expected.setdefault(where, {"content": []})["content"].append(entry)
    body["choices"][0].update(expected)
    whole, _ = chat(lambda _request, httpx: httpx.Response(200, json=body))
    answers = [whole.invoke("Hi")]
    answers += [
        PATHS[path](chat(sse(chunks), merge_deltas=False)[0], "Hi") for path in ("stream", "events")
    ]
    for answer in answers:
        said = {key: answer.response_metadata.get(key) for key in expected}
        assert said == expected


def test_response_headers_are_shown_when_asked_for() -> None:
    """Section 5: `include_response_headers` puts them into the metadata, on every path."""
    for path in ("invoke", "stream", "events"):
        model, _ = chat(Reply(content="Hi"), include_response_headers=True)
        headers = PATHS[path](model, "Hi").response_metadata["headers"]
        assert headers["x-request-id"] == "req-1"


@pytest.mark.parametrize("streaming", [None, True, False])
def test_streaming_field_decides_who_streams(streaming: bool | None) -> None:
    """LC-10: True makes `invoke` stream, False keeps `stream` from it, unset does as asked."""
    model, service = chat(
        Reply(content="Hi"), **({} if streaming is None else {"streaming": streaming})
    )
    model.invoke("Hi")
    list(model.stream("Hi"))
    flags = [bool(request.get("stream")) for request in service.requests]
    assert flags == {None: [False, True], True: [True, True], False: [False, False]}[streaming]


def test_disable_streaming_for_tools() -> None:
    """LC-06: `disable_streaming="tool_calling"` gives one message when tools are bound."""
    model, service = chat(REPLIES["one call"], disable_streaming="tool_calling")
    bound = model.bind_tools([{"name": "add", "parameters": {"type": "object", "properties": {}}}])
    assert len(list(bound.stream("Hi"))) == 1
    assert "stream" not in service.last
