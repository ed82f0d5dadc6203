"""Documents -> chunks, vectors, and their transaction in the store.

Takes documents that are parsed, embeds what the index has no vector of, and stores those that came together
in one transaction: many small files fill a batch and wait for the disk once. Does not know where documents
come from.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ingest.chunk import split
from ingest.embedded import embedded_text
from rag.embedding.embeddings import LocalEmbeddings
from rag.records import Chunk, Document, Place
from rag.store.contract import DIGEST_BYTES, Writer

EMBEDDED_TOGETHER = 256  # chunks; between two such portions progress is told and Stop is seen


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document cut into chunks; `texts` are what is embedded for them, `digests` stand for these.

    `vectors`, by digest, are those that somebody else embedded already.
    """

    place: Place
    document: Document
    chunks: list[Chunk]
    texts: list[str]
    digests: list[bytes]
    vectors: Mapping[bytes, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a document has in the index now, and how many of its chunks needed a new vector."""

    pages: int
    chunks: int
    embedded: int
    warnings: tuple[str, ...]


def cut(
    place: Place, document: Document, *, count_tokens: Callable[[str], int], chunk_tokens: int
) -> Prepared:
    """Cuts a document into chunks of at most so many tokens."""
    chunks = split(document, count_tokens=count_tokens, chunk_tokens=chunk_tokens)
    texts = [embedded_text(chunk, document) for chunk in chunks]
    digests = [hashlib.blake2b(text.encode("utf-8"), digest_size=DIGEST_BYTES).digest() for text in texts]
    return Prepared(place, document, chunks, texts, digests)


class Indexer:
    """Puts documents into the index; `seconds` says how long each stage took so far.

    `prepare` may run in another thread than the rest.
    """

    def __init__(self, writer: Writer, embedder: LocalEmbeddings, *, chunk_tokens: int) -> None:
        self._writer = writer
        self.embedder = embedder
        self.chunk_tokens = chunk_tokens
        self._waiting: list[Prepared] = []
        self.seconds = {"chunk": 0.0, "embed": 0.0, "store": 0.0}

    @property
    def chunks_waiting(self) -> int:
        """Of the documents that were added and not stored yet."""
        return sum(len(one.chunks) for one in self._waiting)

    def prepare(self, place: Place, document: Document) -> Prepared:
        """Cuts a document into chunks."""
        begun = time.monotonic()
        prepared = cut(
            place, document, count_tokens=self.embedder.count_tokens, chunk_tokens=self.chunk_tokens
        )
        self._took("chunk", begun)
        return prepared

    def missing(self, prepared: Prepared) -> dict[bytes, str]:
        """The texts that the index has no vector of, by digest."""
        known = self._writer.vectors_for(prepared.digests)
        return {
            digest: text
            for digest, text in zip(prepared.digests, prepared.texts, strict=True)
            if digest not in known
        }

    def add(self, prepared: Prepared) -> None:
        """Lets a document wait for the next `flush`."""
        self._waiting.append(prepared)

    def flush(self, *, stopped: Callable[[], bool], tell: Callable[[float], None]) -> list[Stored]:
        """Embeds and stores what waits, in one transaction; gives what was stored, in order.

        When `stopped()` turned true meanwhile, documents that are not embedded whole are let go. `tell` is
        given the share that is embedded.
        """
        waiting, self._waiting = self._waiting, []
        begun = time.monotonic()
        vectors = self._writer.vectors_for([digest for one in waiting for digest in one.digests])
        known = set(vectors)
        vectors = {digest: row for one in waiting for digest, row in one.vectors.items()} | vectors
        missing = {
            digest: text
            for one in waiting
            for digest, text in zip(one.digests, one.texts, strict=True)
            if digest not in vectors
        }
        self._embed(missing, vectors, stopped, tell)
        self._took("embed", begun)
        begun = time.monotonic()
        stored = []
        with self._writer.together():
            for one in waiting:
                if not vectors.keys() >= set(one.digests):
                    break
                self._put(one, vectors)
                new = len(set(one.digests) - known)
                stored.append(
                    Stored(len(one.document.pages), len(one.chunks), new, tuple(one.document.warnings))
                )
                known.update(one.digests)
        self._took("store", begun)
        return stored

    def _embed(
        self,
        missing: dict[bytes, str],
        vectors: dict[bytes, np.ndarray],
        stopped: Callable[[], bool],
        tell: Callable[[float], None],
    ) -> None:
        """Adds the missing texts' vectors, as many as there was time for."""
        items = list(missing.items())
        for start in range(0, len(items), EMBEDDED_TOGETHER):
            if stopped():
                return
            portion = items[start : start + EMBEDDED_TOGETHER]
            rows = self.embedder.embed([text for _, text in portion])
            vectors.update((digest, row) for (digest, _), row in zip(portion, rows, strict=True))
            tell((start + len(portion)) / len(items))

    def _put(self, one: Prepared, vectors: dict[bytes, np.ndarray]) -> None:
        matrix = np.zeros((len(one.digests), self.embedder.dimension), np.float32)
        for row, digest in enumerate(one.digests):
            matrix[row] = vectors[digest]
        self._writer.put(one.place, one.document, one.chunks, matrix, one.digests)

    def _took(self, stage: str, begun: float) -> None:
        self.seconds[stage] += time.monotonic() - begun
