"""The one writer of a local index: every method is one transaction, done or not done, or part of `together`.

Takes records and vectors, puts them into the database; on leaving, brings the vector cache up to date.
Does not parse, chunk or embed, and does not know where files come from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock

import numpy as np

from rag.errors import IndexMismatch, UsageError
from rag.records import Chunk, Document, IndexMeta, Place
from rag.store.dense_cache import DenseCache
from rag.store.local_changes import Change, change, present_words
from rag.store.local_database import Database
from rag.store.local_reembedding import Reembedding
from rag.store.local_rows import (
    IDS_AT_A_TIME,
    document_with,
    outdated_contents,
    place_at,
    read_state,
)
from rag.store.local_schema import row_checksum, select_statement
from rag.store.local_vectors import as_vector
from rag.store.local_witness import read_witness, write_witness
from rag.store.put_checks import (
    check_text,
    checked_vectors,
    difference,
    newer_parsers,
    same_but_parsers,
    valid_text,
)

_log = logging.getLogger(__name__)


class Writer:
    """Changes an index. Its methods may be called from several threads; they run one after another."""

    def __init__(self, database: Database, dense: DenseCache) -> None:
        self._database = database
        self._dense = dense
        self._lock = RLock()
        self._open: Change | None = None
        self._settle_the_past()

    def _settle_the_past(self) -> None:
        """What another version, or a damaged log, left to be done before anything is added."""
        state = read_state(self._database)
        noted = read_witness(self._database.directory)
        if noted > state.generation:
            _log.warning("%s", lost_changes(self._database, state.generation, noted))
            self._note(state.generation)
        if state.words != present_words():
            with self._change() as changing:
                changing.renew_keywords()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Makes one transaction of all that is done inside: one wait for the disk; all of it or nothing."""
        with self._lock, self._change() as changing:
            self._open = changing
            try:
                yield
            finally:
                self._open = None

    @contextmanager
    def _change(self) -> Iterator[Change]:
        if self._open is not None:
            yield self._open
            return
        with change(self._database) as changing:
            yield changing
        self._note(changing.state.generation)

    def _note(self, generation: int) -> None:
        try:
            write_witness(self._database.directory, generation)
        except OSError as error:
            # The commit stands; only a later loss of it would go unnoticed.
            _log.warning("index %r: %s", str(self._database.directory), error)

    def set_meta(self, meta: IndexMeta) -> None:
        """Says what gives the index its meaning; `IndexMismatch` when its chunks have another one.

        Newer parsers may go on with an index: what older ones made is `outdated` then. Older ones may not.
        """
        with self._lock:
            state = read_state(self._database)
            present = state.index_meta()
            if present == meta:
                return
            self.require_parsers(meta.parser_version)
            if present is not None and state.chunks and not same_but_parsers(present, meta):
                raise IndexMismatch(difference(str(self._database.directory), present, meta))
            with self._change() as changing:
                changing.set_meta(meta)

    def reembedding(self, meta: IndexMeta) -> Reembedding:
        """The way to the embedding model of `meta`; until its end the index answers as it did."""
        with self._lock:
            self.require_parsers(meta.parser_version)
            return Reembedding(self._database, self._change, meta)

    def require_parsers(self, parser_version: int) -> None:
        """Raises `IndexMismatch` when parsers newer than that version wrote to the index."""
        with self._lock:
            present = read_state(self._database).index_meta()
            if present is not None and present.parser_version > parser_version:
                raise IndexMismatch(newer_parsers(str(self._database.directory), present, parser_version))

    def has_document(self, content_hash: str, *, parser_version: int = 0) -> bool:
        """Whether a content is in the index as parsers of that version or newer read it, wherever it is."""
        with self._lock:
            document = document_with(self._database, content_hash)
            return document is not None and document.parser_version >= parser_version

    def outdated(self, parser_version: int) -> frozenset[str]:
        """The contents, by hash, that parsers older than that version read."""
        with self._lock:
            return outdated_contents(self._database, parser_version)

    def vectors_for(self, digests: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """The vectors that are there already, by the digest of the text that was embedded.

        A vector whose bytes changed is left out: it is embedded anew, and `check` reports it.
        """
        with self._lock:
            meta = read_state(self._database).index_meta()
            if meta is None:
                return {}
            found: dict[bytes, np.ndarray] = {}
            wanted = list(dict.fromkeys(digests))
            for start in range(0, len(wanted), IDS_AT_A_TIME):
                found.update(self._stored_vectors(wanted[start : start + IDS_AT_A_TIME], meta.dimension))
            return found

    def _stored_vectors(self, digests: list[bytes], dimension: int) -> dict[bytes, np.ndarray]:
        marks = ", ".join("?" * len(digests))
        statement = select_statement(
            "vector",
            f"WHERE chunk IN (SELECT min(id) FROM chunk WHERE embedded_digest IN ({marks})"
            " GROUP BY embedded_digest)",
        )
        found = {}
        for *values, checksum in self._database.rows(statement, digests):
            if row_checksum("vector", values) == checksum and values[1] in digests:
                found[values[1]] = as_vector(self._database, values[2], dimension)
        return found

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
            meta = read_state(self._database).index_meta()
            if meta is None:
                raise UsageError("the index has no embedding model yet; call set_meta before put")
            check_text(place, document, chunks)
            matrix = checked_vectors(place, vectors, digests, len(chunks), meta)
            with valid_text(place), self._change() as changing:
                changing.drop_document(place.content_hash)
                changing.set_place(place)
                changing.add_document(place, document, chunks, matrix, digests)

    def link(self, place: Place) -> None:
        """A file whose content is in the index already: a copy, a touched file. Nothing is embedded."""
        with self._lock:
            if not self.has_document(place.content_hash):
                raise UsageError(f"the content of {place.source!r} is not in the index; put it first")
            if place_at(self._database, place.location) == place:
                return
            with self._change() as changing:
                changing.set_place(place)
                changing.settle(place.content_hash)

    def relocate(self, old: bytes, place: Place) -> None:
        """A moved file: what was at `old` is at `place` now, with the same content."""
        with self._lock:
            before = place_at(self._database, old)
            if before is None or before.content_hash != place.content_hash:
                what = "is not in the index" if before is None else "has another content"
                raise UsageError(f"{old.decode('utf-8', 'backslashreplace')!r} {what}; it can't have moved")
            with self._change() as changing:
                changing.set_place(place)
                if old != place.location:
                    changing.drop_place(old)
                changing.settle(place.content_hash)

    def remove(self, locations: Sequence[bytes]) -> None:
        """Takes files out; a document that no file has any more goes, chunks and all.

        A location that the index does not know is passed over: it is gone, as was asked.
        """
        with self._lock, self._change() as changing:
            for location in locations:
                changing.drop_place(location)

    def record_failure(self, place: Place, reason: str, parser_version: int) -> None:
        """Remembers that a file could not be read, until its location is put, linked or removed."""
        valid_reason = reason.encode("utf-8", "backslashreplace").decode("utf-8")
        with self._lock, self._change() as changing:
            changing.set_failure(place, valid_reason, parser_version)

    def sync(self, *, only_if_worth_it: bool = False) -> None:
        """Brings FAISS's file to the present generation.

        `only_if_worth_it`: leaves a large file that lacks little as it is; whoever reads it takes what is
        missing from the database.
        """
        with self._lock:
            with self._database.reading():
                state = read_state(self._database)
                meta = state.index_meta()
                if meta is None or (
                    only_if_worth_it and not self._dense.worth_writing(state, meta.dimension)
                ):
                    return
                dense = self._dense.at(self._database, state, meta.dimension)
            self._dense.write(dense)


def lost_changes(database: Database, generation: int, noted: int) -> str:
    """The words for a database that is behind what was reported done."""
    return (
        f"index {str(database.directory)!r} is damaged: its last {noted - generation} changes were lost"
        f" (it is at generation {generation}, and {noted} was reported done); run `rag ingest` again"
    )
