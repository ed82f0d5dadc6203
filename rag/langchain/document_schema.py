"""The tables of a folder of documents with their vectors, and how such a folder is made.

Takes a folder, gives an open database with our tables in it. A folder that is not ours is never written to; a
killed process leaves a whole one or room for one. The ways are the index's own (`local_database`,
`local_schema`): each row ends in a checksum, each change of the set of documents leaves a random stamp. Does
not know what is kept in the rows.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from rag.errors import IndexDamaged, IndexInvalid, IndexMismatch, StoreError
from rag.store.dense_cache import CACHE_NAME
from rag.store.dense_file import sync_folder
from rag.store.local_database import DATABASE_NAME, Database, Row, connect
from rag.store.local_files import NeedsImmutable, open_for_reading
from rag.store.local_schema import Value, row_checksum
from rag.store.local_witness import WITNESS_NAME

APPLICATION_ID = 0x52414744  # "RAGD"; an index that `rag ingest` made has another
VERSION = 1
_SAVED_BY_LANGCHAIN = "index.pkl"
_OURS = frozenset(
    {WITNESS_NAME, CACHE_NAME, CACHE_NAME + ".new"}
    | {DATABASE_NAME + suffix for suffix in ("", "-wal", "-shm", "-journal")}
)
_TABLES = """
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL, stamp BLOB NOT NULL,
    next_id INTEGER NOT NULL, documents INTEGER NOT NULL, meaning TEXT, checksum BLOB NOT NULL
) STRICT;
CREATE TABLE commit_log (generation INTEGER PRIMARY KEY, stamp BLOB NOT NULL) STRICT;
CREATE TABLE document (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, text TEXT NOT NULL, metadata TEXT NOT NULL,
    checksum BLOB NOT NULL
) STRICT;
CREATE TABLE vector (
    document INTEGER PRIMARY KEY REFERENCES document (id), vector BLOB NOT NULL, checksum BLOB NOT NULL
) STRICT
"""
_NO_STAMP = bytes(16)


@dataclass(frozen=True, slots=True)
class State:
    """How far the folder has come, and how much is in it."""

    generation: int  # grows by one with each change
    stamp: bytes  # that change's entry in the log
    next_id: int  # ids are never given twice, so one that is gone is gone
    documents: int
    meaning: str | None  # which embedding model made the vectors; None while there are none


def open_database(directory: Path, *, read_only: bool) -> Database:
    """A connection to the folder's database; makes both where there is room for them.

    Raises `IndexInvalid` for a folder of something else, `IndexMismatch` for one of a newer version.
    """
    name = repr(str(directory))
    if not _is_ours(directory, name):
        _make_folder(directory, name)
    database = _connected(directory, read_only=read_only)
    try:
        version = _number(database, "user_version")
        tables = _number(database, "schema_version")  # SQLite's own: 0 while there is no table
        identifier = _number(database, "application_id")
        if not tables and not read_only:
            _make_tables(database)
        elif identifier != APPLICATION_ID:
            raise IndexInvalid(_not_ours(name, identifier))
        elif version > VERSION:
            raise IndexMismatch(
                f"{name} has version {version}; this program reads up to {VERSION}: install the newer version"
                " of openchat-rag that made it"
            )
    except BaseException:
        database.close()
        raise
    return database


def _connected(directory: Path, *, read_only: bool) -> Database:
    if not read_only:
        database = Database(connect(directory, mode="rw"), directory)
        database.run("PRAGMA journal_mode = WAL")
        return database
    try:
        return open_for_reading(directory, read_only=True)
    except NeedsImmutable:
        log = directory / (DATABASE_NAME + "-wal")
        if log.exists() and log.stat().st_size:
            raise StoreError(
                f"{str(directory)!r} is read-only and its last writer was stopped in the middle; nothing is"
                " lost: open it once where it can be written"
            ) from None
        return Database(connect(directory, mode="ro", immutable=True), directory)


def _number(database: Database, pragma: str) -> int:
    row = database.row(f"PRAGMA {pragma}")
    return int(row[0]) if row else 0


def _is_ours(directory: Path, name: str) -> bool:
    """Whether a database is there that is ours, or nothing yet; false where there is room for one."""
    if not directory.exists():
        return False
    if not directory.is_dir():
        raise IndexInvalid(f"{name} is not a folder; documents are kept in one: name a new or an empty one")
    names = set(os.listdir(directory))
    if DATABASE_NAME not in names:
        others = sorted(names - _OURS)
        if _SAVED_BY_LANGCHAIN in names:
            raise IndexInvalid(
                f"{name} holds an index that LangChain's FAISS.save_local wrote; import it with"
                f" rag.import_saved_faiss({str(directory)!r}, path='a new folder', embedding=...)"
            )
        if others:
            raise IndexInvalid(
                f"{name} is a folder with other things in it ({others[0]!r}, {len(others)} in all); name a"
                " new or an empty one"
            )
        return False
    path = directory / DATABASE_NAME
    try:
        identifier, tables = _looked_at(path)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise IndexInvalid(
            f"{str(path)!r} is no database of ours, or its beginning is damaged ({error}); name another"
            " folder"
        ) from error
    if identifier != APPLICATION_ID and tables:
        raise IndexInvalid(_not_ours(name, identifier))
    return True


def _looked_at(path: Path) -> tuple[int, int]:
    """Immutable: takes no lock and makes no file, whosever database this is."""
    connection = sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1", uri=True)
    try:
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        return int(connection.execute("PRAGMA application_id").fetchone()[0]), int(tables)
    finally:
        connection.close()


def _not_ours(name: str, identifier: int) -> str:
    return (
        f"{name} holds another kind of database (application id {identifier}, ours is {APPLICATION_ID}; an"
        " index that `rag ingest` made is opened with rag.load_retriever): name another folder"
    )


def _make_folder(directory: Path, name: str) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # empty it is a database already, and nobody else may read what will be in it
        os.close(os.open(directory / DATABASE_NAME, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        sync_folder(directory)
    except OSError as error:
        raise StoreError(
            f"no documents can be kept at {name}: {error.strerror}; name another folder"
        ) from error


def _make_tables(database: Database) -> None:
    with database.writing():
        if _number(database, "schema_version"):
            return  # another process was quicker
        for statement in _TABLES.split(";\n"):
            database.run(statement)
        database.run(f"PRAGMA application_id = {APPLICATION_ID}")
        database.run(f"PRAGMA user_version = {VERSION}")
        write_state(database, State(0, _NO_STAMP, 1, 0, None))
    database.run("PRAGMA wal_checkpoint(TRUNCATE)")


# --- rows -------------------------------------------------------------------------------------------


def verified(database: Database, table: str, row: Row) -> Row:
    """The row without its checksum; `IndexDamaged` when the two disagree."""
    *values, checksum = row
    if row_checksum(table, values) != checksum:
        raise IndexDamaged(f"a row of {table!r} ({str(values[0])[:100]!r}) has changed")
    return tuple(values)


def with_checksum(table: str, values: Sequence[Value]) -> Row:
    """The row as it is stored."""
    return (*values, row_checksum(table, values))


def read_state(database: Database) -> State:
    """The state row."""
    rows = database.rows("SELECT * FROM state")
    if len(rows) != 1:
        raise IndexDamaged(f"its state has {len(rows)} rows, where there must be 1")
    return State(*verified(database, "state", rows[0])[1:])


def write_state(database: Database, state: State) -> None:
    """Replaces the state row."""
    row = with_checksum("state", (1, *asdict(state).values()))
    database.run("REPLACE INTO state VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def write_next_state(database: Database, state: State) -> State:
    """The state of the next generation, with a stamp that no other change has."""
    stamp = secrets.token_bytes(16)
    following = State(state.generation + 1, stamp, state.next_id, state.documents, state.meaning)
    database.run("INSERT INTO commit_log VALUES (?, ?)", (following.generation, stamp))
    write_state(database, following)
    return following


def stamp_of(database: Database, generation: int) -> bytes | None:
    """The stamp of a change; None when there was none of that number."""
    row = database.row("SELECT stamp FROM commit_log WHERE generation = ?", (generation,))
    return None if row is None else bytes(row[0])
