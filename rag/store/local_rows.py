"""Rows of a local index as records, each verified against its checksum before anything is made of it.

Takes a `Database`, gives records. Reads only; knows nothing of FAISS, of files or of how rows get there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from rag.records import Heading, IndexMeta, LineMark, Page, Place, PlacedWord
from rag.store.local_database import Database, Row, damaged
from rag.store.local_schema import (
    BLOCK_CHARACTERS,
    COLUMNS,
    Value,
    row_checksum,
    select_statement,
    text_digest,
)

IDS_AT_A_TIME = 500  # in one `IN (...)`
_PLANNED_FOR = 64  # rows or a multiple of it
NO_STAMP = bytes(16)  # of generation 0, in which there are no chunks


@dataclass(frozen=True, slots=True)
class State:
    """The index's one state row: how far it has come, and how much is in it."""

    generation: int  # grows by one with each commit
    chunks_generation: int  # the last generation that changed the set of chunks
    chunks_stamp: bytes  # that commit's entry in the log
    next_document: int
    next_chunk: int  # ids are never given twice, so one that is gone is gone
    documents: int
    chunks: int
    places: int
    failures: int
    words: bytes  # tells whether the keyword index was made by the present `rag.text.words`
    meta: str | None

    def index_meta(self) -> IndexMeta | None:
        """What gives the index its meaning; None when nothing was ingested yet."""
        return None if self.meta is None else IndexMeta(**json.loads(self.meta))


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """What the index holds for one content, wherever files with it are."""

    id: int
    content_hash: str
    media_type: str
    title: str | None
    warnings: str
    pages: int
    chunks: int
    ingested_at: str
    parser_version: int


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk without its text, which is its page's."""

    id: int
    document: int
    position: int
    page: int
    first: int
    after: int
    headings: str
    text_digest: bytes
    embedded_digest: bytes
    line: int
    lines: str | None


def verified(database: Database, table: str, row: Row) -> Row:
    """The row without its checksum; `IndexDamaged` when the two disagree."""
    *values, checksum = row
    if row_checksum(table, values) != checksum:
        raise damaged(database.directory, f"a row of {table!r} ({_key(values[0])}) has changed")
    return tuple(values)


def _key(value: Any) -> str:
    return repr(value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value)[:200]


def selected(database: Database, table: str, condition: str = "", *parameters: Any) -> list[Row]:
    """All verified rows of a table for which `condition` (with `WHERE`) holds."""
    statement = select_statement(table, condition)
    return [verified(database, table, row) for row in database.rows(statement, parameters)]


def matching(database: Database, table: str, wanted: Mapping[str, Value], order: str = "") -> list[Row]:
    """All verified rows whose columns have these values.

    A damaged index of SQLite's can lead to another row than the one that was asked for, whole and with
    the right checksum: so the row itself must say that it is the one.
    """
    condition = f"WHERE {' AND '.join(f'{column} = ?' for column in wanted)} {order}"
    rows = selected(database, table, condition, *wanted.values())
    positions = [COLUMNS[table].index(column) for column in wanted]
    for row in rows:
        if [row[position] for position in positions] != list(wanted.values()):
            raise damaged(database.directory, f"a look-up in {table!r} led to a row that was not asked for")
    return rows


def matching_any(
    database: Database, table: str, columns: Sequence[str], wanted: Iterable[tuple[Value, ...]]
) -> list[Row]:
    """All verified rows whose columns have one of these combinations of values, in no order."""
    positions = [COLUMNS[table].index(column) for column in columns]
    names = [f"wanted{number}" for number in range(len(columns))]
    # Joined this way round: SQLite reads a whole table for `(a, b) IN (...)`.
    each = " AND ".join(f"{column} = {name}" for column, name in zip(columns, names, strict=True))
    distinct = list(dict.fromkeys(wanted))
    found = []
    for start in range(0, len(distinct), IDS_AT_A_TIME):
        some = distinct[start : start + IDS_AT_A_TIME]
        # Filled up with what is nowhere, so that SQLite need not plan each number of rows anew.
        filled = [*some, *[(None,) * len(columns)] * (-len(some) % _PLANNED_FOR)]
        marks = ", ".join([f"({', '.join('?' * len(columns))})"] * len(filled))
        select = select_statement(table, f"ON {each}", joined_to="wanted CROSS JOIN")
        statement = f"WITH wanted ({', '.join(names)}) AS (VALUES {marks}) {select}"
        rows = [verified(database, table, row) for row in database.rows(statement, [*chain(*filled)])]
        asked = set(some)
        if any(tuple(row[position] for position in positions) not in asked for row in rows):
            raise damaged(database.directory, f"a look-up in {table!r} led to a row that was not asked for")
        found += rows
    return found


def read_state(database: Database) -> State:
    """The state row."""
    rows = selected(database, "state")
    if len(rows) != 1:
        raise damaged(database.directory, f"its state has {len(rows)} rows, where there must be 1")
    return State(*rows[0][1:])


def state_values(state: State) -> Row:
    """The state's columns, its checksum last."""
    values = (1, *asdict(state).values())
    return (*values, row_checksum("state", values))


def stamp_of(database: Database, generation: int) -> bytes | None:
    """The stamp of a commit that changed the set of chunks; None when there was none of that number."""
    if generation == 0:
        return NO_STAMP
    row = database.row("SELECT stamp FROM commit_log WHERE generation = ?", (generation,))
    return None if row is None else row[0]


# --- places and documents ---------------------------------------------------------------------------


def as_place(row: Row) -> Place:
    """A row of `place` (or the beginning of one of `failure`, less its address) as a record."""
    location, root, source, _address, content_hash, size_bytes, modified_ns = row
    return Place(root, source, location, content_hash, size_bytes, modified_ns)


def address_of(location: bytes) -> str:
    """A location as valid text; undecodable bytes as `\\xNN`."""
    return location.decode("utf-8", "backslashreplace")


def in_order(places: Iterable[Place]) -> list[Place]:
    """Places by source; the order does not depend on when they were put in."""
    return sorted(places, key=lambda place: (place.source, place.root, place.location))


def places_with(database: Database, content_hash: str) -> list[Place]:
    """The places of one content; the first is the one that its hits are named by."""
    return in_order(as_place(row) for row in matching(database, "place", {"content_hash": content_hash}))


def place_at(database: Database, location: bytes) -> Place | None:
    """What the index knows of the file at a location."""
    rows = matching(database, "place", {"location": location})
    return as_place(rows[0]) if rows else None


def document_with(database: Database, content_hash: str) -> DocumentRow | None:
    """The document with that content, if the index holds it."""
    rows = matching(database, "document", {"content_hash": content_hash})
    return DocumentRow(*rows[0]) if rows else None


def document_of(database: Database, identifier: int) -> DocumentRow:
    """The document that a chunk or a page says it is from."""
    rows = matching(database, "document", {"id": identifier})
    if not rows:
        raise damaged(database.directory, f"document {identifier} is gone, but chunks of it are not")
    return DocumentRow(*rows[0])


# --- pages and chunks -------------------------------------------------------------------------------


def read_page(database: Database, document: int, number: int) -> Page | None:
    """A page with its text, its headings and, of a picture, the places of its words."""
    rows = matching(database, "page", {"document": document, "number": number})
    if not rows:
        return None
    text = page_text(database, document, number, 0, rows[0][4])
    words = tuple(PlacedWord(*word) for word in json.loads(rows[0][5] or "[]"))
    return Page(number, text, as_headings(rows[0][3]), rows[0][2], words)


def as_headings(stored: str) -> tuple[Heading, ...]:
    """A page's stored headings as records."""
    return tuple(Heading(*heading) for heading in json.loads(stored))


def as_lines(stored: str | None) -> tuple[LineMark, ...]:
    """A chunk's stored lines as records; none where there are none."""
    return tuple(LineMark(*mark) for mark in json.loads(stored)) if stored else ()


def outdated_contents(database: Database, parser_version: int) -> frozenset[str]:
    """The contents that older parsers read, by hash."""
    rows = selected(database, "document", "WHERE parser_version < ?", parser_version)
    return frozenset(row[1] for row in rows)


def first_and_last_block(start: int, end: int) -> tuple[int, int]:
    """The blocks of a page in which its characters from `start` to `end` stand; the last before the first
    where there are none."""
    return (start // BLOCK_CHARACTERS, (end - 1) // BLOCK_CHARACTERS) if end > start else (0, -1)


def page_text(database: Database, document: int, number: int, start: int, end: int) -> str:
    """The characters from `start` to `end` of a page, from the blocks that hold them."""
    rows = selected(
        database,
        "block",
        "WHERE document = ? AND page = ? AND number BETWEEN ? AND ? ORDER BY number",
        *(document, number, *first_and_last_block(start, end)),
    )
    return _text_in(database, rows, document, number, start, end)


def _text_in(
    database: Database, blocks: Sequence[Row], document: int, number: int, start: int, end: int
) -> str:
    """Those characters of a page, of verified rows that should be the blocks that hold them."""
    if end <= start:
        return ""
    first, last = first_and_last_block(start, end)
    text = "".join(row[3] for row in blocks)
    offset = first * BLOCK_CHARACTERS
    if [row[:3] for row in blocks] != [(document, number, block) for block in range(first, last + 1)] or (
        len(text) < end - offset
    ):
        raise damaged(database.directory, f"a part of the text of page {number} of a document is gone")
    return text[start - offset : end - offset]


def chunk_rows(database: Database, identifiers: Sequence[int]) -> dict[int, ChunkRow]:
    """The chunks with these ids; one that isn't there is left out."""
    found: dict[int, ChunkRow] = {}
    for some in portions(identifiers):
        some += some[-1:] * (-len(some) % _PLANNED_FOR)
        condition = f"WHERE id IN ({', '.join('?' * len(some))})"
        found.update((row[0], ChunkRow(*row)) for row in selected(database, "chunk", condition, *some))
    return found


def chunk_text(database: Database, chunk: ChunkRow) -> str:
    """A chunk's text, cut from its page and compared with what was put in."""
    return _verified_text(
        database, chunk, page_text(database, chunk.document, chunk.page, chunk.first, chunk.after)
    )


def chunk_text_in(database: Database, chunk: ChunkRow, blocks: Sequence[Row]) -> str:
    """The same from verified rows that should be the blocks of its page that hold it."""
    return _verified_text(
        database, chunk, _text_in(database, blocks, chunk.document, chunk.page, chunk.first, chunk.after)
    )


def _verified_text(database: Database, chunk: ChunkRow, text: str) -> str:
    if text_digest(text) != chunk.text_digest:
        raise damaged(database.directory, f"the text of chunk {chunk.id} is not what was put in")
    return text


def portions(identifiers: Sequence[int]) -> Iterator[list[int]]:
    """The ids, so many at a time as are looked up together."""
    for start in range(0, len(identifiers), IDS_AT_A_TIME):
        yield [int(identifier) for identifier in identifiers[start : start + IDS_AT_A_TIME]]
