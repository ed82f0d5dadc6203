"""What a store must do, whichever kind it is: a folder on this machine or a Milvus for many.

A store keeps sources with their pages, chunks and vectors. Two kinds do it, `LocalStore` and `MilvusStore`;
the same tests run over both. Knows neither of them.

- `snapshot()` shows one generation of every source, whatever writers do meanwhile: `dense` and `keywords`
  give chunk ids with scores, `hits` turns ids into text with exact spans, `page` gives what a citation points
  at. In a folder it is one generation of the whole index.
- What a method of `writer()` has done when it returns stays done when the power goes; a source is changed
  whole or not at all.
- `meta()` says what gives the index its meaning (embedding model, chunking, parsers); it wins over the
  settings.
- Text that is shown is text that was put in: bytes that changed are an error that says so.
- `check()` says in words what is wrong.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Protocol

import numpy as np

from rag.places import place_of
from rag.records import Chunk, Document, Heading, Hit, IndexMeta, Page, Place, Source

DIGEST_BYTES = 16  # of BLAKE2b, over the exact text that was embedded


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A content as it was put in: what `Writer.put` takes, and the version of the parsers that read it."""

    document: Document
    chunks: list[Chunk]
    vectors: np.ndarray  # float32 [chunks, dimension]
    digests: list[bytes]
    parser_version: int


class KeptDocument(Protocol):
    """What a store keeps of a content, wherever files with it are."""

    @property
    def media_type(self) -> str: ...

    @property
    def title(self) -> str | None: ...

    @property
    def pages(self) -> int: ...

    @property
    def chunks(self) -> int: ...

    @property
    def ingested_at(self) -> str: ...


def source_of(place: Place, document: KeptDocument) -> Source:
    """The file at a place, with what is kept of its content."""
    return Source(
        source=place.source,
        root=place.root,
        location=place.location,
        content_hash=place.content_hash,
        media_type=document.media_type,
        title=document.title,
        size_bytes=place.size_bytes,
        modified_ns=place.modified_ns,
        page_count=document.pages,
        chunk_count=document.chunks,
        ingested_at=document.ingested_at,
    )


def in_its_page(hit: Hit, headings: Sequence[Heading]) -> Hit:
    """The hit with its place in words and the headings in it; `headings` are its page's, by their starts."""
    first = bisect_left(headings, hit.start, key=attrgetter("start"))
    after = bisect_left(headings, hit.end, lo=first, key=attrgetter("start"))  # a page may have thousands
    inside = tuple(heading for heading in headings[first:after] if heading.start < heading.end)
    hit = replace(hit, inside=inside)
    return replace(hit, place=place_of(hit))


class Snapshot(Protocol):
    """What the index held when it was looked at. Usable until its `with` block ends."""

    @property
    def generation(self) -> int:
        """A number that is another one whenever the index holds something else."""

    @property
    def chunk_count(self) -> int:
        """How many chunks can be found."""

    def meta(self) -> IndexMeta | None:
        """What gives the index its meaning; None when nothing was ingested yet."""

    def dense(
        self, vector: np.ndarray, k: int, *, among: np.ndarray | None = None
    ) -> list[tuple[int, float]]:
        """The k chunks with the largest inner products: (chunk id, product), best first.

        `vector`: float32 [dimension]; `among`: sorted int64 chunk ids, only these are found.
        """

    def keywords(self, match: str, k: int, *, among: np.ndarray | None = None) -> list[tuple[int, float]]:
        """The k chunks with the largest BM25: (chunk id, score), best first.

        `match`: an expression as `rag.text.words.match_query` makes it; `among` as in `dense`.
        """

    def vectors(self, chunk_ids: Sequence[int]) -> np.ndarray:
        """The chunks' vectors in that order: float32 [n, dimension]."""

    def chunks_in(self, content_hashes: Collection[str]) -> np.ndarray:
        """The ids of these contents' chunks, sorted int64: what `dense` and `keywords` take as `among`."""

    def hits(self, chunk_ids: Sequence[int], *, places: Collection[bytes] | None = None) -> list[Hit]:
        """The chunks in that order, with score 0.

        A document in several places is named by its first, or by the first of `places` (locations).
        """

    def neighbours(self, chunk_id: int) -> tuple[int | None, int | None]:
        """The chunk before and the chunk after in the same source."""

    def chunks_of(self, source: str) -> list[Hit]:
        """All chunks of a source, in reading order."""

    def page(self, source: str, number: int) -> Page:
        """A page of a source, with its text; `UsageError` when there is none of that number."""

    def sources(self) -> list[Source]:
        """Every file in the index, ordered by source."""

    def find(self, source: str) -> Source:
        """The source of that path below its root, or of that absolute path; `UsageError` without one."""

    def outdated(self, parser_version: int) -> frozenset[str]:
        """The contents, by hash, that parsers older than that version read."""

    def places(self) -> list[Place]:
        """Every file in the index as the last look found it, ordered by source."""

    def failures(self) -> list[tuple[Place, str, int]]:
        """The files that could not be read: place, reason, version of the parsers that tried."""


class Writer(Protocol):
    """Changes an index. Its methods may be called from several threads; they run one after another."""

    def together(self) -> AbstractContextManager[None]:
        """Makes one go of all that is done inside, which is quicker; in a folder it is all or nothing."""

    def set_meta(self, meta: IndexMeta) -> None:
        """Says what gives the index its meaning; `IndexMismatch` when its chunks have another one."""

    def require_parsers(self, parser_version: int) -> None:
        """Raises `IndexMismatch` when parsers newer than that version wrote to the index."""

    def has_document(self, content_hash: str, *, parser_version: int = 0) -> bool:
        """Whether a content is in the index as parsers of that version or newer read it, wherever it is."""

    def outdated(self, parser_version: int) -> frozenset[str]:
        """The contents, by hash, that parsers older than that version read."""

    def vectors_for(self, digests: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """The vectors that are there already, by the digest of the text that was embedded."""

    def put(
        self,
        place: Place,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: np.ndarray,
        digests: Sequence[bytes],
    ) -> None:
        """Adds a source, or replaces what was at its location; the same content elsewhere is replaced too.

        `vectors`: float32 [chunks, dimension]; `digests`: for each chunk `DIGEST_BYTES` bytes of BLAKE2b of
        the exact text that was embedded.
        """

    def link(self, place: Place) -> None:
        """A file whose content is in the index already: a copy, a touched file. Nothing is embedded."""

    def relocate(self, old: bytes, place: Place) -> None:
        """A moved file: what was at `old` is at `place` now, with the same content."""

    def remove(self, locations: Sequence[bytes]) -> None:
        """Takes files out; one that the index does not know is passed over."""

    def record_failure(self, place: Place, reason: str, parser_version: int) -> None:
        """Remembers that a file could not be read, until its location is put, linked or removed."""


class Store(Protocol):
    """An open index. Many threads may use it at once; a forked child must open its own."""

    @property
    def name(self) -> str:
        """The folder's path or the address, as errors name it."""

    @property
    def directory(self) -> Path:
        """The folder on this machine for what is kept beside the index, such as dropped files."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """What the index holds now, for the length of a `with` block."""

    def meta(self) -> IndexMeta | None:
        """What gives the index its meaning; None when nothing was ingested yet."""

    def writer(self, *, wait_seconds: float = 0) -> AbstractContextManager[Writer]:
        """The right to change the index, for the length of a `with` block."""

    def stored(self, content_hash: str) -> StoredDocument:
        """A content as it was put in; `UsageError` when it is not in the index."""

    def check(self) -> list[str]:
        """What is wrong with the index, in words; [] means sound. Reads all of it."""

    def size_bytes(self) -> int | None:
        """What the index takes on disk; None where that can't be known."""

    def close(self) -> None:
        """Lets go of it; another use is an error."""
