"""Whether a local index is sound: everything in it compared with everything else.

Takes an open database, gives problems in words for a person. Changes nothing. Reads the whole index, so
it takes its time on a large one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rag.errors import IndexDamaged, StoreError
from rag.store.dense_cache import CACHE_NAME
from rag.store.dense_file import DenseFileError, DenseFileOfOtherFormat, read_dense_file
from rag.store.dense_index import DenseIndex
from rag.store.local_changes import heading_terms, name_terms, present_words
from rag.store.local_database import ROWS_AT_A_TIME, Database, damaged
from rag.store.local_rows import (
    ChunkRow,
    DocumentRow,
    address_of,
    chunk_text,
    document_of,
    page_text,
    places_with,
    read_state,
    verified,
)
from rag.store.local_schema import COLUMNS, MIGRATIONS, select_statement
from rag.store.local_vectors import as_vector
from rag.store.local_witness import read_witness
from rag.store.local_writer import lost_changes
from rag.text.words import index_terms

MOST_PROBLEMS = 100

NewestStamp = Callable[[int], bytes | None]


def problems_in(database: Database, *, newest_stamp: NewestStamp) -> list[str]:
    """What is wrong with the index, its keyword index's inner structure apart; [] when nothing is."""
    problems = _found(_structure(database)) + _found(_rows(database))
    if not problems:  # what follows takes the rows for what they were
        problems = _found(_counts(database)) + _found(_content(database)) + _found(_keywords(database))
        problems += _found(_vector_file(database, newest_stamp))
    return problems


def _found(looking: Iterator[str]) -> list[str]:
    problems: list[str] = []
    try:
        problems += islice(looking, MOST_PROBLEMS)
    except StoreError as error:
        problems.append(str(error))
    return problems if len(problems) < MOST_PROBLEMS else [*problems, "and more of the same kind"]


def _structure(database: Database) -> Iterator[str]:
    for (line,) in database.each("PRAGMA integrity_check"):
        if line != "ok":
            yield f"the database's structure is damaged: {line}"
    for table, row, parent, _ in database.each("PRAGMA foreign_key_check"):
        yield f"row {row} of {table!r} refers to a row of {parent!r} that is not there"
    tables = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'keyword\\_%' ESCAPE '\\'"
    fresh = sqlite3.connect(":memory:")
    try:
        for migration in MIGRATIONS:
            migration(fresh)
        expected = set(fresh.execute(tables).fetchall())
    finally:
        fresh.close()
    for name, _ in expected ^ set(database.rows(tables)):
        yield f"the definition of {name!r} has changed"


def _rows(database: Database) -> Iterator[str]:
    """Each row against its checksum."""
    for table in COLUMNS:
        for row in database.each(select_statement(table)):
            try:
                verified(database, table, row)
            except IndexDamaged as error:
                yield str(error)


def _counts(database: Database) -> Iterator[str]:
    state = read_state(database)
    wanted = {
        "document": state.documents,
        "chunk": state.chunks,
        "vector": state.chunks,
        "keyword": state.chunks,
        "place": state.places,
        "failure": state.failures,
    }
    for table, count in wanted.items():
        found = database.rows(f"SELECT count(*) FROM {table}")[0][0]
        if found != count:
            yield f"there are {found} rows of {table!r}, where there should be {count}"
    newest = database.row("SELECT generation, stamp FROM commit_log ORDER BY generation DESC LIMIT 1")
    if newest != (state.chunks_generation, state.chunks_stamp) and state.chunks_generation:
        yield "the log of commits does not end with the last one"
    noted = read_witness(database.directory)
    if noted > state.generation:
        yield lost_changes(database, state.generation, noted)


def _content(database: Database) -> Iterator[str]:
    """Each document against what it is made of."""
    for *values, _ in database.each(select_statement("document")):
        document = DocumentRow(*values)
        places = places_with(database, document.content_hash)
        if not places:
            yield f"document {document.id} is in no place"
            continue
        try:
            yield from _document_problems(database, document, repr(places[0].source))
        except IndexDamaged as error:
            yield f"{places[0].source!r}: {error}"
    for location, address in database.each("SELECT location, address FROM place"):
        if address_of(location) != address:
            yield f"the place {address!r} is not where it says that it is"


def _document_problems(database: Database, document: DocumentRow, name: str) -> Iterator[str]:
    pages = database.rows(select_statement("page", "WHERE document = ?"), (document.id,))
    if len(pages) != document.pages:
        yield f"{name} has {len(pages)} of its {document.pages} pages"
    for _, number, _, _, characters, *_ in pages:
        page_text(database, document.id, number, 0, characters)
    chunks = database.rows(select_statement("chunk", "WHERE document = ? ORDER BY position"), (document.id,))
    if [row[2] for row in chunks] != list(range(document.chunks)):
        yield f"{name} has {len(chunks)} of its {document.chunks} chunks"
    for row in chunks:
        chunk_text(database, ChunkRow(*row[:-1]))


# --- keywords ---------------------------------------------------------------------------------------


def _keywords(database: Database) -> Iterator[str]:
    """What was given to the keyword index against the text that it was made of."""
    if read_state(database).words != present_words():
        return  # made by another version of `rag.text.words`; the next writer makes it anew
    columns = ", ".join(f"chunk.{column}" for column in COLUMNS["chunk"])
    last: tuple[int, str | None, str] = (0, None, "")  # chunks of a document mostly follow each other
    for *values, body, headings, name in database.each(
        f"SELECT {columns}, keyword.body, keyword.headings, keyword.name"
        " FROM chunk LEFT JOIN keyword ON keyword.rowid = chunk.id"
    ):
        chunk = ChunkRow(*values)
        if chunk.document != last[0]:
            document = document_of(database, chunk.document)
            last = (document.id, document.title, name_terms(places_with(database, document.content_hash)))
        terms = index_terms(chunk_text(database, chunk))
        if (body, headings, name) != (terms, heading_terms(last[1], json.loads(chunk.headings)), last[2]):
            yield f"the keywords of chunk {chunk.id} are not those of its text"


def keyword_problems(database: Database) -> list[str]:
    """FTS5's own check of its index against what was put in; the connection must be one that may write.

    Nothing is written: the check merely has the form of a change.
    """
    try:
        database.run("PRAGMA query_only = OFF")
        database.run("BEGIN IMMEDIATE")
        try:
            database.run("INSERT INTO keyword (keyword, rank) VALUES ('integrity-check', 1)")
        finally:
            if database.connection.in_transaction:
                database.run("ROLLBACK")
            database.run("PRAGMA query_only = ON")
    except IndexDamaged:
        return [str(damaged(database.directory, "its keyword index disagrees with its text"))]
    except StoreError as error:
        return [f"the keyword index could not be checked: {error}"]
    return []


def keyword_problems_in_copy(database: Database) -> list[str]:
    """The same for an index that may not be written, in a copy of it that is gone afterwards."""
    with TemporaryDirectory() as folder:
        copy = sqlite3.connect(Path(folder) / "copy.sqlite", isolation_level=None)
        try:
            database.connection.backup(copy)
            return keyword_problems(Database(copy, database.directory))
        except sqlite3.Error as error:
            return [f"the keyword index could not be checked in a copy of it: {error}"]
        finally:
            copy.close()


# --- the vector cache -------------------------------------------------------------------------------


def _vector_file(database: Database, newest_stamp: NewestStamp) -> Iterator[str]:
    """The cache against the database; that it is missing or old is no problem."""
    path = database.directory / CACHE_NAME
    try:
        dense = read_dense_file(path)
    except (FileNotFoundError, DenseFileOfOtherFormat):
        return
    except (DenseFileError, OSError) as error:
        yield f"the vector cache {str(path)!r} is damaged ({error}); the next question makes it anew"
        return
    if newest_stamp(dense.generation) != dense.stamp:
        yield f"the vector cache {str(path)!r} is of another index; the next question makes it anew"
        return
    yield from _other_vectors(database, dense)


def _other_vectors(database: Database, dense: DenseIndex) -> Iterator[str]:
    dense = dense.folded()
    ids = dense.ids
    rows = database.each("SELECT chunk, vector FROM vector ORDER BY chunk")
    while some := list(islice(rows, ROWS_AT_A_TIME)):
        chunks = np.array([chunk for chunk, _ in some], np.int64)
        vectors = np.stack([as_vector(database, stored, dense.dimension) for _, stored in some])
        kept = np.append(ids, -1)[np.searchsorted(ids, chunks)] == chunks
        same = dense.same(chunks[kept], vectors[kept])
        for chunk in chunks[kept][~same]:
            yield f"the vector cache has another vector for chunk {chunk} than the database"
