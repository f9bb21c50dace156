"""LangChain: an agent with two tools, then structured extraction into a pydantic class."""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel, Field

from cerebras_ext import facts_of
from examples.show import Show
from langchain_cerebras_ext import ChatCerebras


@tool
def price_of(model: str, input_tokens: int, output_tokens: int) -> str:
    """The price in US dollars of a call to a model with that many input and output tokens."""
    facts = facts_of(model)
    if facts.price_input_usd_per_mtok is None or facts.price_output_usd_per_mtok is None:
        return f"no price is known for {model}"
    dollars = (
        input_tokens * facts.price_input_usd_per_mtok
        + output_tokens * facts.price_output_usd_per_mtok
    ) / 1_000_000
    return f"{dollars:.4f} USD for {input_tokens} tokens in and {output_tokens} out with {model}"


@tool
def context_window_of(model: str) -> str:
    """The context window of a model in tokens."""
    return f"{model} has a context window of {facts_of(model).context_window} tokens"


class Offer(BaseModel):
    """What a call costs."""

    model: str = Field(description="Id of the model")
    price_usd: float = Field(description="Price of the call in US dollars")


def main(show: Show) -> None:
    """Lets the agent look a price up, then reads the price out of its answer."""
    model = ChatCerebras(model="gpt-oss-120b")
    agent = create_agent(model, tools=[price_of, context_window_of])
    question = "What is the price of gpt-oss-120b for 20000 input and 1500 output tokens?"
    show.asked(question)
    state = agent.invoke({"messages": [("human", question)]})
    for message in state["messages"]:
        if isinstance(message, AIMessage):
            for call in message.tool_calls:
                show.step(f"calls {call['name']}({call['args']})")
        elif isinstance(message, ToolMessage):
            show.step(f"{message.name} returns: {message.text}")
    answer = state["messages"][-1].text
    show.answer(answer)

    offer = model.with_structured_output(Offer).invoke(
        f"Extract the offer from this text: {answer}"
    )
    if not isinstance(offer, Offer):
        raise TypeError("the extraction gave no Offer")
    show.step(f"extracted {offer!r}")


if __name__ == "__main__":
    main(Show())
