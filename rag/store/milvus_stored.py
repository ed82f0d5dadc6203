"""A content as it was put into an index in Milvus, to be put into another without parsing it again.

Takes a `View`, gives one record; every row of it is verified on the way.
"""

from __future__ import annotations

import numpy as np

from rag.errors import UsageError
from rag.records import Chunk, Document, Page
from rag.store.contract import StoredDocument
from rag.store.local_schema import text_digest
from rag.store.milvus_chunks import as_chunk, as_vector
from rag.store.milvus_database import MilvusDatabase
from rag.store.milvus_rows import as_document, as_page, cut, damaged, text_keys, texts, whole_bodies
from rag.store.milvus_schema import CHUNK_FIELDS
from rag.store.milvus_terms import chunk_texts
from rag.store.milvus_view import View


def stored_document(view: View, content_hash: str, dimension: int) -> StoredDocument:
    """The document with that content; `UsageError` when it is not in the index."""
    database = view.database
    places = view.with_contents([content_hash])
    key = f"document/{places[0].version}" if places else ""
    body = whole_bodies(database, [key]).get(key) if places else None
    if body is None:
        raise UsageError(f"the content {content_hash[:12]}… is not in the index any more; try again")
    described = as_document(body)
    pages = _pages(database, described.version)
    if len(pages) != described.pages:
        raise damaged(database, f"{places[0].place.source!r} lacks some of its pages")
    condition = f"version == {described.version}"
    rows = list(database.each(database.chunks, condition, (*CHUNK_FIELDS, "vector")))
    found = sorted(((as_chunk(database, row), row) for row in rows), key=lambda one: one[0].id)
    chunks = [chunk for chunk, _ in found]
    written = chunk_texts(database, chunks)
    if [chunk.position for chunk in chunks] != list(range(described.chunks)) or any(
        text_digest(text).hex() != chunk.text for chunk, text in zip(chunks, written, strict=True)
    ):
        raise damaged(database, f"the chunks of {places[0].place.source!r} are not what was put in")
    vectors = [as_vector(database, chunk, row) for chunk, row in found]
    return StoredDocument(
        document=Document(described.media_type, pages, described.title, described.warnings),
        chunks=[
            Chunk(chunk.page, chunk.start, chunk.end, text, chunk.headings, chunk.line, chunk.lines)
            for chunk, text in zip(chunks, written, strict=True)
        ],
        vectors=np.array(vectors, np.float32).reshape(len(vectors), dimension),
        digests=[bytes.fromhex(chunk.embedded) for chunk in chunks],
        parser_version=described.parser_version,
    )


def _pages(database: MilvusDatabase, version: int) -> tuple[Page, ...]:
    rows = database.each(database.sources, f'version == {version} and kind == "page"', ["key"])
    numbers = sorted(int(key.split("/")[2]) for key in (row["key"] for row in rows) if key.endswith("/0"))
    bodies = whole_bodies(
        database, (f"{kind}/{version}/{number}" for number in numbers for kind in ("page", "words"))
    )
    pages = []
    for number in numbers:
        body = bodies[f"page/{version}/{number}"]
        pieces = texts(database, text_keys(version, number, 0, body["characters"]))
        text = cut(pieces, version, number, 0, body["characters"])
        pages.append(as_page(number, body, text, bodies.get(f"words/{version}/{number}", ())))
    return tuple(pages)
