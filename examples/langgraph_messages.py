"""LangGraph: the same agent's messages, streamed token by token while its nodes run."""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_core.messages import AIMessageChunk, ToolMessage

from examples.langchain_agent import context_window_of, price_of
from examples.show import Show
from langchain_cerebras_ext import ChatCerebras


def main(show: Show) -> None:
    """Shows reasoning, tool calls and the answer as they arrive."""
    agent = create_agent(ChatCerebras(model="gpt-oss-120b"), tools=[price_of, context_window_of])
    question = "How large is the context window of gpt-oss-120b?"
    show.asked(question)
    n_tokens = 0
    for message, metadata in agent.stream(
        {"messages": [("human", question)]}, stream_mode="messages"
    ):
        if isinstance(message, ToolMessage):
            show.step(f"{message.name} returns: {message.text}")
        elif isinstance(message, AIMessageChunk):
            for block in message.content_blocks:
                if block["type"] == "reasoning":
                    show.thought(block.get("reasoning", ""))
            for call in message.tool_call_chunks:
                if call["name"]:
                    show.step(f"node {metadata['langgraph_node']!r} calls {call['name']}")
            if message.text:
                n_tokens += 1
                show.token(message.text)
    if not n_tokens:
        raise RuntimeError("no text was streamed")


if __name__ == "__main__":
    main(Show())
