"""One generation of a local index, to be read as often as one likes while a writer goes on.

Takes a database inside a read transaction, gives hits, pages and sources as records. What it shows was
verified on the way: text against the checksum of the row that it stands in, and against what the chunk
says it was. Knows neither how a question becomes a vector or a query, nor how hits are fused.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from operator import attrgetter

import numpy as np

from rag.errors import IndexDamaged, StoreError, UsageError
from rag.places import place_of
from rag.records import Heading, Hit, IndexMeta, Page, Place, Source
from rag.store.contract import source_of
from rag.store.dense_cache import DenseCache
from rag.store.local_database import Database, damaged
from rag.store.local_keywords import KeywordSearch
from rag.store.local_names import all_places, place_named, shown_name
from rag.store.local_rows import (
    ChunkRow,
    DocumentRow,
    chunk_ids_in,
    chunk_rows,
    chunk_text,
    document_of,
    document_with,
    label_and_headings,
    matching,
    outdated_contents,
    places_with,
    read_page,
    read_state,
    read_vectors,
    selected,
)

_LabelAndHeadings = tuple[str | None, tuple[Heading, ...]]


def _between(headings: Sequence[Heading], start: int, end: int) -> tuple[Heading, ...]:
    """The headings in a span, of headings in the order of their starts: a page may have thousands."""
    first = bisect_left(headings, start, key=attrgetter("start"))
    after = bisect_left(headings, end, lo=first, key=attrgetter("start"))
    return tuple(heading for heading in headings[first:after] if heading.start < heading.end)


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
        documents = {chunk.document for chunk in rows.values()}
        names = {document: self._name_and_type(document, places) for document in documents}
        pages = self._pages(rows.values())
        chunks = [rows[int(identifier)] for identifier in chunk_ids]
        return [
            self._hit(chunk, *names[chunk.document], *pages[chunk.document, chunk.page]) for chunk in chunks
        ]

    def _pages(self, chunks: Iterable[ChunkRow]) -> dict[tuple[int, int], _LabelAndHeadings]:
        """What the chunks' pages are called, and their headings, by document and page."""
        pages = {(chunk.document, chunk.page) for chunk in chunks}
        return {page: label_and_headings(self._database, *page) for page in pages}

    def _hit(
        self, chunk: ChunkRow, name: str, media_type: str, label: str | None, headings: tuple[Heading, ...]
    ) -> Hit:
        with self._reading_text(name, chunk.page):
            text = chunk_text(self._database, chunk)
        hit = Hit(
            chunk_id=chunk.id,
            source=name,
            page=chunk.page,
            start=chunk.first,
            end=chunk.after,
            text=text,
            score=0.0,
            headings=tuple(json.loads(chunk.headings)),
            media_type=media_type,
            label=label,
            line=chunk.line,
            inside=_between(headings, chunk.first, chunk.after),
        )
        return replace(hit, place=place_of(hit))

    @contextmanager
    def _reading_text(self, source: str, number: int) -> Iterator[None]:
        """Says which source's text it is that was found damaged."""
        try:
            yield
        except IndexDamaged as error:
            raise IndexDamaged(
                f"index {str(self._database.directory)!r} is damaged: the text of {source!r}, page {number},"
                " is not what was put in; `rag remove` it and `rag ingest` again (if that fails, move the"
                " index's folder away and ingest everything again: your documents are not touched)"
            ) from error

    def _name_and_type(self, document: int, chosen: Collection[bytes] | None) -> tuple[str, str]:
        row = document_of(self._database, document)
        places = places_with(self._database, row.content_hash)
        if not places:
            raise damaged(self._database.directory, f"document {row.id} is in no place")
        named = next((one for one in places if chosen is not None and one.location in chosen), places[0])
        return shown_name(self._database, named), row.media_type

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
        name = shown_name(self._database, place)
        pages = self._pages(chunks)
        return [
            self._hit(chunk, name, document.media_type, *pages[chunk.document, chunk.page])
            for chunk in chunks
        ]

    # --- sources ----------------------------------------------------------------------------------

    def page(self, source: str, number: int) -> Page:
        """A page of a source, with its text; `UsageError` when there is none of that number."""
        place = place_named(self._database, source)
        document = self._document(place)
        with self._reading_text(place.source, number):
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
