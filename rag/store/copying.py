"""An index copied into another place or kind of store, without parsing or embedding anything again.

Takes two stores, gives a report. Documents go one after the other; stopped or killed at any moment, the same
call goes on from there. Never takes anything away: a target that holds what the origin does not is refused.
When a document was read becomes the time of the copy. Does not print or draw.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from rag.errors import IndexInvalid, UsageError
from rag.records import IndexMeta, Place
from rag.store.contract import Snapshot, Store, Writer
from rag.store.put_checks import same_but_parsers

_LOCK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """How many of the origin's sources are in the target."""

    done: int
    total: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What came of it: sources in the target now, of them there before, chunks that were copied."""

    sources: int
    before: int
    chunks: int
    stopped: bool
    seconds: float


def copy_index(
    origin: Store,
    target: Store,
    *,
    progress: Callable[[CopyProgress], None] | None = None,
    stop: threading.Event | None = None,
) -> CopyReport:
    """Brings all that `origin` holds into `target`, which must be empty or an earlier try of the same copy.

    Raises `UsageError` when there is nothing to copy or both are one, `IndexInvalid` when the target is
    another index, and what the stores raise. `stop` ends it between two documents.
    """
    begun = time.monotonic()
    if origin.name == target.name:
        raise UsageError(f"{origin.name!r} can't be copied onto itself; name another place")
    with origin.snapshot() as snapshot, target.writer(wait_seconds=_LOCK_SECONDS) as writer:
        meta = snapshot.meta()
        if meta is None:
            raise UsageError(f"index {origin.name!r} holds nothing to copy; `rag ingest` puts something in")
        run = _Run(origin, target, writer, meta, stop or threading.Event(), progress)
        return run.run(snapshot, begun)


class _Run:
    """One copy."""

    def __init__(
        self,
        origin: Store,
        target: Store,
        writer: Writer,
        meta: IndexMeta,
        stop: threading.Event,
        progress: Callable[[CopyProgress], None] | None,
    ) -> None:
        self.origin = origin
        self.target = target
        self.writer = writer
        self.meta = meta
        self.stop = stop
        self.progress = progress
        self.done = self.chunks = 0

    def run(self, snapshot: Snapshot, begun: float) -> CopyReport:
        places = snapshot.places()
        there = self._there(places)
        self.done = len(there)
        self._tell(len(places), "")
        for parser_version, content_places in _by_content(snapshot, places, self.meta):
            missing = [place for place in content_places if place not in there]
            if self.stop.is_set():
                break
            if missing:
                self._copy(missing, parser_version)
                self.done += len(missing)
                self._tell(len(places), missing[0].source)
        else:
            with self.writer.together():
                for place, reason, parser_version in snapshot.failures():
                    self.writer.record_failure(place, reason, parser_version)
            self.writer.set_meta(self.meta)
        seconds = time.monotonic() - begun
        return CopyReport(self.done, len(there), self.chunks, self.done < len(places), seconds)

    def _there(self, places: list[Place]) -> set[Place]:
        """What an earlier try brought over; anything else there is another index."""
        with self.target.snapshot() as snapshot:
            meta, there = snapshot.meta(), set(snapshot.places())
        other = sorted(place.source for place in there - set(places))
        if other or (meta is not None and there and not same_but_parsers(meta, self.meta)):
            what = f"holds {other[0]!r}, which is not in" if other else "was made in another way than"
            raise IndexInvalid(
                f"index {self.target.name!r} {what} {self.origin.name!r}: nothing was written to it; name a"
                " new place to copy to"
            )
        return there

    def _copy(self, places: list[Place], parser_version: int) -> None:
        """Brings one content over, with all the places that it is in."""
        first, *others = places
        if self.writer.has_document(first.content_hash):
            others = places
        else:
            stored = self.origin.stored(first.content_hash)
            # a document keeps the version of the parsers that read it: older ones come first
            self.writer.set_meta(replace(self.meta, parser_version=parser_version))
            self.writer.put(first, stored.document, stored.chunks, stored.vectors, stored.digests)
            self.chunks += len(stored.chunks)
        with self.writer.together():
            for place in others:
                self.writer.link(place)

    def _tell(self, total: int, source: str) -> None:
        if self.progress:
            self.progress(CopyProgress(self.done, total, source))


def _by_content(
    snapshot: Snapshot, places: list[Place], meta: IndexMeta
) -> Iterator[tuple[int, list[Place]]]:
    """The places of each content, with the version of the parsers that read it, oldest first."""
    by_content: dict[str, list[Place]] = {}
    for place in places:
        by_content.setdefault(place.content_hash, []).append(place)
    left = dict(by_content)
    for version in range(1, meta.parser_version + 1):
        older = snapshot.outdated(version + 1)
        for content in [one for one in left if one in older]:
            yield version, left.pop(content)
