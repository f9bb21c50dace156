"""The official SDK works against the emulator, unchanged, blocking and async."""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import TYPE_CHECKING, Any

import pytest
from cerebras.cloud import sdk

from tests.emulator.requests import user

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from cerebras_ext.emulator import RunningEmulator

MODEL = "gpt-oss-120b"
QUESTION = [user("What is 12 * 7?")]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather of a place",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
            "additionalProperties": False,
        },
    },
}
CITY = {
    "type": "json_schema",
    "json_schema": {
        "name": "city",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "year": {"type": "integer"}},
            "required": ["city", "year"],
            "additionalProperties": False,
        },
    },
}


class Sdk:
    """Both clients behind one blocking face, so that each test is written once."""

    def __init__(self, client: Any, run: Callable[[Awaitable[Any]], Any]) -> None:
        self.client = client
        self._run = run

    def __call__(self, call: Callable[[Any], Any]) -> Any:
        """What a call gives, waited for if need be."""
        result = call(self.client)
        return self._run(result) if inspect.isawaitable(result) else result

    def all(self, call: Callable[[Any], Any]) -> list[Any]:
        """Everything that a stream gives."""

        async def collect() -> list[Any]:
            return [chunk async for chunk in await call(self.client)]

        is_async = isinstance(self.client, sdk.AsyncCerebras)
        return self._run(collect()) if is_async else list(call(self.client))


@pytest.fixture(params=["sync", "async"])
def cerebras(request: pytest.FixtureRequest, cerebras_emulator: RunningEmulator) -> Iterator[Sdk]:
    """The SDK, pointed at the emulator by its base URL alone."""
    options: dict[str, Any] = {
        "base_url": cerebras_emulator.root_url,
        "api_key": "csk-test",
        "max_retries": 0,
    }
    if request.param == "sync":
        with sdk.Cerebras(**options) as client:
            yield Sdk(client, lambda awaitable: awaitable)
        return
    with asyncio.Runner() as runner:

        async def wait_for(awaitable: Awaitable[Any]) -> Any:
            return await awaitable

        client = sdk.AsyncCerebras(**options)
        yield Sdk(client, lambda awaitable: runner.run(wait_for(awaitable)))
        runner.run(client.close())


def test_client_warms_its_connection(cerebras: Sdk, cerebras_emulator: RunningEmulator):
    """API specification §1.5: once per construction, unasked."""
    assert [request.path for request in cerebras_emulator.requests] == ["/v1/tcp_warming"]


def test_models_are_listed(cerebras: Sdk):
    """API specification §6.1."""
    listed = cerebras(lambda client: client.models.list())
    assert {model.id for model in listed.data} == {"gpt-oss-120b", "qwen-3.8-27b"}


def test_model_is_retrieved(cerebras: Sdk):
    """API specification §6.1."""
    model = cerebras(lambda client: client.models.retrieve(MODEL))
    assert (model.id, model.owned_by) == (MODEL, "Cerebras")


def test_chat_completion_is_read(cerebras: Sdk):
    """API specification §3: text, reasoning, usage and timing."""
    done = cerebras(lambda c: c.chat.completions.create(model=MODEL, messages=QUESTION))
    assert done.choices[0].message.content == "12 * 7 = 84."
    assert done.choices[0].message.reasoning
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    assert done.time_info.total_time > 0


def test_chat_stream_is_read_to_its_end(cerebras: Sdk):
    """API specification §4: deltas, then the finish with usage."""
    chunks = cerebras.all(
        lambda c: c.chat.completions.create(model=MODEL, messages=QUESTION, stream=True)
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == "12 * 7 = 84."
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens > 0


def test_tool_call_and_its_result_make_a_conversation(cerebras: Sdk):
    """API specification §9.3: the call is answered, the answer comes back."""
    messages: list[Any] = [user("What's the weather in Oslo?")]

    def ask(client: Any) -> Any:
        return client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])

    message = cerebras(ask).choices[0].message
    (call,) = message.tool_calls
    assert (message.content, call.function.name) == (None, "get_weather")
    assert json.loads(call.function.arguments) == {"location": "Oslo"}
    messages += [
        {
            "role": "assistant",
            "reasoning": message.reasoning,
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": call.id, "content": "It is very cold."},
    ]
    done = cerebras(ask).choices[0]
    assert (done.finish_reason, done.message.content) == ("stop", "It is very cold.")


def test_structured_output_follows_its_schema(cerebras: Sdk):
    """API specification §8: JSON in the content."""
    done = cerebras(
        lambda c: c.chat.completions.create(
            model=MODEL, messages=[user("Oslo was founded in 1040.")], response_format=CITY
        )
    )
    assert json.loads(done.choices[0].message.content) == {"city": "Oslo", "year": 1040}


def test_text_completion_is_read(cerebras: Sdk):
    """API specification §5."""
    done = cerebras(lambda c: c.completions.create(model=MODEL, prompt="What is 2 + 3?"))
    assert done.choices[0].text == " 2 + 3 = 5."


def test_text_stream_is_read_to_its_end(cerebras: Sdk):
    """API specification §5.3."""
    chunks = cerebras.all(
        lambda c: c.completions.create(model=MODEL, prompt="What is 2 + 3?", stream=True)
    )
    assert "".join(chunk.choices[0].text or "" for chunk in chunks) == " 2 + 3 = 5."
    assert chunks[-1].choices[0].finish_reason == "stop"


def create(client: Any, fault: str, **fields: Any) -> Any:
    """A chat completion with a fault."""
    return client.chat.completions.create(
        model=MODEL, messages=QUESTION, extra_headers={"x-emulator-fault": fault}, **fields
    )


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status:400", sdk.BadRequestError),
        ("status:401", sdk.AuthenticationError),
        ("status:402", sdk.APIStatusError),
        ("status:403", sdk.PermissionDeniedError),
        ("status:404", sdk.NotFoundError),
        ("status:408", sdk.APIStatusError),
        ("status:409", sdk.ConflictError),
        ("status:413", sdk.APIStatusError),
        ("status:422", sdk.UnprocessableEntityError),
        ("status:429", sdk.RateLimitError),
        ("status:429-queue", sdk.RateLimitError),
        ("status:500", sdk.InternalServerError),
        ("status:502", sdk.InternalServerError),
        ("status:503", sdk.InternalServerError),
        ("status:529", sdk.InternalServerError),
        ("no-such-fault", sdk.BadRequestError),
    ],
)
def test_error_status_becomes_its_class(cerebras: Sdk, fault: str, error: type[Exception]):
    """API specification §11.2: one class for each status."""
    with pytest.raises(error) as caught:
        cerebras(lambda client: create(client, fault))
    assert isinstance(caught.value, sdk.APIStatusError)


def test_broken_connection_becomes_a_connection_error(cerebras: Sdk):
    """API specification §11.2."""
    with pytest.raises(sdk.APIConnectionError):
        cerebras(lambda client: create(client, "cut:0"))


def test_silence_becomes_a_timeout(cerebras: Sdk):
    """API specification §11.2."""
    with pytest.raises(sdk.APITimeoutError):
        cerebras(lambda client: create(client, "stall:0", timeout=0.2))


@pytest.mark.parametrize(
    ("fault", "error"),
    [("error-frame:2", sdk.InternalServerError), ("error-event:2", sdk.RateLimitError)],
)
def test_error_in_a_stream_becomes_its_class(cerebras: Sdk, fault: str, error: type[Exception]):
    """API specification §4.6: the status is the one in the event."""
    with pytest.raises(error):
        cerebras.all(lambda client: create(client, fault, stream=True))


def test_wrong_key_is_an_authentication_error(cerebras_emulator: RunningEmulator):
    """API specification §11.2: without any fault."""
    with (
        sdk.Cerebras(
            base_url=cerebras_emulator.root_url,
            api_key="",
            max_retries=0,
            warm_tcp_connection=False,
            default_headers={"Authorization": "Basic none"},
        ) as client,
        pytest.raises(sdk.AuthenticationError),
    ):
        client.models.list()
