"""LangChain: prompt | model | parser, streamed to a callback handler that receives every token."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from examples.show import Show, document
from langchain_cerebras_ext import ChatCerebras


class TokenPrinter(BaseCallbackHandler):
    """Shows tokens as they arrive, and what the call used when it ends."""

    def __init__(self, show: Show) -> None:
        self.show = show

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """Receives each token, whichever chain the model runs in."""
        self.show.token(str(token))

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        """Receives the finished reply."""
        message = response.generations[0][0].message
        self.show.note(f"{message.response_metadata['model_name']}: {message.usage_metadata}")


def main(show: Show) -> None:
    """Asks a question about a document."""
    prompt = ChatPromptTemplate.from_messages(
        [
            ("system", "Answer from this document alone.\n\n{document}"),
            ("human", "{question}"),
        ]
    )
    model = ChatCerebras(model="gpt-oss-120b", reasoning_effort="low")
    chain = prompt | model | StrOutputParser()
    question = "What happens to deltas that arrived together?"
    show.asked(question)
    answer = "".join(
        chain.stream(
            {"document": document("streaming.md"), "question": question},
            config={"callbacks": [TokenPrinter(show)]},
        )
    )
    if not answer.strip():
        raise RuntimeError("the chain gave no answer")


if __name__ == "__main__":
    main(Show())
