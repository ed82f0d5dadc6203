"""A document's way: a folder -> files -> pages -> chunks -> the index. Imports `rag`, never `ui`."""
