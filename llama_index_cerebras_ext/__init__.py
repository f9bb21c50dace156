"""Cerebras for LlamaIndex."""
