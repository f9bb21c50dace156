"""What OpenInference's instrumentation of LlamaIndex reads from our calls: LI-08, LI-24."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.tools import FunctionTool
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cerebras_ext import CerebrasError
from tests.llama_index.support import CORE_WARNINGS, HELLO, HELLO_REPLY, KEY, MODEL, events, served
from tests.llama_index.test_endpoints import METHODS, results_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cerebras_ext.emulator.server import RunningEmulator
    from llama_index_cerebras_ext import Cerebras

pytestmark = CORE_WARNINGS


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Every span of core, as a tracing backend gets it."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = LlamaIndexInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    yield exporter
    instrumentor.uninstrument()
    provider.shutdown()


def calls_in(exporter: InMemorySpanExporter) -> list[dict[str, Any]]:
    """The attributes of the spans that are calls of the model."""
    spans = [dict(span.attributes or {}) for span in exporter.get_finished_spans()]
    return [each for each in spans if "llm.token_count.total" in each]


@pytest.mark.parametrize("method", METHODS)
async def test_a_call_is_one_span_with_model_and_usage(
    method: str, exporter: InMemorySpanExporter
) -> None:
    """LI-24: streamed or not, the numbers are the service's, details included."""
    llm, _ = served(events(*HELLO) if "stream" in method else HELLO_REPLY)
    await results_of(llm, method)
    (call,) = calls_in(exporter)
    assert call["openinference.span.kind"] == "LLM"
    assert call["llm.model_name"] == MODEL
    assert call["llm.finish_reason"] == "stop"
    counts = {name.removeprefix("llm.token_count."): call[name] for name in call if "count" in name}
    assert counts == {
        "prompt": 11,
        "completion": 7,
        "total": 18,
        "prompt_details.cache_read": 4,
        "completion_details.reasoning": 3,
    }


def test_the_settings_of_a_call_are_shown(exporter: InMemorySpanExporter) -> None:
    """§9: this tracer publishes the metadata as the call's parameters."""
    llm, _ = served(HELLO_REPLY, temperature=0.5, max_tokens=100)
    llm.complete("?")
    shown = json.loads(calls_in(exporter)[0]["llm.invocation_parameters"])
    assert (shown["temperature"], shown["max_tokens"]) == (0.5, 100)


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_agents_calls_show_their_tools(
    streaming: bool,
    exporter: InMemorySpanExporter,
    llm: Cerebras,
    cerebras_emulator: RunningEmulator,
) -> None:
    """LI-25: each turn is a span; the call is in the first one's answer, the result in the next."""

    def weather(city: str) -> str:
        """The weather in a city."""
        return f"Sunny in {city}"

    call = {"name": "weather", "arguments": {"city": "Oslo"}}
    cerebras_emulator.script({"tool_calls": [call]}, {"content": "Sunny."})
    tool = FunctionTool.from_defaults(weather)
    agent: Any = FunctionAgent(tools=[tool], llm=llm, streaming=streaming)
    await agent.run(user_msg="The weather in Oslo?")
    first, second = calls_in(exporter)
    function = "llm.output_messages.0.message.tool_calls.0.tool_call.function"
    assert first[f"{function}.name"] == "weather"
    assert json.loads(first[f"{function}.arguments"]) == {"city": "Oslo"}
    assert second["llm.output_messages.0.message.content"] == "Sunny."
    assert "Sunny in Oslo" in str(second)


async def test_a_failure_is_an_error_of_its_span(exporter: InMemorySpanExporter) -> None:
    """LI-14: with our class and message, and without the key."""
    llm, _ = served({"bad": "reply"})
    with pytest.raises(CerebrasError):
        llm.chat([])
    with pytest.raises(CerebrasError):
        await results_of(llm, "achat")
    spans = exporter.get_finished_spans()
    assert {span.status.status_code.name for span in spans} == {"ERROR"}
    assert KEY not in str([span.to_json() for span in spans])
