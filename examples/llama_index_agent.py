"""LlamaIndex: a FunctionAgent that streams its events, thinking included."""

from __future__ import annotations

import asyncio

from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCallResult

from cerebras_ext import all_models
from examples.show import Show
from llama_index_cerebras_ext import Cerebras


def models_with_images() -> list[str]:
    """The ids of the models in service that take images."""
    return [facts.id for facts in all_models() if facts.takes_images and not facts.is_retired]


def speed_of(model: str) -> str:
    """How many tokens per second a model generates."""
    speeds = {facts.id: facts.tokens_per_s for facts in all_models()}
    return f"{model} generates about {speeds.get(model)} tokens per second"


async def run(show: Show) -> None:
    """Streams the agent's events."""
    agent = FunctionAgent(
        tools=[models_with_images, speed_of],
        llm=Cerebras(model="gpt-oss-120b"),
        system_prompt="Use the tools to look facts up.",
    )
    question = "How fast is the model qwen-3.8-27b?"
    show.asked(question)
    handler = agent.run(user_msg=question)
    async for event in handler.stream_events():
        if isinstance(event, AgentStream):
            if event.thinking_delta:
                show.thought(event.thinking_delta)
            if event.delta:
                show.token(event.delta)
        elif isinstance(event, ToolCallResult):
            show.step(f"{event.tool_name}({event.tool_kwargs}) returns: {event.tool_output}")
    answer = str(await handler)
    if not answer.strip():
        raise RuntimeError("the agent gave no answer")


def main(show: Show) -> None:
    """Runs the agent."""
    asyncio.run(run(show))


if __name__ == "__main__":
    main(Show())
