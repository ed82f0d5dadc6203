"""What an index in Milvus holds, as one answer sees it while others write.

Takes a `MilvusDatabase`, gives hits, pages and sources as records, each row verified on the way. Milvus has
no transactions and no view of the past, so this is what holds instead:

- A version of a document is never changed (but for the names that it is searched by), and a new one is
  written whole before the one row of a place names it: a source is seen as it was or as it is.
- What a snapshot first saw of a source it keeps to: a version that comes later is not shown beside it, and
  the rows of the one before stay for a while (`milvus_sweep.GRACE_SECONDS`).
- Two sources may be seen at two moments: a source that was never there together with another can be.
- Rows of a write that was broken off are found by Milvus's searches, and passed over: no place names them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from rag.errors import StoreError, UsageError
from rag.records import Heading, Hit, IndexMeta, Page, Place, Source
from rag.store.contract import in_its_page, source_of
from rag.store.local_rows import in_order
from rag.store.local_schema import text_digest
from rag.store.milvus_chunks import ChunkRow, as_chunk, as_vector, chunk_id, version_of
from rag.store.milvus_database import MilvusDatabase
from rag.store.milvus_rows import (
    DocumentRow,
    PlaceRow,
    as_document,
    as_failure,
    as_meta,
    as_page,
    cut,
    damaged,
    parsers_of_contents,
    rows_where,
    text_keys,
    texts,
    whole_bodies,
)
from rag.store.milvus_schema import CHUNK_FIELDS, POSITION_BITS
from rag.store.milvus_search import by_vector, by_words
from rag.store.milvus_sweep import STATE_KINDS, generation_of
from rag.store.milvus_view import View


class MilvusSnapshot:
    """What the index held when it was looked at. Usable until its `with` block ends."""

    def __init__(self, database: MilvusDatabase) -> None:
        self._open: MilvusDatabase | None = database
        state = {one["key"]: one for one in rows_where(database, f"kind in {STATE_KINDS}")}
        self._meta = as_meta(state.pop("meta", None))
        self.generation = generation_of(state.values())
        self._view = View(database)
        self._documents: dict[int, DocumentRow] = {}

    @property
    def _database(self) -> MilvusDatabase:
        if self._open is None:
            raise StoreError("this snapshot of the index has ended; take another with store.snapshot()")
        return self._open

    def end(self) -> None:
        """Makes every later use an error; called at the end of the `with` block."""
        self._open = None

    def meta(self) -> IndexMeta | None:
        """What gives the index its meaning; None when nothing was ingested yet."""
        return self._meta

    @cached_property
    def chunk_count(self) -> int:
        """How many chunks can be found; reads all places."""
        return sum({one.version: one.chunks for one in self._view.all()}.values())

    # --- the two searches -------------------------------------------------------------------------

    def dense(
        self, vector: np.ndarray, k: int, *, among: np.ndarray | None = None
    ) -> list[tuple[int, float]]:
        """The k chunks with the largest inner products: (chunk id, product), best first.

        As exact as Milvus's index of the vectors is: on a server with many chunks that is a graph (HNSW).
        """
        if self._meta is None or k < 1:
            return []
        query = np.asarray(vector, np.float32)
        if query.shape != (self._meta.dimension,) or not np.isfinite(query).all():
            raise UsageError(
                f"a vector of shape {query.shape} can't be searched for: the index has finite numbers,"
                f" {self._meta.dimension} each, made by {self._meta.embedding_model}; use the same embedding"
                " model"
            )
        return by_vector(self._view, query, k, among)

    def keywords(self, match: str, k: int, *, among: np.ndarray | None = None) -> list[tuple[int, float]]:
        """The k chunks with the largest BM25, as Milvus counts it: (chunk id, score), best first.

        A chunk's text, headings and name count alike. A phrase counts as its words, in any order.
        """
        if not match.strip() or k < 1:
            return []
        return by_words(self._view, match, k, among) if self._meta is not None else []

    # --- chunks -----------------------------------------------------------------------------------

    def vectors(self, chunk_ids: Sequence[int]) -> np.ndarray:
        """The chunks' vectors in that order: float32 [n, dimension]."""
        matrix = np.empty((len(chunk_ids), self._meta.dimension if self._meta else 0), np.float32)
        found = {}
        wanted = list(dict.fromkeys(int(one) for one in chunk_ids))
        for row in self._database.among(self._database.chunks, "id", wanted, (*CHUNK_FIELDS, "vector")):
            chunk = as_chunk(self._database, row)
            found[chunk.id] = as_vector(self._database, chunk, row)
        self._all_there(wanted, found)
        for number, one in enumerate(chunk_ids):
            matrix[number] = found[int(one)]
        return matrix

    def _all_there(self, wanted: Sequence[int], found: Collection[int]) -> None:
        missing = next((one for one in wanted if one not in found), None)
        if missing is not None:
            raise StoreError(
                f"index {self._database.name!r}: chunk {missing} is gone: its source was changed a while ago,"
                " or the index is damaged (`rag doctor` says which); ask again"
            )

    def chunks_in(self, content_hashes: Collection[str]) -> np.ndarray:
        """The ids of these contents' chunks, sorted int64: what `dense` and `keywords` take as `among`."""
        counts = {one.version: one.chunks for one in self._view.with_contents(content_hashes)}
        ranges = [chunk_id(version, 0) + np.arange(count) for version, count in sorted(counts.items())]
        ids: np.ndarray = np.concatenate([np.empty(0, np.int64), *ranges])
        return ids

    def hits(self, chunk_ids: Sequence[int], *, places: Collection[bytes] | None = None) -> list[Hit]:
        """The chunks in that order, with score 0.

        A document in several places is named by its first, or by the first of `places` (locations).
        """
        wanted = list(dict.fromkeys(int(one) for one in chunk_ids))
        rows = {
            chunk.id: chunk
            for chunk in (
                as_chunk(self._database, row)
                for row in self._database.among(self._database.chunks, "id", wanted, CHUNK_FIELDS)
            )
        }
        self._all_there(wanted, rows)
        names = self._names({chunk.version for chunk in rows.values()}, places)
        made = self._hits_of([rows[one] for one in wanted], names)
        return [made[int(one)] for one in chunk_ids]

    def _hits_of(self, chunks: Sequence[ChunkRow], names: dict[int, str]) -> dict[int, Hit]:
        pages = whole_bodies(self._database, (f"page/{one.version}/{one.page}" for one in chunks))
        keys = [key for one in chunks for key in text_keys(one.version, one.page, one.start, one.end)]
        pieces = texts(self._database, keys)
        self._read_documents({one.version for one in chunks})
        return {one.id: self._hit(one, names[one.version], pages, pieces) for one in chunks}

    def _hit(self, chunk: ChunkRow, name: str, pages: dict[str, Any], pieces: dict[str, str]) -> Hit:
        page = pages.get(f"page/{chunk.version}/{chunk.page}")
        text = cut(pieces, chunk.version, chunk.page, chunk.start, chunk.end)
        if page is None or text_digest(text).hex() != chunk.text:
            raise damaged(self._database, f"the text of {name!r}, page {chunk.page}, is not what was put in")
        headings = sorted((Heading(*one) for one in page["headings"]), key=lambda one: one.start)
        hit = Hit(
            chunk_id=chunk.id,
            source=name,
            page=chunk.page,
            start=chunk.start,
            end=chunk.end,
            text=text,
            score=0.0,
            headings=chunk.headings,
            media_type=self._documents[chunk.version].media_type,
            label=page["label"],
            line=chunk.line,
            lines=chunk.lines,
        )
        return in_its_page(hit, headings)

    def _names(self, versions: set[int], chosen: Collection[bytes] | None) -> dict[int, str]:
        """What these versions are called: by their first place, or the first that is among the chosen."""
        if versions - self._view.current(versions):
            raise StoreError(
                f"index {self._database.name!r}: a source was changed or removed since it was found;"
                " ask again"
            )
        named = {}
        for version in versions:
            places = in_order(self._view.places_of(version))
            named[version] = next(
                (one for one in places if chosen is not None and one.location in chosen), places[0]
            )
        shown = self._view.shown(list(named.values()))
        return {version: shown[place.location] for version, place in named.items()}

    def neighbours(self, chunk_id: int) -> tuple[int | None, int | None]:
        """The chunk before and the chunk after in the same source."""
        found = self._database.query(self._database.chunks, f"id == {int(chunk_id)}", ["id"], 1)
        if not found:
            raise UsageError(f"chunk {chunk_id} is not in the index at generation {self.generation}")
        version = version_of(chunk_id)
        self._read_documents({version})
        position = chunk_id & ((1 << POSITION_BITS) - 1)
        last = self._documents[version].chunks - 1
        return (chunk_id - 1 if position else None, chunk_id + 1 if position < last else None)

    def chunks_of(self, source: str) -> list[Hit]:
        """All chunks of a source, in reading order."""
        where = self._view.named(source)
        condition = f"version == {where.version}"
        rows = self._database.each(self._database.chunks, condition, CHUNK_FIELDS)
        chunks = sorted((as_chunk(self._database, row) for row in rows), key=lambda one: one.id)
        if [chunk.position for chunk in chunks] != list(range(where.chunks)):
            raise damaged(
                self._database, f"{where.place.source!r} has {len(chunks)} of its {where.chunks} chunks"
            )
        name = self._view.shown([where.place])[where.place.location]
        made = self._hits_of(chunks, {where.version: name})
        return [made[chunk.id] for chunk in chunks]

    # --- sources ----------------------------------------------------------------------------------

    def page(self, source: str, number: int) -> Page:
        """A page of a source, with its text; `UsageError` when there is none of that number."""
        where = self._view.named(source)
        key, words = (f"{kind}/{where.version}/{number}" for kind in ("page", "words"))
        bodies = whole_bodies(self._database, [key, words])
        body = bodies.get(key)
        if body is None:
            self._read_documents({where.version})
            count = self._documents[where.version].pages
            if self._pages_there(where.version) != count:
                raise damaged(self._database, f"{where.place.source!r} lacks some of its pages")
            raise UsageError(f"{where.place.source!r} has {count} pages; there is no page {number}")
        keys = text_keys(where.version, number, 0, body["characters"])
        pieces = texts(self._database, keys)
        text = cut(pieces, where.version, number, 0, body["characters"])
        return as_page(number, body, text, bodies.get(words, ()))

    def _pages_there(self, version: int) -> int:
        keys = self._database.each(
            self._database.sources, f'version == {version} and kind == "page"', ["key"]
        )
        return sum(one["key"].endswith("/0") for one in keys)

    def sources(self) -> list[Source]:
        """Every file in the index, ordered by source."""
        places = {one.place.location: one for one in self._view.all()}
        self._read_documents({one.version for one in places.values()})
        return [self._source(places[one.location]) for one in in_order(one.place for one in places.values())]

    def find(self, source: str) -> Source:
        """The source of that path below its root, or of that absolute path.

        Raises `UsageError` with the nearest names when there is none, and with the roots when there
        are several.
        """
        where = self._view.named(source)
        self._read_documents({where.version})
        return self._source(where)

    def outdated(self, parser_version: int) -> frozenset[str]:
        """The contents, by hash, that parsers older than that version read."""
        parsers = parsers_of_contents(self._database, self._view.all())
        return frozenset(content for content, version in parsers.items() if version < parser_version)

    def places(self) -> list[Place]:
        """Every file in the index as the last look found it, ordered by source."""
        return in_order(one.place for one in self._view.all())

    def failures(self) -> list[tuple[Place, str, int]]:
        """The files that could not be read: place, reason, version of the parsers that tried."""
        found = [as_failure(one) for one in rows_where(self._database, 'kind == "failure"')]
        return sorted(found, key=lambda one: (one[0].source, one[0].root))

    def _read_documents(self, versions: set[int]) -> None:
        """Sees to it that the documents of these versions are known."""
        unknown = sorted(versions - self._documents.keys())
        bodies = whole_bodies(self._database, (f"document/{version}" for version in unknown))
        for version in unknown:
            body = bodies.get(f"document/{version}")
            if body is None:
                raise StoreError(
                    f"index {self._database.name!r}: a source was changed or removed since it was found;"
                    " ask again"
                )
            self._documents[version] = as_document(body)

    def _source(self, where: PlaceRow) -> Source:
        return source_of(where.place, self._documents[where.version])
