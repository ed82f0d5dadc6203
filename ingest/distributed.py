"""The same per-file work on a Ray cluster: `rag ingest ... --ray HOST:PORT`.

Takes the tasks of an ingest, gives each file's chunks with their vectors, as they are done. The driver, this
process, is the only one that reads the folder and the only one that writes the index: it sends a file's bytes
with its task, so that workers need no folder in common, gets the chunks, sends those texts of which the index
has no vector, and gets these. What workers do is in `ingest.cluster_worker`, the same functions as here; a
parser that crashes or hangs does so in the sandbox's child on the worker.

So much is under way at once: `FILES_PER_CORE` files for each of the cluster's cores, of no more than
`MOST_BYTES` together (a larger one goes alone), and no new ones while `CHUNKS_PER_CORE` wait for vectors.
What a lost worker had is done again, by another one; a file that lost its worker `MOST_ATTEMPTS` times is a
row in the report. Passwords for encrypted files go to the workers as well. `ingest.cluster` says whom one
trusts by this.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest import cluster_worker, reading
from ingest.cluster import Watch, ray_at
from ingest.discover import Task
from ingest.files import read_bytes
from ingest.indexing import Indexer, Prepared
from rag.errors import ClusterError, ParserFailed, RagError, SourceError
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.embedding.embeddings import LocalEmbeddings

FILES_PER_CORE = 32
CHUNKS_PER_CORE = 256
MOST_BYTES = 256 << 20
MOST_ATTEMPTS = 3
EMBEDDED_AT_ONCE = 64  # texts in a task, of as many files as it takes
PARSE_JOB = reading.PARSE_JOB
_POLL_SECONDS = 0.1
_FILL_SECONDS = 0.2  # how long texts wait for others to fill a task
_log = logging.getLogger(__name__)


@contextmanager
def connected(
    settings: Settings,
    indexer: Indexer,
    passwords: Sequence[str],
    stop: threading.Event,
    load_embedder: Callable[[str], LocalEmbeddings] | None,
) -> Iterator[Cluster]:
    """The cluster that `settings.ray` names, ready to work for this ingest. Raises as `ray_at`."""
    embedder = indexer.embedder
    job = {
        "run": uuid.uuid4().hex,
        "version": cluster_worker.own_version(),
        "parse_job": PARSE_JOB,
        "parse_seconds": settings.parse_seconds,
        "parse_megabytes": settings.parse_megabytes,
        "file_megabytes": settings.file_megabytes,
        "passwords": list(passwords),
        "chunk_tokens": indexer.chunk_tokens,
        "embedding_model": embedder.name,
        "embedding_revision": embedder.revision,
        "query_prefix": embedder.query_prefix,
        "passage_prefix": embedder.passage_prefix,
        "load_embedder": load_embedder,
    }
    with ray_at(str(settings.ray), stop) as (ray, watch):
        yield Cluster(ray, watch, job, indexer, settings.file_megabytes, stop)


class Cluster:
    """A cluster at work for one ingest; `seconds` are the workers' own, by stage, of all together."""

    def __init__(
        self,
        ray: Any,
        watch: Watch,
        job: dict[str, Any],
        indexer: Indexer,
        file_megabytes: int,
        stop: threading.Event,
    ) -> None:
        self.ray = ray
        self.watch = watch
        self.indexer = indexer
        self.file_megabytes = file_megabytes
        self.stop = stop
        self.seconds: dict[str, float] = {}
        self._job = job
        remote = ray.remote(num_cpus=1, max_retries=0)  # tried again by us, who count
        self._read, self._embed = remote(cluster_worker.read), remote(cluster_worker.embed)

    def ahead(self, tasks: Sequence[Task]) -> AheadOnCluster:
        """The tasks' files, read on the cluster from now on."""
        return AheadOnCluster(tasks, self)

    def read(self, task: Task, data: bytes) -> Any:
        """Sends a file; gives Ray's reference to what will come of it."""
        return self._read.remote(self._job, asdict(task.place), data)

    def embed(self, texts: list[str]) -> Any:
        """Sends texts; gives Ray's reference to their vectors."""
        return self._embed.remote(self._job, texts)

    def result(self, reference: Any) -> Any:
        """What a worker gave; None when the worker was lost, or what it gave.

        A `SourceError` is given, any other error of a worker's raised.
        """
        errors = self.ray.exceptions
        try:
            value, seconds = self.ray.get(reference)
        except (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.OutOfMemoryError,
            errors.ObjectLostError,
        ) as error:
            _log.info("a worker was lost: %s", " ".join(str(error).split()))
            return None
        except errors.RayError as error:
            raise ClusterError(_in_words(error)) from error
        for stage, spent in seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent
        if isinstance(value, RagError) and not isinstance(value, SourceError):
            raise value
        return value


@dataclass(eq=False)
class _File:
    """A file on its way; it is done when there is an error, or chunks of which no vector is awaited."""

    task: Task
    attempts: int = 0
    error: SourceError | None = None
    prepared: Prepared | None = None
    awaited: int = 0
    vectors: dict[bytes, np.ndarray] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return self.error is not None or (self.prepared is not None and not self.awaited)


@dataclass(eq=False)
class _Portion:
    """Texts that are embedded in one task: whose, their digests, and themselves."""

    files: list[_File]
    digests: list[bytes]
    texts: list[str]
    attempts: int = 0


class AheadOnCluster:
    """The files' chunks with their vectors, in the order in which they are done."""

    def __init__(self, tasks: Sequence[Task], cluster: Cluster) -> None:
        self.waited_seconds = 0.0
        self._cluster = cluster
        self._left = deque(tasks)
        self._files: list[_File] = []  # all that are under way
        self._parsing: dict[Any, _File] = {}
        self._embedding: dict[Any, _Portion] = {}
        self._unsent: deque[tuple[_File, bytes, str]] = deque()
        self._unsent_since = 0.0

    def upcoming(self) -> Task | None:
        """The oldest task under way; None after the last, and when it was stopped."""
        if self._cluster.stop.is_set():
            return None
        while self._left and self._has_room(self._left[0]):
            file = _File(self._left.popleft())
            self._files.append(file)
            self._send(file)
        return self._files[0].task if self._files else None

    def next(self, *, patience_seconds: float | None) -> tuple[Task, Prepared | SourceError] | None:
        """A task that is done, and its result; None if there is none in time, or when it was stopped."""
        begun = time.monotonic()
        try:
            while not self._cluster.stop.is_set():
                for file in self._files:
                    if file.done:
                        self._files.remove(file)
                        return file.task, _result(file)
                left = _POLL_SECONDS
                if patience_seconds is not None:
                    left = min(left, begun + patience_seconds - time.monotonic())
                    if left <= 0:
                        return None
                self._collect(left)
            return None
        finally:
            self.waited_seconds += time.monotonic() - begun

    def _has_room(self, task: Task) -> bool:
        if not self._files:
            return True
        cores = max(1, self._cluster.watch.cores)
        under_way = sum(file.task.place.size_bytes for file in self._files)
        return (
            len(self._files) < FILES_PER_CORE * cores
            and under_way + task.place.size_bytes <= MOST_BYTES
            and sum(file.awaited for file in self._files) < CHUNKS_PER_CORE * cores
        )

    def _send(self, file: _File) -> None:
        try:
            data = read_bytes(file.task.place.location, limit_megabytes=self._cluster.file_megabytes)
        except SourceError as error:
            file.error = error
            return
        file.attempts += 1
        self._parsing[self._cluster.read(file.task, data)] = file

    def _collect(self, seconds: float) -> None:
        """Waits that long for something to be done, and takes all that is."""
        self._cluster.watch.look()
        self._send_texts()
        references = [*self._parsing, *self._embedding]
        wait = self._cluster.ray.wait
        ready, _ = wait(references, num_returns=1, timeout=seconds)
        if ready:
            ready, _ = wait(references, num_returns=len(references), timeout=0)
        for reference in ready:
            if reference in self._parsing:
                self._parsed(self._parsing.pop(reference), self._cluster.result(reference))
            else:
                self._embedded(self._embedding.pop(reference), self._cluster.result(reference))

    def _parsed(self, file: _File, result: Prepared | SourceError | None) -> None:
        if result is None:
            if file.attempts < MOST_ATTEMPTS:
                self._send(file)
                return
            result = ParserFailed(
                f"its worker was lost, {file.attempts} times: perhaps the machine ran out of memory over it;"
                " --retry tries again"
            )
        if isinstance(result, SourceError):
            file.error = result
            return
        missing = self._cluster.indexer.missing(result)
        file.prepared, file.awaited = result, len(missing)
        if missing and not self._unsent:
            self._unsent_since = time.monotonic()
        self._unsent += [(file, digest, text) for digest, text in missing.items()]

    def _send_texts(self) -> None:
        """Sends whole portions; one that is not, when a core may be idle and nothing fills it soon."""
        while self._unsent:
            late = not self._parsing or time.monotonic() - self._unsent_since > _FILL_SECONDS
            idle = len(self._embedding) < max(1, self._cluster.watch.cores)
            if len(self._unsent) < EMBEDDED_AT_ONCE and not (late and idle):
                return
            some = [self._unsent.popleft() for _ in range(min(EMBEDDED_AT_ONCE, len(self._unsent)))]
            files, digests, texts = (list(column) for column in zip(*some, strict=True))
            self._send_portion(_Portion(files, digests, texts))

    def _send_portion(self, portion: _Portion) -> None:
        portion.attempts += 1
        self._embedding[self._cluster.embed(portion.texts)] = portion

    def _embedded(self, portion: _Portion, result: bytes | None) -> None:
        if result is None:
            if portion.attempts >= MOST_ATTEMPTS:
                raise ClusterError(
                    f"a worker was lost {portion.attempts} times over the same {len(portion.texts)} chunks:"
                    " perhaps the machines have too little memory for a worker on each core; start Ray with"
                    " fewer (ray start --num-cpus). What is done is kept"
                )
            self._send_portion(portion)
            return
        rows = np.frombuffer(result, "<f4").reshape(len(portion.texts), -1)
        for file, digest, row in zip(portion.files, portion.digests, rows, strict=True):
            file.vectors[digest] = row
            file.awaited -= 1


def _result(file: _File) -> Prepared | SourceError:
    if file.error is not None:
        return file.error
    assert file.prepared is not None
    return replace(file.prepared, vectors=file.vectors)


def _in_words(error: Exception) -> str:
    words = " ".join(str(error).split())
    if "ModuleNotFoundError" in words or "ImportError" in words:
        return (
            f"a worker lacks what it needs ({words[-200:]}): install"
            f" {cluster_worker.own_version()} on all machines of the cluster"
        )
    return f"a worker of the Ray cluster failed: {words[-400:]}"
