"""New vectors for all of a local index, beside the old ones until they are complete.

Takes texts' vectors by another embedding model, puts them into a database of their own in the index's folder;
when all are there, one transaction puts them in the place of the old ones. Killed at any moment, the index
answers by one model or the other, and what was embedded is kept for the next try. Does not embed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.errors import IndexDamaged, StoreError
from rag.records import IndexMeta
from rag.store.dense_cache import CACHE_NAME
from rag.store.local_changes import Change
from rag.store.local_database import Database, connect, damaged
from rag.store.local_rows import (
    ChunkRow,
    chunk_text,
    document_of,
    read_state,
    selected,
)
from rag.store.local_schema import row_checksum
from rag.store.local_vectors import as_vector

STAGING_NAME = "new-vectors.sqlite"
STAGING_FILES = (STAGING_NAME, STAGING_NAME + "-journal")
PORTION = 256  # chunks that are looked at together
_TABLES = (
    "CREATE TABLE made_with (model TEXT NOT NULL) STRICT",
    "CREATE TABLE staged (digest BLOB PRIMARY KEY, vector BLOB NOT NULL, cut INTEGER NOT NULL,"
    " checksum BLOB NOT NULL) STRICT",
)


@dataclass(frozen=True, slots=True)
class StoredText:
    """What a chunk's vector is made of; `digest` stands for it in the index."""

    digest: bytes
    title: str | None
    headings: tuple[str, ...]
    text: str


class Reembedding:
    """The way of one index from its embedding model to that of `meta`; usable while its writer is.

    `change` begins a transaction of the index. What an earlier try with the same model has embedded is there.
    """

    def __init__(
        self, database: Database, change: Callable[[], AbstractContextManager[Change]], meta: IndexMeta
    ) -> None:
        self._database = database
        self._change = change
        self.meta = meta
        self.chunks = read_state(database).chunks
        self._staging = _opened(database.directory, meta)

    def missing(self) -> Iterator[tuple[int, list[StoredText]]]:
        """Portion by portion, how many chunks were looked at so far, and those texts without a new vector."""
        looked_at = 0
        for chunks in _portions(self._database):
            looked_at += len(chunks)
            staged = self._staged([chunk.embedded_digest for chunk in chunks])
            wanted = {one.embedded_digest: one for one in chunks if one.embedded_digest not in staged}
            yield looked_at, [self._text(chunk) for chunk in wanted.values()]

    def put(self, texts: Sequence[StoredText], vectors: np.ndarray, cut: Sequence[bool]) -> None:
        """Keeps new vectors, float32 [texts, dimension]; `cut`: which texts the model did not read whole."""
        if vectors.shape != (len(texts), self.meta.dimension) or not np.isfinite(vectors).all():
            raise StoreError(
                f"{len(texts)} texts got vectors of shape {vectors.shape}, or some that are no numbers;"
                f" {self.meta.embedding_model} was said to give {self.meta.dimension} each: name another one"
            )
        rows = []
        for text, vector, was_cut in zip(texts, vectors, cut, strict=True):
            values = (text.digest, vector.astype("<f4").tobytes(), int(was_cut))
            rows.append((*values, row_checksum("staged", values)))
        with self._staging.writing():
            self._staging.run_many("REPLACE INTO staged VALUES (?, ?, ?, ?)", rows)

    @property
    def cut(self) -> int:
        """How many of the texts that are kept so far the model did not read to their end."""
        return int(self._staging.rows("SELECT coalesce(sum(cut), 0) FROM staged")[0][0])

    def finish(self) -> None:
        """Puts the new vectors in the place of the old ones, in one transaction; all must be there."""
        with self._change() as changing:
            done = 0
            for chunks in _portions(self._database):
                vectors = self._staged([chunk.embedded_digest for chunk in chunks])
                if any(chunk.embedded_digest not in vectors for chunk in chunks):
                    raise StoreError(
                        f"a new vector in {str(self._path)!r} was damaged, and nothing was changed;"
                        " `rag reembed` again makes it anew"
                    )
                changing.replace_vectors([(one.id, one.embedded_digest) for one in chunks], vectors)
                done += len(chunks)
            if done != self.chunks:
                raise damaged(self._database.directory, f"it lists {done} of its {self.chunks} chunks")
            changing.forget_the_past()
            changing.set_meta(self.meta)
        (self._database.directory / CACHE_NAME).unlink(missing_ok=True)  # of the vectors before
        self.discard()

    def discard(self) -> None:
        """Deletes what was kept beside the index."""
        self.close()
        remove_staging(self._database.directory)

    def close(self) -> None:
        """Closes what was kept; another try goes on from there."""
        self._staging.close()

    @property
    def _path(self) -> Path:
        return self._database.directory / STAGING_NAME

    def _staged(self, digests: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """The new vectors of these texts; one whose bytes changed is not there."""
        marks = ", ".join("?" * len(digests))
        rows = self._staging.rows(
            f"SELECT digest, vector, cut, checksum FROM staged WHERE digest IN ({marks})", digests
        )
        return {
            values[0]: as_vector(self._database, values[1], self.meta.dimension)
            for *values, checksum in rows
            if row_checksum("staged", values) == checksum
        }

    def _text(self, chunk: ChunkRow) -> StoredText:
        title = document_of(self._database, chunk.document).title
        headings = tuple(json.loads(chunk.headings))
        return StoredText(chunk.embedded_digest, title, headings, chunk_text(self._database, chunk))


def remove_staging(directory: Path) -> None:
    """Deletes new vectors that nobody waits for."""
    for name in STAGING_FILES:
        (directory / name).unlink(missing_ok=True)


def _portions(database: Database) -> Iterator[list[ChunkRow]]:
    """All chunks by id, a few at a time."""
    last = 0
    while rows := selected(database, "chunk", "WHERE id > ? ORDER BY id LIMIT ?", last, PORTION):
        last = rows[-1][0]
        yield [ChunkRow(*row) for row in rows]


def _opened(directory: Path, meta: IndexMeta) -> Database:
    """The database of an earlier try with that model, or a new one: of another model, or a damaged one."""
    wanted = _made_with(meta)
    try:
        staging = _connected(directory)
        try:
            found = staging.rows("SELECT model FROM made_with") if _has_tables(staging) else []
            if found == [(wanted,)] and staging.rows("PRAGMA quick_check(1)") == [("ok",)]:
                return staging
        except BaseException:
            staging.close()
            raise
        staging.close()
    except IndexDamaged:
        pass  # it holds nothing that can't be embedded again
    remove_staging(directory)
    staging = _connected(directory)
    with staging.writing():
        for statement in _TABLES:
            staging.run(statement)
        staging.run("INSERT INTO made_with VALUES (?)", (wanted,))
    return staging


def _connected(directory: Path) -> Database:
    (directory / STAGING_NAME).touch(mode=0o600)
    return Database(connect(directory, mode="rw", name=STAGING_NAME), directory)


def _has_tables(staging: Database) -> bool:
    return len(staging.rows("SELECT 1 FROM sqlite_schema WHERE name IN ('made_with', 'staged')")) == 2


def _made_with(meta: IndexMeta) -> str:
    """What the new vectors depend on."""
    return json.dumps([meta.embedding_model, meta.embedding_revision, meta.dimension, meta.query_prefix])
