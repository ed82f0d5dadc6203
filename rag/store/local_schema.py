"""The tables of a local index, their migrations, and the checksum that every row carries.

Takes a database connection, gives it our tables. Knows no query and no record: what the columns mean is
`local_rows.py`'s. Three things are deliberate:

- Every row ends in a checksum over its other columns, so that a flipped bit is noticed when the row is
  read, not when somebody believes it. SQLite itself has none.
- A page's text is kept in blocks of `BLOCK_CHARACTERS`, so that one hit in a text file of 100 MB reads
  16,000 characters. A chunk's text is not kept a second time: it is cut from its page.
- `commit_log` holds a random stamp for each commit that changed the set of chunks. A cache stamped with
  an entry of it was made from this database's past; any other was not, and is not trusted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from hashlib import blake2b

from rag.text.words import FTS5_TOKENIZER

APPLICATION_ID = 0x52414749  # "RAGI"; in the file's header, so that an index is recognised as ours
LEAST_SQLITE = (3, 37, 0)  # STRICT tables
BLOCK_CHARACTERS = 16_384
CHECKSUM_BYTES = 16
_ROWS_AT_A_TIME = 1_000

Value = str | bytes | int | None

# Its text is terms that `rag.text.words` made, and it can be made anew from the chunks at any time.
KEYWORD_TABLE = f'CREATE VIRTUAL TABLE keyword USING fts5 (body, headings, name, tokenize="{FTS5_TOKENIZER}")'
# Each place of each term in it, for connections that read: terms in order, of each one the chunks in order.
PLACES_OF_TERMS = "CREATE VIRTUAL TABLE temp.keyword_place USING fts5vocab (main, keyword, instance)"

_FIRST = f"""
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL, chunks_generation INTEGER NOT NULL, chunks_stamp BLOB NOT NULL,
    next_document INTEGER NOT NULL, next_chunk INTEGER NOT NULL,
    documents INTEGER NOT NULL, chunks INTEGER NOT NULL, places INTEGER NOT NULL, failures INTEGER NOT NULL,
    words BLOB NOT NULL, meta TEXT, checksum BLOB NOT NULL
) STRICT;
CREATE TABLE commit_log (generation INTEGER PRIMARY KEY, stamp BLOB NOT NULL) STRICT;
CREATE TABLE document (
    id INTEGER PRIMARY KEY, content_hash TEXT NOT NULL UNIQUE, media_type TEXT NOT NULL, title TEXT,
    warnings TEXT NOT NULL, pages INTEGER NOT NULL, chunks INTEGER NOT NULL, ingested_at TEXT NOT NULL,
    checksum BLOB NOT NULL
) STRICT;
CREATE TABLE place (
    location BLOB PRIMARY KEY, root TEXT NOT NULL, source TEXT NOT NULL, address TEXT NOT NULL,
    content_hash TEXT NOT NULL REFERENCES document (content_hash) DEFERRABLE INITIALLY DEFERRED,
    size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, checksum BLOB NOT NULL
) STRICT;
CREATE INDEX place_by_source ON place (source);
CREATE INDEX place_by_address ON place (address);
CREATE INDEX place_by_content ON place (content_hash);
CREATE TABLE page (
    document INTEGER NOT NULL REFERENCES document (id), number INTEGER NOT NULL, label TEXT,
    headings TEXT NOT NULL, characters INTEGER NOT NULL, checksum BLOB NOT NULL,
    PRIMARY KEY (document, number)
) STRICT;
CREATE TABLE block (
    document INTEGER NOT NULL REFERENCES document (id), page INTEGER NOT NULL, number INTEGER NOT NULL,
    text TEXT NOT NULL, checksum BLOB NOT NULL,
    PRIMARY KEY (document, page, number)
) STRICT;
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES document (id),
    position INTEGER NOT NULL, page INTEGER NOT NULL, first INTEGER NOT NULL, after INTEGER NOT NULL,
    headings TEXT NOT NULL, text_digest BLOB NOT NULL, embedded_digest BLOB NOT NULL,
    checksum BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX chunk_by_position ON chunk (document, position);
CREATE INDEX chunk_by_embedded ON chunk (embedded_digest);
CREATE TABLE vector (
    chunk INTEGER PRIMARY KEY REFERENCES chunk (id), embedded_digest BLOB NOT NULL,
    vector BLOB NOT NULL, checksum BLOB NOT NULL
) STRICT;
CREATE TABLE failure (
    location BLOB PRIMARY KEY, root TEXT NOT NULL, source TEXT NOT NULL, content_hash TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, reason TEXT NOT NULL,
    parser_version INTEGER NOT NULL, checksum BLOB NOT NULL
) STRICT;
{KEYWORD_TABLE};
"""

# The columns that a row's checksum covers, in this order; the checksum itself comes after them.
COLUMNS: dict[str, tuple[str, ...]] = {
    "state": (
        "id",
        "generation",
        "chunks_generation",
        "chunks_stamp",
        "next_document",
        "next_chunk",
        "documents",
        "chunks",
        "places",
        "failures",
        "words",
        "meta",
    ),
    "document": (
        "id",
        "content_hash",
        "media_type",
        "title",
        "warnings",
        "pages",
        "chunks",
        "ingested_at",
        "parser_version",
    ),
    "place": ("location", "root", "source", "address", "content_hash", "size_bytes", "modified_ns"),
    "page": ("document", "number", "label", "headings", "characters", "words"),
    "block": ("document", "page", "number", "text"),
    "chunk": (
        "id",
        "document",
        "position",
        "page",
        "first",
        "after",
        "headings",
        "text_digest",
        "embedded_digest",
        "line",
        "lines",
    ),
    "vector": ("chunk", "embedded_digest", "vector"),
    "failure": (
        "location",
        "root",
        "source",
        "content_hash",
        "size_bytes",
        "modified_ns",
        "reason",
        "parser_version",
    ),
}


def row_checksum(table: str, values: Sequence[Value]) -> bytes:
    """16 bytes of BLAKE2b over the values with their types and lengths, different for each table."""
    parts: list[bytes] = []
    for value in values:
        if isinstance(value, int):
            parts.append(b"I%d;" % value)
        elif isinstance(value, bytes):
            parts += (b"B%d:" % len(value), value)
        elif isinstance(value, str):
            encoded = value.encode("utf-8", "surrogatepass")
            parts += (b"S%d:" % len(encoded), encoded)
        else:
            # A damaged row may hold a float, which no row of ours does: nothing equals it.
            parts.append(b"N" if value is None else b"?" + repr(value).encode())
    return blake2b(b"".join(parts), digest_size=CHECKSUM_BYTES, person=table.encode()).digest()


def text_digest(text: str) -> bytes:
    """16 bytes of BLAKE2b of a text."""
    return blake2b(text.encode("utf-8"), digest_size=CHECKSUM_BYTES).digest()


def insert_statement(table: str) -> str:
    """`INSERT INTO table (columns..., checksum) VALUES (?, ...)`."""
    columns = (*COLUMNS[table], "checksum")
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def select_statement(table: str, condition: str = "", *, joined_to: str = "") -> str:
    """`SELECT columns..., checksum FROM table condition`; `joined_to` comes before the table."""
    return f"SELECT {', '.join(COLUMNS[table])}, checksum FROM {joined_to} {table} {condition}"


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in _FIRST.split(";\n"):
        if statement.strip():
            connection.execute(statement)


def _add_lines_and_versions(connection: sqlite3.Connection) -> None:
    """Version 2: the line in which a chunk begins, and which version of the parsers made a document.

    What version 1 holds was made by the parsers' first version, which did not keep a file's lines: 0.
    """
    connection.execute("ALTER TABLE chunk ADD COLUMN line INTEGER NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE document ADD COLUMN parser_version INTEGER NOT NULL DEFAULT 1")
    _renew_checksums(connection, "chunk", COLUMNS["chunk"][:-1])  # the last one came with version 4
    _renew_checksums(connection, "document", COLUMNS["document"])


def _add_places_of_words(connection: sqlite3.Connection) -> None:
    """Version 3: where the words of a page stand that was read from its picture; older pages have none."""
    connection.execute("ALTER TABLE page ADD COLUMN words TEXT")
    _renew_checksums(connection, "page", COLUMNS["page"])


def _add_lines_of_files(connection: sqlite3.Connection) -> None:
    """Version 4: which lines of its file a chunk is of, where its text has others; in older ones, none."""
    connection.execute("ALTER TABLE chunk ADD COLUMN lines TEXT")
    _renew_checksums(connection, "chunk", COLUMNS["chunk"])


def _renew_checksums(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> None:
    """After the last of its columns came to a table. A row that was damaged before stays so."""
    statement = (
        f"SELECT rowid, {', '.join(columns)}, checksum FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?"
    )
    text_factory, connection.text_factory = connection.text_factory, _readable
    try:
        last = -1
        while rows := connection.execute(statement, (last, _ROWS_AT_A_TIME)).fetchall():
            last = rows[-1][0]
            connection.executemany(
                f"UPDATE {table} SET checksum = ? WHERE rowid = ?",
                [
                    (row_checksum(table, values), number)
                    for number, *values, checksum in rows
                    if row_checksum(table, values[:-1]) == checksum
                ],
            )
    finally:
        connection.text_factory = text_factory


def _readable(stored: bytes) -> str:
    """Damaged text is no reason to stop: its row's checksum won't fit."""
    return stored.decode("utf-8", "surrogateescape")


# Each takes the schema from the version that is its place in the list to the next.
MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = [
    _create_tables,
    _add_lines_and_versions,
    _add_places_of_words,
    _add_lines_of_files,
]


def schema_version() -> int:
    """The version that this program reads and writes."""
    return len(MIGRATIONS)
