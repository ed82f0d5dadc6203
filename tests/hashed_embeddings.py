"""An embedder that a test can trust to the bit: a text's vector is its hash, and what it embeds is kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import numpy as np

DIMENSION = 16


class HashedEmbeddings:
    """Stands in for `LocalEmbeddings` through `load_embedder`; `embedded` is every text that was embedded."""

    dimension = DIMENSION
    max_tokens = 200
    revision = "1"
    query_prefix = passage_prefix = ""

    def __init__(self, name: str = "hashed", *, before: Callable[[], None] | None = None) -> None:
        self.name = name
        self.embedded: list[str] = []
        self._before = before

    def count_tokens(self, text: str) -> int:
        return len(re.findall(r"[A-Za-z0-9]+|[^\sA-Za-z0-9]", text))

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        if self._before is not None:
            self._before()
        self.embedded += texts
        return np.stack([vector_of(text) for text in texts])


def vector_of(text: str) -> np.ndarray:
    """A unit vector that only this text has."""
    digest = hashlib.blake2b(text.encode("utf-8"), digest_size=DIMENSION).digest()
    row = np.frombuffer(digest, np.uint8).astype(np.float32) - 127.5
    return (row / np.linalg.norm(row)).astype(np.float32)
