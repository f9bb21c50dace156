"""A reasoning model: its reasoning apart from the answer, and sent back in the next turn."""

from __future__ import annotations

from langchain_core.messages import AIMessage, HumanMessage

from examples.show import Show
from langchain_cerebras_ext import ChatCerebras


def main(show: Show) -> None:
    """Asks twice; the second request carries the reasoning of the first reply."""
    model = ChatCerebras(model="qwen-3.8-27b", reasoning_effort="high", output_version="v1")
    history: list[HumanMessage | AIMessage] = []
    for question in (
        "A train leaves at 14:10 and arrives at 16:45. When does it arrive, and after how long?",
        "And when did the train leave?",
    ):
        show.asked(question)
        history.append(HumanMessage(question))
        reply = model.invoke(history)
        thoughts = [
            b.get("reasoning", "") for b in reply.content_blocks if b["type"] == "reasoning"
        ]
        if not any(thoughts):
            raise RuntimeError("the reply holds no reasoning")
        for thought in thoughts:
            show.thought(thought)
        show.answer(reply.text)
        show.note(f"usage: {reply.usage_metadata}")
        history.append(reply)  # reasoning and all: the next request carries it


if __name__ == "__main__":
    main(Show())
