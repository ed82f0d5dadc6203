"""Whether a local index is sound: everything in it compared with everything else.

Takes an open database and the folder, gives problems in words for a person. Changes nothing. Reads the
whole index, so it takes its time on a large one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rag.dense_cache import CACHE_NAME
from rag.dense_index import DenseFileError, read_dense_file
from rag.errors import IndexDamaged, StoreError
from rag.local_changes import heading_terms, name_terms, present_words
from rag.local_database import Database, explained
from rag.local_rows import (
    ChunkRow,
    DocumentRow,
    State,
    address_of,
    as_vector,
    chunk_ids,
    chunk_text,
    page_text,
    places_with,
    read_state,
    stamp_of,
)
from rag.local_schema import COLUMNS, row_checksum, select_statement
from rag.words import index_terms

_MOST_PROBLEMS = 100


def problems_in(directory: Path, database: Database, *, writable: Database | None) -> list[str]:
    """What is wrong with the index; [] when nothing is.

    `writable`: a connection that may write, if there is one (nothing is written: SQLite checks a
    keyword index by a statement that has the form of a change).
    """
    problems: list[str] = []
    for look in (_structure, _rows, _content, _keywords, _vector_file):
        try:
            for problem in look(directory, database):
                problems.append(problem)
                if len(problems) >= _MOST_PROBLEMS:
                    return [*problems, "and more; only the first 100 are listed"]
        except StoreError as error:
            problems.append(str(error))
    problems += _keyword_structure(database, writable)
    return problems


def _structure(_directory: Path, database: Database) -> Iterator[str]:
    for (line,) in database.rows("PRAGMA integrity_check"):
        if line != "ok":
            yield f"the database's structure is damaged: {line}"
    for table, row, parent, _ in database.rows("PRAGMA foreign_key_check"):
        yield f"row {row} of {table!r} refers to a row of {parent!r} that is not there"


def _rows(_directory: Path, database: Database) -> Iterator[str]:
    """Each row against its checksum, and the counts against the state row."""
    counts: dict[str, int] = {}
    for table in COLUMNS:
        counts[table] = 0
        for *values, checksum in database.each(select_statement(table)):
            counts[table] += 1
            if row_checksum(table, values) != checksum:
                yield f"a row of {table!r} has changed: {_short(values[0])}"
    state = read_state(database)
    wanted = {"document": state.documents, "chunk": state.chunks, "vector": state.chunks}
    wanted |= {"place": state.places, "failure": state.failures}
    for table, count in wanted.items():
        if counts[table] != count:
            yield f"there are {counts[table]} rows of {table!r}, where there should be {count}"
    if state.chunks_generation and stamp_of(database, state.chunks_generation) != state.chunks_stamp:
        yield "the log of commits does not end with the last one"


def _content(_directory: Path, database: Database) -> Iterator[str]:
    """Each document against what it is made of."""
    for *values, _checksum in database.rows(select_statement("document")):
        document = DocumentRow(*values)
        places = places_with(database, document.content_hash)
        name = repr(places[0].source) if places else f"document {document.id}"
        if not places:
            yield f"{name} is in no place"
        yield from (
            f"{name} has a place under another address than its own"
            for location, address in database.rows(
                "SELECT location, address FROM place WHERE content_hash = ?", (document.content_hash,)
            )
            if address_of(location) != address
        )
        try:
            yield from _document_problems(database, document, name)
        except IndexDamaged as error:
            yield f"{name}: {error}"


def _document_problems(database: Database, document: DocumentRow, name: str) -> Iterator[str]:
    pages = database.rows(select_statement("page", "WHERE document = ?"), (document.id,))
    chunks = database.rows(select_statement("chunk", "WHERE document = ? ORDER BY position"), (document.id,))
    if len(pages) != document.pages:
        yield f"{name} has {len(pages)} of its {document.pages} pages"
    if [row[2] for row in chunks] != list(range(document.chunks)):
        yield f"{name} has {len(chunks)} of its {document.chunks} chunks"
    for page in pages:
        page_text(database, document.id, page[1], 0, page[4])
    for row in chunks:
        chunk_text(database, ChunkRow(*row[:-1]))


def _keywords(_directory: Path, database: Database) -> Iterator[str]:
    """What was given to the keyword index against the text that it was made of."""
    if read_state(database).words != present_words():
        return  # made by another version; the next writer makes it anew
    found = 0
    names: dict[int, tuple[str | None, str]] = {}
    for *values, body, headings, name in database.each(
        f"SELECT {', '.join('chunk.' + column for column in COLUMNS['chunk'])},"
        " keyword.body, keyword.headings, keyword.name FROM chunk JOIN keyword ON keyword.rowid = chunk.id"
    ):
        found += 1
        chunk = ChunkRow(*values)
        title, place_terms = names.get(chunk.document) or names.setdefault(
            chunk.document, _title_and_names(database, chunk.document)
        )
        wanted = (
            index_terms(chunk_text(database, chunk)),
            heading_terms(title, _headings(chunk)),
            place_terms,
        )
        if (body, headings, name) != wanted:
            yield f"the keywords of chunk {chunk.id} are not those of its text"
    rows = database.rows("SELECT count(*) FROM keyword")[0][0]
    chunks = read_state(database).chunks
    if (found, rows) != (chunks, chunks):
        yield f"the keyword index has {rows} chunks, {found} of them known, where there should be {chunks}"


def _title_and_names(database: Database, document: int) -> tuple[str | None, str]:
    content_hash, title = database.rows("SELECT content_hash, title FROM document WHERE id = ?", (document,))[
        0
    ]
    return title, name_terms(places_with(database, content_hash))


def _headings(chunk: ChunkRow) -> list[str]:
    import json

    return list(json.loads(chunk.headings))


def _keyword_structure(database: Database, writable: Database | None) -> list[str]:
    """FTS5's own check of its index against what was put in."""
    try:
        if writable is not None:
            _check_keywords(writable.connection)
        else:
            with TemporaryDirectory() as folder, explained(database.directory):
                copy = sqlite3.connect(Path(folder) / "copy", isolation_level=None)
                try:
                    database.connection.backup(copy)
                    _check_keywords(copy)
                finally:
                    copy.close()
    except sqlite3.DatabaseError as error:
        return [f"the keyword index is damaged: {error}"]
    except StoreError as error:
        return [f"the keyword index could not be checked: {error}"]
    return []


def _check_keywords(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("INSERT INTO keyword (keyword, rank) VALUES ('integrity-check', 1)")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _vector_file(directory: Path, database: Database) -> Iterator[str]:
    """The cache against the database; that it is missing or old is no problem."""
    path = directory / CACHE_NAME
    state = read_state(database)
    meta = state.index_meta()
    try:
        dense = read_dense_file(path)
    except FileNotFoundError:
        return
    except (DenseFileError, OSError) as error:
        yield f"the vector cache {str(path)!r} is damaged ({error}); the next question makes it anew"
        return
    if dense.generation > state.chunks_generation:
        yield (
            f"the vector cache is of generation {dense.generation}, the database of"
            f" {state.chunks_generation}: the database lost its last changes; run `rag ingest` again"
        )
        return
    if meta is None or dense.stamp != stamp_of(database, dense.generation):
        yield f"the vector cache {str(path)!r} is of another index; the next question makes it anew"
        return
    yield from _vector_problems(database, dict(zip(dense.ids.tolist(), dense.vectors(), strict=True)), state)


def _vector_problems(database: Database, cached: dict[int, np.ndarray], state: State) -> Iterator[str]:
    meta = state.index_meta()
    present = set(chunk_ids(database).tolist())
    for chunk, stored in database.each("SELECT chunk, vector FROM vector"):
        vector = as_vector(stored, meta.dimension if meta else 0)
        if chunk in cached and not np.array_equal(cached[chunk], vector):
            yield f"the vector cache has another vector for chunk {chunk} than the database"
    if state.chunks_stamp and not present:
        return


def _short(value: object) -> str:
    return repr(value)[:100]


Look = Callable[[Path, Database], Iterator[str]]
