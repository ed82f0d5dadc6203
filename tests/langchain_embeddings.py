"""LangChain embeddings that a test can trust to the bit; light, since started processes need them too."""

from __future__ import annotations

from hashed_embeddings import vector_of
from langchain_core.embeddings import Embeddings

from rag import FaissStore


class Hashed(Embeddings):
    """Vectors that a test can trust; counts what is asked for, and how."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked.append("sync")
        return [(vector_of(text) * 3).tolist() for text in texts]  # not of length 1: the store makes it so

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked.append("async")
        return [vector_of(text).tolist() for text in texts]

    async def aembed_query(self, text: str) -> list[float]:
        return (await self.aembed_documents([text]))[0]


class Other(Hashed):
    """Another model of the same width."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector_of(text[::-1]).tolist() for text in texts]


class Plane(Embeddings):
    """Two numbers, written in the text."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        numbers = text.split()
        return [float(number) for number in numbers] if len(numbers) == 2 else [1.0, 0.0]


def add_thirty(folder: str, name: str) -> None:
    """Thirty calls, one after the other."""
    with FaissStore(Hashed(), folder) as store:
        for number in range(30):
            store.add_texts([f"{name} {number}"], ids=[f"{name} {number}"])
