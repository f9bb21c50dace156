"""LlamaIndex: a streamed query engine with a BM25 retriever, then a chat engine."""

from __future__ import annotations

from llama_index.core import SimpleDirectoryReader
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.retrievers.bm25 import BM25Retriever

from examples.show import DATA, Show
from llama_index_cerebras_ext import Cerebras


def main(show: Show) -> None:
    """Asks the documents, then talks about them."""
    llm = Cerebras(model="gpt-oss-120b", reasoning_effort="low")
    documents = SimpleDirectoryReader(str(DATA), required_exts=[".md"]).load_data()
    nodes = SentenceSplitter(chunk_size=300, chunk_overlap=20).get_nodes_from_documents(documents)
    retriever = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=3)

    question = "How long is the total deadline of a call?"
    show.asked(question)
    engine = RetrieverQueryEngine.from_args(retriever, llm=llm, streaming=True)
    response = engine.query(question)
    n_tokens = 0
    for token in response.response_gen:
        n_tokens += 1
        show.token(token)
    if not n_tokens:
        raise RuntimeError("the query engine streamed no text")
    sources = sorted({node.metadata["file_name"] for node in response.source_nodes})
    show.note(f"from {', '.join(sources)}")

    chat = ContextChatEngine.from_defaults(retriever=retriever, llm=llm)
    for question in ("What does the emulator answer from?", "And how do I start it?"):
        show.asked(question)
        for token in chat.stream_chat(question).response_gen:
            show.token(token)


if __name__ == "__main__":
    main(Show())
