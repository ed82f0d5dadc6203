"""Texts with metadata and vectors in a folder: SQLite is the truth, FAISS a cache of the vectors.

Takes documents and unit vectors, gives the nearest ones back. The folder holds `index.sqlite` (with its
log while it is open), `last-commit` and, when there are many vectors, `vectors.faiss`, which can be deleted
at any time. Does not embed, and does not know LangChain.

What it promises, each attacked by a test: a change is done or not done when the process is killed, whole; a
reader sees one state; several processes may write, one waits for the other; a flipped bit in any file is
noticed before wrong text is given.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import IndexDamaged, IndexMissing, StoreError, UsageError
from rag.langchain.document_schema import (
    State,
    open_database,
    read_state,
    verified,
    with_checksum,
    write_next_state,
)
from rag.langchain.document_vectors import VectorCache, portions, read_vectors
from rag.langchain.documents import Kept
from rag.langchain.metadata_filter import Wanted
from rag.store.dense_index import DenseIndex
from rag.store.local_database import DATABASE_NAME, Database
from rag.store.local_files import is_read_only
from rag.store.local_witness import read_witness, write_witness

_NEAR_LEAST = 64  # with a filter so many of the nearest are looked at before all documents are
_NEAR_TIMES = 8
_log = logging.getLogger(__name__)


class DocumentFolder:
    """An open folder. Many threads may use it, one after another; a forked child must open its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = Path(os.path.abspath(directory))
        self._lock = threading.RLock()
        self._busy = False
        self._closed = False
        self._next: State | None = None
        self._process = os.getpid()
        self._read_only = (self.directory / DATABASE_NAME).exists() and is_read_only(self.directory)
        with self._explained():
            self._open()

    def _open(self) -> None:
        self._database = open_database(self.directory, read_only=self._read_only)
        self._finalizer = weakref.finalize(self, _close, self._database, os.getpid())
        try:
            self._identity = _identity(self.directory)
            self._cache = VectorCache(self.directory, writable=not self._read_only)
            self._require_all()
        except BaseException:
            self._finalizer()
            raise

    def _require_all(self) -> None:
        """A log that lost its end to a flipped bit is shorter than what was reported done."""
        noted = read_witness(self.directory)  # before the state, or a writer in between would be a loss
        generation = read_state(self._database).generation
        if noted > generation:
            raise IndexDamaged(
                f"its last {noted - generation} changes were lost (it is at generation {generation}, and"
                f" {noted} was reported done); delete its file last-commit to go on with what is there"
            )

    # --- what is there ----------------------------------------------------------------------------

    def state(self) -> State:
        """The present state."""
        with self._reading() as (_, state):
            return state

    def get(self, keys: Sequence[str]) -> list[Kept]:
        """The documents of these keys, in that order; one that is not there is left out."""
        with self._reading() as (database, _):
            found: dict[str, Kept] = {}
            for some in portions(list(dict.fromkeys(keys))):
                marks = ", ".join("?" * len(some))
                rows = database.rows(f"SELECT * FROM document WHERE key IN ({marks})", some)
                found.update((kept.key, kept) for _, kept in map(self._kept, rows))
            return [found[key] for key in keys if key in found]

    def search(
        self, vector: np.ndarray, k: int, *, wanted: Wanted | None = None
    ) -> list[tuple[Kept, float, np.ndarray]]:
        """The k wanted documents with the largest inner products, best first, with their vectors."""
        with self._reading() as (database, state):
            if not state.documents:
                return []
            dense = self._cache.at(database, state, len(vector))
            found = dense.search(vector, k) if wanted is None else self._wanted(dense, vector, k, wanted)
            ids = [identifier for identifier, _ in found]
            kept, rows = self._with_ids(ids), read_vectors(self._database, ids, len(vector))
            return [(kept[one], score, row) for (one, score), row in zip(found, rows, strict=True)]

    def _wanted(
        self, dense: DenseIndex, vector: np.ndarray, k: int, wanted: Wanted
    ) -> list[tuple[int, float]]:
        """Among the nearest at first; where these are too few, all documents' metadata are looked at."""
        near = dense.search(vector, max(_NEAR_LEAST, _NEAR_TIMES * k))
        kept = self._with_ids([identifier for identifier, _ in near])
        passing = [hit for hit in near if wanted(kept[hit[0]].plain())]
        if len(passing) >= k or len(near) == len(dense.ids):
            return passing[:k]
        rows = self._database.each("SELECT * FROM document ORDER BY id")
        among = [identifier for identifier, one in map(self._kept, rows) if wanted(one.plain())]
        return dense.search(vector, k, among=np.array(among, np.int64))

    def _with_ids(self, ids: Sequence[int]) -> dict[int, Kept]:
        found: dict[int, Kept] = {}
        for some in portions(ids):
            marks = ", ".join("?" * len(some))
            found.update(
                map(self._kept, self._database.rows(f"SELECT * FROM document WHERE id IN ({marks})", some))
            )
        if len(found) != len(set(ids)):
            raise IndexDamaged(f"{len(set(ids)) - len(found)} documents are gone, and their vectors are not")
        return found

    def _kept(self, row: tuple[Any, ...]) -> tuple[int, Kept]:
        identifier, key, text, metadata = verified(self._database, "document", row)
        return identifier, Kept(key, text, metadata)

    # --- changes ----------------------------------------------------------------------------------

    def put(
        self, documents: Sequence[Kept], vectors: np.ndarray, *, meaning: Callable[[str | None], str]
    ) -> None:
        """Adds documents, or replaces those that have their keys; all of them or, on an error, none.

        `vectors`: float32 [documents, dimension], of length 1; `meaning` is given what made those that are
        there (None: there are none), nobody changing it meanwhile, and says what is noted, or raises.
        """
        with self._changing() as (database, state):
            noted = meaning(state.meaning)
            gone = _delete(database, (document.key for document in documents))
            ids = range(state.next_id, state.next_id + len(documents))
            rows = list(zip(ids, documents, vectors, strict=True))
            database.run_many(
                "INSERT INTO document VALUES (?, ?, ?, ?, ?)",
                (
                    with_checksum("document", (one, kept.key, kept.text, kept.metadata))
                    for one, kept, _ in rows
                ),
            )
            database.run_many(
                "INSERT INTO vector VALUES (?, ?, ?)",
                (with_checksum("vector", (one, vector.astype("<f4").tobytes())) for one, _, vector in rows),
            )
            self._next = replace(
                state,
                next_id=ids.stop,
                documents=state.documents - gone + len(documents),
                meaning=noted,
            )

    def remove(self, keys: Sequence[str] | None) -> int:
        """Takes documents out, or all of them for None; gives how many there were."""
        with self._changing() as (database, state):
            if keys is None:
                database.run("DELETE FROM vector")
                gone = database.run("DELETE FROM document")
            else:
                gone = _delete(database, keys)
            if gone:
                left = state.documents - gone
                self._next = replace(state, documents=left, meaning=state.meaning if left else None)
            return gone

    # --- the rest ---------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """What is wrong with what is kept, in words; [] means sound. Reads all of it."""
        try:
            with self._reading() as (database, state):
                return list(_problems(database, state))
        except IndexDamaged as error:
            return [str(error)]

    def close(self) -> None:
        """Closes the database."""
        with self._lock:
            self._closed = True
            self._finalizer()

    # --- one state, and the next ------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[tuple[Database, State]]:
        with self._using() as database, database.reading():
            yield database, read_state(database)

    @contextmanager
    def _changing(self) -> Iterator[tuple[Database, State]]:
        """One transaction; what was put into `_next` is its state afterwards, else nothing changed."""
        if self._read_only:
            raise StoreError(
                f"{str(self.directory)!r} is read-only here: searching works, changing does not; make the"
                " folder and its files writable"
            )
        with self._using() as database:
            self._next = None
            with database.writing():
                yield database, read_state(database)
                done = write_next_state(database, self._next) if self._next else None
            if done:
                self._note(done.generation)

    def _note(self, generation: int) -> None:
        try:
            write_witness(self.directory, generation)
        except OSError as error:
            # The commit stands; only a later loss of it would go unnoticed.
            _log.warning("%r: %s", str(self.directory), error)

    @contextmanager
    def _using(self) -> Iterator[Database]:
        if os.getpid() != self._process:
            raise StoreError(
                "documents that were opened before a fork can't be used after it; open them again"
            )
        with self._lock:
            if self._busy:
                raise UsageError("a filter can't use the store that it filters; look things up before")
            if self._closed:
                raise StoreError(f"{str(self.directory)!r} was closed; open it again")
            self._busy = True
            try:
                with self._explained():
                    if _identity(self.directory) != self._identity:
                        self._finalizer()  # somebody made it anew: what is open is the deleted one
                        self._open()
                    yield self._database
            finally:
                self._busy = False

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Says of damage where it is and what to do, in the words of who keeps documents."""
        try:
            yield
        except IndexDamaged as error:
            what = error.__cause__ or error
            raise IndexDamaged(
                f"the documents at {str(self.directory)!r} are damaged: {what}; to make them anew, move the"
                " folder away and add the documents again (`check()` lists all that is damaged)"
            ) from error


def _close(database: Database, process: int) -> None:
    if os.getpid() == process:  # in a forked child it is the parent's, whose locks closing would drop
        database.close()


def _delete(database: Database, keys: Iterable[str]) -> int:
    gone = 0
    for key in keys:
        database.run("DELETE FROM vector WHERE document IN (SELECT id FROM document WHERE key = ?)", (key,))
        gone += database.run("DELETE FROM document WHERE key = ?", (key,))
    return gone


def _problems(database: Database, state: State) -> Iterator[str]:
    for (line,) in database.each("PRAGMA integrity_check"):
        if line != "ok":
            yield f"the database's structure is damaged: {line}"
    for table in ("document", "vector"):
        count = 0
        for row in database.each(f"SELECT * FROM {table}"):
            count += 1
            try:
                verified(database, table, row)
            except IndexDamaged as error:
                yield str(error)
        if count != state.documents:
            yield f"there are {count} rows of {table!r}, where there should be {state.documents}"
    for table, row, parent, _ in database.each("PRAGMA foreign_key_check"):
        yield f"row {row} of {table!r} refers to a row of {parent!r} that is not there"


def _identity(directory: Path) -> tuple[int, int]:
    try:
        found = os.stat(directory / DATABASE_NAME)
    except FileNotFoundError:
        raise IndexMissing(f"{str(directory)!r} is gone; open the store anew to begin an empty one") from None
    return found.st_dev, found.st_ino
