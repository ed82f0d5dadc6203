"""One generation of a local index, to be read as often as one likes while a writer goes on.

Takes a database inside a read transaction, gives hits, pages and sources as records. What it shows was
verified on the way: text against the checksum of the row that it stands in, and against what the chunk
says it was. Knows neither how a question becomes a vector or a query, nor how hits are fused.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from rag.errors import StoreError, UsageError
from rag.records import Hit, IndexMeta, Page, Place, Source
from rag.store.contract import source_of
from rag.store.dense_cache import DenseCache
from rag.store.local_database import Database, damaged
from rag.store.local_hits import read_hits, reading_text
from rag.store.local_keywords import KeywordSearch
from rag.store.local_names import all_places, place_named
from rag.store.local_rows import (
    ChunkRow,
    DocumentRow,
    chunk_rows,
    document_of,
    document_with,
    matching,
    outdated_contents,
    read_page,
    read_state,
    selected,
)
from rag.store.local_vectors import chunk_ids_in, read_vectors


class Snapshot:
    """What the index held when it was taken. Usable until its `with` block ends."""

    def __init__(self, database: Database, dense: DenseCache, keywords: KeywordSearch) -> None:
        self._open: Database | None = database
        self._dense = dense
        self._keywords = keywords
        self._state = read_state(database)
        self.generation = self._state.generation
        self.chunk_count = self._state.chunks

    @property
    def _database(self) -> Database:
        if self._open is None:
            raise StoreError("this snapshot of the index has ended; take another with store.snapshot()")
        return self._open

    def end(self) -> None:
        """Makes every later use an error; called at the end of the `with` block."""
        self._open = None

    def meta(self) -> IndexMeta | None:
        """What gives the index its meaning; None when nothing was ingested yet."""
        return self._state.index_meta()

    # --- the two searches -------------------------------------------------------------------------

    def dense(
        self, vector: np.ndarray, k: int, *, among: np.ndarray | None = None
    ) -> list[tuple[int, float]]:
        """The k chunks with the largest inner products: (chunk id, product), best first.

        `vector`: float32 [dimension]; `among`: sorted int64 chunk ids, only these are looked at.
        """
        meta = self.meta()
        if meta is None or not self.chunk_count:
            return []
        query = np.asarray(vector, np.float32)
        if query.shape != (meta.dimension,) or not np.isfinite(query).all():
            raise UsageError(
                f"a vector of shape {query.shape} can't be searched for: the index has finite numbers,"
                f" {meta.dimension} each, made by {meta.embedding_model}; use the same embedding model"
            )
        dense = self._dense.at(self._database, self._state, meta.dimension)
        subset = None if among is None else np.asarray(among, np.int64)
        return dense.search(query, k, among=subset, fetch=lambda ids: self.vectors(ids.tolist()))

    def keywords(
        self,
        match: str,
        k: int,
        *,
        weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
        among: np.ndarray | None = None,
    ) -> list[tuple[int, float]]:
        """The k chunks with the largest BM25: (chunk id, score), best first.

        `match`: an FTS5 expression as `rag.text.words.match_query` makes it; `weights`: of a chunk's body,
        its headings (title and heading path) and its name (the source's path); `among`: sorted int64 chunk
        ids, only these are found. How rare a term is, is counted over the whole index all the same. Of very
        many chunks that share a term with the question, some that share its commonest terms alone may be
        missing (see `rag.store.local_keywords`).
        """
        if not match.strip() or k < 1 or (among is not None and not len(among)):
            return []
        return self._keywords.search(self._database, self._state, match, k, weights=weights, among=among)

    # --- chunks -----------------------------------------------------------------------------------

    def vectors(self, chunk_ids: Sequence[int]) -> np.ndarray:
        """The chunks' vectors in that order: float32 [n, dimension]."""
        meta = self.meta()
        return read_vectors(self._database, chunk_ids, meta.dimension if meta else 0)

    def chunks_in(self, content_hashes: Collection[str]) -> np.ndarray:
        """The ids of these contents' chunks, sorted int64: what `dense` and `keywords` take as `among`."""
        documents = [DocumentRow(*row) for row in selected(self._database, "document")]
        wanted = [document for document in documents if document.content_hash in content_hashes]
        found = chunk_ids_in(self._database, [document.id for document in wanted])
        count = sum(document.chunks for document in wanted)
        if len(found) != count:
            raise damaged(self._database.directory, f"{len(found)} of {count} chunks were found")
        return found

    def hits(self, chunk_ids: Sequence[int], *, places: Collection[bytes] | None = None) -> list[Hit]:
        """The chunks in that order, with score 0.

        A document in several places is named by its first, or by the first of `places` (locations).
        """
        rows = chunk_rows(self._database, chunk_ids)
        missing = [identifier for identifier in chunk_ids if identifier not in rows]
        if missing:
            raise damaged(self._database.directory, f"chunk {missing[0]} was found but is not there")
        return read_hits(self._database, [rows[int(identifier)] for identifier in chunk_ids], places)

    def neighbours(self, chunk_id: int) -> tuple[int | None, int | None]:
        """The chunk before and the chunk after in the same source."""
        chunk = chunk_rows(self._database, [chunk_id]).get(int(chunk_id))
        if chunk is None:
            raise UsageError(f"chunk {chunk_id} is not in the index at generation {self.generation}")
        count = document_of(self._database, chunk.document).chunks
        before, after = chunk.position - 1, chunk.position + 1
        return (
            self._chunk_at(chunk.document, before) if before >= 0 else None,
            self._chunk_at(chunk.document, after) if after < count else None,
        )

    def _chunk_at(self, document: int, position: int) -> int:
        rows = matching(self._database, "chunk", {"document": document, "position": position})
        if not rows:
            raise damaged(self._database.directory, f"chunk {position} of document {document} is gone")
        return ChunkRow(*rows[0]).id

    def chunks_of(self, source: str) -> list[Hit]:
        """All chunks of a source, in reading order."""
        place = place_named(self._database, source)
        document = self._document(place)
        rows = matching(self._database, "chunk", {"document": document.id}, "ORDER BY position")
        chunks = [ChunkRow(*row) for row in rows]
        if [chunk.position for chunk in chunks] != list(range(document.chunks)):
            raise damaged(
                self._database.directory, f"{place.source!r} lacks some of its {document.chunks} chunks"
            )
        return read_hits(self._database, chunks, {place.location})

    # --- sources ----------------------------------------------------------------------------------

    def page(self, source: str, number: int) -> Page:
        """A page of a source, with its text; `UsageError` when there is none of that number."""
        place = place_named(self._database, source)
        document = self._document(place)
        with reading_text(self._database, place.source, number):
            page = read_page(self._database, document.id, number)
        if page is None:
            if len(selected(self._database, "page", "WHERE document = ?", document.id)) != document.pages:
                raise damaged(self._database.directory, f"{place.source!r} lacks some of its pages")
            raise UsageError(f"{place.source!r} has {document.pages} pages; there is no page {number}")
        return page

    def sources(self) -> list[Source]:
        """Every file in the index, ordered by source."""
        rows = selected(self._database, "document")
        documents = {row[1]: DocumentRow(*row) for row in rows}
        return [self._source(place, documents.get(place.content_hash)) for place in self.places()]

    def find(self, source: str) -> Source:
        """The source of that path below its root, or of that absolute path.

        Raises `UsageError` with the nearest names when there is none, and with the roots when there
        are several.
        """
        place = place_named(self._database, source)
        return self._source(place, self._document(place))

    def outdated(self, parser_version: int) -> frozenset[str]:
        """The contents, by hash, that parsers older than that version read."""
        return outdated_contents(self._database, parser_version)

    def places(self) -> list[Place]:
        """Every file in the index as the last look found it, ordered by source."""
        return all_places(self._database)

    def failures(self) -> list[tuple[Place, str, int]]:
        """The files that could not be read: place, reason, version of the parsers that tried."""
        found = []
        for location, root, source, content_hash, size, modified, reason, version in selected(
            self._database, "failure", "ORDER BY source, root"
        ):
            place = Place(root, source, location, content_hash, size, modified)
            found.append((place, str(reason), int(version)))
        if len(found) != self._state.failures:
            raise damaged(
                self._database.directory, f"it lists {len(found)} of its {self._state.failures} failures"
            )
        return found

    def _source(self, place: Place, document: DocumentRow | None) -> Source:
        if document is None:
            raise damaged(self._database.directory, f"{place.source!r} is listed but its content is gone")
        return source_of(place, document)

    def _document(self, place: Place) -> DocumentRow:
        document = document_with(self._database, place.content_hash)
        if document is None:
            raise damaged(self._database.directory, f"{place.source!r} is listed but its content is gone")
        return document
