"""Who is writing to an index in Milvus, what a dead writer left behind, and its removal.

Takes a `MilvusDatabase`. Each writer has a row that says how many changes it made and whether one is going
on, and one for every version that this change touches. With these,

- a snapshot's generation is another number after each change, and during one is never the same twice;
- what a writer that was killed had touched is known to the next one, which settles it: a version that a place
  names gets its names, any other is buried;
- a buried version's rows are removed `GRACE_SECONDS` later, so that an answer under way can still read them.

A writer counts as dead when its process is gone, or, on another machine, when its row is older than
`LEASE_SECONDS`: machines' clocks should agree within that. A living one taken for dead loses nothing: what it
goes on to name is not removed.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import time
from collections.abc import Collection, Iterable
from hashlib import blake2b
from typing import Any

from rag.records import Place
from rag.store.local_changes import present_words
from rag.store.milvus_database import MilvusDatabase, Row, listed
from rag.store.milvus_rows import as_place, row, rows_where, rows_with
from rag.store.milvus_schema import FORMAT
from rag.store.milvus_terms import renew_terms

GRACE_SECONDS = 120.0
LEASE_SECONDS = 600.0
STATE_KINDS = '["meta", "state", "writer"]'


def generation_of(rows: Iterable[Row]) -> int:
    """A number for what the index holds, from the rows of its state and its writers."""
    said = []
    for one in rows:
        body = json.loads(one["body"])
        if body.get("pending"):
            return secrets.randbits(62)
        said.append((one["key"], body.get("changes"), body.get("stamp")))
    return int.from_bytes(blake2b(repr(sorted(said)).encode(), digest_size=8).digest()) >> 2 if said else 0


def state_row(stamp: int) -> Row:
    """The index's state: in which format its rows are, and with which words its search texts were made."""
    return row("state", "state", {"format": FORMAT, "stamp": stamp, "words": present_words().hex()})


def places_by_version(database: MilvusDatabase, versions: Collection[int]) -> dict[int, list[Place]]:
    """The places that name these versions."""
    named: dict[int, list[Place]] = {}
    for found in rows_with(database, "version", sorted(versions), kind="place"):
        named.setdefault(found["version"], []).append(as_place(found).place)
    return named


class Session:
    """One writer's rows."""

    def __init__(self, database: MilvusDatabase) -> None:
        self._database = database
        self._id = secrets.token_hex(8)
        self._changes = 0
        self._touched: set[int] = set()

    def begin(self) -> None:
        """A change begins."""
        self._changes += 1
        self._say(pending=True)

    def touch(self, versions: Iterable[int]) -> None:
        """Notes versions that the change makes, names or gives up, before it does."""
        new = set(versions) - self._touched
        self._touched |= new
        rows = [
            row("touched", f"touched/{self._id}/{version}", {"writer": self._id}, version=version)
            for version in sorted(new)
        ]
        self._database.upsert(self._database.sources, rows)

    def finish(self) -> None:
        """The change is done: what it touched is settled."""
        settle(self._database, self._touched)
        if self._touched:
            keys = [f"touched/{self._id}/{version}" for version in sorted(self._touched)]
            delete_keys(self._database, keys)
        self._touched = set()
        self._say(pending=False)

    def leave(self) -> None:
        """The writer is done."""
        if self._changes:
            self._database.upsert(self._database.sources, [state_row(secrets.randbits(62))])
            delete_keys(self._database, [f"writer/{self._id}"])

    def _say(self, *, pending: bool) -> None:
        body = {
            "changes": self._changes,
            "pending": pending,
            "seen": time.time(),
            "host": platform.node(),
            "process": os.getpid(),
        }
        self._database.upsert(self._database.sources, [row("writer", f"writer/{self._id}", body)])


def delete_keys(database: MilvusDatabase, keys: list[str]) -> None:
    """Takes out the rows with these keys."""
    for start in range(0, len(keys), 500):
        database.delete(database.sources, f"key in {listed(keys[start : start + 500])}")


def settle(database: MilvusDatabase, versions: Collection[int]) -> None:
    """After places changed: buries the versions that none names any more."""
    named = places_by_version(database, versions)
    gone = sorted(version for version in versions if version not in named)
    now = time.time()
    database.upsert(
        database.sources, [row("grave", f"grave/{one}", {"since": now}, version=one) for one in gone]
    )


def recover(database: MilvusDatabase) -> None:
    """Settles what writers left behind that are no more."""
    writers = {found["key"]: json.loads(found["body"]) for found in rows_where(database, 'kind == "writer"')}
    alive = {key.removeprefix("writer/") for key, body in writers.items() if not _is_dead(body)}
    left = [
        found
        for found in rows_where(database, 'kind == "touched"')
        if json.loads(found["body"])["writer"] not in alive
    ]
    versions = {found["version"] for found in left}
    for version, places in places_by_version(database, versions).items():
        renew_terms(database, version, places)
    settle(database, versions)
    delete_keys(database, [found["key"] for found in left])
    delete_keys(database, [key for key in writers if key.removeprefix("writer/") not in alive])
    if left:
        database.upsert(database.sources, [state_row(secrets.randbits(62))])


def _is_dead(body: dict[str, Any]) -> bool:
    if time.time() - body["seen"] > LEASE_SECONDS:
        return True
    return body["host"] == platform.node() and not _is_running(body["process"])


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sweep(database: MilvusDatabase) -> None:
    """Removes the rows of versions that have been buried for long enough."""
    now = time.time()
    due = [
        found["version"]
        for found in rows_where(database, 'kind == "grave"')
        if now - json.loads(found["body"])["since"] >= GRACE_SECONDS
    ]
    named = places_by_version(database, due)
    for start in range(0, len(due), 100):
        some = [version for version in due[start : start + 100] if version not in named]
        if some:
            database.delete(database.chunks, f"version in {listed(some)}")
            rows = f'version in {listed(some)} and kind in ["document", "page", "words", "text"]'
            database.delete(database.sources, rows)
    delete_keys(database, [f"grave/{version}" for version in due])
