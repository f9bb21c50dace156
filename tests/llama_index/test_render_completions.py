"""Log probabilities, completions and turning one kind of response into the other: LI-15, LI-16."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cerebras_ext.errors import ProtocolError
from cerebras_ext.reply import TextCompletion, read_reply
from llama_index_cerebras_ext._render import (
    CompletionRenderer,
    chat_from_completion,
    completion_from_chat,
)
from tests.llama_index.support import (
    HELLO,
    HELLO_REPLY,
    USAGE,
    chunk,
    last_chunk,
    text_chunk,
    text_reply,
)

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import (
        ChatResponse,
        CompletionResponse,
    )

from tests.llama_index.rendering import (
    META,
    TWO_CALLS,
    TWO_CALLS_REPLY,
    completion_items,
    items,
    whole,
)

pytestmark = pytest.mark.once


def entry(token: str, logprob: float, *top: tuple[str, float]) -> dict[str, Any]:
    alternatives = [{"token": t, "logprob": p, "bytes": [1]} for t, p in top]
    return {"token": token, "logprob": logprob, "bytes": None, "top_logprobs": alternatives}


def told_logprobs(response: ChatResponse | CompletionResponse) -> list[list[tuple[str, float]]]:
    return [[(p.token, p.logprob) for p in position] for position in response.logprobs or []]


def test_logprobs_list_the_alternatives_with_the_chosen_token() -> None:
    """LI-22 table: one list a token; the chosen one is in it even if the service left it out."""
    body = json.loads(json.dumps(HELLO_REPLY))
    entries = [entry("He", -0.1, ("He", -0.1), ("Ho", -2.0)), entry("llo", -3.0, ("y", -0.5))]
    body["choices"][0]["logprobs"] = {"content": entries}
    assert told_logprobs(whole(body)) == [
        [("He", -0.1), ("Ho", -2.0)],
        [("llo", -3.0), ("y", -0.5)],
    ]


def test_streamed_logprobs_are_those_of_the_new_tokens() -> None:
    """LI-22 table: each item has its own tokens', the last item all of them."""
    first = chunk({"content": "He"})
    first["choices"][0]["logprobs"] = {"content": [entry("He", -0.1)]}
    second = chunk({"content": "llo"})
    second["choices"][0]["logprobs"] = {"content": [entry("llo", -0.2)]}
    shown = items(chunk({"role": "assistant"}), first, second, last_chunk())
    assert [told_logprobs(item) for item in shown] == [
        [[("He", -0.1)]],
        [[("llo", -0.2)]],
        [[("He", -0.1)], [("llo", -0.2)]],
    ]


def test_completions_are_cumulative() -> None:
    """LI-22 table: text so far, new text as delta, facts at the end."""
    shown = completion_items(
        text_chunk("Hel"), text_chunk("lo"), text_chunk("", "stop", usage=USAGE)
    )
    assert [(item.text, item.delta) for item in shown] == [
        ("Hel", "Hel"),
        ("Hello", "lo"),
        ("Hello", ""),
    ]
    assert shown[-1].additional_kwargs["total_tokens"] == 18
    assert shown[-1].raw["usage"] == USAGE


def test_completion_logprobs_are_converted() -> None:
    """LI-22 table: the older shape of text completions becomes the same lists."""
    logprobs = {
        "tokens": ["He", "llo", "!"],
        "token_logprobs": [-0.1, -3.0, None],
        "top_logprobs": [{"He": -0.1, "Ho": -2.0}, {"y": -0.5}, None],
        "text_offset": [0, 2, 5],
    }
    body = text_reply("Hello!", logprobs=logprobs)
    response = CompletionRenderer().whole(read_reply(TextCompletion, body, META))
    assert told_logprobs(response) == [
        [("He", -0.1), ("Ho", -2.0)],
        [("llo", -3.0), ("y", -0.5)],
    ]


def test_a_chat_response_becomes_a_completion_with_everything() -> None:
    """LI-15: text, both kinds of kwargs, raw, logprobs and delta; the original stays as it was."""
    chat = items(*TWO_CALLS)[-1]
    before = chat.model_dump_json()
    completion = completion_from_chat(chat)
    assert (completion.text, completion.delta, completion.raw) == ("Both.", "", chat.raw)
    assert completion.additional_kwargs["total_tokens"] == 18
    assert len(completion.additional_kwargs["tool_calls"]) == 2
    assert chat.model_dump_json() == before


def test_a_completion_becomes_a_chat_response_with_everything() -> None:
    """LI-16: an assistant message around the text; facts stay on the response."""
    body = text_reply("Hi")
    completion = CompletionRenderer().whole(read_reply(TextCompletion, body, META))
    chat = chat_from_completion(completion)
    assert (chat.message.role.value, chat.message.content, chat.raw) == ("assistant", "Hi", body)
    assert chat.additional_kwargs["total_tokens"] == 18
    assert chat.message.additional_kwargs == {}


def test_a_reply_without_choices_is_a_protocol_error() -> None:
    """LI-65: a malformed reply has its own error."""
    with pytest.raises(ProtocolError, match="no choice"):
        whole({**HELLO_REPLY, "choices": []})


def test_a_completion_without_choices_is_a_protocol_error() -> None:
    """LI-65: the same for text completions."""
    reply_without = read_reply(TextCompletion, {**text_reply("x"), "choices": []}, META)
    with pytest.raises(ProtocolError, match="no choice"):
        CompletionRenderer().whole(reply_without)


def test_responses_are_plain_json() -> None:
    """LI-54: agents put messages into contexts that are serialised."""
    for item in [*items(*TWO_CALLS), *items(*HELLO), whole(TWO_CALLS_REPLY)]:
        json.dumps(item.model_dump(mode="json"))
        json.dumps(item.message.additional_kwargs)
        json.dumps(item.additional_kwargs)
