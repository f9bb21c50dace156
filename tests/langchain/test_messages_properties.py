"""Any history is either what the service takes, or an error of ours that says why (section 3)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from cerebras_ext.emulator.problems import ApiProblem
from cerebras_ext.emulator.service import Service
from cerebras_ext.emulator.validate import validate_chat
from cerebras_ext.tool_names import ToolNames
from langchain_cerebras_ext._messages import (
    MessageRules,
    call_names_in,
    rename_calls,
    wire_messages_from_langchain,
)
from langchain_cerebras_ext.errors import UnsupportedInput

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

pytestmark = pytest.mark.once

SERVICE = Service.of()
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
DATA_URI = f"data:image/png;base64,{PNG}"
IDS = st.sampled_from(["c1", "c2", "c3", ""])
NAMES = st.sampled_from(["add", "files.read", "a b", "x" * 70])
TEXTS = st.sampled_from(["", "hello", "wörld 🌍", " "])
ARGUMENTS = st.dictionaries(st.sampled_from(["a", "b"]), st.integers() | TEXTS, max_size=2)
RAW_ARGUMENTS = st.sampled_from(["", "null", "{}", '{"a": 1}', '{"a": ', "[1]", "3", "x"])


def _block(kind: str, **parts: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), **parts})


BLOCKS = st.one_of(
    TEXTS,
    _block("text", text=TEXTS),
    _block("text-plain", text=TEXTS),
    _block("reasoning", reasoning=TEXTS),
    _block("thinking", thinking=TEXTS, signature=TEXTS),
    _block("redacted_thinking", data=TEXTS),
    _block("tool_call", id=IDS, name=NAMES, args=ARGUMENTS),
    _block("tool_use", id=IDS, name=NAMES, input=ARGUMENTS),
    _block("tool_call_chunk", id=IDS, name=NAMES, args=RAW_ARGUMENTS),
    _block("invalid_tool_call", id=IDS, name=NAMES, args=RAW_ARGUMENTS),
    _block("tool_result", tool_use_id=IDS, content=TEXTS),
    _block("server_tool_call", id=IDS, name=NAMES, args=ARGUMENTS),
    _block("image", base64=st.just(PNG), mime_type=st.just("image/png")),
    _block("image_url", image_url=st.fixed_dictionaries({"url": st.just(DATA_URI)})),
    _block("input_image", image_url=st.just(DATA_URI)),
    _block("input_text", text=TEXTS),
    _block("reasoning_content", reasoning_content=st.fixed_dictionaries({"text": TEXTS})),
    _block("function_call", call_id=IDS, name=NAMES, arguments=RAW_ARGUMENTS),
    _block("server_tool_result", tool_call_id=IDS, output=TEXTS),
    _block("non_standard", value=_block("text", text=TEXTS)),
    _block("refusal", refusal=TEXTS),
    _block("audio", base64=TEXTS),
    _block("strange"),
)
CONTENT = TEXTS | st.lists(BLOCKS, max_size=3)
CALLS = st.lists(
    st.fixed_dictionaries({"id": IDS | st.none(), "name": NAMES, "args": ARGUMENTS}), max_size=2
)
INVALID_CALLS = st.lists(
    st.fixed_dictionaries(
        {"id": IDS | st.none(), "name": NAMES, "args": RAW_ARGUMENTS, "error": st.none()}
    ),
    max_size=2,
)
FRAGMENTS = st.lists(
    st.fixed_dictionaries(
        {"id": IDS, "name": NAMES, "args": RAW_ARGUMENTS, "index": st.integers(0, 2)}
    ),
    max_size=2,
)


def _messages() -> SearchStrategy[BaseMessage]:
    names = st.sampled_from([None, "ann"])
    roles = st.sampled_from(["user", "assistant", "narrator"])
    no_array = st.sampled_from(["{}", '{"a": 1}', '{"a": ', "x"])  # with one, core takes no message
    function = st.fixed_dictionaries({"name": NAMES, "arguments": no_array})
    call = st.fixed_dictionaries({"id": IDS, "type": st.just("function"), "function": function})
    kept = st.one_of(
        TEXTS.map(lambda text: {"reasoning_content": text, "refusal": text}),
        function.map(lambda called: {"function_call": called}),
        st.lists(call, max_size=2).map(lambda calls: {"tool_calls": calls}),
    )
    about = st.sampled_from([{}, {"model_provider": "cerebras"}, {"model_provider": "openai"}])
    return st.one_of(
        CONTENT.map(SystemMessage),
        st.tuples(CONTENT, names).map(lambda drawn: HumanMessage(drawn[0], name=drawn[1])),
        st.tuples(CONTENT, CALLS, INVALID_CALLS).map(
            lambda drawn: AIMessage(drawn[0], tool_calls=drawn[1], invalid_tool_calls=drawn[2])
        ),
        st.tuples(TEXTS, FRAGMENTS).map(
            lambda drawn: AIMessageChunk(drawn[0], tool_call_chunks=drawn[1])
        ),
        st.tuples(TEXTS, kept, about).map(
            lambda drawn: AIMessage(
                drawn[0], additional_kwargs=drawn[1], response_metadata=drawn[2]
            )
        ),
        st.tuples(CONTENT, IDS).map(lambda drawn: ToolMessage(drawn[0], tool_call_id=drawn[1])),
        st.tuples(TEXTS, NAMES).map(lambda drawn: FunctionMessage(drawn[0], name=drawn[1])),
        st.tuples(TEXTS, roles).map(lambda drawn: ChatMessage(drawn[0], role=drawn[1])),
        st.just(RemoveMessage(id="m1")),
    )


@st.composite
def answered_turns(draw: Any) -> list[BaseMessage]:
    """A turn with calls and its answers, as agents make them."""
    ids = draw(st.lists(st.sampled_from(["t1", "t2", "t3"]), unique=True, min_size=1, max_size=3))
    calls = [{"id": id_, "name": draw(NAMES), "args": draw(ARGUMENTS)} for id_ in ids]
    answers = [ToolMessage(draw(TEXTS), tool_call_id=id_) for id_ in draw(st.permutations(ids))]
    return [AIMessage(draw(CONTENT), tool_calls=calls), *answers]


HISTORIES = st.lists(
    _messages().map(lambda message: [message]) | answered_turns(), min_size=1, max_size=5
)


@settings(deadline=None, max_examples=300)
@given(HISTORIES, st.sampled_from(["gpt-oss-120b", "qwen-3.8-27b"]), st.booleans())
def test_any_history_is_taken_or_refused_by_name(
    turns: list[list[BaseMessage]], model: str, replays_foreign: bool
) -> None:
    """LC-13 to LC-19: what we send is what the service takes; the rest is an error of ours.

    Whichever it is, the history stays as it was.
    """
    history = [message for turn in turns for message in turn]
    before = copy.deepcopy(history)
    rules = MessageRules(SERVICE.facts(model), replays_foreign_reasoning=replays_foreign)
    try:
        messages = wire_messages_from_langchain(history, rules)
    except UnsupportedInput:
        return
    finally:
        assert history == before
    rename_calls(messages, ToolNames.of(call_names_in(messages)))
    assume(str(messages).count("image_url") <= 2 * SERVICE.max_images(rules.facts))  # tier's limit
    try:
        validate_chat({"model": model, "messages": messages}, SERVICE)
    except ApiProblem as problem:
        raise AssertionError(f"the service would refuse {messages}: {problem}") from problem
