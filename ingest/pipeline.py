"""A document's whole way: discover, parse, chunk, embed, store; one transaction a source.

Takes paths and settings, gives a `Report`. The next file is parsed while the present one is embedded. Stopped
at any moment, what is done is kept and the same call goes on from there. Does not print or draw: `progress`
is called with where it is. Neither model nor parser is started where nothing is to be read.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.discover import Outcome, Plan, Task, discover
from ingest.parse import PARSER_VERSION
from ingest.reading import parse_file
from ingest.report import Progress, Report
from ingest.sandbox import Sandbox
from rag.errors import IndexMismatch, SourceError
from rag.local_store import LocalStore
from rag.local_writer import Writer
from rag.records import Document, Failure, IndexMeta
from rag.settings import BUNDLED_EMBEDDER, Settings
from rag.store import open_store

if TYPE_CHECKING:
    from ingest.indexing import Indexer
    from rag.embeddings import LocalEmbeddings

__all__ = ["Progress", "Report", "ingest"]

_AHEAD = 2  # files parsed before their turn: enough to keep both busy, few enough to hold in memory
_LOCK_SECONDS = 2
_POLL_SECONDS = 0.1  # how soon Stop is seen while a parser is at work


def ingest(
    paths: Sequence[str | Path],
    settings: Settings,
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    retry: bool = False,
    load_embedder: Callable[[str], LocalEmbeddings] | None = None,
) -> Report:
    """Brings the index that `settings` names up to date with the files at `paths`.

    Raises `UsageError` for a path that isn't there, `IndexLocked` while another process writes,
    `IndexMismatch` where the index was made in another way or by newer parsers, and what the store raises; a
    file that can't be read is a row in the report. What older parsers read is read again. `stop` ends it
    between two files or portions of one. `load_embedder` makes an embedder of its model's name, where it
    shall not be `LocalEmbeddings` itself.
    """
    store = open_store(settings.index, create=True)
    try:
        with store.writer(wait_seconds=_LOCK_SECONDS) as writer:
            run = _Run(store, writer, settings, progress, stop or threading.Event(), load_embedder)
            return run.run(paths, retry=retry)
    finally:
        store.close()


@dataclass(slots=True)
class _Sofar:
    """The report while it grows."""

    sources: dict[Outcome, list[str]] = field(
        default_factory=lambda: {"added": [], "updated": [], "moved": [], "unchanged": []}
    )
    removed: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)
    chunks: int = 0
    embedded: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"discover": 0.0, "parse": 0.0, "wait": 0.0})


class _Run:
    """One ingest."""

    def __init__(
        self,
        store: LocalStore,
        writer: Writer,
        settings: Settings,
        progress: Callable[[Progress], None] | None,
        stop: threading.Event,
        load_embedder: Callable[[str], LocalEmbeddings] | None,
    ) -> None:
        self.store = store
        self.writer = writer
        self.settings = settings
        self.progress = progress
        self.stop = stop
        self.load_embedder = load_embedder
        self.sofar = _Sofar()
        self.begun = time.monotonic()
        self.files_done = self.files_total = 0
        self.bytes_done = self.bytes_total = 0

    def run(self, paths: Sequence[str | Path], *, retry: bool) -> Report:
        model = self._model_name()
        plan = self._plan(paths, retry)
        reading = self._settle(plan)
        self.files_total = len(reading)
        self.bytes_total = sum(task.place.size_bytes for task in reading)
        if reading and not self.stop.is_set():
            self._read(reading, self._indexer(model))
        return self._report(plan)

    # --- what is to be done -----------------------------------------------------------------------

    def _model_name(self) -> str:
        """The index's own embedding model; the first ingest says which one that is."""
        stored, wanted = self.store.meta(), self.settings.embedding_model
        if stored is None:
            return wanted or BUNDLED_EMBEDDER
        self.writer.require_parsers(PARSER_VERSION)
        if wanted is not None and wanted != stored.embedding_model:
            raise IndexMismatch(
                f"the index was made with the embedding model {stored.embedding_model!r}, and the settings "
                f"ask for {wanted!r}: leave the setting away, or ingest into another folder with --index"
            )
        return stored.embedding_model

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
            stopped=self.stop.is_set,
        )
        self.sofar.failed += plan.failed
        self.sofar.seconds["discover"] += time.monotonic() - begun
        return plan

    def _settle(self, plan: Plan) -> list[Task]:
        """Does all that needs neither parser nor model; gives what is left, copies of others last.

        What older parsers read is read again; until then its text stays as it was.
        """
        reading: dict[str, Task] = {}
        copies: list[Task] = []
        outdated = self.writer.outdated(PARSER_VERSION)
        for task in plan.tasks:
            content = task.place.content_hash
            if task.action == "read" or (task.action == "link" and not self.writer.has_document(content)):
                # the content to link to can be gone by now, when two files changed places
                copies += [task] if content in reading else []
                reading.setdefault(content, task)
                continue
            if task.action == "link":
                self.writer.link(task.place)
            elif task.before is not None:
                self.writer.relocate(task.before, task.place)
            if content in outdated:
                again = replace(task, outcome="updated" if task.outcome == "unchanged" else task.outcome)
                copies += [again] if content in reading else []
                reading.setdefault(content, again)
                continue
            self.sofar.sources[task.outcome].append(task.place.source)
        gone = [place.location for place in plan.gone]
        if gone or plan.forgotten:
            self.writer.remove([*gone, *plan.forgotten])
        self.sofar.removed += [place.source for place in plan.gone]
        return [*reading.values(), *copies]

    # --- reading ----------------------------------------------------------------------------------

    def _indexer(self, model: str) -> Indexer:
        from ingest.indexing import Indexer
        from rag.embeddings import LocalEmbeddings

        embedder = (self.load_embedder or LocalEmbeddings)(model)
        stored = self.store.meta()
        chunk_tokens = min(self.settings.chunk_tokens, embedder.max_tokens)
        meta = IndexMeta(
            embedding_model=embedder.name,
            embedding_revision=embedder.revision,
            dimension=embedder.dimension,
            chunk_tokens=stored.chunk_tokens if stored else chunk_tokens,
            parser_version=PARSER_VERSION,
        )
        self.writer.set_meta(meta)
        return Indexer(self.writer, embedder, chunk_tokens=meta.chunk_tokens)

    def _read(self, tasks: Sequence[Task], indexer: Indexer) -> None:
        sandbox = Sandbox(seconds=self.settings.parse_seconds, memory_megabytes=self.settings.parse_megabytes)
        with ThreadPoolExecutor(1, thread_name_prefix="parse") as pool:
            try:
                for task, document in self._parsed(tasks, sandbox, pool):
                    self._store(task, document, indexer)
                    self.files_done += 1
                    self.bytes_done += task.place.size_bytes
                    self._tell(task)
            finally:
                sandbox.close()  # else the pool would wait for the file that is being parsed
        self.sofar.seconds |= indexer.seconds

    def _parsed(
        self, tasks: Sequence[Task], sandbox: Sandbox, pool: ThreadPoolExecutor
    ) -> Iterator[tuple[Task, Document | SourceError | None]]:
        """Each task with its document or why there is none; None where its content is there by now."""
        waiting: deque[tuple[Task, Future[Document | None]]] = deque()
        upcoming = iter(tasks)
        while not self.stop.is_set():
            while len(waiting) < _AHEAD and (task := next(upcoming, None)) is not None:
                waiting.append((task, pool.submit(self._parse, task, sandbox)))
            if not waiting:
                return
            task, future = waiting.popleft()
            self._tell(task)
            begun = time.monotonic()
            while not (future.done() or self.stop.is_set()):
                wait([future], timeout=_POLL_SECONDS)
            self.sofar.seconds["wait"] += time.monotonic() - begun
            if self.stop.is_set():
                return
            error = future.exception()
            if isinstance(error, SourceError):
                yield task, error
            else:
                yield task, future.result()

    def _parse(self, task: Task, sandbox: Sandbox) -> Document | None:
        if self._is_current(task.place.content_hash):
            return None  # another file of the same content was stored meanwhile
        begun = time.monotonic()
        try:
            return parse_file(
                task.place.location,
                name=task.place.source,
                content_hash=task.place.content_hash,
                sandbox=sandbox,
                limit_megabytes=self.settings.file_megabytes,
            )
        finally:
            self.sofar.seconds["parse"] += time.monotonic() - begun

    def _is_current(self, content_hash: str) -> bool:
        return self.writer.has_document(content_hash, parser_version=PARSER_VERSION)

    def _store(self, task: Task, document: Document | SourceError | None, indexer: Indexer) -> None:
        place = task.place
        if isinstance(document, SourceError):
            # what was there before is no longer what the file says
            self.writer.remove([place.location])
            self.writer.record_failure(place, str(document), PARSER_VERSION)
            self.sofar.failed.append(Failure(place.source, str(document)))
            return
        if document is None or self._is_current(place.content_hash):
            self.writer.link(place)
        else:
            stored = indexer.put(
                place, document, stopped=self.stop.is_set, tell=lambda share: self._tell(task, share=share)
            )
            if stored is None:
                return
            self.sofar.chunks += stored.chunks
            self.sofar.embedded += stored.embedded
            self.sofar.warnings += [Failure(place.source, warning) for warning in document.warnings]
        self.sofar.sources[task.outcome].append(place.source)

    # --- telling ----------------------------------------------------------------------------------

    def _tell(self, task: Task, *, share: float = 0.0) -> None:
        if self.progress is None:
            return
        done = self.bytes_done + share * task.place.size_bytes
        spent = time.monotonic() - self.begun
        left = spent * (self.bytes_total - done) / done if done else None
        self.progress(Progress(self.files_done, self.files_total, self.sofar.chunks, task.place.source, left))

    def _report(self, plan: Plan) -> Report:
        sources = {outcome: tuple(names) for outcome, names in self.sofar.sources.items()}
        return Report(
            added=sources["added"],
            updated=sources["updated"],
            moved=sources["moved"],
            removed=tuple(self.sofar.removed),
            unchanged=sources["unchanged"],
            failed=tuple(self.sofar.failed),
            left_out=dict(plan.left_out),
            warnings=tuple(self.sofar.warnings),
            chunks=self.sofar.chunks,
            embedded=self.sofar.embedded,
            seconds=time.monotonic() - self.begun,
            stages=self.sofar.seconds,
        )
