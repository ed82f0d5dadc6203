"""Conversations that are kept: one SQLite database on this machine, for its owner alone (0600).

Takes exchanges as they grow, gives them back by their conversation's id. A conversation belongs to the index
that it was held with. Every word is written before it is shown, so that a killed program loses nothing that
anybody saw; a power failure may lose the last second. Knows nothing about the screen or the chain.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

from rag.errors import StoreError, UsageError
from ui.conversation import Progress
from ui.kept_exchange import as_text, from_text, same_but_for_words
from ui.terminal import one_line

FILE_NAME = "conversations.sqlite"
TITLE_CHARACTERS = 100
_FORMAT = 1
_BUSY_SECONDS = 5
_SCHEMA = """
CREATE TABLE conversation (
    id TEXT PRIMARY KEY, place TEXT NOT NULL, title TEXT NOT NULL,
    begun_at TEXT NOT NULL, changed_at TEXT NOT NULL
) STRICT;
CREATE INDEX conversation_place ON conversation (place, changed_at);
CREATE TABLE exchange (
    conversation TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    number INTEGER NOT NULL, question TEXT NOT NULL, asked_at TEXT NOT NULL, seconds REAL,
    record TEXT NOT NULL, words TEXT NOT NULL,
    PRIMARY KEY (conversation, number)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation as a list shows it; times are ISO 8601, UTC."""

    id: str
    title: str
    begun_at: str
    changed_at: str


@dataclass(frozen=True, slots=True)
class KeptExchange:
    """One question and what became of it, ended."""

    number: int
    question: str
    asked_at: str
    seconds: float | None
    progress: Progress


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole conversation."""

    listed: Listed
    exchanges: tuple[KeptExchange, ...]


def history_path() -> Path:
    """Where conversations are kept: in the platform's folder for data, beside the models."""
    return Path(platformdirs.user_data_dir("openchat-rag")) / FILE_NAME


class History:
    """The database; safe to share by threads, and by processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._in_words():
            _make_private(path)
            self._database = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._prepare()

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    def listed(self, place: str, wanted: str = "") -> list[Listed]:
        """The conversations held with the index at `place`, newest first.

        With `wanted`, those whose title, questions or answers have these words in this order.
        """
        found = """
            SELECT id, title, begun_at, changed_at FROM conversation AS c
            WHERE place = ?1 AND (?2 = '' OR instr(folded(title), ?2) > 0 OR EXISTS (
                SELECT 1 FROM exchange WHERE conversation = c.id
                AND (instr(folded(question), ?2) > 0 OR instr(folded(words), ?2) > 0)))
            ORDER BY changed_at DESC, id
        """
        return [Listed(*row) for row in self._rows(found, place, _folded(wanted))]

    def load(self, conversation: str) -> Kept:
        """A conversation; raises `UsageError` when there is none of that id any more."""
        rows = self._rows(
            "SELECT id, title, begun_at, changed_at FROM conversation WHERE id = ?", conversation
        )
        if not rows:
            raise UsageError("this conversation was removed; begin a new one")
        exchanges = self._rows(
            "SELECT number, question, asked_at, seconds, record, words FROM exchange"
            " WHERE conversation = ? ORDER BY number",
            conversation,
        )
        return Kept(
            Listed(*rows[0]),
            tuple(
                KeptExchange(number, question, asked, seconds, from_text(record, words, question))
                for number, question, asked, seconds, record, words in exchanges
            ),
        )

    def rename(self, conversation: str, title: str) -> None:
        """Gives it another title; raises `UsageError` for an empty one."""
        line = one_line(title, TITLE_CHARACTERS)
        if not line:
            raise UsageError("the title is empty; give one of at least one character")
        self._rows("UPDATE conversation SET title = ? WHERE id = ?", line, conversation)

    def remove(self, conversation: str) -> None:
        """Removes it with all its exchanges; what is still being written of it is kept nowhere."""
        self._rows("DELETE FROM conversation WHERE id = ?", conversation)

    def begin(self, place: str) -> Keeper:
        """Keeps a new conversation from its first question on."""
        return Keeper(self, place, uuid.uuid4().hex, begun=False)

    def go_on(self, place: str, conversation: str) -> Keeper:
        """Keeps what is added to a conversation that is there."""
        return Keeper(self, place, conversation, begun=True)

    # --- inside ---------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        run = self._database.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")  # a commit outlives a killed process without waiting for the disk
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA secure_delete = ON")  # what is removed is not left in the file's free pages
        self._database.create_function("folded", 1, _folded, deterministic=True)
        run("BEGIN IMMEDIATE")
        try:
            [version] = run("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    run(statement)
                run(f"PRAGMA user_version = {_FORMAT}")
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise
        if version > _FORMAT:
            raise StoreError(
                f"{self.path} has format {version}, and this version reads {_FORMAT}: update openchat-rag"
            )

    def _rows(self, statement: str, *values: str | int | float | None) -> list[tuple[Any, ...]]:
        with self._lock, self._in_words():
            return self._database.execute(statement, values).fetchall()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise StoreError(
                f"conversations can't be kept in {self.path} ({reason}): free the disk, make the folder "
                "writable by you, or move that file away if it is damaged"
            ) from error


class Keeper:
    """Keeps one conversation's exchanges as they grow."""

    def __init__(self, history: History, place: str, conversation: str, *, begun: bool) -> None:
        self.id = conversation
        self._history = history
        self._place = place
        self._begun = begun
        self._last: dict[int, Progress] = {}

    def __call__(self, number: int, question: str, progress: Progress, seconds: float | None) -> None:
        """Writes what changed since the last call for that exchange."""
        now = datetime.now(UTC).isoformat()
        last = self._last.get(number)
        if not self._begun:
            self._history._rows(
                "INSERT INTO conversation VALUES (?, ?, ?, ?, ?)",
                *(self.id, self._place, one_line(question, TITLE_CHARACTERS), now, now),
            )
            self._begun = True
        if last is None or not same_but_for_words(last, progress):
            self._whole(number, question, progress, seconds, now)
        elif last.text != progress.text:
            self._history._rows(
                "UPDATE exchange SET words = ? WHERE conversation = ? AND number = ?",
                *(progress.text, self.id, number),
            )
        self._last[number] = progress

    def _whole(self, number: int, question: str, progress: Progress, seconds: float | None, now: str) -> None:
        # only while the conversation is there: one that was removed does not come back by its last words
        self._history._rows(
            "INSERT INTO exchange SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
            " WHERE EXISTS (SELECT 1 FROM conversation WHERE id = ?1)"
            " ON CONFLICT (conversation, number) DO UPDATE SET seconds = ?5, record = ?6, words = ?7",
            *(self.id, number, question, now, seconds, as_text(progress), progress.text),
        )
        self._history._rows("UPDATE conversation SET changed_at = ? WHERE id = ?", now, self.id)


def _make_private(path: Path) -> None:
    """The file, readable by its owner alone from its first moment; SQLite gives its other files the same."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
