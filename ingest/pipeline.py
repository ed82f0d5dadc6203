"""A document's whole way: discover, parse, chunk, embed, store; a source whole or not at all.

Takes paths and settings, gives a `Report`. The next files are parsed and cut while those before are embedded;
small ones are embedded and stored together. A source that was told as done is in the index and found.
Stopped at any moment, what is done is kept and the same call goes on from there. Does not print or draw:
`progress` is called with where it is, by two threads. Neither model nor parser is started where nothing is to
be read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ingest.discover import Outcome, Plan, Task, discover
from ingest.parse import PARSER_VERSION
from ingest.passwords import read_passwords
from ingest.readahead import ReadAhead
from ingest.reading import parse_file
from ingest.report import Progress, Report
from ingest.sandbox import Sandbox
from rag.errors import ClusterError, IndexMismatch, SourceError
from rag.model.state_cache import forget_states
from rag.records import Failure, IndexMeta
from rag.settings import BUNDLED_EMBEDDER, Settings
from rag.store.contract import Store, Writer
from rag.store.open import open_store

if TYPE_CHECKING:
    from ingest.indexing import Indexer, Prepared
    from rag.embedding.embeddings import LocalEmbeddings

__all__ = ["Progress", "Report", "ingest"]

TOGETHER = 256  # chunks stored in one transaction, of as many files as it takes
_PATIENCE_SECONDS = 0.05  # for the next file, before what is there is embedded by itself
_LOCK_SECONDS = 2
_SHARE_TO_JUDGE_BY = 0.02  # of the bytes; before, the time that is left would be guessed from loading a model


class Ahead(Protocol):
    """Files that are read before their turn, here or on a cluster."""

    waited_seconds: float

    def upcoming(self) -> Task | None:
        """A task whose result may be next; None after the last, and when it was stopped."""

    def next(self, *, patience_seconds: float | None) -> tuple[Task, Prepared | SourceError] | None:
        """A task and its result; None if none is there in time, or when it was stopped."""


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
    pages: int = 0
    chunks: int = 0
    embedded: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"discover": 0.0, "parse": 0.0, "wait": 0.0})


class _Run:
    """One ingest."""

    def __init__(
        self,
        store: Store,
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
        self.passwords = read_passwords(settings.password_file) if settings.password_file else ()
        self.sofar = _Sofar()
        self.begun = time.monotonic()
        self.files_done = self.files_total = 0
        self.bytes_done = self.bytes_total = 0

    def run(self, paths: Sequence[str | Path], *, retry: bool) -> Report:
        model = self._model_name()
        plan = self._plan(paths, retry)
        with self.writer.together():
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
                f"ask for {wanted!r}: leave the setting away, ingest into another folder with --index, or "
                f"embed the index's text anew with `rag reembed --embedding-model {wanted}`"
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
        if gone:
            forget_states()  # as `rag remove` does: they hold the words of what is gone
        self.sofar.removed += [place.source for place in plan.gone]
        return [*reading.values(), *copies]

    # --- reading ----------------------------------------------------------------------------------

    def _indexer(self, model: str) -> Indexer:
        from ingest.indexing import Indexer
        from ingest.reembed import embedder_of

        stored = self.store.meta()
        load = self.load_embedder or partial(embedder_of, settings=self.settings, stored=stored)
        embedder = load(model)
        chunk_tokens = min(self.settings.chunk_tokens, embedder.max_tokens)
        meta = IndexMeta(
            embedding_model=embedder.name,
            embedding_revision=embedder.revision,
            dimension=embedder.dimension,
            chunk_tokens=stored.chunk_tokens if stored else chunk_tokens,
            parser_version=PARSER_VERSION,
            query_prefix=embedder.query_prefix,
            passage_prefix=embedder.passage_prefix,
        )
        self.writer.set_meta(meta)
        return Indexer(self.writer, embedder, chunk_tokens=meta.chunk_tokens)

    def _read(self, tasks: Sequence[Task], indexer: Indexer) -> None:
        where = self._on_cluster(indexer) if self.settings.ray else self._here(indexer)
        try:
            with where as reading:
                first = {task.place.content_hash: task for task in reversed(tasks)}
                originals = [task for task in tasks if first[task.place.content_hash] is task]
                self._read_all(reading(originals), indexer, together=TOGETHER)
                copies = [task for task in tasks if first[task.place.content_hash] is not task]
                left = [task for task in copies if not self._linked(task)]  # their originals can't be read
                self._read_all(reading(left), indexer, together=1)
        except ClusterError:
            if not self.stop.is_set():  # who stops it while it waits for a cluster wants no more of it
                raise
        for stage, seconds in indexer.seconds.items():
            self.sofar.seconds[stage] = self.sofar.seconds.get(stage, 0.0) + seconds

    @contextmanager
    def _here(self, indexer: Indexer) -> Iterator[Callable[[Sequence[Task]], Ahead]]:
        """Reads on this machine, in the sandbox."""
        sandbox = Sandbox(seconds=self.settings.parse_seconds, memory_megabytes=self.settings.parse_megabytes)
        with ThreadPoolExecutor(1, thread_name_prefix="parse") as pool:
            try:
                yield lambda tasks: ReadAhead(
                    tasks, lambda task: self._prepared(task, sandbox, indexer), pool, self.stop
                )
            finally:
                sandbox.close()  # else the pool would wait for the file that is being parsed

    @contextmanager
    def _on_cluster(self, indexer: Indexer) -> Iterator[Callable[[Sequence[Task]], Ahead]]:
        """Reads on the Ray cluster that the settings name."""
        from ingest.distributed import connected

        with connected(self.settings, indexer, self.passwords, self.stop, self.load_embedder) as cluster:
            yield cluster.ahead
            for stage, seconds in cluster.seconds.items():
                self.sofar.seconds[stage] = self.sofar.seconds.get(stage, 0.0) + seconds

    def _read_all(self, ahead: Ahead, indexer: Indexer, *, together: int) -> None:
        """Reads the files; `together`: so many chunks are stored in one go, fewer at a slow parser."""
        waiting: list[Task] = []
        while (task := ahead.upcoming()) is not None:
            self._tell(task)
            found = ahead.next(patience_seconds=_PATIENCE_SECONDS if waiting else None)
            if found is not None:
                waiting += self._taken(*found, indexer)
            if waiting and (found is None or indexer.chunks_waiting >= together):
                self._flush(waiting, indexer)
                waiting = []
        if waiting and not self.stop.is_set():
            self._flush(waiting, indexer)
        self.sofar.seconds["wait"] += ahead.waited_seconds

    def _prepared(self, task: Task, sandbox: Sandbox, indexer: Indexer) -> Prepared:
        """In the parsing thread: a file parsed and cut into chunks."""
        begun = time.monotonic()
        try:
            document = parse_file(
                task.place.location,
                name=task.place.source,
                content_hash=task.place.content_hash,
                sandbox=sandbox,
                limit_megabytes=self.settings.file_megabytes,
                passwords=self.passwords,
                on_page=lambda page, pages: self._tell(task, page=(page, pages)),
            )
        finally:
            self.sofar.seconds["parse"] += time.monotonic() - begun
        return indexer.prepare(task.place, document)

    def _taken(self, task: Task, result: Prepared | SourceError, indexer: Indexer) -> list[Task]:
        """The task, if its document waits to be stored now; failures are written down at once."""
        if isinstance(result, SourceError):
            # what was there before is no longer what the file says
            with self.writer.together():
                self.writer.remove([task.place.location])
                self.writer.record_failure(task.place, str(result), PARSER_VERSION)
            self.sofar.failed.append(Failure(task.place.source, str(result)))
            self._done(task)
            return []
        if self._linked(task):  # another file of the same content was stored meanwhile
            return []
        indexer.add(result)
        return [task]

    def _linked(self, task: Task) -> bool:
        """Whether the file's content is in the index by now, read by these parsers; then it is linked."""
        if self.stop.is_set() or not self.writer.has_document(
            task.place.content_hash, parser_version=PARSER_VERSION
        ):
            return False
        self.writer.link(task.place)
        self.sofar.sources[task.outcome].append(task.place.source)
        self._done(task)
        return True

    def _flush(self, tasks: Sequence[Task], indexer: Indexer) -> None:
        """Stores what waits: the documents of these tasks."""
        size_bytes = sum(task.place.size_bytes for task in tasks)
        stored = indexer.flush(
            stopped=self.stop.is_set,
            tell=lambda share: self._tell(tasks[0], more_bytes=share * size_bytes),
        )
        for task, one in zip(tasks, stored, strict=False):  # fewer, where it was stopped
            self.sofar.pages += one.pages
            self.sofar.chunks += one.chunks
            self.sofar.embedded += one.embedded
            self.sofar.warnings += [Failure(task.place.source, warning) for warning in one.warnings]
            self.sofar.sources[task.outcome].append(task.place.source)
            self._done(task)

    # --- telling ----------------------------------------------------------------------------------

    def _done(self, task: Task) -> None:
        self.files_done += 1
        self.bytes_done += task.place.size_bytes
        self._tell(task)

    def _tell(self, task: Task, *, more_bytes: float = 0.0, page: tuple[int, int] | None = None) -> None:
        if self.progress is None:
            return
        done = self.bytes_done + more_bytes
        told = done and done >= _SHARE_TO_JUDGE_BY * self.bytes_total
        spent = time.monotonic() - self.begun
        self.progress(
            Progress(
                self.files_done,
                self.files_total,
                self.sofar.chunks,
                task.place.source,
                seconds_left=spent * (self.bytes_total - done) / done if told else None,
                pages=self.sofar.pages,
                seconds=spent,
                page=page,
            )
        )

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
            pages=self.sofar.pages,
            chunks=self.sofar.chunks,
            embedded=self.sofar.embedded,
            seconds=time.monotonic() - self.begun,
            stages=self.sofar.seconds,
        )
