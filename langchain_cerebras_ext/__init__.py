"""ChatCerebras and CerebrasLLM for LangChain."""
