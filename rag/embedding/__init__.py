"""Texts to vectors: the bundled MiniLM's fast paths, and any other sentence-transformers model."""
