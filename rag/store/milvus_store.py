"""An index in Milvus, for many machines that ask and ingest at once; or in a milvus-lite file, to try it out.

Takes records and vectors, gives snapshots to search in. Everything is in Milvus, text and original vectors
too; the files themselves are not. Does not parse, embed or fuse, and does not know what a question is.

What it promises without transactions is said where it is done: `milvus_snapshot.py` for who asks,
`milvus_writer.py` for who ingests, `milvus_sweep.py` for who is killed meanwhile.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import IndexDamaged, IndexMismatch, IndexMissing, StoreError
from rag.records import IndexMeta, Place
from rag.store.contract import StoredDocument
from rag.store.local_changes import present_words
from rag.store.milvus_address import MilvusAddress
from rag.store.milvus_check import problems_in
from rag.store.milvus_database import MilvusDatabase
from rag.store.milvus_rows import rows_where
from rag.store.milvus_schema import FORMAT
from rag.store.milvus_snapshot import MilvusSnapshot
from rag.store.milvus_stored import stored_document
from rag.store.milvus_sweep import state_row
from rag.store.milvus_terms import renew_terms
from rag.store.milvus_view import View
from rag.store.milvus_writer import MilvusWriter


class MilvusStore:
    """An open index. Many threads may use it at once; a forked child must open its own."""

    def __init__(self, database: MilvusDatabase) -> None:
        self._database = database
        self._process = os.getpid()
        self.name = database.name
        self.directory: Path = database.address.directory

    @classmethod
    def open(cls, address: MilvusAddress, *, create: bool = False) -> MilvusStore:
        """The index at an address; with `create`, a new one where there is none.

        Raises `IndexMissing`, `IndexInvalid` (other collections have our names; nothing is written to them),
        `IndexMismatch` (made by a newer version), `IndexLocked` (a milvus-lite file that another process has
        open) or `StoreError` (no Milvus there, a wrong token).
        """
        if address.lite and not create and not Path(address.uri).exists():
            raise IndexMissing(_missing(address))
        database = MilvusDatabase(address)
        try:
            if not database.holds_index():
                if not create:
                    raise IndexMissing(_missing(address))
                database.create_sources()
            else:
                database.make_ready()
            _require_format(database, create=create)
        except BaseException:
            database.close()
            raise
        return cls(database)

    @contextmanager
    def snapshot(self) -> Iterator[MilvusSnapshot]:
        """What the index holds now, for the length of a `with` block."""
        self._usable()
        snapshot = MilvusSnapshot(self._database)
        try:
            yield snapshot
        finally:
            snapshot.end()

    def meta(self) -> IndexMeta | None:
        """What gives the index its meaning; None when nothing was ingested yet."""
        with self.snapshot() as snapshot:
            return snapshot.meta()

    @contextmanager
    def writer(self, *, wait_seconds: float = 0) -> Iterator[MilvusWriter]:
        """The right to change the index, for the length of a `with` block. Others may have it too.

        `wait_seconds` is for stores that have one writer at a time.
        """
        self._usable()
        _renew_words(self._database)
        writer = MilvusWriter(self._database)
        try:
            yield writer
        except StoreError:
            raise  # what was under way is noted, and the next writer settles it
        except BaseException:
            writer.leave()
            raise
        else:
            writer.leave()

    def stored(self, content_hash: str) -> StoredDocument:
        """A content as it was put in; `UsageError` when it is not in the index."""
        meta = self.meta()
        return stored_document(View(self._database), content_hash, meta.dimension if meta else 0)

    def check(self) -> list[str]:
        """What is wrong with the index, in words; [] means sound. Reads all of it."""
        self._usable()
        try:
            return problems_in(self._database)
        except IndexDamaged as error:
            return [str(error)]

    def size_bytes(self) -> int | None:
        """What a milvus-lite file takes on disk; what a server keeps where is its own affair."""
        if not self._database.address.lite:
            return None
        return sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())

    def close(self) -> None:
        """Lets go of the connection."""
        self._database.close()

    def _usable(self) -> None:
        if os.getpid() != self._process:
            raise StoreError("an index that was opened before a fork can't be used after it; open it again")


def _missing(address: MilvusAddress) -> str:
    return f"there is no index at {address.shown!r}; `rag ingest FOLDER --index {address.shown}` makes one"


def _require_format(database: MilvusDatabase, *, create: bool) -> None:
    state = next(rows_where(database, 'kind == "state"'), None)
    if state is None:
        if create:
            database.upsert(database.sources, [state_row(0)])
        return
    found = json.loads(state["body"])["format"]
    if found > FORMAT:
        raise IndexMismatch(
            f"index {database.name!r} has version {found}; this program reads up to {FORMAT}: install the"
            " newer program that made it"
        )


def _renew_words(database: MilvusDatabase) -> None:
    """Makes the search texts anew that another version of `rag.text.words` made."""
    state = next(rows_where(database, 'kind == "state"'), None)
    if state is None or json.loads(state["body"])["words"] == present_words().hex():
        return
    by_version: dict[int, list[Place]] = {}
    for one in View(database).all():
        by_version.setdefault(one.version, []).append(one.place)
    for version, places in by_version.items():
        renew_terms(database, version, places)
    database.upsert(database.sources, [state_row(json.loads(state["body"])["stamp"])])
