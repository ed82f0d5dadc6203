"""An index in a folder: SQLite is the truth, FTS5 its keyword index, FAISS a cache of its vectors.

Takes records and vectors, gives snapshots to search in. The folder holds `index.sqlite` (with its log
while it is open), `vectors.faiss`, which can be deleted at any time, `last-commit` and `lock`. Does not
parse, embed or fuse, and does not know what a question is.

What it promises, each attacked by a test: after a kill at any moment the index is the state before or
after the interrupted source; a reader sees one generation, whatever a writer does; one process writes at
a time; a flipped bit in any file is noticed before wrong text is shown.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from rag.errors import IndexDamaged, IndexMissing, StoreError
from rag.records import IndexMeta
from rag.store.contract import StoredDocument
from rag.store.dense_cache import CACHE_NAME, DenseCache
from rag.store.local_check import keyword_problems, keyword_problems_in_copy, problems_in
from rag.store.local_database import Database, connect
from rag.store.local_files import (
    OUR_FILES,
    NeedsImmutable,
    bring_up_to_date,
    create_index,
    holds_index,
    identity,
    immutable_database,
    is_read_only,
    missing,
    open_for_reading,
)
from rag.store.local_keywords import KeywordSearch
from rag.store.local_lock import held_lock
from rag.store.local_rows import read_state, stamp_of
from rag.store.local_snapshot import Snapshot
from rag.store.local_stored import stored_document
from rag.store.local_witness import read_witness
from rag.store.local_writer import Writer, lost_changes

_log = logging.getLogger(__name__)


class LocalStore:
    """An open index. Many threads may use it at once; a forked child must open its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = Lock()
        self._idle: list[Database] = []
        weakref.finalize(self, _close_all, self._idle)
        self._closed = False
        self._process = os.getpid()
        self._read_only = is_read_only(directory)
        self._identity = identity(directory)
        self._keywords = KeywordSearch()
        self._dense = DenseCache(
            directory / CACHE_NAME, writable=not self._read_only, newest_stamp=self._newest_stamp
        )

    @classmethod
    def open(cls, directory: str | Path, *, create: bool = False) -> LocalStore:
        """The index in a folder; with `create`, a new one where the folder is missing or empty.

        Raises `IndexMissing`, `IndexInvalid` (something else is there; nothing is written to it),
        `IndexMismatch` (made by a newer version) or `IndexDamaged`. Who says `create` is about to ingest:
        for them, that the last changes were lost is a warning, since ingesting brings them back.
        """
        place = Path(os.path.abspath(directory))
        if not holds_index(place):
            if not create:
                raise IndexMissing(missing(place))
            create_index(place)
        noted = read_witness(place)
        bring_up_to_date(place, read_only=is_read_only(place))
        store = cls(place)
        try:
            with store._reader() as database:
                generation = read_state(database).generation
                if noted > generation and not create:
                    raise IndexDamaged(lost_changes(database, generation, noted))
        except BaseException:
            store.close()
            raise
        return store

    @property
    def name(self) -> str:
        """The folder's path, as errors name it."""
        return str(self.directory)

    # --- reading ----------------------------------------------------------------------------------

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """One generation of the index, for the length of a `with` block."""
        with self._reader() as database, database.reading():
            snapshot = Snapshot(database, self._dense, self._keywords)
            try:
                yield snapshot
            finally:
                snapshot.end()

    def meta(self) -> IndexMeta | None:
        """What gives the index its meaning; None when nothing was ingested yet."""
        with self.snapshot() as snapshot:
            return snapshot.meta()

    @contextmanager
    def _reader(self) -> Iterator[Database]:
        self._usable()
        opened = self._identity
        database = self._take()
        if database is None:
            with immutable_database(self.directory) as database:
                yield database
            return
        try:
            yield database
        finally:
            self._give_back(database, opened)

    def _usable(self) -> None:
        """Raises when this object may not be used any more; forgets an index that was replaced."""
        if os.getpid() != self._process:
            raise StoreError("an index that was opened before a fork can't be used after it; open it again")
        if self._closed:
            raise StoreError(f"index {str(self.directory)!r} was closed; open it again")
        with self._lock:
            found = identity(self.directory)
            if found == self._identity:
                return
            # Somebody deleted the index and made it anew: what is open is the deleted one.
            self._identity = found
            outdated = [*self._idle]
            self._idle.clear()
        for database in outdated:
            database.close()
        self._dense.forget()

    def _take(self) -> Database | None:
        """A connection that nobody else uses; None where each use needs its own."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        try:
            return open_for_reading(self.directory, read_only=self._read_only)
        except NeedsImmutable:
            return None

    def _give_back(self, database: Database, opened: tuple[int, int]) -> None:
        with self._lock:
            if not self._closed and opened == self._identity:
                self._idle.append(database)
                return
        database.close()

    def _newest_stamp(self, generation: int) -> bytes | None:
        with self._reader() as database:
            return stamp_of(database, generation)

    # --- writing ----------------------------------------------------------------------------------

    @contextmanager
    def writer(self, *, wait_seconds: float = 0) -> Iterator[Writer]:
        """The right to change the index, for the length of a `with` block.

        Raises `IndexLocked` when another has it after `wait_seconds`, naming its process. What a method
        of the writer has done when it returns stays done, however the block ends.
        """
        if self._read_only:
            raise StoreError(
                f"index {str(self.directory)!r} is read-only here: its folder or files may not be written;"
                " asking works, ingesting does not: make it writable or name another index"
            )
        self._usable()
        with held_lock(self.directory, wait_seconds=wait_seconds):
            self._usable()  # while we waited it may have been deleted, or made anew
            database = Database(connect(self.directory, mode="rw"), self.directory)
            try:
                writer = Writer(database, self._dense)
                yield writer
                self._tidy_up(writer, database)
            finally:
                database.close()

    def _tidy_up(self, writer: Writer, database: Database) -> None:
        try:
            writer.sync(only_if_worth_it=True)
            database.run("PRAGMA busy_timeout = 0")  # readers may go on for long; the log can wait
            database.run("PRAGMA wal_checkpoint(TRUNCATE)")
        except IndexDamaged:
            raise
        except StoreError as error:
            # Everything is committed. A cache that lacks something or a long log costs time, not data.
            _log.warning("%s", error)

    # --- the rest ---------------------------------------------------------------------------------

    def stored(self, content_hash: str) -> StoredDocument:
        """A content as it was put in; `UsageError` when it is not in the index."""
        with self._reader() as database, database.reading():
            return stored_document(database, content_hash)

    def check(self) -> list[str]:
        """What is wrong with the index, in words; [] means sound. Reads all of it."""
        try:
            with self._reader() as database, database.reading():
                problems = problems_in(database, newest_stamp=self._newest_stamp)
            with self._reader() as database:
                look = keyword_problems_in_copy if self._read_only else keyword_problems
                return problems + look(database)
        except IndexDamaged as error:
            return [str(error)]

    def size_bytes(self) -> int:
        """What the index takes on disk."""
        total = 0
        for name in OUR_FILES:
            try:
                total += (self.directory / name).stat().st_size
            except FileNotFoundError:
                continue  # the log comes and goes
        return total

    def close(self) -> None:
        """Closes all connections; a snapshot that is still in use closes its own when it ends."""
        with self._lock:
            self._closed = True
            _close_all(self._idle)


def _close_all(databases: list[Database]) -> None:
    while databases:
        databases.pop().close()
