"""Chunks as hits: with their texts, their pages' labels and headings, and the names of their sources.

Takes rows of chunks, gives hits. What many chunks need is looked up together, one query for each table: a
search asks for sixty, each with its document, its places, its page and its text. Every row is verified, as
`rag.store.local_rows` does, and every text is compared with what was put in.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter

from rag.errors import IndexDamaged
from rag.records import Heading, Hit, Place
from rag.store.contract import in_its_page
from rag.store.local_database import Database, Row, damaged
from rag.store.local_names import shown_names
from rag.store.local_rows import (
    IDS_AT_A_TIME,
    ChunkRow,
    DocumentRow,
    as_headings,
    as_lines,
    as_place,
    chunk_text,
    chunk_text_in,
    first_and_last_block,
    in_order,
    matching_any,
)

_Page = tuple[str | None, tuple[Heading, ...]]


def read_hits(database: Database, chunks: Sequence[ChunkRow], chosen: Collection[bytes] | None) -> list[Hit]:
    """The chunks as hits in their order, with score 0.

    A document in several places is named by its first, or by the first of those `chosen` (locations).
    """
    hits: list[Hit] = []
    for start in range(0, len(chunks), IDS_AT_A_TIME):
        some = chunks[start : start + IDS_AT_A_TIME]
        documents = _documents(database, some)
        names = _names(database, documents.values(), chosen)
        pages = _pages(database, some)
        texts = _texts(database, some, names)
        hits += [
            _hit(chunk, text, names[chunk.document], documents[chunk.document], pages[_page_of(chunk)])
            for chunk, text in zip(some, texts, strict=True)
        ]
    return hits


def _hit(chunk: ChunkRow, text: str, name: str, document: DocumentRow, page: _Page) -> Hit:
    label, headings = page
    hit = Hit(
        chunk_id=chunk.id,
        source=name,
        page=chunk.page,
        start=chunk.first,
        end=chunk.after,
        text=text,
        score=0.0,
        headings=tuple(json.loads(chunk.headings)),
        media_type=document.media_type,
        label=label,
        line=chunk.line,
        lines=as_lines(chunk.lines),
    )
    return in_its_page(hit, headings)


# --- documents and their names ----------------------------------------------------------------------


def _documents(database: Database, chunks: Iterable[ChunkRow]) -> dict[int, DocumentRow]:
    wanted = {chunk.document for chunk in chunks}
    rows = matching_any(database, "document", ("id",), [(document,) for document in wanted])
    found = {row[0]: DocumentRow(*row) for row in rows}
    for document in wanted - found.keys():
        raise damaged(database.directory, f"document {document} is gone, but chunks of it are not")
    return found


def _names(
    database: Database, documents: Iterable[DocumentRow], chosen: Collection[bytes] | None
) -> dict[int, str]:
    """What the documents are called, by document."""
    by_content = {document.content_hash: document.id for document in documents}
    everywhere: dict[int, list[Place]] = {identifier: [] for identifier in by_content.values()}
    for row in matching_any(database, "place", ("content_hash",), [(content,) for content in by_content]):
        place = as_place(row)
        everywhere[by_content[place.content_hash]].append(place)
    named: dict[int, Place] = {}
    for document, places in everywhere.items():
        if not places:
            raise damaged(database.directory, f"document {document} is in no place")
        ordered = in_order(places)
        if chosen is not None:  # a place that the index of places lost would be called by another one's name
            ordered = [one for one in ordered if one.location in chosen]
        if not ordered:
            raise damaged(database.directory, f"document {document} is in none of the places that were asked")
        named[document] = ordered[0]
    return dict(zip(named, shown_names(database, list(named.values())), strict=True))


# --- pages and texts --------------------------------------------------------------------------------


def _page_of(chunk: ChunkRow) -> tuple[int, int]:
    return chunk.document, chunk.page


def _pages(database: Database, chunks: Iterable[ChunkRow]) -> dict[tuple[int, int], _Page]:
    """What the chunks' pages are called, and their headings as they come in the text."""
    wanted = {_page_of(chunk) for chunk in chunks}
    found: dict[tuple[int, int], _Page] = {}
    for document, number, label, headings, *_ in matching_any(
        database, "page", ("document", "number"), wanted
    ):
        found[document, number] = label, tuple(sorted(as_headings(headings), key=attrgetter("start")))
    for document, number in wanted - found.keys():
        raise damaged(database.directory, f"page {number} of document {document} is gone")
    return found


def _texts(database: Database, chunks: Sequence[ChunkRow], names: dict[int, str]) -> list[str]:
    try:
        return _texts_together(database, chunks)
    except IndexDamaged:  # one of them; which, its own look-up says
        texts = []
        for chunk in chunks:
            with reading_text(database, names[chunk.document], chunk.page):
                texts.append(chunk_text(database, chunk))
        return texts


def _texts_together(database: Database, chunks: Sequence[ChunkRow]) -> list[str]:
    spans = [first_and_last_block(chunk.first, chunk.after) for chunk in chunks]
    wanted = [
        (chunk.document, chunk.page, number)
        for chunk, (first, last) in zip(chunks, spans, strict=True)
        for number in range(first, last + 1)
    ]
    rows = matching_any(database, "block", ("document", "page", "number"), wanted)
    blocks: dict[tuple[int, int, int], Row] = {row[:3]: row for row in rows}
    return [
        chunk_text_in(
            database,
            chunk,
            [
                blocks[key]
                for number in range(first, last + 1)
                if (key := (chunk.document, chunk.page, number)) in blocks
            ],
        )
        for chunk, (first, last) in zip(chunks, spans, strict=True)
    ]


@contextmanager
def reading_text(database: Database, source: str, number: int) -> Iterator[None]:
    """Says which source's text it is that was found damaged."""
    try:
        yield
    except IndexDamaged as error:
        raise IndexDamaged(
            f"index {str(database.directory)!r} is damaged: the text of {source!r}, page {number},"
            " is not what was put in; `rag remove` it and `rag ingest` again (if that fails, move the"
            " index's folder away and ingest everything again: your documents are not touched)"
        ) from error
