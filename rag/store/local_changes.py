"""What a change does to the rows of a local index, inside one transaction.

Takes records, leaves rows: a document's pages, chunks, vectors and keywords together, the counts in the
state row with them. Knows nothing of locks, of FAISS or of when to commit.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from rag.records import Chunk, Document, IndexMeta, Page, Place
from rag.store.local_database import Database, Row, damaged
from rag.store.local_rows import (
    NO_STAMP,
    ChunkRow,
    State,
    address_of,
    chunk_text,
    document_with,
    matching,
    place_at,
    places_with,
    read_state,
    selected,
    state_values,
)
from rag.store.local_schema import (
    BLOCK_CHARACTERS,
    COLUMNS,
    KEYWORD_TABLE,
    insert_statement,
    row_checksum,
    text_digest,
)
from rag.text.han import simplifications
from rag.text.word_forms import BASE_FORMS, ONE_OF_PAIR
from rag.text.words import index_terms

# The terms of this text tell whether the keyword index was made by the present `rag.text.words`.
_PROBE = """The 3rd naïve Größe's café_au-lait files.tar.gz; running mixtures, 1,024.5 mm of it in 12-03-2024.
HTTPServer getUserName snake_case C++ can't l'été state-of-the-art "a phrase" user@example.org 5% ²
U.S.A. Łódź; Домами и книги; السلام عليكم مكتباتهم; शब्दों में; άνθρωποι; քաղաքների; மரங்கள்;
東京都の人口は１４００万人です。한국어로 ภาษาไทย
colourful travelling organisation centred O'Brien 1'000 1\u202f000 firemen theses"""

_INSERT_KEYWORDS = "INSERT INTO keyword (rowid, body, headings, name) VALUES (?, ?, ?, ?)"


@lru_cache(maxsize=1)
def present_words() -> bytes:
    """16 bytes that change when `rag.text.words` makes other terms of a text than it did."""
    listed = " ".join([*BASE_FORMS, *ONE_OF_PAIR, *map(chr, simplifications())])
    return text_digest(index_terms(f"{_PROBE} {listed}"))


class Change:
    """The changes of one transaction; `state` is what the state row will say when it is committed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.before = read_state(database)
        self.state = self.before
        self.chunks_changed = False
        self._rows_before = database.connection.total_changes

    # --- documents --------------------------------------------------------------------------------

    def add_document(
        self,
        place: Place,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: np.ndarray,
        digests: Sequence[bytes],
    ) -> None:
        """Puts in a content that is not there; its place must be set before."""
        identifier, first = self.state.next_document, self.state.next_chunk
        now = datetime.now(UTC).isoformat(timespec="seconds")
        warnings = json.dumps(document.warnings, ensure_ascii=False)
        values = (identifier, place.content_hash, document.media_type, document.title, warnings)
        counts = (len(document.pages), len(chunks))
        self._insert("document", [(*values, *counts, now, self._parser_version())])
        self._insert("page", (_page_values(identifier, page) for page in document.pages))
        self._insert("block", (row for page in document.pages for row in _block_values(identifier, page)))
        self._insert("chunk", _chunk_values(first, identifier, chunks, digests))
        self._insert("vector", _vector_values(first, vectors, digests))
        names = name_terms(places_with(self.database, place.content_hash))
        self.database.run_many(
            _INSERT_KEYWORDS,
            (
                (number, index_terms(chunk.text), heading_terms(document.title, chunk.headings), names)
                for number, chunk in enumerate(chunks, start=first)
            ),
        )
        self.state = replace(
            self.state,
            next_document=identifier + 1,
            next_chunk=first + len(chunks),
            documents=self.state.documents + 1,
            chunks=self.state.chunks + len(chunks),
        )
        self.chunks_changed |= bool(chunks)

    def _parser_version(self) -> int:
        meta = self.state.index_meta()
        assert meta is not None  # the writer does not put anything without
        return meta.parser_version

    def drop_document(self, content_hash: str) -> None:
        """Takes a content out, chunks and all."""
        document = document_with(self.database, content_hash)
        if document is None:
            return
        own = "(SELECT id FROM chunk WHERE document = ?)"
        self.database.run(f"DELETE FROM keyword WHERE rowid IN {own}", (document.id,))
        self.database.run(f"DELETE FROM vector WHERE chunk IN {own}", (document.id,))
        gone = self.database.run("DELETE FROM chunk WHERE document = ?", (document.id,))
        self.database.run("DELETE FROM block WHERE document = ?", (document.id,))
        self.database.run("DELETE FROM page WHERE document = ?", (document.id,))
        self.database.run("DELETE FROM document WHERE id = ?", (document.id,))
        self.state = replace(self.state, documents=self.state.documents - 1, chunks=self.state.chunks - gone)
        self.chunks_changed |= bool(gone)

    # --- places -----------------------------------------------------------------------------------

    def set_place(self, place: Place) -> None:
        """A file is at this place now; what was known of the place before is forgotten."""
        before = place_at(self.database, place.location)
        if before is not None:
            self._delete_place(place.location)
        values = (place.location, place.root, place.source, address_of(place.location))
        self._insert("place", [(*values, place.content_hash, place.size_bytes, place.modified_ns)])
        self.state = replace(self.state, places=self.state.places + 1)
        self.forget_failure(place.location)
        if before is not None and before.content_hash != place.content_hash:
            self.settle(before.content_hash)

    def drop_place(self, location: bytes) -> None:
        """No file is at this place any more."""
        before = place_at(self.database, location)
        self.forget_failure(location)
        if before is not None:
            self._delete_place(location)
            self.settle(before.content_hash)

    def settle(self, content_hash: str) -> None:
        """After its places changed: drops a document that is in no place, renames one that is."""
        places = places_with(self.database, content_hash)
        if not places:
            self.drop_document(content_hash)
            return
        document = document_with(self.database, content_hash)
        if document is None:
            return
        names = name_terms(places)
        # Only where it differs: a touched file must not index its words anew.
        self.database.run(
            "UPDATE keyword SET name = ? WHERE rowid IN (SELECT id FROM chunk WHERE document = ?)"
            " AND name IS NOT ?",
            (names, document.id, names),
        )

    def _delete_place(self, location: bytes) -> None:
        self.database.run("DELETE FROM place WHERE location = ?", (location,))
        self.state = replace(self.state, places=self.state.places - 1)

    # --- keywords -----------------------------------------------------------------------------------

    def renew_keywords(self) -> None:
        """Makes the keyword index anew from the text, with the present `rag.text.words`."""
        self.database.run("DROP TABLE keyword")
        self.database.run(KEYWORD_TABLE)
        for document in selected(self.database, "document"):
            identifier, content_hash, _, title, *_ = document
            names = name_terms(places_with(self.database, content_hash))
            chunks = matching(self.database, "chunk", {"document": identifier})
            self.database.run_many(
                _INSERT_KEYWORDS,
                (
                    (
                        chunk.id,
                        index_terms(chunk_text(self.database, chunk)),
                        heading_terms(title, json.loads(chunk.headings)),
                        names,
                    )
                    for chunk in (ChunkRow(*row) for row in chunks)
                ),
            )
        self.state = replace(self.state, words=present_words())

    # --- vectors ------------------------------------------------------------------------------------

    def replace_vectors(
        self, chunks: Sequence[tuple[int, bytes]], vectors: Mapping[bytes, np.ndarray]
    ) -> None:
        """Gives chunks (id, digest of what was embedded) other vectors, by that digest."""
        rows = [(chunk, digest, vectors[digest].astype("<f4").tobytes()) for chunk, digest in chunks]
        before = self.database.connection.total_changes
        self.database.run_many(
            "UPDATE vector SET embedded_digest = ?, vector = ?, checksum = ? WHERE chunk = ?",
            ((row[1], row[2], row_checksum("vector", row), row[0]) for row in rows),
        )
        if self.database.connection.total_changes - before != len(rows):
            raise damaged(self.database.directory, f"some of {len(rows)} vectors are gone")

    def forget_the_past(self) -> None:
        """After all vectors changed: no cache of the generations before is good for anything.

        A chunk's id stands for another vector now, so that comparing ids brings no old cache up to date.
        """
        self.database.run("DELETE FROM commit_log")
        self.chunks_changed = True

    # --- failures and meta ------------------------------------------------------------------------

    def set_failure(self, place: Place, reason: str, parser_version: int) -> None:
        """Remembers that this file could not be read."""
        self.forget_failure(place.location)
        values = (place.location, place.root, place.source, place.content_hash)
        self._insert("failure", [(*values, place.size_bytes, place.modified_ns, reason, parser_version)])
        self.state = replace(self.state, failures=self.state.failures + 1)

    def forget_failure(self, location: bytes) -> None:
        """Forgets that the file there could not be read."""
        gone = self.database.run("DELETE FROM failure WHERE location = ?", (location,))
        self.state = replace(self.state, failures=self.state.failures - gone)

    def set_meta(self, meta: IndexMeta) -> None:
        """Says what gives the index its meaning."""
        # What is empty is left out: older programs, which don't know of prefixes, go on reading the rest.
        said = {name: value for name, value in asdict(meta).items() if value != ""}
        self.state = replace(self.state, meta=json.dumps(said, ensure_ascii=False))

    # --- rows -------------------------------------------------------------------------------------

    def _insert(self, table: str, rows: Iterator[Row] | Sequence[Row]) -> None:
        with_checksums = ((*row, row_checksum(table, row)) for row in rows)
        self.database.run_many(insert_statement(table), with_checksums)

    def finish(self) -> None:
        """Writes the state row, with the next generation; nothing when nothing was changed."""
        if self.database.connection.total_changes == self._rows_before and self.state == self.before:
            return
        generation = self.before.generation + 1
        self.state = replace(self.state, generation=generation)
        if self.chunks_changed:
            stamp = secrets.token_bytes(16)
            self.database.run("INSERT INTO commit_log VALUES (?, ?)", (generation, stamp))
            self.state = replace(self.state, chunks_generation=generation, chunks_stamp=stamp)
        write_state(self.database, self.state)


@contextmanager
def change(database: Database) -> Iterator[Change]:
    """One transaction and the next generation; on an error nothing of it remains."""
    with database.writing():
        changing = Change(database)
        yield changing
        changing.finish()


def write_state(database: Database, state: State) -> None:
    """Replaces the state row."""
    columns = (*COLUMNS["state"], "checksum")
    marks = ", ".join("?" * len(columns))
    database.run(f"REPLACE INTO state ({', '.join(columns)}) VALUES ({marks})", state_values(state))


def first_state() -> State:
    """The state of an index that nothing was put into."""
    return State(0, 0, NO_STAMP, 1, 1, 0, 0, 0, 0, present_words(), None)


def heading_terms(title: str | None, headings: Sequence[str]) -> str:
    """The terms of the keyword index's column `headings`."""
    return index_terms("\n".join([title or "", *headings]))


def name_terms(places: Sequence[Place]) -> str:
    """The terms of the keyword index's column `name`."""
    return index_terms("\n".join(dict.fromkeys(place.source for place in places)))


def _page_values(document: int, page: Page) -> Row:
    headings = [[heading.level, heading.start, heading.end, heading.text] for heading in page.headings]
    return (
        document,
        int(page.number),
        page.label,
        json.dumps(headings, ensure_ascii=False),
        len(page.text),
        json.dumps(page.words, ensure_ascii=False, separators=(",", ":")) if page.words else None,
    )


def _block_values(document: int, page: Page) -> Iterator[Row]:
    for number, start in enumerate(range(0, len(page.text), BLOCK_CHARACTERS)):
        yield document, int(page.number), number, page.text[start : start + BLOCK_CHARACTERS]


def _chunk_values(
    first: int, document: int, chunks: Sequence[Chunk], digests: Sequence[bytes]
) -> Iterator[Row]:
    for position, (chunk, digest) in enumerate(zip(chunks, digests, strict=True)):
        span = (int(chunk.page), int(chunk.start), int(chunk.end))
        headings = json.dumps(chunk.headings, ensure_ascii=False)
        lines = json.dumps(chunk.lines, separators=(",", ":")) if chunk.lines else None
        made_of = (text_digest(chunk.text), digest, int(chunk.line), lines)
        yield first + position, document, position, *span, headings, *made_of


def _vector_values(first: int, vectors: np.ndarray, digests: Sequence[bytes]) -> Iterator[Row]:
    for number, (vector, digest) in enumerate(zip(vectors, digests, strict=True), start=first):
        yield number, digest, vector.astype("<f4").tobytes()
