"""Settings and keywords to a request: LI-03, LI-16, LI-18, LI-19, LI-68, LI-69."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler

from cerebras_ext import CallOptions, ConfigError
from tests.llama_index.support import (
    HELLO,
    MODEL,
    events,
    reply,
    served,
    text_chunk,
    text_reply,
)

QUESTION = [ChatMessage(content="?")]


def sent_by_chat(keywords: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """The body that a chat sends."""
    llm, service = served(reply({"content": "x"}), **settings)
    llm.chat(QUESTION, **(keywords or {}))
    return service.sent[0]


def sent_by_completion(keywords: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """The body that a completion sends to the text endpoint."""
    llm, service = served(text_reply("x"), is_chat_model=False, **settings)
    llm.complete("?", **(keywords or {}))
    return service.sent[0]


def test_nothing_is_sent_that_was_not_set() -> None:
    """LI-03: no temperature and no other default."""
    assert sent_by_chat() == {"model": MODEL, "messages": [{"role": "user", "content": "?"}]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.0),
        ("top_p", 0.5),
        ("seed", 7),
        ("stop", ["a", "b"]),
        ("frequency_penalty", 0.5),
        ("presence_penalty", -0.5),
        ("logit_bias", {"12": 1.0}),
        ("logprobs", True),
        ("reasoning_effort", "low"),
        ("reasoning_format", "parsed"),
        ("clear_thinking", False),
        ("service_tier", "flex"),
        ("prompt_cache_key", "k"),
        ("user", "u"),
    ],
)
def test_settings_are_sent_under_their_own_names(name: str, value: Any) -> None:
    """LI-18: a field of the model is a field of every request; a call's keyword too."""
    assert sent_by_chat(**{name: value})[name] == value
    assert sent_by_chat({name: value})[name] == value


def test_a_calls_word_goes_over_the_models() -> None:
    """LI-18: per-call keywords override instance settings."""
    assert sent_by_chat({"temperature": 1.0}, temperature=0.1)["temperature"] == 1.0


def test_none_takes_a_setting_back() -> None:
    """LI-18: a keyword that is None is not sent, whatever the model's own setting."""
    assert "temperature" not in sent_by_chat({"temperature": None}, temperature=0.1)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_maximum_has_the_endpoints_own_name(name: str) -> None:
    """LI-18: `max_completion_tokens` in chat, `max_tokens` in text completions."""
    chat, text = sent_by_chat({name: 5}), sent_by_completion({name: 5})
    assert (chat["max_completion_tokens"], "max_tokens" in chat) == (5, False)
    assert (text["max_tokens"], "max_completion_tokens" in text) == (5, False)


def test_a_maximum_per_call_goes_over_the_models_under_either_name() -> None:
    """LI-18: the service refuses both names at once."""
    sent = sent_by_chat({"max_completion_tokens": 5}, max_tokens=9)
    assert (sent["max_completion_tokens"], "max_tokens" in sent) == (5, False)


def test_unknown_keywords_are_sent() -> None:
    """LI-18: new request fields work on day one."""
    assert sent_by_chat({"brand_new": 1})["brand_new"] == 1


def test_additional_kwargs_are_sent_with_every_request() -> None:
    """LI-02: known and unknown fields alike; a call's keyword wins."""
    given = {"brand_new": 1, "top_p": 0.5}
    sent = sent_by_chat({"top_p": 0.9}, additional_kwargs=given)
    assert (sent["brand_new"], sent["top_p"]) == (1, 0.9)


def test_extra_body_is_sent() -> None:
    """LI-18: `extra_body` per call."""
    assert sent_by_chat({"extra_body": {"a": 1}, "b": 2}).items() >= {"a": 1, "b": 2}.items()


def test_extra_headers_travel_as_headers() -> None:
    """LI-18, LI-69: not in the body; they go over the model's default headers."""
    llm, service = served(reply({}), default_headers={"x-a": "1", "x-b": "1"})
    llm.chat(QUESTION, extra_headers={"x-b": "2"})
    headers = service.requests[0].headers
    assert (headers["x-a"], headers["x-b"]) == ("1", "2")
    assert "extra_headers" not in service.sent[0]


def test_the_user_agent_names_the_package() -> None:
    """LI-69: and can be overridden."""
    llm, service = served(reply({}))
    llm.chat(QUESTION)
    llm.chat(QUESTION, extra_headers={"User-Agent": "mine/1"})
    agents = [request.headers["user-agent"] for request in service.requests]
    assert agents[0].startswith("cerebras-ext/")
    assert agents[1] == "mine/1"


def test_timeouts_per_call_are_not_sent() -> None:
    """LI-68: `timeout` is an option of the call."""
    llm, service = served(reply({}))
    llm.chat(QUESTION, timeout=7.0)
    assert service.requests[0].extensions["timeout"]["read"] == pytest.approx(7.0, abs=0.5)
    assert "timeout" not in service.sent[0]


def test_a_number_of_tokens_from_core_reaches_the_wire() -> None:
    """LI-18: what core's own extractors pass."""
    sent = sent_by_chat({"max_tokens": 512, "extra_headers": {"anthropic-beta": "x"}})
    assert sent["max_completion_tokens"] == 512


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"logprobs": True}, 0),
        ({"logprobs": True, "top_logprobs": 3}, 3),
        ({"logprobs": False, "top_logprobs": 3}, None),
        ({"additional_kwargs": {"logprobs": 2}}, 2),
    ],
)
def test_log_probabilities_of_text_completions_are_a_number(
    settings: dict[str, Any], sent: int | None
) -> None:
    """LI-18: one number on the text endpoint, two fields in chat."""
    body = sent_by_completion(**settings)
    assert body.get("logprobs") == sent
    assert "top_logprobs" not in body


def test_no_messages_are_an_error_before_sending() -> None:
    """LI-64: and not one that core swallows."""
    llm, service = served(reply({}))
    with pytest.raises(ConfigError, match="messages: is empty"):
        llm.chat([])
    assert service.requests == []


@pytest.mark.parametrize("method", ["stream_chat", "stream_complete"])
@pytest.mark.parametrize("is_chat_model", [True, False])
def test_streams_ask_for_usage(method: str, is_chat_model: bool) -> None:
    """LI-24: the service gives it in any case, servers like it may not; the caller's word wins."""
    pieces = events(*HELLO) if is_chat_model else events(text_chunk("x", "stop"))
    llm, service = served(pieces, is_chat_model=is_chat_model)
    given: Any = QUESTION if "chat" in method else "?"
    list(getattr(llm, method)(given))
    list(getattr(llm, method)(given, stream_options={"include_usage": False}))
    asked = [sent["stream_options"]["include_usage"] for sent in service.sent]
    assert asked == [True, False]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Hi", "messages.0: is a str"),
        ([{"role": "user", "content": "Hi"}], "messages.0: is a dict"),
        ([ChatMessage(content="Hi"), ("user", "Hi")], "messages.1: is a tuple"),
        (ChatMessage(content="Hi"), "messages.0: is a tuple"),
    ],
)
def test_what_is_no_message_is_named(given: Any, said: str) -> None:
    """LI-64: by an error of ours, before anything is sent; core swallows an AttributeError."""
    llm, service = served(reply({}))
    with pytest.raises(ConfigError, match=rf"{said}.*ChatMessage"):
        llm.chat(given)
    assert service.requests == []


@pytest.mark.parametrize("method", ["chat", "achat", "stream_chat", "astream_chat"])
@pytest.mark.parametrize("handlers", [[], [TokenCountingHandler()]])
async def test_messages_may_come_from_anything_that_gives_them(
    method: str, handlers: list[Any]
) -> None:
    """LI-19: once, and all the same whether events are listened to."""
    answer = events(*HELLO) if "stream" in method else reply({})
    llm, service = served(answer, callback_manager=CallbackManager(handlers))
    given: Any = (message for message in QUESTION)
    response: Any = getattr(llm, method)(given)
    if inspect.isawaitable(response):
        response = await response
    if method == "stream_chat":
        list(response)
    elif method == "astream_chat":
        assert [item async for item in response]
    assert service.sent[0]["messages"] == [{"role": "user", "content": "?"}]


def test_a_calls_model_has_its_own_facts() -> None:
    """LI-18, LI-26: what was said of ours is not said of another."""
    message = ChatMessage(role="developer", content="Be brief.")
    llm, service = served(reply({}), catalog_overrides={"has_developer_role": True})
    llm.chat([message])
    llm.chat([message], model="qwen-3.8-27b")
    assert [sent["model"] for sent in service.sent] == [MODEL, "qwen-3.8-27b"]
    assert [sent["messages"][0]["role"] for sent in service.sent] == ["developer", "system"]


def test_a_prompt_is_one_user_message() -> None:
    """LI-16: on the chat route."""
    llm, service = served(reply({}))
    llm.complete(prompt="Say it.")
    assert service.sent[0]["messages"] == [{"role": "user", "content": "Say it."}]


@pytest.mark.parametrize(("formatted", "prompt"), [(False, "<s>?</s>"), (True, "?")])
def test_prompts_are_formatted_for_the_text_endpoint(formatted: bool, prompt: str) -> None:
    """LI-16: `completion_to_prompt` runs unless the prompt is formatted already."""
    llm, service = served(
        text_reply("x"), is_chat_model=False, completion_to_prompt=lambda text: f"<s>{text}</s>"
    )
    llm.complete("?", formatted=formatted)
    assert service.sent[0]["prompt"] == prompt


def test_a_chat_on_the_text_endpoint_is_a_formatted_prompt() -> None:
    """LI-16: `messages_to_prompt` makes it, and nothing is added."""
    llm, service = served(
        text_reply("x"),
        is_chat_model=False,
        messages_to_prompt=lambda messages: f"{len(messages)} messages",
        completion_to_prompt=lambda text: f"<s>{text}</s>",
    )
    assert llm.chat(QUESTION).message.content == "x"
    assert service.sent[0] == {"model": MODEL, "prompt": "1 messages"}


def test_the_system_prompt_is_not_added_here() -> None:
    """LI-17: core adds it where it belongs; a second time would repeat it."""
    llm, service = served(reply({}), system_prompt="Be brief.")
    llm.chat(QUESTION)
    llm.complete("?")
    assert all(len(sent["messages"]) == 1 for sent in service.sent)


def test_inputs_stay_as_they_were() -> None:
    """LI-19: neither messages nor keywords nor the model's own dicts change."""
    call = ToolCallBlock(tool_call_id=None, tool_name="a.b", tool_kwargs={})
    messages = [ChatMessage(content="?"), ChatMessage(role="assistant", blocks=[call])]
    body, headers, kwargs = {"a": 1}, {"x-a": "1"}, {"brand_new": 1}
    llm, _ = served(reply({}), additional_kwargs=kwargs)
    before = [message.model_dump_json() for message in messages]
    llm.chat(messages, extra_body=body, extra_headers=headers, unknown=2)
    assert [message.model_dump_json() for message in messages] == before
    assert (body, headers, kwargs) == ({"a": 1}, {"x-a": "1"}, {"brand_new": 1})


def test_every_option_of_the_client_works_per_call() -> None:
    """LI-18: options are recognised by the client's own list, so none of them lands in the body."""
    options = dict.fromkeys(inspect.signature(CallOptions).parameters)
    assert sent_by_chat(options) == sent_by_chat()
