"""Whether an index in Milvus is sound: everything in it compared with everything else.

Takes a `MilvusDatabase`, gives problems in words for a person. Changes nothing. Reads the whole index. What
others change meanwhile is passed over; so is what they noted as under way or buried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from rag.errors import IndexDamaged, RagError
from rag.records import Place
from rag.store.local_changes import present_words
from rag.store.local_rows import address_of
from rag.store.local_schema import text_digest
from rag.store.milvus_chunks import ChunkRow, as_chunk, as_vector
from rag.store.milvus_database import MilvusDatabase, Row
from rag.store.milvus_rows import (
    DocumentRow,
    PlaceRow,
    as_document,
    as_place,
    place_key,
    short,
    verified,
    whole_bodies,
)
from rag.store.milvus_schema import CHUNK_FIELDS, ROW_FIELDS
from rag.store.milvus_terms import chunk_texts, names_of, search_text
from rag.store.milvus_view import View

MOST_PROBLEMS = 100


def problems_in(database: MilvusDatabase) -> list[str]:
    """What is wrong with the index; [] when nothing is."""
    problems = list(islice(_rows(database), MOST_PROBLEMS))
    if not problems:  # what follows takes the rows for what they were
        problems = list(islice(_content(database), MOST_PROBLEMS))
    return problems


def _rows(database: MilvusDatabase) -> Iterator[str]:
    """Each row against its own checksum."""
    for row in database.each(database.sources, 'key != ""', ROW_FIELDS):
        try:
            verified(database, row)
            if row["kind"] == "place":
                yield from _place_problems(row)
        except IndexDamaged as error:
            yield str(error)
    if not database.has_chunks():
        return
    for row in database.each(database.chunks, "id >= 0", (*CHUNK_FIELDS, "vector")):
        try:
            as_vector(database, as_chunk(database, row), row)
        except IndexDamaged as error:
            yield str(error)


def _place_problems(row: Row) -> Iterator[str]:
    place = as_place(row).place
    looked_up = (place_key(place.location), short(place.source), short(address_of(place.location)))
    if (*looked_up, place.content_hash) != (row["key"], row["source"], row["address"], row["content"]):
        yield f"the place {address_of(place.location)!r} is not where it says that it is"


def _content(database: MilvusDatabase) -> Iterator[str]:
    """Each document against what it is made of."""
    by_version: dict[int, list[PlaceRow]] = {}
    touched = {row["version"] for row in database.each(database.sources, 'kind == "touched"', ["version"])}
    for one in View(database).all():
        by_version.setdefault(one.version, []).append(one)
    for version, places in by_version.items():
        try:
            problems = list(_document_problems(database, version, places, in_change=version in touched))
        except RagError as error:
            problems = [f"{places[0].place.source!r}: {error}"]
        if problems and version in {one.version for one in View(database).all()}:
            yield from problems
    yield from _leftovers(database, set(by_version))


def _document_problems(
    database: MilvusDatabase, version: int, places: list[PlaceRow], *, in_change: bool
) -> Iterator[str]:
    name = repr(places[0].place.source)
    body = whole_bodies(database, [f"document/{version}"]).get(f"document/{version}")
    if body is None:
        yield f"{name} is listed but its content is gone"
        return
    document = as_document(body)
    if {document.content_hash} != {one.place.content_hash for one in places}:
        yield f"{name} has the content of another file"
    pages = [
        row["key"].removesuffix("/0")
        for row in database.each(database.sources, f'version == {version} and kind == "page"', ["key"])
        if row["key"].endswith("/0")
    ]
    if len(pages) != document.pages:
        yield f"{name} has {len(pages)} of its {document.pages} pages"
    for key, page in whole_bodies(database, pages).items():
        yield from _page_problems(database, name, key, page["characters"])
    where = [one.place for one in places]
    yield from _chunk_problems(database, document, name, where, in_change=in_change)


def _page_problems(database: MilvusDatabase, name: str, key: str, characters: int) -> Iterator[str]:
    _, version, number = key.split("/")
    there = 0
    for row in database.each(database.sources, f'version == {version} and kind == "text"', ["key", "body"]):
        if row["key"].startswith(f"text/{version}/{number}/"):
            there += len(json.loads(row["body"]))
    if there != characters:
        yield f"{name} has {there} of the {characters} characters of its page {number}"


def _chunk_problems(
    database: MilvusDatabase, document: DocumentRow, name: str, places: list[Place], *, in_change: bool
) -> Iterator[str]:
    rows = database.each(database.chunks, f"version == {document.version}", (*CHUNK_FIELDS, "terms"))
    found: list[tuple[ChunkRow, str]] = sorted(
        ((as_chunk(database, row), row["terms"]) for row in rows), key=lambda one: one[0].id
    )
    if [chunk.position for chunk, _ in found] != list(range(document.chunks)):
        yield f"{name} has {len(found)} of its {document.chunks} chunks"
        return
    names = names_of(places)
    written = chunk_texts(database, [chunk for chunk, _ in found])
    state = database.query(database.sources, 'kind == "state"', ["body"])
    present = bool(state) and json.loads(state[0]["body"])["words"] == present_words().hex()
    for (chunk, terms), text in zip(found, written, strict=True):
        if text_digest(text).hex() != chunk.text:
            yield f"the text of {name}, page {chunk.page}, is not what was put in"
        elif present and not in_change and terms != search_text(text, document.title, chunk.headings, names):
            yield f"the keywords of chunk {chunk.id} are not those of its text"


def _leftovers(database: MilvusDatabase, current: set[int]) -> Iterator[str]:
    """Versions that nothing names, and nobody noted."""
    noted = {
        row["version"]
        for row in database.each(database.sources, 'kind in ["grave", "touched", "place"]', ["version"])
    }
    rows = database.each(database.sources, 'kind == "document"', ["version"])
    there = {row["version"] for row in rows}
    if database.has_chunks():
        there |= {row["version"] for row in database.each(database.chunks, "id >= 0", ["version"])}
    left = there - current - noted
    if left:
        yield f"the rows of {len(left)} versions are of no source: they take room, and are never shown"
