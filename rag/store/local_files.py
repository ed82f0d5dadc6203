"""The files of a local index: which folder holds one, how one is made, how its database is opened.

Takes a folder, gives open databases. A folder that is not ours is never written to; an index appears in
one step, complete. Knows the tables only through `local_schema`.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from rag.errors import IndexInvalid, IndexMismatch, IndexMissing, StoreError
from rag.store.dense_cache import CACHE_NAME
from rag.store.dense_file import sync_folder
from rag.store.local_changes import first_state, write_state
from rag.store.local_database import DATABASE_NAME, Database, connect, explained
from rag.store.local_lock import LOCK_NAME, held_lock, shared_lock
from rag.store.local_reembedding import STAGING_FILES
from rag.store.local_schema import (
    APPLICATION_ID,
    LEAST_SQLITE,
    MIGRATIONS,
    PLACES_OF_TERMS,
    schema_version,
)
from rag.store.local_witness import WITNESS_NAME

_LOG_SUFFIXES = ("", "-wal", "-shm", "-journal")
_UNFINISHED_NAME = DATABASE_NAME + ".new"
_PAGE_BYTES = 8_192  # five vectors of 384 numbers to a page, where 4,096 would hold two
_CREATE_WAIT_SECONDS = 30.0
_SHARED_WAIT_SECONDS = 30.0

UNFINISHED_FILES = frozenset(_UNFINISHED_NAME + suffix for suffix in _LOG_SUFFIXES)
OUR_FILES = frozenset(
    {
        LOCK_NAME,
        WITNESS_NAME,
        CACHE_NAME,
        CACHE_NAME + ".new",
        *STAGING_FILES,
        *(DATABASE_NAME + suffix for suffix in _LOG_SUFFIXES),
    }
    | UNFINISHED_FILES
)


def holds_index(directory: Path) -> bool:
    """Whether an index of ours is in that folder; false when there is room for one.

    Raises `IndexInvalid` for anything else: a file, a folder of other things. Writes nothing.
    """
    name = repr(str(directory))
    try:
        kind = os.stat(directory).st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{name} can't be looked into: {error.strerror}; name another folder") from error
    if not stat.S_ISDIR(kind):
        raise IndexInvalid(f"{name} is not a folder; an index is a folder: name a new or an empty one")
    try:
        names = set(os.listdir(directory))
    except OSError as error:
        raise StoreError(f"{name} can't be looked into: {error.strerror}; name another folder") from error
    if DATABASE_NAME in names:
        _recognise(directory)
        return True
    others = sorted(names - OUR_FILES)
    if others:
        raise IndexInvalid(
            f"{name} is a folder with other things in it ({others[0]!r}, {len(others)} in all) and no index;"
            " name a new or an empty one"
        )
    return False


def _recognise(directory: Path) -> None:
    """Raises `IndexInvalid` unless the database says that it is ours."""
    path = directory / DATABASE_NAME
    refused = f"{str(path)!r} is not one of our indexes"
    if not path.is_file():
        raise IndexInvalid(f"{refused}: it is not a regular file; name another folder")
    if not _accessible(path, os.R_OK):
        raise StoreError(f"{str(path)!r} may not be read by you; ask its owner, or name another index")
    if sqlite3.sqlite_version_info < LEAST_SQLITE:
        raise StoreError(
            f"this Python has SQLite {sqlite3.sqlite_version}; an index needs"
            f" {'.'.join(map(str, LEAST_SQLITE))} or newer: use a newer Python"
        )
    # Immutable: takes no lock and makes no file, whosever database this is.
    try:
        identifier = _application_id(path)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise IndexInvalid(
            f"{refused}, or its beginning is damaged ({error}); name another folder"
        ) from error
    if identifier != APPLICATION_ID:
        raise IndexInvalid(
            f"{refused}: its application id is {identifier}, ours is {APPLICATION_ID}; name another folder"
        )


def _application_id(path: Path) -> int:
    connection = sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1", uri=True)
    try:
        return int(connection.execute("PRAGMA application_id").fetchone()[0])
    finally:
        connection.close()


# --- making one -------------------------------------------------------------------------------------


def create_index(directory: Path) -> None:
    """Makes an empty index in a folder that is missing or empty; no more than one process does.

    The database is made under another name and renamed when it is whole: after a kill at any moment
    there is an index or there is room for one.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.stat(directory).st_uid == os.geteuid():
            directory.chmod(0o700)
    except OSError as error:
        raise StoreError(
            f"no index can be made at {str(directory)!r}: {error.strerror}; name another folder"
        ) from error
    with held_lock(directory, wait_seconds=_CREATE_WAIT_SECONDS):
        if holds_index(directory):
            return
        try:
            for name in UNFINISHED_FILES:
                (directory / name).unlink(missing_ok=True)
            os.close(os.open(directory / _UNFINISHED_NAME, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            _fill(directory)
            os.rename(directory / _UNFINISHED_NAME, directory / DATABASE_NAME)
            sync_folder(directory)
        except OSError as error:
            raise StoreError(
                f"no index can be made at {str(directory)!r}: {error.strerror}; free some space or name"
                " another folder"
            ) from error


def _fill(directory: Path) -> None:
    database = Database(connect(directory, mode="rw", name=_UNFINISHED_NAME), directory)
    try:
        database.run(f"PRAGMA page_size = {_PAGE_BYTES}")
        database.run(f"PRAGMA application_id = {APPLICATION_ID}")
        database.run("PRAGMA journal_mode = WAL")
        _migrate(database, 0)
        with database.writing():
            write_state(database, first_state())
    finally:
        database.close()


def _migrate(database: Database, version: int) -> None:
    for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
        with database.writing(), explained(database.directory):
            migration(database.connection)
            database.run(f"PRAGMA user_version = {number}")


def bring_up_to_date(directory: Path, *, read_only: bool) -> None:
    """Migrates an index of an older version; `IndexMismatch` for a newer one, or where we may not write."""
    with reading_database(directory, read_only=read_only) as database:
        found = _version(database)
    if found == schema_version():
        return
    if found > schema_version():
        raise IndexMismatch(
            f"index {str(directory)!r} has version {found}; this program reads up to {schema_version()}:"
            " install the newer version that made it"
        )
    if read_only:
        raise IndexMismatch(
            f"index {str(directory)!r} has version {found} and is read-only; this program needs version"
            f" {schema_version()}: make it writable and open it once"
        )
    with held_lock(directory, wait_seconds=_CREATE_WAIT_SECONDS):
        database = Database(connect(directory, mode="rw"), directory)
        try:
            _migrate(database, _version(database))
        finally:
            database.close()


def _version(database: Database) -> int:
    row = database.row("PRAGMA user_version")
    return int(row[0]) if row else 0


# --- opening one ------------------------------------------------------------------------------------


def is_read_only(directory: Path) -> bool:
    """Whether this process may not write to the index."""
    return not (_accessible(directory, os.W_OK | os.X_OK) and _accessible(directory / DATABASE_NAME, os.W_OK))


def _accessible(path: Path, mode: int) -> bool:
    # What this process may do, not who started it.
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def open_for_reading(directory: Path, *, read_only: bool) -> Database:
    """A connection for queries; raises `NeedsImmutable` where SQLite can't lay its log beside the file."""
    try:
        database = Database(connect(directory, mode="ro" if read_only else "rw"), directory)
    except StoreError as error:
        code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
        if read_only and code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise NeedsImmutable from error
        raise
    database.run(PLACES_OF_TERMS)
    database.run("PRAGMA query_only = ON")
    return database


class NeedsImmutable(Exception):
    """The folder is read-only and has no log in it: the database must be opened as one that can't change."""


@contextmanager
def immutable_database(directory: Path) -> Iterator[Database]:
    """An index on a read-only medium, or in a folder of somebody else's, while nobody writes to it."""
    log = directory / (DATABASE_NAME + "-wal")
    with shared_lock(directory, wait_seconds=_SHARED_WAIT_SECONDS):
        if log.exists() and log.stat().st_size:
            raise StoreError(
                f"index {str(directory)!r} is read-only and its last writer was stopped in the middle;"
                " nothing is lost: run `rag doctor` on it once where it can be written"
            )
        database = Database(connect(directory, mode="ro", immutable=True), directory)
        try:
            database.run(PLACES_OF_TERMS)
            yield database
        finally:
            database.close()


@contextmanager
def reading_database(directory: Path, *, read_only: bool) -> Iterator[Database]:
    """A connection for queries, closed afterwards."""
    try:
        database = open_for_reading(directory, read_only=read_only)
    except NeedsImmutable:
        with immutable_database(directory) as database:
            yield database
        return
    try:
        yield database
    finally:
        database.close()


def identity(directory: Path) -> tuple[int, int]:
    """Tells whether the database is still the file that was opened; `IndexMissing` when there is none."""
    try:
        found = os.stat(directory / DATABASE_NAME)
    except FileNotFoundError:
        raise IndexMissing(missing(directory)) from None
    return found.st_dev, found.st_ino


def missing(directory: Path) -> str:
    """The words for an index that is not there."""
    return (
        f"there is no index at {str(directory)!r}; `rag ingest FOLDER --index {str(directory)!r}` makes one"
    )
