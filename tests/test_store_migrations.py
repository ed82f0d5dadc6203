"""Indexes of earlier versions, brought up to date: everything is kept, whatever happens meanwhile.

`index_version_1.sqlite.gz` is the database that the last program of version 1 made of two small sources of
`store_samples.py`, a copy and a failure.
"""

from __future__ import annotations

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import store_samples as samples
from store_samples import META, filled

from rag.errors import IndexDamaged, IndexMismatch
from rag.records import Heading, IndexMeta, Page
from rag.store.local_schema import COLUMNS, row_checksum
from rag.store.local_store import LocalStore
from rag.text.words import match_query

VERSION_1 = Path(__file__).with_name("index_version_1.sqlite.gz")
FRUIT, HEIGHTS = "banana\nape\f\n\nold iron", "# Heights\nohio\nélan 水 idea"


@pytest.fixture
def old_index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / "index.sqlite").write_bytes(gzip.decompress(VERSION_1.read_bytes()))
    return folder


def version(folder: Path) -> int:
    connection = sqlite3.connect(folder / "index.sqlite")
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def changed(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / "index.sqlite", isolation_level=None)
    connection.execute(statement)
    connection.close()


# --- version 1 ----------------------------------------------------------------------------------------


def test_an_index_of_version_1_keeps_everything(old_index: Path) -> None:
    assert version(old_index) == 1
    store = LocalStore.open(old_index)
    assert version(old_index) == 4
    assert store.check() == []
    assert store.meta() == IndexMeta("letters", "1", 4, 200, 1)
    assert samples.texts_in(store) == {
        "alpha.txt": ["banana", "ape", "old iron"],
        "notes/beta.txt": ["# Heights", "ohio", "élan 水 idea"],
        "copy.txt": ["# Heights", "ohio", "élan 水 idea"],
    }
    with store.snapshot() as snapshot:
        assert snapshot.page("alpha.txt", 2) == Page(2, "\n\nold iron", (), "p2")
        assert snapshot.page("copy.txt", 1).headings == (Heading(1, 0, 9, "# Heights"),)
        assert [(place.source, reason) for place, reason, _ in snapshot.failures()] == [
            ("broken.pdf", "damaged")
        ]
        ((iron, _),) = snapshot.keywords(match_query("iron"), 5)
        (hit,) = snapshot.hits([iron])
        assert (hit.source, hit.page, hit.label, hit.line) == ("alpha.txt", 2, "p2", 0)
        assert snapshot.dense(np.array([1, 0, 0, 0], np.float32), 1)[0][1] == 3.0  # the a's of "banana"
        assert snapshot.find("alpha.txt").title == "Fruit"


def test_an_index_of_version_1_goes_on(old_index: Path) -> None:
    store = LocalStore.open(old_index, create=True)
    with store.writer() as writer:
        contents = {samples.place("x", text).content_hash for text in (FRUIT, HEIGHTS)}
        assert writer.outdated(1) == frozenset()
        assert writer.outdated(2) == contents
        writer.set_meta(IndexMeta("letters", "1", 4, 200, 2))
        samples.put(writer, "alpha.txt", FRUIT)
        assert writer.outdated(2) == {samples.place("x", HEIGHTS).content_hash}
        assert writer.has_document(samples.place("x", FRUIT).content_hash, parser_version=2)
        assert not writer.has_document(samples.place("x", HEIGHTS).content_hash, parser_version=2)
    with store.snapshot() as snapshot:
        assert [hit.line for hit in snapshot.chunks_of("alpha.txt")] == [1, 2, 3]
    assert store.check() == []


@pytest.mark.parametrize("headings", ["'[\"x\"]'", "CAST(X'ff00fe' AS TEXT)"])
def test_a_row_that_was_damaged_before_is_damaged_afterwards(old_index: Path, headings: str) -> None:
    changed(old_index, f"UPDATE chunk SET headings = {headings} WHERE id = 2")
    store = LocalStore.open(old_index)
    assert version(old_index) == 4
    assert store.check() != []
    with store.snapshot() as snapshot:
        assert [hit.text for hit in snapshot.hits([1, 3])] == ["banana", "old iron"]
        with pytest.raises(IndexDamaged):
            snapshot.hits([2])


def test_a_read_only_index_of_version_1_says_what_to_do(
    old_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.store.local_store.is_read_only", lambda _: True)
    with pytest.raises(IndexMismatch, match="has version 1 and is read-only; this program needs version 4"):
        LocalStore.open(old_index)
    assert version(old_index) == 1


# --- kills --------------------------------------------------------------------------------------------


def made_old(folder: Path) -> None:
    """Takes an index back to version 1: its columns, its checksums."""
    connection = sqlite3.connect(folder / "index.sqlite", isolation_level=None)
    connection.execute("BEGIN")
    for table, *later in (("chunk", "line", "lines"), ("document", "parser_version"), ("page", "words")):
        for column in later:
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        columns = [name for name in COLUMNS[table] if name not in later]
        rows = connection.execute(f"SELECT rowid, {', '.join(columns)} FROM {table}").fetchall()
        connection.executemany(
            f"UPDATE {table} SET checksum = ? WHERE rowid = ?",
            [(row_checksum(table, row), number) for number, *row in rows],
        )
    connection.execute("PRAGMA user_version = 1")
    connection.execute("COMMIT")
    connection.close()


KILLED = """
import os, signal, sys
from rag.store import local_database, local_schema
from rag.store.local_store import LocalStore

left, checksum = int(sys.argv[2]), local_schema.row_checksum

def dying(*arguments):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return checksum(*arguments)

local_schema.row_checksum = dying
local_database._SETTINGS = ("cache_size = -64",)  # so that what is not committed yet gets into the log
LocalStore.open(sys.argv[1])
"""


# Two for each of 4,000 chunks, then two for each document, then two for each page, then for each chunk again.
@pytest.mark.parametrize("checksums", [1, 3_000, 8_003, 8_007, 9_000])
def test_kills_while_an_index_is_brought_up_to_date(tmp_path: Path, checksums: int) -> None:
    lines = "\n".join(f"line {number} aeio" for number in range(3_999))
    folder = tmp_path / "index"
    filled(folder, {"long.txt": lines, "a.txt": "ape"}).close()
    made_old(folder)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(checksums)], env=environment)
    assert killed.returncode == -signal.SIGKILL
    assert checksums == 1 or (folder / "index.sqlite-wal").stat().st_size > 50_000
    assert version(folder) == (3 if checksums > 8_008 else 2 if checksums > 8_004 else 1)
    store = LocalStore.open(folder)
    assert version(folder) == 4
    assert store.check() == []
    assert samples.texts_in(store) == {"long.txt": lines.split("\n"), "a.txt": ["ape"]}
    with store.snapshot() as snapshot:
        assert {hit.line for hit in snapshot.chunks_of("long.txt")} == {0}


# --- the parsers' version -----------------------------------------------------------------------------


def test_older_parsers_may_not_go_on(tmp_path: Path) -> None:
    store = filled(tmp_path / "index", {"a.txt": "ape"})
    newer = IndexMeta(META.embedding_model, META.embedding_revision, META.dimension, META.chunk_tokens, 3)
    with store.writer() as writer:
        writer.set_meta(newer)
        assert store.meta() == newer
        with pytest.raises(
            IndexMismatch, match=r"written by parsers of version 3; this program has version 1: install the"
        ):
            writer.set_meta(META)
        other = IndexMeta("others", "1", 4, 200, 4)
        with pytest.raises(IndexMismatch, match=r"letters \(revision 1.*others \(revision 1"):
            writer.set_meta(other)
    assert store.meta() == newer
