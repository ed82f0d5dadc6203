"""The search text of chunks in Milvus: made with a chunk, made anew when its file has another name.

Takes a `MilvusDatabase` and a version, leaves its chunks with the search text that they should have. Nothing
else of a version ever changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rag.errors import StoreError
from rag.records import Place
from rag.store.local_changes import heading_terms, name_terms, present_words
from rag.store.local_rows import in_order
from rag.store.milvus_chunks import ChunkRow, as_chunk, as_vector, rechecked
from rag.store.milvus_database import BATCH_ROWS, MilvusDatabase, Row
from rag.store.milvus_rows import as_document, cut, short, text_keys, texts, whole_bodies
from rag.store.milvus_schema import CHUNK_FIELDS, searched_text
from rag.text.words import index_terms


@dataclass(frozen=True, slots=True)
class Names:
    """The terms of what a document is called; `stamp` is another one for other names or other words."""

    terms: str
    stamp: str


def names_of(places: Sequence[Place]) -> Names:
    """What a document in these places is found by, beside its text and headings."""
    terms = name_terms(in_order(places))
    return Names(terms, short(present_words() + terms.encode()))


def search_text(text: str, title: str | None, headings: Sequence[str], names: Names) -> str:
    """What Milvus's full-text search is given for a chunk."""
    return searched_text(f"{index_terms(text)} {heading_terms(title, headings)}", names.terms)


def renew_terms(database: MilvusDatabase, version: int, places: Sequence[Place]) -> None:
    """Gives a version's chunks the search text that goes with these places, where they have another."""
    names = names_of(places)
    outdated = [
        chunk.id for chunk in _chunks(database, f"version == {version}") if chunk.names != names.stamp
    ]
    if not outdated:
        return
    document = as_document(_document(database, version))
    for start in range(0, len(outdated), BATCH_ROWS):
        some = outdated[start : start + BATCH_ROWS]
        rows = list(database.among(database.chunks, "id", some, (*CHUNK_FIELDS, "vector")))
        chunks = [as_chunk(database, row) for row in rows]
        written = chunk_texts(database, chunks)
        searched = [
            search_text(text, document.title, chunk.headings, names)
            for chunk, text in zip(chunks, written, strict=True)
        ]
        renamed = [
            _renamed(database, row, chunk, terms, names)
            for row, chunk, terms in zip(rows, chunks, searched, strict=True)
        ]
        database.upsert(database.chunks, renamed)


def _renamed(database: MilvusDatabase, row: Row, chunk: ChunkRow, terms: str, names: Names) -> Row:
    vector = as_vector(database, chunk, row)
    body = json.loads(row["body"]) | {"names": names.stamp}
    return rechecked(
        row | {"body": json.dumps(body, ensure_ascii=False), "terms": terms, "vector": vector.tolist()}
    )


def _chunks(database: MilvusDatabase, condition: str) -> Iterator[ChunkRow]:
    for row in database.each(database.chunks, condition, CHUNK_FIELDS):
        yield as_chunk(database, row)


def _document(database: MilvusDatabase, version: int) -> dict[str, Any]:
    key = f"document/{version}"
    body: dict[str, Any] | None = whole_bodies(database, [key]).get(key)
    if body is None:
        raise StoreError(f"index {database.name!r}: a source was changed by another machine; try again")
    return body


def chunk_texts(database: MilvusDatabase, chunks: Sequence[ChunkRow]) -> list[str]:
    """The chunks' texts, from their pages, in that order."""
    keys = [key for one in chunks for key in text_keys(one.version, one.page, one.start, one.end)]
    pieces = texts(database, keys)
    return [cut(pieces, one.version, one.page, one.start, one.end) for one in chunks]
