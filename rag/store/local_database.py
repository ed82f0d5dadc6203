"""One connection to an index's SQLite database, with SQLite's errors turned into ours.

Takes a folder that holds an index, gives rows of plain values. No `sqlite3.Error` leaves this module.
Does not know what the tables mean.

A file that SQLite has open must not be opened by other means in the same process: POSIX drops all of a
process's locks on a file when any descriptor of it is closed. That is why everything that is read from
the database, its header included, goes through SQLite.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rag.errors import IndexDamaged, IndexLocked, RagError, StoreError, UsageError

DATABASE_NAME = "index.sqlite"
BUSY_SECONDS = 30.0  # longest wait for another process's commit or recovery
CACHE_KIBIBYTES = 16_384
ROWS_AT_A_TIME = 1_000
_SETTINGS = (
    "foreign_keys = ON",
    "synchronous = FULL",
    f"cache_size = -{CACHE_KIBIBYTES}",
    "trusted_schema = OFF",
)

Row = tuple[Any, ...]


class Database:
    """A connection, and the folder that its errors name. Usable from one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, directory: Path) -> None:
        self.connection = connection
        self.directory = directory

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        with explained(self.directory):
            return self.connection.execute(statement, parameters).fetchall()

    def row(self, statement: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row of a query, if there is one."""
        found = self.rows(statement, parameters)
        return found[0] if found else None

    def each(self, statement: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """The rows of a query a few at a time, for what may not fit in memory."""
        with explained(self.directory):
            cursor = self.connection.execute(statement, parameters)
        while True:
            with explained(self.directory):
                some = cursor.fetchmany(ROWS_AT_A_TIME)
            if not some:
                return
            yield from some

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Runs a change; gives the number of rows it touched."""
        with explained(self.directory):
            return self.connection.execute(statement, parameters).rowcount

    def run_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Runs a change once for each row."""
        with explained(self.directory):
            self.connection.executemany(statement, rows)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One state of the database, whatever a writer commits meanwhile."""
        self.run("BEGIN")
        try:
            yield
        finally:
            self._roll_back()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: everything in it or nothing."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        # SQLite ends a transaction by itself on some errors: a full disk, a failing read.
        if self.connection.in_transaction:
            self.run("ROLLBACK")

    def close(self) -> None:
        """Closes the connection; the last one on an index folds the log into the database."""
        with explained(self.directory):
            self.connection.close()


def connect(
    directory: Path, *, mode: str, immutable: bool = False, name: str = DATABASE_NAME
) -> sqlite3.Connection:
    """A connection in SQLite's `mode` (`rw`, `ro`, `rwc`), without Python's implicit transactions.

    `immutable` promises that nobody changes the file: no lock is taken and no log is looked for.
    """
    address = f"file:{quote(os.fsencode(directory / name))}?mode={mode}" + "&immutable=1" * immutable
    with explained(directory):
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            for setting in _SETTINGS:
                connection.execute(f"PRAGMA {setting}")
            connection.execute("SELECT count(*) FROM sqlite_schema")  # now, not at the first question
        except sqlite3.Error:
            connection.close()
            raise
    return connection


@contextmanager
def explained(directory: Path) -> Iterator[None]:
    """Turns SQLite's errors into ours: what happened to the index at `directory`, and the cure."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, directory) from error
    except UnicodeDecodeError as error:
        # SQLite quotes damaged bytes in its message, and Python cannot read that.
        raise damaged(directory, "SQLite's message about it quotes bytes that are no text") from error


def explain(error: sqlite3.Error, directory: Path) -> RagError:
    """Our error for one of SQLite's, told by its code; one without a code is bytes that make no sense."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    where = f"index {str(directory)!r}"
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError):
        if "closed" in str(error):
            return StoreError(f"{where} was closed; open it again")
        return UsageError(f"{where} can't take a value: {error}")
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return IndexLocked(
            f"{where} has been busy for {BUSY_SECONDS:.0f} s; try again when its writer is done"
        )
    if primary == sqlite3.SQLITE_FULL:
        return StoreError(f"{where}: the disk is full; nothing was lost; free some space and try again")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StoreError(f"{where} is read-only here; nothing was lost; make its folder and files writable")
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        name = getattr(error, "sqlite_errorname", "an input or output error")
        return StoreError(
            f"{where}: the system could not read or write it ({name}); nothing was lost;"
            " check the disk's space and health and the files' permissions, then try again"
        )
    if primary == sqlite3.SQLITE_TOOBIG:
        return StoreError(f"{where}: a text is over SQLite's limit of 1,000,000,000 bytes; split the file")
    return damaged(directory, str(error) if code is not None else "a text in it is not valid UTF-8")


def damaged(directory: Path, what: str) -> IndexDamaged:
    """The error for an index whose bytes changed; `what` says which part."""
    return IndexDamaged(
        f"index {str(directory)!r} is damaged: {what}; to make it anew, move its folder away and run"
        " `rag ingest` again (your documents are not touched); `rag doctor` lists all that is damaged"
    )
