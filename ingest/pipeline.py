"""A document's whole way: discover, parse, chunk, embed, store; one transaction a source.

Takes paths and settings, gives a `Report`. The next file is parsed while the present one is embedded. Stopped
at any moment, what is done is kept and the same call goes on from there. Does not print or draw: `progress`
is called with where it is.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ingest.chunk import embedded_text, split
from ingest.discover import Plan, Task, discover
from ingest.parse import PARSER_VERSION
from ingest.reading import parse_file
from ingest.sandbox import Sandbox
from rag.embeddings import LocalEmbeddings
from rag.errors import IndexMismatch, SourceError
from rag.local_store import LocalStore
from rag.local_writer import Writer
from rag.records import Document, Failure, IndexMeta, Place
from rag.settings import BUNDLED_EMBEDDER, Settings
from rag.store import open_store

_AHEAD = 2  # files parsed before their turn: enough to keep both busy, few enough to hold in memory
_EMBEDDED_TOGETHER = 256  # chunks; between two such portions progress is told and Stop is seen
_LOCK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an ingest is; `source` is the file at hand, `chunks` those stored so far."""

    files_done: int
    files_total: int
    chunks: int
    source: str
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of an ingest: sources by name, chunks stored and embedded in this run, seconds by stage."""

    added: tuple[str, ...]
    updated: tuple[str, ...]
    moved: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    failed: tuple[Failure, ...]
    left_out: Mapping[str, int]
    warnings: tuple[Failure, ...]
    chunks: int
    embedded: int
    seconds: float
    stages: Mapping[str, float]

    @property
    def readable(self) -> int:
        """How many files are in the index now, of those that were looked at."""
        return len(self.added) + len(self.updated) + len(self.moved) + len(self.unchanged)

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data; the names are the command line's contract."""
        return {
            "added": list(self.added),
            "updated": list(self.updated),
            "moved": list(self.moved),
            "removed": list(self.removed),
            "unchanged": list(self.unchanged),
            "failed": [{"source": one.source, "reason": one.reason} for one in self.failed],
            "warnings": [{"source": one.source, "reason": one.reason} for one in self.warnings],
            "left_out": dict(self.left_out),
            "chunks": self.chunks,
            "embedded": self.embedded,
            "seconds": self.seconds,
            "stages": dict(self.stages),
        }


def ingest(
    paths: Sequence[str | Path],
    settings: Settings,
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    retry: bool = False,
) -> Report:
    """Brings the index that `settings` names up to date with the files at `paths`.

    Raises `UsageError` for a path that isn't there, `IndexLocked` while another process writes,
    `IndexMismatch` where the index was made in another way, and what the store raises; a file that can't be
    read is a row in the report. `stop` ends it between two files or portions of one.
    """
    store = open_store(settings.index, create=True)
    try:
        with store.writer(wait_seconds=_LOCK_SECONDS) as writer:
            return _Run(store, writer, settings, progress, stop or threading.Event()).run(paths, retry)
    finally:
        store.close()


class _Clock:
    """Seconds by stage, of the thread that reports them."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}

    def timed(self, stage: str, begun: float) -> None:
        self.stages[stage] = self.stages.get(stage, 0.0) + time.monotonic() - begun


@dataclass(slots=True)
class _Outcome:
    """The report while it grows."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)
    chunks: int = 0
    embedded: int = 0


class _Run:
    """One ingest."""

    def __init__(
        self,
        store: LocalStore,
        writer: Writer,
        settings: Settings,
        progress: Callable[[Progress], None] | None,
        stop: threading.Event,
    ) -> None:
        self.store = store
        self.writer = writer
        self.settings = settings
        self.progress = progress
        self.stop = stop
        self.clock = _Clock()
        self.outcome = _Outcome()
        self.begun = time.monotonic()
        self.bytes_done = 0
        self.bytes_total = 0
        self.files_done = 0
        self.files_total = 0

    def run(self, paths: Sequence[str | Path], retry: bool) -> Report:
        plan = self._plan(paths, retry)
        self.outcome.failed += plan.remembered
        for place, reason in plan.failed:
            self._failed(place, reason)
        self._settle(plan)
        tasks = [task for task in plan.tasks if task.action == "read"]
        self.files_total = len(tasks)
        self.bytes_total = sum(task.place.size_bytes for task in tasks)
        if tasks:
            self._read(tasks)
        return self._report(plan)

    def _plan(self, paths: Sequence[str | Path], retry: bool) -> Plan:
        begun = time.monotonic()
        with self.store.snapshot() as snapshot:
            places, failures = snapshot.places(), snapshot.failures()
        plan = discover(
            paths,
            places,
            failures,
            has_content=self.writer.has_document,
            parser_version=PARSER_VERSION,
            file_megabytes=self.settings.file_megabytes,
            retry=retry,
            leave_out=self.store.directory,
        )
        self.clock.timed("discover", begun)
        return plan

    def _settle(self, plan: Plan) -> None:
        """All that needs neither parser nor model."""
        begun = time.monotonic()
        for task in plan.tasks:
            name = task.place.source
            if task.action == "move":
                assert task.before is not None
                self.writer.relocate(task.before, task.place)
                self.outcome.moved.append(name)
            elif task.action == "link":
                self.writer.link(task.place)
                (self.outcome.unchanged if task.known else self.outcome.added).append(name)
            elif task.action == "keep":
                self.outcome.unchanged.append(name)
        if plan.gone:
            self.writer.remove([place.location for place in plan.gone])
            self.outcome.removed += [place.source for place in plan.gone]
        self.clock.timed("store", begun)

    def _read(self, tasks: Sequence[Task]) -> None:
        embedder = self._embedder()
        with (
            Sandbox(
                seconds=self.settings.parse_seconds, memory_megabytes=self.settings.parse_megabytes
            ) as sandbox,
            ThreadPoolExecutor(1, thread_name_prefix="parse") as pool,
        ):
            try:
                for task, document in self._parsed(tasks, sandbox, pool):
                    self._tell(task)
                    self._store(task, document, embedder)
                    self._done(task)
            except BaseException:
                sandbox.close()  # else the pool would wait for the file that is being parsed
                raise
            if self.stop.is_set():
                sandbox.close()

    def _parsed(
        self, tasks: Sequence[Task], sandbox: Sandbox, pool: ThreadPoolExecutor
    ) -> Iterator[tuple[Task, Document]]:
        """Each task with its document; those that can't be read are reported and passed over."""
        waiting: deque[tuple[Task, Future[Document]]] = deque()
        upcoming = iter(tasks)
        while not self.stop.is_set():
            for task in upcoming:
                waiting.append((task, pool.submit(self._parse, task.place, sandbox)))
                if len(waiting) >= _AHEAD:
                    break
            if not waiting:
                return
            task, future = waiting.popleft()
            self._tell(task)
            begun = time.monotonic()
            try:
                document = self._awaited(future)
            except SourceError as error:
                if not self.stop.is_set():
                    self._failed(task.place, str(error))
                    self._done(task)
                continue
            finally:
                self.clock.timed("waiting for a parser", begun)
            if document is not None:
                yield task, document
        for _, future in waiting:
            future.cancel()

    def _awaited(self, future: Future[Document]) -> Document | None:
        """The document; None when it was stopped while the parser was at work."""
        while not self.stop.is_set():
            try:
                return future.result(timeout=0.1)
            except TimeoutError:
                if future.done():
                    raise
        return None

    def _parse(self, place: Place, sandbox: Sandbox) -> Document:
        begun = time.monotonic()
        try:
            return parse_file(
                place.location,
                name=place.source,
                content_hash=place.content_hash,
                sandbox=sandbox,
                limit_megabytes=self.settings.file_megabytes,
            )
        finally:
            self.clock.timed("parse", begun)

    def _store(self, task: Task, document: Document, embedder: LocalEmbeddings) -> None:
        begun = time.monotonic()
        meta = self.store.meta()
        assert meta is not None
        chunks = split(document, count_tokens=embedder.count_tokens, chunk_tokens=meta.chunk_tokens)
        self.clock.timed("chunk", begun)
        embedded = [embedded_text(chunk, document) for chunk in chunks]
        vectors, digests = self._vectors(task, embedded, embedder)
        if vectors is None:
            return
        begun = time.monotonic()
        self.writer.put(task.place, document, chunks, vectors, digests)
        self.clock.timed("store", begun)
        self.outcome.chunks += len(chunks)
        self.outcome.warnings += [Failure(task.place.source, warning) for warning in document.warnings]
        (self.outcome.updated if task.known else self.outcome.added).append(task.place.source)

    def _vectors(
        self, task: Task, texts: Sequence[str], embedder: LocalEmbeddings
    ) -> tuple[np.ndarray | None, list[bytes]]:
        """A row for each text, embedded only where the index has none; None when it was stopped."""
        begun = time.monotonic()
        digests = [hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest() for text in texts]
        known = self.writer.vectors_for(digests)
        missing = list(
            {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}.items()
        )
        for start in range(0, len(missing), _EMBEDDED_TOGETHER):
            if self.stop.is_set():
                return None, digests
            portion = missing[start : start + _EMBEDDED_TOGETHER]
            rows = embedder.embed([text for _, text in portion])
            known |= {digest: row for (digest, _), row in zip(portion, rows, strict=True)}
            self.outcome.embedded += len(portion)
            self._tell(task, share=(start + len(portion)) / len(missing))
        self.clock.timed("embed", begun)
        if not texts:
            return np.zeros((0, embedder.dimension), np.float32), digests
        return np.stack([known[digest] for digest in digests]), digests

    def _embedder(self) -> LocalEmbeddings:
        """The index's own embedder; the first ingest says which one that is."""
        stored = self.store.meta()
        wanted = self.settings.embedding_model
        if stored is not None and wanted is not None and wanted != stored.embedding_model:
            raise IndexMismatch(
                f"the index was made with the embedding model {stored.embedding_model!r}, and the settings "
                f"ask for {wanted!r}: leave the setting away, or ingest into another folder with --index"
            )
        embedder = LocalEmbeddings(stored.embedding_model if stored else wanted or BUNDLED_EMBEDDER)
        self.writer.set_meta(
            IndexMeta(
                embedding_model=embedder.name,
                embedding_revision=embedder.revision,
                dimension=embedder.dimension,
                chunk_tokens=stored.chunk_tokens
                if stored
                else min(self.settings.chunk_tokens, embedder.max_tokens),
                parser_version=PARSER_VERSION,
            )
        )
        return embedder

    # --- telling ----------------------------------------------------------------------------------

    def _failed(self, place: Place, reason: str) -> None:
        self.writer.record_failure(place, reason, PARSER_VERSION)
        self.outcome.failed.append(Failure(place.source, reason))

    def _done(self, task: Task) -> None:
        self.files_done += 1
        self.bytes_done += task.place.size_bytes
        self._tell(task)

    def _tell(self, task: Task, *, share: float = 0.0) -> None:
        if self.progress is None:
            return
        done = self.bytes_done + share * task.place.size_bytes
        spent = time.monotonic() - self.begun
        left = spent * (self.bytes_total - done) / done if done else None
        self.progress(
            Progress(self.files_done, self.files_total, self.outcome.chunks, task.place.source, left)
        )

    def _report(self, plan: Plan) -> Report:
        outcome = self.outcome
        return Report(
            added=tuple(outcome.added),
            updated=tuple(outcome.updated),
            moved=tuple(outcome.moved),
            removed=tuple(outcome.removed),
            unchanged=tuple(outcome.unchanged),
            failed=tuple(outcome.failed),
            left_out=dict(plan.left_out),
            warnings=tuple(outcome.warnings),
            chunks=outcome.chunks,
            embedded=outcome.embedded,
            seconds=time.monotonic() - self.begun,
            stages=self.clock.stages,
        )
