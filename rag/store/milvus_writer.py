"""A writer of an index in Milvus; many may write at once, from as many machines.

Takes records and vectors, puts them into the two collections. Milvus does one row or does not, and nothing
more together, so a source is changed in this order, each step of which may be the last:

1. the versions that the change touches are noted (`milvus_sweep.Session`);
2. the new version's rows are written; nothing names them yet;
3. the one row of the place is written: from now on the source is the new one;
4. names of files are brought up to date, and versions that no place names are buried.

A content that is in several places has a row for each, and they follow one another: broken off there, some
show the version before and some the one after, each whole. Two machines that put the same content at once
agree on one of the two versions; of two that put different contents at one place, the later wins. Does not
parse, chunk or embed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import RLock

import numpy as np

from rag.errors import IndexMismatch, StoreError, UsageError
from rag.records import Chunk, Document, IndexMeta, Place
from rag.store.local_schema import text_digest
from rag.store.milvus_chunks import as_chunk, as_vector, chunk_row
from rag.store.milvus_database import BATCH_ROWS, MilvusDatabase
from rag.store.milvus_rows import (
    DocumentRow,
    PlaceRow,
    as_meta,
    as_place,
    document_rows,
    failure_key,
    failure_row,
    meta_row,
    parsers_of_contents,
    place_key,
    place_row,
    rows_where,
    rows_with,
)
from rag.store.milvus_schema import CHUNK_FIELDS, POSITION_BITS, VERSION_BITS
from rag.store.milvus_sweep import Session, delete_keys, places_by_version, recover, sweep
from rag.store.milvus_terms import names_of, renew_terms, search_text
from rag.store.milvus_view import View
from rag.store.put_checks import (
    check_text,
    checked_vectors,
    difference,
    newer_parsers,
    same_but_parsers,
    valid_text,
)

_DIGESTS_TOGETHER = 100
_ANY_PLACE = 'kind == "place"'


class MilvusWriter:
    """Changes an index. Its methods may be called from several threads; they run one after another."""

    def __init__(self, database: MilvusDatabase) -> None:
        self._database = database
        self._lock = RLock()
        self._session = Session(database)
        self._changing = False
        recover(database)
        if database.has_chunks():
            sweep(database)
        self._contents = parsers_of_contents(database, View(database).all())

    def leave(self) -> None:
        """The writer's last act: what was buried for long enough goes, and its own row."""
        with self._lock:
            if self._database.has_chunks():
                sweep(self._database)
            self._session.leave()

    @contextmanager
    def together(self) -> Iterator[None]:
        """One change of all that is done inside; each source of it is done or not done by itself."""
        with self._change():
            yield

    @contextmanager
    def _change(self) -> Iterator[None]:
        with self._lock:
            if self._changing:
                yield
                return
            self._session.begin()
            self._changing = True
            try:
                yield
            except StoreError:
                raise  # what was touched stays noted, for the next writer to settle
            except BaseException:
                self._session.finish()
                raise
            else:
                self._session.finish()
            finally:
                self._changing = False

    # --- meaning ----------------------------------------------------------------------------------

    def _meta(self) -> IndexMeta | None:
        return as_meta(next(rows_where(self._database, 'kind == "meta"'), None))

    def set_meta(self, meta: IndexMeta) -> None:
        """Says what gives the index its meaning; `IndexMismatch` when its chunks have another one.

        Newer parsers may go on with an index: what older ones made is `outdated` then. Older ones may not.
        """
        with self._lock:
            present = self._meta()
            if present == meta:
                return
            self.require_parsers(meta.parser_version)
            other = present is not None and not same_but_parsers(present, meta)
            if present is not None and other and self._database.count(self._database.sources, _ANY_PLACE):
                raise IndexMismatch(difference(self._database.name, present, meta))
            with self._change():
                self._database.create_chunks(meta.dimension)
                self._database.upsert(self._database.sources, [meta_row(meta)])
            found = self._meta()
            if found is not None and not same_but_parsers(found, meta):  # another machine was quicker
                raise IndexMismatch(difference(self._database.name, found, meta))

    def require_parsers(self, parser_version: int) -> None:
        """Raises `IndexMismatch` when parsers newer than that version wrote to the index."""
        with self._lock:
            present = self._meta()
            if present is not None and present.parser_version > parser_version:
                raise IndexMismatch(newer_parsers(self._database.name, present, parser_version))

    # --- what is there ----------------------------------------------------------------------------

    def has_document(self, content_hash: str, *, parser_version: int = 0) -> bool:
        """Whether a content is in the index as parsers of that version or newer read it, wherever it is.

        What another machine put in since this writer began may be overlooked: it is put in again, then.
        """
        with self._lock:
            if self._contents.get(content_hash, -1) < parser_version:
                return False
            return bool(self._places_with(content_hash))

    def outdated(self, parser_version: int) -> frozenset[str]:
        """The contents, by hash, that parsers older than that version read."""
        with self._lock:
            return frozenset(content for content, by in self._contents.items() if by < parser_version)

    def vectors_for(self, digests: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """The vectors that are there already, by the digest of the text that was embedded."""
        with self._lock:
            if self._meta() is None:
                return {}
            wanted = list(dict.fromkeys(digest.hex() for digest in digests))
            found: dict[bytes, np.ndarray] = {}
            for start in range(0, len(wanted), _DIGESTS_TOGETHER):
                some = wanted[start : start + _DIGESTS_TOGETHER]
                rows = self._database.among(self._database.chunks, "digest", some, (*CHUNK_FIELDS, "vector"))
                for row in rows:
                    if bytes.fromhex(row["digest"]) not in found:
                        chunk = as_chunk(self._database, row)
                        found[bytes.fromhex(row["digest"])] = as_vector(self._database, chunk, row)
            return found

    def _places_with(self, content_hash: str) -> list[PlaceRow]:
        return [as_place(one) for one in rows_with(self._database, "content", [content_hash], kind="place")]

    def _place_at(self, location: bytes) -> PlaceRow | None:
        found = [as_place(one) for one in rows_with(self._database, "key", [place_key(location)])]
        return found[0] if found else None

    # --- changes ----------------------------------------------------------------------------------

    def put(
        self,
        place: Place,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: np.ndarray,
        digests: Sequence[bytes],
    ) -> None:
        """Adds a source, or replaces what was at its location; the same content elsewhere is replaced too.

        `vectors`: float32 [chunks, dimension]; `digests`: for each chunk 16 bytes of BLAKE2b of the exact
        text that was embedded.
        """
        with self._lock:
            meta = self._meta()
            if meta is None:
                raise UsageError("the index has no embedding model yet; call set_meta before put")
            check_text(place, document, chunks)
            matrix = checked_vectors(place, vectors, digests, len(chunks), meta)
            with valid_text(place):
                _encode(document)
            if len(chunks) >> POSITION_BITS:
                raise UsageError(
                    f"{place.source!r} has {len(chunks)} chunks; the most are {1 << POSITION_BITS}"
                )
            with self._change():
                self._put(place, document, chunks, matrix, digests, meta.parser_version)

    def _put(
        self,
        place: Place,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: np.ndarray,
        digests: Sequence[bytes],
        parser_version: int,
    ) -> None:
        version = self._new_version()
        self._session.touch([version])
        same = [one.place for one in self._places_with(place.content_hash)]
        places = [place, *(one for one in same if one.location != place.location)]
        described = DocumentRow(
            version=version,
            content_hash=place.content_hash,
            media_type=document.media_type,
            title=document.title,
            warnings=tuple(document.warnings),
            pages=len(document.pages),
            chunks=len(chunks),
            ingested_at=datetime.now(UTC).isoformat(timespec="seconds"),
            parser_version=parser_version,
        )
        self._database.upsert(self._database.sources, list(document_rows(document, described)))
        self._put_chunks(version, document.title, places, chunks, vectors, digests)
        self._show(version, len(chunks), places)
        self._contents[place.content_hash] = parser_version

    def _put_chunks(
        self,
        version: int,
        title: str | None,
        places: Sequence[Place],
        chunks: Sequence[Chunk],
        vectors: np.ndarray,
        digests: Sequence[bytes],
    ) -> None:
        names = names_of(places)
        for start in range(0, len(chunks), BATCH_ROWS):
            rows = [
                chunk_row(
                    version,
                    position,
                    chunk,
                    vectors[position],
                    digests[position],
                    search_text(chunk.text, title, chunk.headings, names),
                    names.stamp,
                )
                for position, chunk in enumerate(chunks[start : start + BATCH_ROWS], start=start)
            ]
            self._database.upsert(self._database.chunks, rows)

    def _new_version(self) -> int:
        """A number that no version has or had: one that is taken is as good as never drawn."""
        while True:
            version = 1 + secrets.randbelow((1 << VERSION_BITS) - 1)
            if not self._database.query(self._database.sources, f"version == {version}", ["key"], 1):
                return version

    def _show(self, version: int, chunks: int, places: Sequence[Place]) -> None:
        """Makes a version what is at these places, all of one content."""
        before = [self._place_at(place.location) for place in places]
        replaced = {one.version for one in before if one is not None} - {version}
        self._session.touch([version, *replaced])
        delete_keys(self._database, [failure_key(place.location) for place in places])
        self._database.upsert(self._database.sources, [place_row(place, version, chunks) for place in places])
        self._agree(places[0].content_hash)
        self._rename(replaced)

    def _agree(self, content_hash: str) -> None:
        """Where two machines put one content at once, all its places come to show the same version."""
        there = self._places_with(content_hash)
        if not there:
            return
        chosen = max(there, key=lambda one: one.version)
        others = [one for one in there if one.version != chosen.version]
        if others:
            self._session.touch({one.version for one in there})
            rows = [place_row(one.place, chosen.version, chosen.chunks) for one in others]
            self._database.upsert(self._database.sources, rows)
        renew_terms(self._database, chosen.version, [one.place for one in there])

    def _rename(self, versions: set[int]) -> None:
        """After places went: versions that are still in others are not found by the old names."""
        for version, places in places_by_version(self._database, versions).items():
            renew_terms(self._database, version, places)

    def link(self, place: Place) -> None:
        """A file whose content is in the index already: a copy, a touched file. Nothing is embedded."""
        with self._lock:
            there = self._places_with(place.content_hash)
            if not there:
                raise UsageError(f"the content of {place.source!r} is not in the index; put it first")
            if any(one.place == place for one in there):
                return
            chosen = max(there, key=lambda one: one.version)
            with self._change():
                self._show(chosen.version, chosen.chunks, [place])

    def relocate(self, old: bytes, place: Place) -> None:
        """A moved file: what was at `old` is at `place` now, with the same content."""
        with self._lock:
            before = self._place_at(old)
            if before is None or before.place.content_hash != place.content_hash:
                what = "is not in the index" if before is None else "has another content"
                raise UsageError(f"{old.decode('utf-8', 'backslashreplace')!r} {what}; it can't have moved")
            with self._change():
                self._show(before.version, before.chunks, [place])
                if old != place.location:
                    self.remove([old])

    def remove(self, locations: Sequence[bytes]) -> None:
        """Takes files out; a document that no file has any more goes, chunks and all.

        A location that the index does not know is passed over: it is gone, as was asked.
        """
        with self._lock, self._change():
            keys = [place_key(location) for location in locations]
            there = [as_place(one) for one in rows_with(self._database, "key", keys)]
            versions = {one.version for one in there}
            self._session.touch(versions)
            delete_keys(self._database, [*keys, *(failure_key(location) for location in locations)])
            self._rename(versions)

    def record_failure(self, place: Place, reason: str, parser_version: int) -> None:
        """Remembers that a file could not be read, until its location is put, linked or removed."""
        valid_reason = reason.encode("utf-8", "backslashreplace").decode("utf-8")
        with self._lock, self._change():
            self._database.upsert(self._database.sources, [failure_row(place, valid_reason, parser_version)])


def _encode(document: Document) -> None:
    """Raises `UnicodeEncodeError` for text that is none."""
    for text in (document.title or "", *document.warnings, *(page.text for page in document.pages)):
        text_digest(text)
