"""A document -> chunks, vectors, and its transaction in the store.

Takes documents that are parsed, embeds what the index has no vector of, and puts each in one transaction.
Does not know where documents come from.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.chunk import split
from ingest.embedded import embedded_text
from rag.embeddings import LocalEmbeddings
from rag.local_writer import DIGEST_BYTES, Writer
from rag.records import Document, Place

EMBEDDED_TOGETHER = 256  # chunks; between two such portions progress is told and Stop is seen


@dataclass(frozen=True, slots=True)
class Stored:
    """How many chunks a document has in the index now, and how many of them needed a new vector."""

    chunks: int
    embedded: int


class Indexer:
    """Puts documents into the index; `seconds` says how long each stage took so far."""

    def __init__(self, writer: Writer, embedder: LocalEmbeddings, *, chunk_tokens: int) -> None:
        self._writer = writer
        self._embedder = embedder
        self._chunk_tokens = chunk_tokens
        self.seconds = {"chunk": 0.0, "embed": 0.0, "store": 0.0}

    def put(
        self, place: Place, document: Document, *, stopped: Callable[[], bool], tell: Callable[[float], None]
    ) -> Stored | None:
        """Stores the document; None when `stopped()` turned true first, and nothing was stored.

        `tell` is given the share of the document that is embedded.
        """
        begun = time.monotonic()
        chunks = split(document, count_tokens=self._embedder.count_tokens, chunk_tokens=self._chunk_tokens)
        texts = [embedded_text(chunk, document) for chunk in chunks]
        self._took("chunk", begun)
        begun = time.monotonic()
        digests = [hashlib.blake2b(text.encode("utf-8"), digest_size=DIGEST_BYTES).digest() for text in texts]
        vectors = self._writer.vectors_for(digests)
        known = len(vectors)
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in vectors}
        if not self._embed(missing, vectors, stopped, tell):
            return None
        self._took("embed", begun)
        begun = time.monotonic()
        matrix = np.zeros((len(digests), self._embedder.dimension), np.float32)
        for row, digest in enumerate(digests):
            matrix[row] = vectors[digest]
        self._writer.put(place, document, chunks, matrix, digests)
        self._took("store", begun)
        return Stored(len(chunks), len(vectors) - known)

    def _embed(
        self,
        missing: dict[bytes, str],
        vectors: dict[bytes, np.ndarray],
        stopped: Callable[[], bool],
        tell: Callable[[float], None],
    ) -> bool:
        """Adds the missing texts' vectors; false when it was stopped first."""
        waiting: Sequence[tuple[bytes, str]] = list(missing.items())
        for start in range(0, len(waiting), EMBEDDED_TOGETHER):
            if stopped():
                return False
            portion = waiting[start : start + EMBEDDED_TOGETHER]
            rows = self._embedder.embed([text for _, text in portion])
            vectors.update((digest, row) for (digest, _), row in zip(portion, rows, strict=True))
            tell((start + len(portion)) / len(waiting))
        return not stopped()

    def _took(self, stage: str, begun: float) -> None:
        self.seconds[stage] += time.monotonic() - begun
