"""A content as it was put into a local index, to be put into another without parsing or embedding it again.

Takes a database inside a read transaction, gives one record; every row of it is verified on the way.
"""

from __future__ import annotations

import json

from rag.errors import UsageError
from rag.records import Chunk, Document, Page
from rag.store.contract import StoredDocument
from rag.store.local_database import Database, damaged
from rag.store.local_rows import (
    ChunkRow,
    DocumentRow,
    as_lines,
    chunk_text,
    document_with,
    matching,
    read_page,
    read_state,
    selected,
)
from rag.store.local_vectors import read_vectors


def stored_document(database: Database, content_hash: str) -> StoredDocument:
    """The document with that content; `UsageError` when it is not in the index."""
    described = document_with(database, content_hash)
    if described is None:
        raise UsageError(f"the content {content_hash[:12]}… is not in the index any more; try again")
    meta = read_state(database).index_meta()
    found = matching(database, "chunk", {"document": described.id}, "ORDER BY position")
    rows = [ChunkRow(*row) for row in found]
    if [row.position for row in rows] != list(range(described.chunks)):
        raise damaged(database.directory, f"document {described.id} lacks some of its chunks")
    return StoredDocument(
        document=Document(
            described.media_type,
            _pages(database, described),
            described.title,
            tuple(json.loads(described.warnings)),
        ),
        chunks=[_chunk(database, row) for row in rows],
        vectors=read_vectors(database, [row.id for row in rows], meta.dimension if meta else 0),
        digests=[row.embedded_digest for row in rows],
        parser_version=described.parser_version,
    )


def _pages(database: Database, described: DocumentRow) -> tuple[Page, ...]:
    numbers = [
        row[1] for row in selected(database, "page", "WHERE document = ? ORDER BY number", described.id)
    ]
    pages = [page for number in numbers if (page := read_page(database, described.id, number)) is not None]
    if len(pages) != described.pages:
        raise damaged(database.directory, f"document {described.id} lacks some of its pages")
    return tuple(pages)


def _chunk(database: Database, row: ChunkRow) -> Chunk:
    text = chunk_text(database, row)
    headings, lines = tuple(json.loads(row.headings)), as_lines(row.lines)
    return Chunk(row.page, row.first, row.after, text, headings, row.line, lines)
