"""What both adapters send for made-up conversations is what the service takes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.base.llms.types import ThinkingBlock, ToolCallBlock
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool

from langchain_cerebras_ext import ChatCerebras
from langchain_cerebras_ext.errors import UnsupportedInput
from llama_index_cerebras_ext import Cerebras
from tests.fuzz.conversations import Said, Talk, made_up_talk
from tests.fuzz.judge import Judge

KEY = "csk-test-1"


def _langchain_message(said: Said) -> BaseMessage:
    text = {"type": "text", "text": said.text}
    match said.role:
        case "system":
            return SystemMessage(said.text)
        case "user":
            images = [_image_block(each) for each in said.images]
            return HumanMessage([text, *images] if images else said.text)
        case "assistant":
            calls = [{"id": id_, "name": name, "args": args} for id_, name, args in said.calls]
            thought = {"type": "reasoning", "reasoning": said.reasoning}
            return AIMessage(
                [thought, text] if said.reasoning else said.text,
                tool_calls=calls,
                response_metadata={"model_provider": "cerebras"},
            )
        case "tool":
            return ToolMessage(said.text, tool_call_id=said.call_id)


def _image_block(image: bytes) -> dict[str, str]:
    data = base64.b64encode(image).decode()
    return {"type": "image", "base64": data, "mime_type": "image/png"}


def _ask_langchain(talk: Talk, judge: Judge) -> None:
    model: Any = ChatCerebras(
        model=talk.facts.id, api_key=KEY, http_client=judge.sync, **talk.options
    )
    if talk.schema is not None:
        model = model.with_structured_output(talk.schema, include_raw=True)
    elif talk.tools:
        tools = [_named(tool, name) for name, tool in talk.tools.items()]
        options: dict[str, Any] = {} if talk.is_parallel else {"parallel_tool_calls": False}
        model = model.bind_tools(
            tools, tool_choice=talk.tool_choice, strict=talk.is_strict or None, **options
        )
    messages = [_langchain_message(said) for said in talk.messages]
    if talk.is_stream and talk.schema is None:
        list(model.stream(messages))
    else:
        model.invoke(messages)


def _named(tool: type[Any], name: str) -> dict[str, Any]:
    """A tool whose name no class can have."""
    schema = tool.model_json_schema()
    return {
        "type": "function",
        "function": {"name": name, "description": "Does it.", "parameters": schema},
    }


def _llama_index_message(said: Said) -> ChatMessage:
    blocks: list[Any] = [TextBlock(text=said.text)]
    blocks += [ImageBlock(image=each, image_mimetype="image/png") for each in said.images]
    if said.reasoning:
        blocks.insert(0, ThinkingBlock(content=said.reasoning))
    blocks += [
        ToolCallBlock(tool_call_id=id_, tool_name=name, tool_kwargs=arguments)
        for id_, name, arguments in said.calls
    ]
    kept = {"tool_call_id": said.call_id} if said.call_id else {}
    return ChatMessage(role=said.role, blocks=blocks, additional_kwargs=kept)


def _tool(**_: Any) -> str:
    return ""


def _ask_llama_index(talk: Talk, judge: Judge) -> None:
    llm = Cerebras(
        model=talk.facts.id,
        api_key=KEY,
        http_client=judge.sync,
        strict=talk.is_strict,
        **talk.options,
    )
    messages = [_llama_index_message(said) for said in talk.messages]
    if talk.schema is not None:
        structured = llm.as_structured_llm(talk.schema)
        with suppress(ValueError):  # the judge's answer is no such object
            structured.chat(messages)
    elif talk.tools:
        tools = [
            FunctionTool.from_defaults(_tool, name, "Does it.", fn_schema=schema)
            for name, schema in talk.tools.items()
        ]
        options: dict[str, Any] = {"allow_parallel_tool_calls": talk.is_parallel}
        if talk.tool_choice:
            options["tool_choice"] = talk.tool_choice
        if talk.is_stream:
            list(llm.stream_chat_with_tools(tools, chat_history=messages, **options))
        else:
            llm.chat_with_tools(tools, chat_history=messages, **options)
    elif talk.is_stream:
        list(llm.stream_chat(messages))
    else:
        llm.chat(messages)


Ask = Callable[[Talk, Judge], None]
each_adapter = pytest.mark.parametrize("ask", [_ask_langchain, _ask_llama_index])


def _check(ask: Ask, n_talks: int) -> None:
    judge = Judge()
    n_refused = 0
    for seed in range(n_talks):
        talk = made_up_talk(Random(seed))
        try:
            ask(talk, judge)
        except UnsupportedInput:  # strict mode was asked for, and has no form for some schemas
            assert talk.is_strict
            n_refused += 1
        assert not judge.refusals, f"seed {seed}: {judge.refusals}"
    assert judge.n_accepted == n_talks - n_refused > n_talks / 2


@each_adapter
def test_requests_are_taken(ask: Ask) -> None:
    """Every conversation, tool and schema that makes sense becomes a request the service takes."""
    _check(ask, 100)


@pytest.mark.long
@each_adapter
def test_requests_are_taken_for_long(ask: Ask) -> None:
    """As above, 2,000 times."""
    _check(ask, 2_000)
