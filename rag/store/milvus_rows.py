"""Records as rows of an index in Milvus, and back, each verified before anything is made of it.

Takes records and a `MilvusDatabase`, gives rows and records. Every row carries a checksum over all that is
asked of it. A text that is longer than Milvus takes stands in several rows. Chunks are `milvus_chunks.py`'s.
Reads only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

from rag.errors import IndexDamaged
from rag.records import Document, Heading, IndexMeta, Page, Place, PlacedWord
from rag.store.local_rows import address_of
from rag.store.local_schema import row_checksum
from rag.store.milvus_database import MilvusDatabase, Row
from rag.store.milvus_schema import (
    NOTHING,
    ROW_FIELDS,
    TEXT_CHARACTERS,
)


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A place, and the version of its content that it shows: this one row is what makes a source current."""

    place: Place
    version: int
    chunks: int


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """What the index holds for one version of a content."""

    version: int
    content_hash: str
    media_type: str
    title: str | None
    warnings: tuple[str, ...]
    pages: int
    chunks: int
    ingested_at: str
    parser_version: int


def short(value: str | bytes) -> str:
    """32 hexadecimal digits that stand for a name in a filter."""
    encoded = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return blake2b(encoded, digest_size=16).hexdigest()


def damaged(database: MilvusDatabase, what: str) -> IndexDamaged:
    """The error for an index whose rows changed; `what` says which."""
    return IndexDamaged(
        f"index {database.name!r} is damaged: {what}; `rag remove` the source and `rag ingest` it again, or"
        " ingest into another name (your documents are not touched); `rag doctor` lists all that is damaged"
    )


# --- rows of `NAME_sources` -------------------------------------------------------------------------


def row(kind: str, key: str, body: Any, *, version: int = 0, **looked_up: str) -> Row:
    """A row of a kind; `looked_up` are the digests and hashes that it is found by."""
    made: Row = {
        "key": key,
        "kind": kind,
        "version": version,
        "source": looked_up.get("source", ""),
        "address": looked_up.get("address", ""),
        "content": looked_up.get("content", ""),
        "body": json.dumps(body, ensure_ascii=False),
        "nothing": NOTHING,
    }
    return made | {"checksum": _checksum(made)}


def _checksum(made: Row) -> str:
    return row_checksum(made["kind"], [made[name] for name in ROW_FIELDS[:-1]]).hex()


def verified(database: MilvusDatabase, found: Row) -> Row:
    """The row; `IndexDamaged` when it is not what was put in."""
    if _checksum(found) != found["checksum"]:
        raise damaged(database, f"the row {found['key']!r} has changed")
    return found


def rows_where(database: MilvusDatabase, condition: str) -> Iterator[Row]:
    """All verified rows for which a condition holds."""
    for found in database.each(database.sources, condition, ROW_FIELDS):
        yield verified(database, found)


def rows_with(
    database: MilvusDatabase, field: str, values: Sequence[int] | Sequence[str], kind: str | None = None
) -> Iterator[Row]:
    """All verified rows whose field has one of these values."""
    for found in database.among(database.sources, field, values, ROW_FIELDS):
        if kind is None or found["kind"] == kind:
            yield verified(database, found)


def in_parts(kind: str, key: str, body: Any, *, version: int, **looked_up: str) -> list[Row]:
    """A body of any length as rows `KEY/0`, `KEY/1`, ..., each of which says how many there are."""
    text = json.dumps(body, ensure_ascii=False)
    pieces = [text[at : at + TEXT_CHARACTERS] for at in range(0, len(text), TEXT_CHARACTERS)]
    return [
        row(kind, f"{key}/{number}", [len(pieces), piece], version=version, **looked_up)
        for number, piece in enumerate(pieces)
    ]


def whole_bodies(database: MilvusDatabase, keys: Iterable[str]) -> dict[str, Any]:
    """The bodies that `in_parts` made rows of, by key; one that isn't there is left out."""
    wanted = list(dict.fromkeys(keys))
    parts = {
        found["key"]: json.loads(found["body"])
        for found in rows_with(database, "key", [f"{key}/0" for key in wanted])
    }
    more = [
        f"{key}/{number}"
        for key in wanted
        if f"{key}/0" in parts
        for number in range(1, parts[f"{key}/0"][0])
    ]
    parts |= {found["key"]: json.loads(found["body"]) for found in rows_with(database, "key", more)}
    return {key: joined(database, key, parts) for key in wanted if f"{key}/0" in parts}


def joined(database: MilvusDatabase, key: str, parts: Mapping[str, Any]) -> Any:
    """The body that stands in the parts of a key."""
    count = parts[f"{key}/0"][0]
    try:
        return json.loads("".join(parts[f"{key}/{number}"][1] for number in range(count)))
    except KeyError as error:
        raise damaged(database, f"the row {error.args[0]!r} is gone") from error


# --- places -----------------------------------------------------------------------------------------


def place_key(location: bytes) -> str:
    """The key of the one row that says what is at a location."""
    return f"place/{short(location)}"


def failure_key(location: bytes) -> str:
    """The key of the row that says that the file at a location could not be read."""
    return f"failure/{short(location)}"


def place_row(place: Place, version: int, chunks: int) -> Row:
    """The row that makes `version` what is at a place."""
    return row(
        "place",
        place_key(place.location),
        {**_place_body(place), "chunks": chunks},
        version=version,
        source=short(place.source),
        address=short(address_of(place.location)),
        content=place.content_hash,
    )


def failure_row(place: Place, reason: str, parser_version: int) -> Row:
    """The row that says why a file could not be read."""
    body = {**_place_body(place), "reason": reason[:4_000], "parser_version": parser_version}
    return row("failure", failure_key(place.location), body)


def _place_body(place: Place) -> dict[str, Any]:
    return asdict(place) | {"location": base64.b64encode(place.location).decode()}


def as_place(found: Row) -> PlaceRow:
    """A row of a place as a record."""
    body = json.loads(found["body"])
    chunks = body.pop("chunks")
    return PlaceRow(_place(body), found["version"], chunks)


def as_failure(found: Row) -> tuple[Place, str, int]:
    """A row of a failure: place, reason, version of the parsers that tried."""
    body = json.loads(found["body"])
    reason, parser_version = body.pop("reason"), body.pop("parser_version")
    return _place(body), reason, parser_version


def _place(body: dict[str, Any]) -> Place:
    return Place(**body | {"location": base64.b64decode(body["location"])})


# --- documents and pages ----------------------------------------------------------------------------


def document_rows(document: Document, described: DocumentRow) -> Iterator[Row]:
    """All rows of a version but its chunks."""
    version, content = described.version, described.content_hash
    body = asdict(described)
    yield from in_parts("document", f"document/{version}", body, version=version, content=content)
    for page in document.pages:
        key = f"page/{version}/{int(page.number)}"
        headings = [[one.level, one.start, one.end, one.text] for one in page.headings]
        body = {"label": page.label, "headings": headings, "characters": len(page.text)}
        yield from in_parts("page", key, body, version=version)
        if page.words:  # apart from the rest, which every hit on the page needs
            yield from in_parts("words", f"words/{version}/{int(page.number)}", page.words, version=version)
        for number, start in enumerate(range(0, len(page.text), TEXT_CHARACTERS)):
            piece = page.text[start : start + TEXT_CHARACTERS]
            yield row("text", f"text/{version}/{int(page.number)}/{number}", piece, version=version)


def as_document(body: dict[str, Any]) -> DocumentRow:
    """A document's body as a record."""
    return DocumentRow(**body | {"warnings": tuple(body["warnings"])})


def parsers_of_contents(database: MilvusDatabase, places: Iterable[PlaceRow]) -> dict[str, int]:
    """By the hash of a content: the version of the parsers that read it."""
    current = {one.version for one in places}
    rows = {found["key"]: found for found in rows_where(database, 'kind == "document"')}
    parts = {key: json.loads(found["body"]) for key, found in rows.items()}
    heads = [
        key.removesuffix("/0") for key in parts if key.endswith("/0") and rows[key]["version"] in current
    ]
    bodies = (joined(database, key, parts) for key in heads)
    return {body["content_hash"]: body["parser_version"] for body in bodies}


def as_page(number: int, body: Mapping[str, Any], text: str, words: Iterable[Sequence[Any]]) -> Page:
    """A page's body and text, and the places of its words if there are any, as a record."""
    headings = tuple(Heading(*one) for one in body["headings"])
    return Page(number, text, headings, body["label"], tuple(PlacedWord(*word) for word in words))


def text_keys(version: int, page: int, start: int, end: int) -> list[str]:
    """The keys of the rows that hold the characters from `start` to `end` of a page."""
    if end <= start:
        return []
    first, last = start // TEXT_CHARACTERS, (end - 1) // TEXT_CHARACTERS
    return [f"text/{version}/{page}/{number}" for number in range(first, last + 1)]


def texts(database: MilvusDatabase, keys: Iterable[str]) -> dict[str, str]:
    """The pieces of pages' text with these keys."""
    wanted = list(dict.fromkeys(keys))
    found = {one["key"]: json.loads(one["body"]) for one in rows_with(database, "key", wanted)}
    missing = next((key for key in wanted if key not in found), None)
    if missing is not None:
        raise damaged(database, f"the row {missing!r} is gone")
    return found


def cut(pieces: Mapping[str, str], version: int, page: int, start: int, end: int) -> str:
    """The characters from `start` to `end` of a page, from the pieces that hold them."""
    whole = "".join(pieces[key] for key in text_keys(version, page, start, end))
    offset = start // TEXT_CHARACTERS * TEXT_CHARACTERS
    return whole[start - offset : end - offset]


# --- what gives the index its meaning -----------------------------------------------------------------


def meta_row(meta: IndexMeta) -> Row:
    """The row that says what gives the index its meaning."""
    return row("meta", "meta", asdict(meta))


def as_meta(found: Row | None) -> IndexMeta | None:
    """The same as a record."""
    return None if found is None else IndexMeta(**json.loads(found["body"]))
